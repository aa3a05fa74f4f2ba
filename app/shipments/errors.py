"""Problems of carriers and PRO numbers."""

from typing import ClassVar

from pydantic import JsonValue

from app.errors import Problem


class InvalidProNumber(Problem):
    """The PRO number breaks its carrier's rule, or the carrier's code is none."""

    status = 422
    code = "invalid_pro_number"
    title = "The PRO number or the carrier code is wrong"
    remedy = (
        "Compare the PRO number and the carrier code with the waybill. `field` says which of the two is wrong, `rule` "
        "which rule it breaks and `detail` what the rule is; `carrier` is the carrier by whose rule it was read, with "
        "its mask, its check scheme and where they come from. If the carrier writes its numbers in another way, put "
        "your own rule over the directory's with PUT /v1/carriers/{scac}."
    )
    example_detail = (
        "XPO (CNWY): The check digit does not fit the rest of the PRO number: a character was mistyped or misread."
    )
    example_members: ClassVar[dict[str, JsonValue]] = {
        "field": "pro_number",
        "rule": "check_digit",
        "carrier": {
            "scac": "CNWY",
            "name": "XPO",
            "pro_mask": "###-######",
            "check_scheme": "modulo_7",
            "source": "XPO help center, PRO Number Check-Digit: https://ltl-solutions.xpo.com/help-center/pro-number/",
        },
    }


class ProNumberClaimed(Problem):
    """The PRO number is another organisation's. Whose is not said: a PRO can be guessed, a party's business cannot."""

    status = 409
    code = "pro_number_claimed"
    title = "Another organisation uses this PRO number"
    remedy = (
        "A PRO number belongs to the organisation that linked it first, also after it was unlinked. Compare it with "
        "the waybill: a mistyped number often is somebody else's. If it is right, ask the party that books with the "
        "carrier to link the order, or the operator, who can release a number that was taken by mistake."
    )
    example_detail = "The PRO number 123-456782 of CNWY is used by another organisation already."


class ProNumberReused(Problem):
    """The PRO number stands for another shipment: one that was delivered, or that is booked to come."""

    status = 409
    code = "pro_number_reused"
    title = "The PRO number stands for another shipment"
    remedy = (
        "Each shipment has a PRO number of its own, and this one's was delivered (its delivery was completed, or all "
        "orders that it is on are received or closed) or is booked to come. Compare it with the waybill: most likely "
        "it is an earlier one's. If it was put on the earlier orders by mistake, move or unlink it there. If the "
        "shipment comes with another booking than planned, take it out of that one first (POST "
        "/v1/delivery-bookings/{id}/shipments/{sid}/remove, or .../cancel)."
    )
    example_detail = "The PRO number 123-456782 of CNWY stands for a shipment that was delivered."


class ProNumberLinked(Problem):
    """The claim is in use: its PRO number is on an order, or comes with a delivery booking."""

    status = 409
    code = "pro_number_linked"
    title = "The PRO number is in use"
    remedy = (
        "A claim is given up only while no order has the PRO number and no delivery is booked with it. Ask the "
        "organisation that uses it, or the owner of the order, to take it off (POST "
        ".../pro-numbers/{scac}/{pro_number}/unlink) or to move it, and to take it out of its delivery booking."
    )
    example_detail = "The PRO number 123-456782 of CNWY is on a purchase order, or booked."


class ProNumberBooked(Problem):
    """The order comes with a delivery booking under this PRO number, and the booking would say something else."""

    status = 409
    code = "pro_number_booked"
    title = "The PRO number is booked"
    remedy = (
        "Its vehicle and window are those of its delivery booking: PATCH /v1/delivery-bookings/{delivery_booking_id} "
        "says another trailer, and its `reschedule` another window. For another PRO number or bill of lading, take the "
        "shipment out of it (POST /v1/delivery-bookings/{delivery_booking_id}/shipments/{shipment_id}/remove), or "
        "cancel it; then move the PRO number, and book it anew. To take the order off this vehicle, unlink it."
    )
    example_detail = "The PRO number 123-456782 of CNWY comes with a delivery booking."


class SplitShipmentNotAllowed(Problem):
    """The order has a PRO number, and the policy that it was issued under lets it have no second one."""

    status = 409
    code = "split_shipment_not_allowed"
    title = "The order may not be shipped in parts"
    remedy = (
        "The buyer's policy, in the version that the order was issued under, has `split_shipments: refused`: one PRO "
        "number at a time. `linked` is the one that is on the order, where your organisation may see it. If it is "
        "wrong or the goods go another way, take it off (POST .../pro-numbers/{scac}/{pro_number}/unlink) and link the "
        "other. If the goods really come in two shipments, ask the buyer for an order of its own for the second."
    )
    example_detail = (
        "PO-7K3M9QWX2R is shipped with one PRO number at a time, by its buyer's policy, and has 123-456782 of CNWY."
    )
    example_members: ClassVar[dict[str, JsonValue]] = {
        "policy_version": 3,
        "linked": {"scac": "CNWY", "pro_number": "123-456782"},
    }


class TrackingEventDiffers(Problem):
    """An event with this `source_reference` was told before, and said something else."""

    status = 409
    code = "tracking_event_differs"
    title = "The carrier's id was used for another event"
    remedy = (
        "A `source_reference` names one event of a shipment for good, and one with this name says something else; "
        "`event` is the position in the list that you sent. Nothing of the list was recorded. Give what happened "
        "besides, and what corrects it, a `source_reference` of its own, or none."
    )
    example_detail = "XPO-88120441 is another event of this shipment: in_transit, 2036-02-27T18:05:00Z."
    example_members: ClassVar[dict[str, JsonValue]] = {"event": 0}


class TooManyTrackingEvents(Problem):
    """A shipment or parcel has as many events as one may have."""

    status = 409
    code = "too_many_tracking_events"
    title = "The shipment has too many events"
    remedy = (
        "A shipment or a parcel has at most 1,000 events. Send what changes something for those who wait for the "
        "goods, a new status or another estimate, not each position of the vehicle."
    )
    example_detail = "The shipment has 1000 events."


class TrackingNumberTaken(Problem):
    """The parcel is on the order, and was put there by another; who merely presents the number is told no more."""

    status = 409
    code = "tracking_number_taken"
    title = "The tracking number is on the order already"
    remedy = (
        "Another organisation has put this tracking number on the order, so nothing is left to do. What is told of the "
        "parcel, the parties of the order see. If the carrier is wrong, they can correct it."
    )
    example_detail = "Another organisation has put 1Z999AA10123456784 on this order."
