"""What is told of a delivery, and what its order expects of it: the facts that the checks of the gate compare."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from app.shipments.pro_numbers import InvalidProNumber, pro_number_key
from app.shipments.scac import InvalidScac, parse_scac

_NAMED_IN_DETAIL: Final = 3


@dataclass(frozen=True, slots=True)
class PartyFacts:
    """Who a party is, by whatever is known of it; `shown` is what the caller may read of it, and is not compared.

    `organisation_id` and `gln` are the same to everybody, `code` is the buyer's own word.
    """

    organisation_id: UUID | None = None
    gln: str | None = None
    code: str | None = None
    shown: str | None = None

    def contradicts(self, other: "PartyFacts") -> bool:
        """Whether both are known to be different parties: the weightiest identifier that both have decides."""
        for mine, theirs in (
            (self.organisation_id, other.organisation_id),
            (self.gln, other.gln),
            (folded(self.code), folded(other.code)),
        ):
            if mine is not None and theirs is not None:
                return mine != theirs
        return False


@dataclass(frozen=True, slots=True)
class DeliveredQuantity:
    """So much of a product; at least one of line, sku and gtin says which. A line has to fit all that are given."""

    quantity: Decimal
    line: int | None = None
    sku: str | None = None
    gtin: str | None = None


@dataclass(frozen=True, slots=True)
class DeliveryFacts:
    """What is told of a delivery; None and () are not told. `scac` and `pro_number` are as written on the papers."""

    scac: str | None = None
    pro_number: str | None = None
    ship_to: PartyFacts | None = None
    seller: PartyFacts | None = None
    quantities: Sequence[DeliveredQuantity] = ()
    trailer_number: str | None = None


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """A span of time; at exactly `end` it is over."""

    start: datetime
    end: datetime

    def holds(self, at: datetime) -> bool:
        """Whether the instant lies in it."""
        return self.start <= at < self.end


@dataclass(frozen=True, slots=True)
class ProLink:
    """A PRO number on the order: `key` is compared, `display` is how the carrier writes it.

    `is_vouched`: a party of the order has put it there. What somebody else has, who held the number, may explain a
    delivery but contradicts none: it must not keep the right lorry out. `trailer_number` and `window` are the vehicle
    that is expected with it, where a party of the order has said so.
    """

    scac: str
    key: str
    display: str
    is_vouched: bool = True
    trailer_number: str | None = None
    window: TimeWindow | None = None


@dataclass(frozen=True, slots=True)
class OpenLine:
    """A line of the order: what is still to come, and what may come in, which the buyer's tolerance can make more."""

    line: int
    sku: str | None
    gtin: str | None
    unit: str
    open: Decimal
    receivable: Decimal

    def is_meant_by(self, told: DeliveredQuantity) -> bool:
        """Whether everything that is told of the product fits this line."""
        return (
            told.line in {None, self.line}
            and (told.sku is None or folded(told.sku) == folded(self.sku))
            and (told.gtin is None or (self.gtin is not None and told.gtin.zfill(14) == self.gtin.zfill(14)))
        )


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the order says of its delivery; empty where it says nothing.

    `lines` are those of an order that expects goods. `delivery_window` is the order's own; what is booked with a PRO
    number counts before it. `disrupted`: carriers in trouble, with the words for it that the caller may read.
    """

    links: Sequence[ProLink] = ()
    ship_to: PartyFacts = field(default_factory=PartyFacts)
    seller: PartyFacts = field(default_factory=PartyFacts)
    lines: Sequence[OpenLine] = ()
    delivery_window: TimeWindow | None = None
    disrupted: Mapping[str, str | None] = field(default_factory=dict)


def names_a_link(told: DeliveryFacts, links: Sequence[ProLink]) -> bool:
    """Whether the PRO number is one of `links`, of the carrier that is given where one is."""
    return bool(_links_named(told, links))


def links_meant(told: DeliveryFacts, links: Sequence[ProLink]) -> Sequence[ProLink]:
    """Return the links that the delivery can come by: of its PRO number, else of its carrier, else all of them."""
    of_carrier = [link for link in links if link.scac in carriers_concerned(told, links)]
    return _links_named(told, links) or of_carrier or links


def _links_named(told: DeliveryFacts, links: Sequence[ProLink]) -> Sequence[ProLink]:
    try:
        key = pro_number_key(told.pro_number or "")
        scac = parse_scac(told.scac) if told.scac else None
    except (InvalidProNumber, InvalidScac):
        return []
    return [link for link in links if link.key == key and scac in {None, link.scac}]


def carriers_concerned(told: DeliveryFacts, links: Sequence[ProLink]) -> frozenset[str]:
    """Return whose trouble excuses the papers: the carrier that brings the goods, else those that are expected to."""
    if told.scac is None:
        return frozenset(link.scac for link in links)
    try:
        return frozenset({parse_scac(told.scac)})
    except InvalidScac:
        return frozenset()


def folded(text: str | None) -> str | None:
    """Return a code as codes are compared."""
    return None if text is None else text.strip().casefold()


def on_the_plate(trailer_number: str) -> str:
    """Return what of a trailer number is compared: letters and digits, whatever their case."""
    return "".join(character for character in trailer_number.casefold() if character.isalnum())


def listed(texts: Sequence[str]) -> str:
    """Return what one of several things may be, in words; the first few are named."""
    more = len(texts) - _NAMED_IN_DETAIL
    named = texts[:_NAMED_IN_DETAIL]
    return " or ".join(named) if more <= 0 else f"{', '.join(named)} or one of {more} more"
