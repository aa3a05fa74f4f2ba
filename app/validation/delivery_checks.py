"""Checks of the gate: what is told of a delivery against what the order, its PRO numbers and its lines say.

A delivery is held to what the order states: where that says nothing, nothing contradicts. Only the PRO number has to be
given, since no delivery is booked without one. No clock, no I/O.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final
from uuid import UUID

from app.shipments.pro_numbers import InvalidProNumber, pro_number_key
from app.shipments.scac import InvalidScac, parse_scac
from app.validation.checks import Pass, Refusal, refusals_among, refuse
from app.validation.refusal_codes import RefusalCode

MANDATORY: Final = frozenset({"pro_number"})
"""What has to be told of a delivery where nobody has decided otherwise."""

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
            (_folded(self.code), _folded(other.code)),
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


@dataclass(frozen=True, slots=True)
class ProLink:
    """A PRO number on the order: `key` is compared, `display` is how the carrier writes it."""

    scac: str
    key: str
    display: str


@dataclass(frozen=True, slots=True)
class OpenLine:
    """A line of the order with what is still to come."""

    line: int
    sku: str | None
    gtin: str | None
    unit: str
    open: Decimal

    def is_meant_by(self, told: DeliveredQuantity) -> bool:
        """Whether everything that is told of the product fits this line."""
        return (
            told.line in {None, self.line}
            and (told.sku is None or _folded(told.sku) == _folded(self.sku))
            and (told.gtin is None or (self.gtin is not None and told.gtin.zfill(14) == self.gtin.zfill(14)))
        )


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the order says of its delivery; empty where it says nothing.

    `lines` are those of an order that expects goods. `disrupted`: carriers in trouble, with the words for it that the
    caller may read.
    """

    links: Sequence[ProLink] = ()
    ship_to: PartyFacts = field(default_factory=PartyFacts)
    seller: PartyFacts = field(default_factory=PartyFacts)
    lines: Sequence[OpenLine] = ()
    disrupted: Mapping[str, str | None] = field(default_factory=dict)


def delivery_refusals(
    told: DeliveryFacts, expected: Expectation, mandatory: frozenset[str] = MANDATORY
) -> list[Refusal]:
    """Everything in which the delivery is not the one that the order expects; [] where nothing contradicts.

    Where the carrier is in trouble its papers cannot be relied on: what they say is held instead of refused. That
    touches neither destination, supplier and quantities nor anything of the order's own life.
    """
    papers = refusals_among([_pro_number(told, expected, mandatory), _carrier(told, expected)])
    if papers and (excuse := _disruption(told, expected)) is not None:
        papers = [excuse]
    others = refusals_among([_destination(told, expected), _seller(told, expected), *_quantities(told, expected)])
    return [*papers, *others]


def names_a_link(told: DeliveryFacts, links: Sequence[ProLink]) -> bool:
    """Whether the PRO number is one of `links`, of the carrier that is given where one is."""
    try:
        key = pro_number_key(told.pro_number or "")
        scac = parse_scac(told.scac) if told.scac else None
    except (InvalidProNumber, InvalidScac):
        return False
    return any(link.key == key and scac in {None, link.scac} for link in links)


def carriers_concerned(told: DeliveryFacts, links: Sequence[ProLink]) -> frozenset[str]:
    """Return whose trouble excuses the papers: the carrier that brings the goods, else those that are expected to."""
    if told.scac is None:
        return frozenset(link.scac for link in links)
    try:
        return frozenset({parse_scac(told.scac)})
    except InvalidScac:
        return frozenset()


def _pro_number(told: DeliveryFacts, expected: Expectation, mandatory: frozenset[str]) -> Pass | Refusal:
    where = "delivery.pro_number"
    if told.pro_number is None:
        return refuse(RefusalCode.pro_number_missing, field=where) if "pro_number" in mandatory else Pass()
    try:
        key = pro_number_key(told.pro_number)
    except InvalidProNumber as fault:
        return refuse(RefusalCode.pro_number_mismatch, fault.detail, where)
    # A PRO number is the carrier's: another carrier's with the same digits is another number.
    of_carrier = [link for link in expected.links if link.scac in carriers_concerned(told, expected.links)]
    links = of_carrier or expected.links
    if not links or any(link.key == key for link in links):
        return Pass()
    return refuse(
        RefusalCode.pro_number_mismatch,
        f"The order's PRO number is {_listed([f'{link.display} of {link.scac}' for link in links])}.",
        where,
    )


def _carrier(told: DeliveryFacts, expected: Expectation) -> Pass | Refusal:
    if told.scac is None:
        return Pass()
    try:
        scac = parse_scac(told.scac)
    except InvalidScac as fault:
        return refuse(RefusalCode.delivery_mismatch, fault.detail, "delivery.scac")
    carriers = sorted({link.scac for link in expected.links})
    if not carriers or scac in carriers:
        return Pass()
    return refuse(RefusalCode.delivery_mismatch, f"The order's carrier is {_listed(carriers)}.", "delivery.scac")


def _disruption(told: DeliveryFacts, expected: Expectation) -> Refusal | None:
    for scac in sorted(carriers_concerned(told, expected.links)):
        if scac in expected.disrupted:
            reason = expected.disrupted[scac]
            where = "delivery.pro_number" if told.scac is None else "delivery.scac"
            return refuse(RefusalCode.carrier_disrupted, f"{scac}: {reason}" if reason else None, where)
    return None


def _destination(told: DeliveryFacts, expected: Expectation) -> Pass | Refusal:
    return _party("ship_to", "destination", told.ship_to, expected.ship_to)


def _seller(told: DeliveryFacts, expected: Expectation) -> Pass | Refusal:
    return _party("seller", "supplier", told.seller, expected.seller)


def _party(name: str, word: str, told: PartyFacts | None, expected: PartyFacts) -> Pass | Refusal:
    if told is None or not told.contradicts(expected):
        return Pass()
    detail = f"The order's {word} is {expected.shown}." if expected.shown else None
    return refuse(RefusalCode.delivery_mismatch, detail, f"delivery.{name}")


def _quantities(told: DeliveryFacts, expected: Expectation) -> Iterator[Pass | Refusal]:
    """Hold each quantity against what the lines it means still expect, less what the others take of them."""
    if not expected.lines:
        return
    left = {line.line: line.open for line in expected.lines}
    meant = [[line for line in expected.lines if line.is_meant_by(one)] for one in told.quantities]
    outcomes: dict[int, Pass | Refusal] = {}
    # Who means one line only takes first: who means any line of a product finds another.
    for index in sorted(range(len(meant)), key=lambda index: len(meant[index])):
        outcomes[index] = _quantity(index, told.quantities[index], meant[index], left)
    for index in sorted(outcomes):
        yield outcomes[index]


def _quantity(
    index: int, told: DeliveredQuantity, meant: Sequence[OpenLine], left: dict[int, Decimal]
) -> Pass | Refusal:
    where = f"delivery.quantities.{index}"
    if not meant:
        return refuse(RefusalCode.delivery_mismatch, "No line of the order has this product.", where)
    remaining = told.quantity
    for line in meant:
        taken = min(remaining, left[line.line])
        left[line.line] -= taken
        remaining -= taken
    if remaining <= 0:
        return Pass()
    open_ = sum((line.open for line in meant), Decimal(0))
    lines = "line" if len(meant) == 1 else "lines"
    return refuse(
        RefusalCode.delivery_mismatch,
        f"{_plain(open_)} {meant[0].unit} are open on {lines} {_listed([str(line.line) for line in meant])}, "
        f"{_plain(remaining)} fewer than the delivery brings.",
        f"{where}.quantity",
    )


def _listed(texts: Sequence[str]) -> str:
    more = len(texts) - _NAMED_IN_DETAIL
    named = texts[:_NAMED_IN_DETAIL]
    return " or ".join(named) if more <= 0 else f"{', '.join(named)} or one of {more} more"


def _plain(quantity: Decimal) -> str:
    return f"{quantity.normalize():f}"


def _folded(text: str | None) -> str | None:
    return None if text is None else text.strip().casefold()
