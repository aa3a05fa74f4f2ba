"""Checks of the gate: what is told of a delivery against what the order, its PRO numbers and its lines say.

A delivery is held to what the order states: where that says nothing, nothing contradicts. What has to be told, and
which contradictions are held instead of rejected, is the policy of the organisation whose gate it is. No clock, no I/O.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from app.orders.policies import DEFAULT_POLICY, GateFact, Policy, WindowAtGate
from app.shipments.pro_numbers import InvalidProNumber, pro_number_key
from app.shipments.scac import InvalidScac, parse_scac
from app.validation.checks import Pass, Refusal, refusals_among, refuse, refuse_missing, rfc3339
from app.validation.delivery_facts import (
    DeliveredQuantity,
    DeliveryFacts,
    Expectation,
    OpenLine,
    PartyFacts,
    ProLink,
    TimeWindow,
    carriers_concerned,
    links_meant,
    listed,
    on_the_plate,
)
from app.validation.refusal_codes import RefusalCode, Verdict


def delivery_refusals(
    told: DeliveryFacts, expected: Expectation, at: datetime, policy: Policy = DEFAULT_POLICY
) -> list[Refusal]:
    """Everything in which the delivery at the instant `at` is not the one that the order expects; [] is accepted.

    Where the carrier is in trouble its papers and its vehicle cannot be relied on, and it comes too late: this is held
    instead of refused. That touches neither destination, supplier and quantities, nor a vehicle that is too early or
    that nobody has booked, nor anything of the order's own life.
    """
    papers = [
        *_judged(GateFact.pro_number, policy, told.pro_number is None, [_pro_number(told, expected)]),
        *_judged(GateFact.scac, policy, told.scac is None, [_carrier(told, expected)]),
        *_judged(GateFact.trailer_number, policy, told.trailer_number is None, [_trailer(told, expected)]),
    ]
    booking = _booking(told, expected, at, policy)
    late = [refusal for refusal in booking if refusal.code is RefusalCode.after_window]
    if (papers or late) and (excuse := _disruption(told, expected)) is not None:
        papers = [excuse if papers else replace(excuse, field=None)]
        booking = [refusal for refusal in booking if refusal not in late]
    return [
        *papers,
        *booking,
        *_judged(GateFact.ship_to, policy, told.ship_to is None, [_destination(told, expected)]),
        *_judged(GateFact.seller, policy, told.seller is None, [_seller(told, expected)]),
        *_judged(GateFact.quantities, policy, not told.quantities, _quantities(told, expected)),
    ]


def window_boundaries(told: DeliveryFacts, expected: Expectation) -> frozenset[datetime]:
    """Return the instants at which time alone may change what is refused of the delivery."""
    return frozenset(instant for window in _windows(told, expected) for instant in (window.start, window.end))


def _judged(fact: GateFact, policy: Policy, is_missing: bool, outcomes: Iterable[Pass | Refusal]) -> list[Refusal]:
    """Return what a gate with this policy has against a fact: that it is missing, or what contradicts it."""
    if is_missing:
        return [_missing(fact)] if fact in policy.mandatory_gate_facts else []
    return _softened(fact, policy, refusals_among(outcomes))


def _booking(told: DeliveryFacts, expected: Expectation, at: datetime, policy: Policy) -> list[Refusal]:
    outcomes: list[Pass | Refusal] = []
    if GateFact.booking in policy.mandatory_gate_facts and not _booked(told, expected):
        outcomes.append(refuse(RefusalCode.no_booking))
    if policy.delivery_window_at_gate is WindowAtGate.enforced:
        outcomes.append(_window(told, expected, at))
    return _softened(GateFact.booking, policy, refusals_among(outcomes))


def _softened(fact: GateFact, policy: Policy, refusals: list[Refusal]) -> list[Refusal]:
    if fact not in policy.gate_facts_that_hold:
        return refusals
    return [replace(refusal, verdict=Verdict.hold) for refusal in refusals]


def _missing(fact: GateFact) -> Refusal:
    where = f"delivery.{fact}"
    if fact is GateFact.pro_number:
        return refuse(RefusalCode.pro_number_missing, field=where)
    return refuse_missing(RefusalCode.delivery_mismatch, _SPOKEN[fact], where)


_SPOKEN = {
    GateFact.scac: "the carrier's code",
    GateFact.trailer_number: "the trailer number",
    GateFact.ship_to: "the destination",
    GateFact.seller: "the supplier",
    GateFact.quantities: "the quantities",
}


def _pro_number(told: DeliveryFacts, expected: Expectation) -> Pass | Refusal:
    where = "delivery.pro_number"
    if told.pro_number is None:
        return Pass()
    try:
        key = pro_number_key(told.pro_number)
    except InvalidProNumber as fault:
        return refuse(RefusalCode.pro_number_mismatch, fault.detail, where)
    # A PRO number is the carrier's: another carrier's with the same digits is another number.
    of_carrier = [link for link in expected.links if link.scac in carriers_concerned(told, expected.links)]
    if any(link.key == key for link in of_carrier or expected.links):
        return Pass()
    vouched = _vouched(of_carrier) or _vouched(expected.links)
    if not vouched:
        return Pass()
    return refuse(
        RefusalCode.pro_number_mismatch,
        f"The order's PRO number is {listed([f'{link.display} of {link.scac}' for link in vouched])}.",
        where,
    )


def _carrier(told: DeliveryFacts, expected: Expectation) -> Pass | Refusal:
    if told.scac is None:
        return Pass()
    try:
        scac = parse_scac(told.scac)
    except InvalidScac as fault:
        return refuse(RefusalCode.delivery_mismatch, fault.detail, "delivery.scac")
    carriers = sorted({link.scac for link in _vouched(expected.links)})
    if not carriers or any(link.scac == scac for link in expected.links):
        return Pass()
    return refuse(RefusalCode.delivery_mismatch, f"The order's carrier is {listed(carriers)}.", "delivery.scac")


def _vouched(links: Sequence[ProLink]) -> list[ProLink]:
    return [link for link in links if link.is_vouched]


def _trailer(told: DeliveryFacts, expected: Expectation) -> Pass | Refusal:
    if told.trailer_number is None:
        return Pass()
    trailers = [link.trailer_number for link in links_meant(told, expected.links) if link.trailer_number is not None]
    if not trailers or on_the_plate(told.trailer_number) in map(on_the_plate, trailers):
        return Pass()
    return refuse(
        RefusalCode.delivery_mismatch,
        f"The vehicle that is expected is {listed(sorted(set(trailers)))}.",
        "delivery.trailer_number",
    )


def _window(told: DeliveryFacts, expected: Expectation, at: datetime) -> Pass | Refusal:
    """Hold the arrival against the window that is booked, or else against the order's own."""
    windows = _windows(told, expected)
    if not windows or any(window.holds(at) for window in windows):
        return Pass()
    ahead = [window.start for window in windows if window.start > at]
    if ahead:
        return refuse(RefusalCode.before_window, f"The delivery window begins on {rfc3339(min(ahead))}.")
    ended = max(window.end for window in windows)
    return refuse(RefusalCode.after_window, f"The delivery window ended on {rfc3339(ended)}.")


def _windows(told: DeliveryFacts, expected: Expectation) -> Sequence[TimeWindow]:
    if booked := _booked(told, expected):
        return booked
    return [] if expected.delivery_window is None else [expected.delivery_window]


def _booked(told: DeliveryFacts, expected: Expectation) -> Sequence[TimeWindow]:
    return [link.window for link in links_meant(told, expected.links) if link.window is not None]


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
    """Hold each quantity against what may still come in on the lines it means, less what the others take of them."""
    if not expected.lines:
        return
    left = {line.line: line.receivable for line in expected.lines}
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
    receivable = sum((line.receivable for line in meant), Decimal(0))
    beyond = "" if receivable == open_ else f" and {_plain(receivable)} may come in"
    lines = "line" if len(meant) == 1 else "lines"
    return refuse(
        RefusalCode.delivery_mismatch,
        f"{_plain(open_)} {meant[0].unit} are open on {lines} {listed([str(line.line) for line in meant])}{beyond}, "
        f"{_plain(remaining)} fewer than the delivery brings.",
        f"{where}.quantity",
    )


def _plain(quantity: Decimal) -> str:
    return f"{quantity.normalize():f}"
