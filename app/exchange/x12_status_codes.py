"""What the status codes of an X12 214 come to as tracking events, from one table. Pure.

Source: ASC X12, data elements 1650 (Shipment Status), 1651 (reason), 1652 (appointment) and 623 (time code), as
stedi.com/edi/x12-004030/element/1650, x12-005010/element/1651 and x12-003050/element/623 have them; I1 and OA from
x12-004040/segment/AT7. A carrier's own code is in none of them: it is kept as a remark, and never read as a delivery.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

STATUSES: Final[Mapping[str, tuple[str, str]]] = {
    "AF": ("picked_up", "Carrier departed pick-up location with shipment"),
    "CP": ("picked_up", "Completed loading at pick-up location"),
    "AM": ("in_transit", "Loaded on truck"),
    "AN": ("in_transit", "Diverted to air carrier"),
    "BA": ("in_transit", "Connecting line or cartage pick-up"),
    "J1": ("in_transit", "Delivered to connecting line"),
    "K1": ("in_transit", "Arrived at customs"),
    "OA": ("in_transit", "Out-gate"),
    "P1": ("in_transit", "Departed terminal location"),
    "R1": ("in_transit", "Received from prior carrier"),
    "RL": ("in_transit", "Rail departure from origin intermodal ramp"),
    "X6": ("in_transit", "En route to delivery location"),
    "AR": ("at_terminal", "Rail arrival at destination intermodal ramp"),
    "AV": ("at_terminal", "Available for delivery"),
    "BC": ("at_terminal", "Storage in transit"),
    "I1": ("at_terminal", "In-gate"),
    "X4": ("at_terminal", "Arrived at terminal location"),
    "AJ": ("out_for_delivery", "Tendered for delivery"),
    "S1": ("out_for_delivery", "Trailer spotted at consignee's location"),
    "X1": ("out_for_delivery", "Arrived at delivery location"),
    "X5": ("out_for_delivery", "Arrived at delivery location loading dock"),
    "CB": ("delivered", "Completed shipment: the final part was delivered"),
    "D1": ("delivered", "Completed unloading at delivery location"),
    "A3": ("exception", "Shipment returned to shipper"),
    "A7": ("exception", "Refused by consignee"),
    "A9": ("exception", "Shipment damaged"),
    "AH": ("exception", "Attempted delivery"),
    "AI": ("exception", "Shipment has been reconsigned"),
    "AP": ("exception", "Delivery not completed"),
    "CA": ("exception", "Shipment cancelled"),
    "OO": ("exception", "Paperwork received, shipment or equipment not"),
    "PR": ("exception", "Customs hold"),
    "SD": ("exception", "Shipment delayed"),
    # Where the vehicle is before the goods are on it and after they are off it, and what only papers know of.
    "CD": ("information", "Carrier departed delivery location"),
    "CL": ("information", "Trailer closed out"),
    "L1": ("information", "Loading"),
    "PA": ("information", "Partial shipment: a part was delivered"),
    "X3": ("information", "Arrived at pick-up location"),
    "X8": ("information", "Arrived at pick-up location loading dock"),
    "XB": ("information", "Shipment acknowledged"),
}
"""1650, where AT705 is when it happened."""

ESTIMATES: Final[Mapping[str, str]] = {
    "AG": "Estimated delivery",
    "X2": "Estimated arrival at consignee's location",
}
"""1650, where AT705 is when the goods are expected: `eta`."""

PLANS: Final[Mapping[str, str]] = {
    "B6": "Estimated arrival at carrier terminal",
    "C1": "Estimated departure from terminal",
}
"""1650, where AT705 is to come and says nothing of the delivery."""

APPOINTMENTS: Final[Mapping[str, str]] = {"AA": "Pick-up appointment", "AB": "Delivery appointment"}
"""1652; that of a delivery is an `eta`."""

NORMAL: Final = frozenset({"", "NS"})
"""1651, which give no reason."""

REASONS: Final[Mapping[str, str]] = {
    "A1": "missed delivery",
    "A2": "incorrect address",
    "A5": "unable to locate",
    "AD": "customer requested future delivery",
    "AF": "accident",
    "AG": "consignee related",
    "AH": "driver related",
    "AI": "mechanical breakdown",
    "AJ": "other carrier related",
    "AL": "previous stop",
    "AM": "shipper related",
    "AN": "holiday, closed",
    "AO": "weather or natural disaster related",
    "AQ": "recipient unavailable, delivery delayed",
    "AS": "held for customs documentation problems",
    "AU": "civil event related delay",
    "AW": "past cut-off time",
    "AY": "missed pick-up",
    "B1": "consignee closed",
    "B5": "held for consignee",
    "B8": "improper unloading facility or equipment",
    "B9": "receiving time restricted",
    "BC": "missing documents",
    "BD": "border clearance",
    "BE": "road conditions",
    "BH": "insufficient time to complete delivery",
    "BP": "load shifted",
    "BQ": "shipment overweight",
    "BS": "refused by customer",
    "BT": "returned to shipper",
    "C1": "waiting for customer pick-up",
    "CA": "customs",
    "D1": "carrier dispatch error",
    "D2": "driver not available",
    "HB": "held pending appointment",
}
"""1651, those that tell something at a gate; of others the code is told."""

_FIXED_ZONES: Final[Mapping[str, int]] = {
    **dict.fromkeys(("UT", "GM", "Z"), 0),
    **{f"{hours:02}": hours for hours in range(1, 13)},
    **{f"{code:02}": code - 25 for code in range(13, 25)},
    "AS": -4,
    "AD": -3,
    "ES": -5,
    "ED": -4,
    "CS": -6,
    "CD": -5,
    "MS": -7,
    "MD": -6,
    "PS": -8,
    "PD": -7,
}
"""623, codes of one difference to UTC, in hours."""

_PLACES_OF_ZONES: Final[Mapping[str, str]] = {
    "ET": "America/New_York",
    "CT": "America/Chicago",
    "MT": "America/Denver",
    "PT": "America/Los_Angeles",
}
"""623, codes whose difference to UTC the day decides."""

LOCAL: Final = frozenset({"", "LT"})
"""623, the local time of a place whose zone is not said. It is read as UTC, as everywhere here where no zone is said,
and the event says so: the order of what happened in one place stays what it is."""


def in_utc(local: datetime, zone: str) -> datetime | None:
    """Return the moment that a clock of the zone (623) shows so, `local` being written as if it were UTC.

    None for a zone that is not known; OverflowError where it lies before or after all dates.
    """
    if zone in LOCAL:
        return local
    if zone in _FIXED_ZONES:
        return local - timedelta(hours=_FIXED_ZONES[zone])
    if zone in _PLACES_OF_ZONES:
        there = local.replace(tzinfo=ZoneInfo(_PLACES_OF_ZONES[zone]))
        difference = there.utcoffset()
        return local if difference is None else local - difference
    return None


COUNTRIES: Final[Mapping[str, str]] = {"USA": "US", "CAN": "CA", "MEX": "MX"}
"""26, Country Code, of three letters, with those of ISO 3166-1 of two."""
