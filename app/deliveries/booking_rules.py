"""Rules of a delivery booking's fields among each other, and of the moments around its window.

Pure: no I/O, no clock. Source of the limits: Carrier Central's booking form (docs: "PRO numbers and carriers").
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol
from unicodedata import normalize

from app.validation.delivery_facts import on_the_plate


class LoadType(StrEnum):
    """How the goods stand on the vehicle."""

    palletised = "palletised"
    floor_loaded = "floor_loaded"
    parcel = "parcel"


LOAD_TYPE_MEANINGS: Final = {
    LoadType.palletised: "On pallets: each shipment has at least one.",
    LoadType.floor_loaded: "Cartons on the floor of the vehicle: no pallets.",
    LoadType.parcel: "Parcels, on pallets or not.",
}
"""What each says; the API's document takes it from here."""

COMMENTS_MAX: Final = 500
ORDERS_MAX: Final = 500
"""Purchase orders of one booking, in all its shipments."""

SHIPMENTS_MAX: Final = ORDERS_MAX
"""Each has at least one purchase order."""

_JUST_BEFORE: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Fault:
    """A rule that a shipment breaks: the field it is about, a stable code, and a sentence."""

    field: str
    code: str
    message: str


def count_faults(load_type: LoadType, pallets: int, cartons: int, units: int) -> Iterator[Fault]:
    """Yield what is wrong with the counts of a shipment."""
    if load_type is LoadType.palletised and pallets < 1:
        yield Fault("pallets", "pallets_needed", "A palletised shipment has at least one pallet")
    if load_type is LoadType.floor_loaded and pallets > 0:
        yield Fault("pallets", "no_pallets", "A floor-loaded shipment has no pallets")
    if cartons < 1:
        yield Fault("cartons", "cartons_needed", "A shipment has at least one carton")
    if pallets > cartons:
        yield Fault("pallets", "more_than_cartons", "There cannot be more pallets than cartons")
    if cartons > units:
        yield Fault("cartons", "more_than_units", "There cannot be more cartons than units")


def bol_key(text: str) -> str:
    """Return what the written forms of a bill of lading's number share: case, spaces and dashes do not matter."""
    folded = normalize("NFKC", text).upper()
    bare = "".join(character for character in folded if character.isalnum())
    return (bare or folded)[:60]


def trailer_key(text: str | None) -> str | None:
    """Return what of a trailer number gates compare; None where it has nothing of it."""
    return on_the_plate(text or "") or None


def instants_judged(start: datetime, end: datetime, now: datetime) -> tuple[datetime, datetime]:
    """Return when an order has to be accepted to come in a window: as it begins, or now, and until it ends.

    Between the two nothing is asked: what becomes valid in between was not at first, and what ends is ended at last.
    """
    begins = max(start, now)
    return begins, max(end - _JUST_BEFORE, begins)


def cutoff_moment(start: datetime, cutoff: timedelta | None) -> datetime | None:
    """Return until when who has booked a window may change it; None: there is no such limit."""
    try:
        return None if cutoff is None else start - cutoff
    except OverflowError:
        return None


class Windowed(Protocol):
    """Something that is expected within a window."""

    @property
    def window_start(self) -> datetime: ...
    @property
    def window_end(self) -> datetime: ...


def expected_now(found: Sequence[Windowed], now: datetime) -> Sequence[int]:
    """Return the indexes of those that may be meant by a vehicle at the gate, nearest window first; one: it is that.

    One alone is meant whenever it comes; of several the one whose window it is now.
    """
    order = sorted(range(len(found)), key=lambda index: _distance(found[index], now))
    due = [index for index in order if found[index].window_start <= now < found[index].window_end]
    return due if len(due) == 1 else order


def _distance(one: Windowed, now: datetime) -> timedelta:
    return max(one.window_start - now, now - one.window_end, timedelta(0))
