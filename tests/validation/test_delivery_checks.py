from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.orders.policies import DEFAULT_POLICY, GateFact, Policy, WindowAtGate
from app.validation.checks import verdict, without_facts
from app.validation.delivery_checks import delivery_refusals, window_boundaries
from app.validation.delivery_facts import (
    DeliveredQuantity,
    DeliveryFacts,
    Expectation,
    OpenLine,
    PartyFacts,
    ProLink,
    TimeWindow,
    names_a_link,
)
from app.validation.refusal_codes import RefusalCode, Verdict

HERE, ELSEWHERE = UUID(int=1), UUID(int=2)
GLN, OTHER_GLN = "4012345000009", "4012345000016"

XPO = ProLink("CNWY", "123456782", "123-456782")
SAIA = ProLink("SAIA", "777", "777")
ORDER = Expectation(
    links=[XPO, SAIA],
    ship_to=PartyFacts(HERE, GLN, "HAM-2", "Hafenlager 2"),
    seller=PartyFacts(code="S-1042", shown="Anders & Ko"),
    lines=[
        OpenLine(1, "TS-L", "00012345678905", "EA", Decimal(10), Decimal(10)),
        OpenLine(2, "TS-L", None, "EA", Decimal("2.5"), Decimal("2.5")),
        OpenLine(3, "TS-M", None, "EA", Decimal(0), Decimal(0)),
    ],
)
RIGHT = DeliveryFacts("CNWY", "123-456782", PartyFacts(HERE), PartyFacts(code="s-1042"))

CARRIER, PRO = ("delivery_mismatch", "delivery.scac"), ("pro_number_mismatch", "delivery.pro_number")
MISSING = ("pro_number_missing", "delivery.pro_number")

codes = st.sampled_from(["CNWY", "SAIA", "ODFL", "XX1", "containeru"])
numbers = st.sampled_from(["123456782", "777", "888", "?"])
parties = st.none() | st.builds(
    PartyFacts,
    st.none() | st.sampled_from([HERE, ELSEWHERE]),
    st.none() | st.sampled_from([GLN, OTHER_GLN]),
    st.none() | st.sampled_from(["HAM-2", "MUC-1"]),
)
quantities = st.lists(
    st.builds(
        DeliveredQuantity,
        st.decimals("0.5", 15, places=1),
        st.none() | st.integers(1, 4),
        st.none() | st.sampled_from(["TS-L", "TS-M", "TS-X"]),
    ).filter(lambda one: one.line is not None or one.sku is not None),
    max_size=5,
).map(tuple)
deliveries = st.builds(DeliveryFacts, st.none() | codes, st.none() | numbers, parties, parties, quantities)


NOON = datetime(2036, 3, 1, 12, tzinfo=UTC)


def refused(
    told: DeliveryFacts, expected: Expectation = ORDER, at: datetime = NOON, policy: Policy = DEFAULT_POLICY
) -> list[tuple[str, str | None]]:
    return [(refusal.code, refusal.field) for refusal in delivery_refusals(told, expected, at, policy)]


def test_the_delivery_that_the_order_expects_passes() -> None:
    assert refused(RIGHT) == []


@given(deliveries)
def test_an_order_that_says_nothing_contradicts_nothing_that_can_be_read(told: DeliveryFacts) -> None:
    readable = replace(told, scac="CNWY", pro_number="123")
    assert refused(readable, Expectation()) == []


@given(deliveries)
def test_every_refusal_names_a_fact_that_was_told_or_the_pro_number_that_was_not(told: DeliveryFacts) -> None:
    for code, field in refused(told):
        assert field is not None
        _, name, *rest = field.split(".")
        if code == "pro_number_missing":
            assert told.pro_number is None
        else:
            assert getattr(told, name)
        if rest:
            assert told.quantities[int(rest[0])]


@pytest.mark.parametrize(
    ("scac", "pro_number", "expected"),
    [
        ("cnwy", "123456782", []),
        (None, "123 456 782", []),
        (None, "777", []),
        ("ODFL", "123-456782", [CARRIER]),
        ("CNWY", "999", [PRO]),
        (None, "999", [PRO]),
        ("CNWY", "777", [PRO]),
        ("ODFL", "999", [PRO, CARRIER]),
        ("CNWY", None, [MISSING]),
        ("ODFL", None, [MISSING, CARRIER]),
        ("CNWY", "?", [PRO]),
        ("C1", "123-456782", [CARRIER]),
        ("TCNU", "123-456782", [CARRIER]),
    ],
)
def test_carrier_and_pro_number_are_held_to_the_orders_links(
    scac: str | None, pro_number: str | None, expected: list[tuple[str, str]]
) -> None:
    assert refused(DeliveryFacts(scac, pro_number)) == expected


def test_a_pro_number_has_to_be_told_even_where_none_is_linked_unless_it_is_not_mandatory() -> None:
    told = replace(RIGHT, pro_number=None)
    assert refused(told, Expectation()) == [MISSING]
    assert refused(told, Expectation(), policy=Policy(frozenset())) == []


@pytest.mark.parametrize(
    ("told", "fits"),
    [
        (PartyFacts(HERE), True),
        (PartyFacts(ELSEWHERE), False),
        (PartyFacts(gln=GLN), True),
        (PartyFacts(gln=OTHER_GLN), False),
        (PartyFacts(code=" ham-2"), True),
        (PartyFacts(code="MUC-1"), False),
        (PartyFacts(HERE, OTHER_GLN, "MUC-1"), True),
        (PartyFacts(ELSEWHERE, GLN, "HAM-2"), False),
        (PartyFacts(None, GLN, "MUC-1"), True),
    ],
)
def test_the_weightiest_identifier_that_both_have_decides_on_a_party(told: PartyFacts, fits: bool) -> None:
    expected = [] if fits else [("delivery_mismatch", "delivery.ship_to")]
    assert refused(replace(RIGHT, ship_to=told)) == expected


def test_a_party_without_a_common_identifier_is_not_contradicted() -> None:
    assert refused(replace(RIGHT, seller=PartyFacts(HERE, GLN))) == []


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([DeliveredQuantity(Decimal(10), line=1)], []),
        ([DeliveredQuantity(Decimal("10.1"), line=1)], ["0.quantity"]),
        ([DeliveredQuantity(Decimal("12.5"), sku="ts-l")], []),
        ([DeliveredQuantity(Decimal(13), sku="TS-L")], ["0.quantity"]),
        ([DeliveredQuantity(Decimal(10), gtin="12345678905")], []),
        ([DeliveredQuantity(Decimal(1), sku="TS-X")], ["0"]),
        ([DeliveredQuantity(Decimal(1), line=4)], ["0"]),
        ([DeliveredQuantity(Decimal(1), line=1, sku="TS-M")], ["0"]),
        ([DeliveredQuantity(Decimal(1), sku="TS-M")], ["0.quantity"]),
        # Together they are more than is open, and the second one takes what the first one leaves.
        ([DeliveredQuantity(Decimal(6), line=1), DeliveredQuantity(Decimal(5), line=1)], ["1.quantity"]),
        # Who means any line of the product leaves line 1 to who means that one.
        ([DeliveredQuantity(Decimal(2), sku="TS-L"), DeliveredQuantity(Decimal(10), line=1)], []),
        ([DeliveredQuantity(Decimal(3), sku="TS-L"), DeliveredQuantity(Decimal(10), line=1)], ["0.quantity"]),
    ],
)
def test_quantities_are_held_to_what_is_open(told: list[DeliveredQuantity], expected: list[str]) -> None:
    fields = [field for _, field in refused(replace(RIGHT, quantities=tuple(told)))]
    assert fields == [f"delivery.quantities.{field}" for field in expected]


@given(quantities)
def test_what_passes_is_never_more_than_is_open(told: tuple[DeliveredQuantity, ...]) -> None:
    refusals = refused(replace(RIGHT, quantities=told))
    wrong = {int((field or "").split(".")[2]) for _, field in refusals}
    passed = [one for index, one in enumerate(told) if index not in wrong]
    assert sum(one.quantity for one in passed) <= sum(line.open for line in ORDER.lines)
    for line in ORDER.lines:
        assert sum(one.quantity for one in passed if one.line == line.line) <= line.open


def test_the_detail_says_what_is_expected() -> None:
    told = DeliveryFacts(
        "ODFL", "999", PartyFacts(ELSEWHERE), PartyFacts(code="S-1"), (DeliveredQuantity(Decimal(11), line=1),)
    )
    assert [refusal.detail for refusal in delivery_refusals(told, ORDER, NOON)] == [
        "The order's PRO number is 123-456782 of CNWY or 777 of SAIA.",
        "The order's carrier is CNWY or SAIA.",
        "The order's destination is Hafenlager 2.",
        "The order's supplier is Anders & Ko.",
        "10 EA are open on line 1, 1 fewer than the delivery brings.",
    ]


def test_of_many_pro_numbers_a_few_are_named() -> None:
    many = replace(ORDER, links=[ProLink("CNWY", str(n), str(n)) for n in range(9)])
    (refusal,) = delivery_refusals(DeliveryFacts("CNWY", "999"), many, NOON)
    assert refusal.detail == "The order's PRO number is 0 of CNWY, 1 of CNWY, 2 of CNWY or one of 6 more."


# A carrier in trouble


@pytest.mark.parametrize(
    ("told", "disrupted", "expected"),
    [
        (DeliveryFacts("ODFL", "999"), "ODFL", [("carrier_disrupted", "delivery.scac")]),
        (DeliveryFacts("CNWY", "999"), "CNWY", [("carrier_disrupted", "delivery.scac")]),
        (DeliveryFacts("CNWY", None), "CNWY", [("carrier_disrupted", "delivery.scac")]),
        (DeliveryFacts(None, None), "SAIA", [("carrier_disrupted", "delivery.pro_number")]),
        (DeliveryFacts(None, "999"), "SAIA", [("carrier_disrupted", "delivery.pro_number")]),
        (DeliveryFacts("ODFL", "999"), "CNWY", [PRO, CARRIER]),
        (DeliveryFacts("C1", "999"), "CNWY", [PRO, CARRIER]),
        (RIGHT, "CNWY", []),
    ],
)
def test_papers_of_a_carrier_in_trouble_are_held_instead_of_refused(
    told: DeliveryFacts, disrupted: str, expected: list[tuple[str, str]]
) -> None:
    assert refused(told, replace(ORDER, disrupted={disrupted: None})) == expected


@given(deliveries)
def test_trouble_of_carriers_softens_nothing_but_their_papers(told: DeliveryFacts) -> None:
    papers = {"delivery.scac", "delivery.pro_number"}
    calm = delivery_refusals(told, ORDER, NOON)
    troubled = delivery_refusals(told, replace(ORDER, disrupted=dict.fromkeys(["CNWY", "SAIA", "ODFL"])), NOON)
    assert [one for one in calm if one.field not in papers] == [one for one in troubled if one.field not in papers]
    assert bool(calm) == bool(troubled)
    if verdict(troubled) is Verdict.hold:
        assert {one.field for one in calm} <= papers


def test_the_reason_of_the_trouble_is_told_to_whom_it_may_be_told() -> None:
    told = replace(RIGHT, pro_number="999")
    (refusal,) = delivery_refusals(told, replace(ORDER, disrupted={"CNWY": "Strike until Monday."}), NOON)
    assert (refusal.code, refusal.detail) == (RefusalCode.carrier_disrupted, "CNWY: Strike until Monday.")


# Who knows a PRO number of the order


@pytest.mark.parametrize(
    ("scac", "pro_number", "known"),
    [
        ("CNWY", "123-456782", True),
        (None, "777", True),
        ("SAIA", "123-456782", False),
        (None, "778", False),
        (None, None, False),
        (None, "", False),
        ("C1", "777", False),
    ],
)
def test_a_pro_number_is_known_with_its_own_carrier_only(scac: str | None, pro_number: str | None, known: bool) -> None:
    assert names_a_link(DeliveryFacts(scac, pro_number), ORDER.links) is known


# What a gate asks for

TOLD_ALL = replace(RIGHT, trailer_number="HH-AB-1234", quantities=(DeliveredQuantity(Decimal(10), line=1),))
NOT_TOLD = {fact: () if fact is GateFact.quantities else None for fact in GateFact}
WRONG = {
    GateFact.scac: ({"scac": "ODFL"}, CARRIER),
    GateFact.pro_number: ({"pro_number": "999"}, PRO),
    GateFact.trailer_number: ({"trailer_number": "HH-AB-9999"}, ("delivery_mismatch", "delivery.trailer_number")),
    GateFact.ship_to: ({"ship_to": PartyFacts(ELSEWHERE)}, ("delivery_mismatch", "delivery.ship_to")),
    GateFact.seller: ({"seller": PartyFacts(code="S-1")}, ("delivery_mismatch", "delivery.seller")),
    GateFact.quantities: (
        {"quantities": (DeliveredQuantity(Decimal(11), line=1),)},
        ("delivery_mismatch", "delivery.quantities.0.quantity"),
    ),
}
MORNING = TimeWindow(NOON - timedelta(hours=4), NOON - timedelta(hours=2))
MIDDAY = TimeWindow(NOON - timedelta(hours=1), NOON + timedelta(hours=1))
EVENING = TimeWindow(NOON + timedelta(hours=6), NOON + timedelta(hours=8))
BOOKED = replace(ORDER, links=[replace(XPO, trailer_number="hh_ab 1234", window=MIDDAY), SAIA])
TOLD_FACTS = sorted(WRONG)

policies = st.builds(
    Policy,
    st.frozensets(st.sampled_from(GateFact)),
    st.frozensets(st.sampled_from(GateFact)),
    st.just(Decimal(0)),
    st.sampled_from(WindowAtGate),
)
moments = st.integers(-10, 10).map(lambda hours: NOON + timedelta(hours=hours))


@pytest.mark.parametrize("fact", TOLD_FACTS)
def test_a_fact_that_the_gate_asks_for_holds_until_it_is_told(fact: GateFact) -> None:
    told = replace(TOLD_ALL, **{fact: NOT_TOLD[fact]})
    assert refused(told, BOOKED, policy=Policy(frozenset())) == []
    (missing,) = delivery_refusals(told, BOOKED, NOON, Policy(frozenset({fact})))
    assert (missing.field, missing.verdict) == (f"delivery.{fact}", Verdict.hold)
    assert missing.code == ("pro_number_missing" if fact == "pro_number" else "delivery_mismatch")
    assert refused(TOLD_ALL, BOOKED, policy=Policy(frozenset(GateFact))) == []
    # It says what is asked for, nothing of the order, so whoever stands there may read it.
    assert fact is GateFact.pro_number or without_facts(missing).detail == missing.detail != ""


@pytest.mark.parametrize("fact", TOLD_FACTS)
def test_a_contradiction_that_the_gate_only_holds_is_held_and_no_other(fact: GateFact) -> None:
    wrong, expected = WRONG[fact]
    told = replace(TOLD_ALL, **wrong)
    for holding, worst in (({fact}, Verdict.hold), (set(GateFact) - {fact}, Verdict.reject), (set(), Verdict.reject)):
        (refusal,) = delivery_refusals(told, BOOKED, NOON, Policy(gate_facts_that_hold=frozenset(holding)))
        assert (refusal.code, refusal.field) == expected
        assert (refusal.verdict, verdict([refusal])) == (worst, worst)


@given(deliveries, moments, policies)
def test_a_policy_never_rejects_what_the_defaults_would_not(told: DeliveryFacts, at: datetime, policy: Policy) -> None:
    by_default = {one.field for one in delivery_refusals(told, BOOKED, at) if one.verdict is Verdict.reject}
    rejected = {one.field for one in delivery_refusals(told, BOOKED, at, policy) if one.verdict is Verdict.reject}
    assert rejected <= by_default


# The vehicle that is expected


@pytest.mark.parametrize(
    ("trailer", "links", "fits"),
    [
        ("HH-AB-1234", [replace(XPO, trailer_number="HHAB1234")], True),
        ("hhab1234", [replace(XPO, trailer_number="HH_AB-1234")], True),
        ("HHAB1235", [replace(XPO, trailer_number="HHAB1234")], False),
        ("HHAB1235", [XPO], True),
        ("HHAB1235", [XPO, replace(SAIA, trailer_number="HHAB1234")], True),
        (None, [replace(XPO, trailer_number="HHAB1234")], True),
    ],
)
def test_the_trailer_is_the_one_that_is_expected_with_the_pro_number(
    trailer: str | None, links: list[ProLink], fits: bool
) -> None:
    told = replace(RIGHT, trailer_number=trailer)
    expected = [] if fits else [("delivery_mismatch", "delivery.trailer_number")]
    assert refused(told, replace(ORDER, links=links)) == expected


def test_without_a_pro_number_any_trailer_of_the_carrier_will_do() -> None:
    links = [
        replace(XPO, trailer_number="A1"),
        replace(XPO, key="9", trailer_number="B2"),
        replace(SAIA, trailer_number="C3"),
    ]
    for trailer, fits in (("A1", True), ("B2", True), ("C3", False)):
        told = DeliveryFacts("CNWY", trailer_number=trailer)
        found = refused(told, replace(ORDER, links=links), policy=Policy(frozenset()))
        assert found == ([] if fits else [("delivery_mismatch", "delivery.trailer_number")])


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (MIDDAY.start - timedelta(microseconds=1), "before_window"),
        (MIDDAY.start, None),
        (MIDDAY.end - timedelta(microseconds=1), None),
        (MIDDAY.end, "after_window"),
    ],
)
def test_a_window_holds_from_its_start_to_before_its_end(at: datetime, code: str | None) -> None:
    expected = [] if code is None else [(code, None)]
    assert refused(RIGHT, replace(ORDER, delivery_window=MIDDAY), at) == expected
    assert refused(RIGHT, BOOKED, at) == expected


def test_what_is_booked_with_the_pro_number_counts_before_the_orders_window() -> None:
    booked = replace(BOOKED, delivery_window=MORNING)
    assert refused(RIGHT, booked, MIDDAY.start) == []
    assert refused(RIGHT, booked, MORNING.start) == [("before_window", None)]
    of_saia = replace(RIGHT, scac="SAIA", pro_number="777")
    assert refused(of_saia, booked, MORNING.start) == []
    assert refused(of_saia, booked, NOON) == [("after_window", None)]


def test_of_several_booked_windows_the_next_one_is_waited_for() -> None:
    links = [replace(XPO, window=window) for window in (EVENING, MORNING)]
    at = [MORNING.start, NOON, EVENING.start, EVENING.end]
    told = [refused(RIGHT, replace(ORDER, links=links), moment) for moment in at]
    assert told == [[], [("before_window", None)], [], [("after_window", None)]]
    (refusal,) = delivery_refusals(RIGHT, replace(ORDER, links=links), NOON)
    assert refusal.detail == "The delivery window begins on 2036-03-01T18:00:00Z."
    assert without_facts(refusal).detail != refusal.detail


def test_a_booking_that_the_gate_asks_for_is_a_window_of_the_pro_number() -> None:
    asks = Policy(frozenset({GateFact.booking}))
    assert refused(RIGHT, BOOKED, policy=asks) == []
    assert refused(RIGHT, replace(ORDER, delivery_window=MIDDAY), policy=asks) == [("no_booking", None)]
    assert refused(replace(RIGHT, scac="SAIA", pro_number="777"), BOOKED, policy=asks) == [("no_booking", None)]


def test_a_gate_may_ignore_windows_or_only_hold_what_comes_too_late() -> None:
    late = MIDDAY.end
    assert refused(RIGHT, BOOKED, late, Policy(delivery_window_at_gate=WindowAtGate.ignored)) == []
    holding = Policy(gate_facts_that_hold=frozenset({GateFact.booking}))
    (refusal,) = delivery_refusals(RIGHT, BOOKED, late, holding)
    assert (refusal.code, refusal.verdict) == (RefusalCode.after_window, Verdict.hold)


@given(deliveries, moments)
def test_between_the_boundaries_time_changes_nothing(told: DeliveryFacts, at: datetime) -> None:
    expected = replace(BOOKED, delivery_window=EVENING)
    ahead = [instant for instant in window_boundaries(told, expected) if instant > at]
    until = min(ahead, default=at + timedelta(days=1)) - timedelta(microseconds=1)
    assert refused(told, expected, at) == refused(told, expected, until)


def test_a_carrier_in_trouble_excuses_its_vehicle_and_its_lateness_and_nothing_else() -> None:
    troubled = replace(BOOKED, disrupted={"CNWY": None})
    late, early = MIDDAY.end, MIDDAY.start - timedelta(hours=1)
    other_vehicle = replace(RIGHT, trailer_number="X1")
    assert refused(RIGHT, troubled, late) == [("carrier_disrupted", None)]
    assert refused(other_vehicle, troubled, late) == [("carrier_disrupted", "delivery.scac")]
    assert refused(other_vehicle, troubled) == [("carrier_disrupted", "delivery.scac")]
    assert refused(RIGHT, troubled, early) == [("before_window", None)]
    assert refused(replace(RIGHT, ship_to=PartyFacts(ELSEWHERE)), troubled, late) == [
        ("carrier_disrupted", None),
        ("delivery_mismatch", "delivery.ship_to"),
    ]


def test_what_the_buyer_tolerates_beyond_its_order_is_expected() -> None:
    line = OpenLine(1, "TS-L", None, "EA", Decimal(10), Decimal("10.5"))
    told = [replace(RIGHT, quantities=(DeliveredQuantity(Decimal(much), line=1),)) for much in ("10.5", "11")]
    assert refused(told[0], replace(ORDER, lines=[line])) == []
    (refusal,) = delivery_refusals(told[1], replace(ORDER, lines=[line]), NOON)
    assert refusal.detail == "10 EA are open on line 1 and 10.5 may come in, 0.5 fewer than the delivery brings."
