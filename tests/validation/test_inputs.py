import asyncio
import itertools
import re
import string
import sys
import time
from contextlib import suppress
from types import SimpleNamespace

import biip
import pytest
from biip.gs1_application_identifiers import GS1ApplicationIdentifier
from biip.gs1_messages import GS1Message
from hypothesis import given
from hypothesis import strategies as st

from app.db import pace
from app.numbers.number_keys import MalformedNumber, candidate_keys, number_key
from app.validation import inputs
from app.validation.inputs import Element, MalformedInput, UnderstoodInput, understand
from app.validation.questions import manifest_of
from app.validation.schemas import ValidateBatch
from tests.validation.input_table import (
    AROUND_THE_EDGES,
    GLN,
    GS,
    GTIN,
    LABELS,
    ON_DOCUMENTS,
    REFUSED,
    SCANNED_GS1,
    SEPARATED_OTHERWISE,
    SSCC,
    TYPED,
    WITH_WRITTEN_AIS,
    rows,
)

SET_82 = "!\"%&'()*+,-./_:;<=>?" + string.ascii_letters + string.digits


def refusal_of(text: str) -> MalformedInput:
    with pytest.raises(MalformedInput) as refused:
        understand(text)
    return refused.value


@pytest.mark.parametrize(("text", "number", "key"), rows(TYPED))
def test_a_typed_number_is_read_as_it_is_with_its_exact_key_first(text: str, number: str, key: str) -> None:
    understood = understand(text)
    assert (understood.source, understood.number_text, understood.keys[0]) == ("typed", number, key)
    assert understood.keys == candidate_keys(text)


@pytest.mark.parametrize(("text", "number", "key"), rows(ON_DOCUMENTS) + AROUND_THE_EDGES)
def test_what_a_document_prints_before_a_number_is_not_part_of_it(text: str, number: str, key: str) -> None:
    understood = understand(text)
    assert (understood.source, understood.number_text) == ("typed", number)
    assert key in understood.keys


@pytest.mark.parametrize(("text", "number", "key"), rows(LABELS))
def test_the_content_of_a_label_that_is_not_gs1_is_the_number(text: str, number: str, key: str) -> None:
    understood = understand(text)
    assert (understood.source, understood.number_text) == ("label", number)
    assert key in understood.keys


@pytest.mark.parametrize(("text", "number"), SCANNED_GS1 + SEPARATED_OTHERWISE + WITH_WRITTEN_AIS)
def test_the_number_of_gs1_data_is_the_value_of_ai_400(text: str, number: str) -> None:
    understood = understand(text)
    assert (understood.source, understood.number_text) == ("gs1", number)
    assert understood.keys[0] == number.replace("-", "").upper()


@pytest.mark.parametrize(("text", "rule"), REFUSED, ids=range(len(REFUSED)))
def test_an_input_without_a_number_is_refused_by_the_rule_it_breaks(text: str, rule: str) -> None:
    refusal = refusal_of(text)
    assert refusal.rule == rule
    assert refusal.sentence == str(refusal)
    assert refusal.sentence.endswith(".")
    assert len(refusal.sentence) < 250
    assert refusal.sentence.isprintable()


def test_the_table_holds_more_than_two_hundred_inputs() -> None:
    texts = [row[0] for row in [*rows(TYPED), *rows(ON_DOCUMENTS), *rows(LABELS), *AROUND_THE_EDGES]]
    texts += [row[0] for row in [*SCANNED_GS1, *SEPARATED_OTHERWISE, *WITH_WRITTEN_AIS]]
    assert len(set(texts)) == len(texts) > 200


def test_one_text_is_gs1_data_a_label_or_typed_by_its_symbology_identifier_alone() -> None:
    data = "4004500012345"
    read = {sent: understand(sent + data) for sent in ("", "]C0", "]d1", "]Q1", "]C1", "]d2", "]Q3", "]e0")}
    assert {sent: understood.number_text for sent, understood in read.items()} == {
        "": data,
        "]C0": data,
        "]d1": data,
        "]Q1": data,
        "]C1": "4500012345",
        "]d2": "4500012345",
        "]Q3": "4500012345",
        "]e0": "4500012345",
    }
    plain = biip.parse("]C0" + data).gs1_message
    assert plain is not None
    assert plain.element_strings[0].value == "4500012345", "biip reads plain Code 128 as GS1, hence the look before it"


def test_the_other_elements_are_handed_on_in_their_order() -> None:
    understood = understand(f"]C100{SSCC}410{GLN}401CONS1{GS}4004500012345{GS}02{GTIN}3724")
    assert understood.facts.elements == (
        Element("00", "SSCC", SSCC),
        Element("410", "SHIP TO LOC", GLN),
        Element("401", "GINC", "CONS1"),
        Element("02", "CONTENT", GTIN),
        Element("37", "COUNT", "24"),
    )
    assert (understood.facts.ship_to_gln, understood.facts.sscc) == (GLN, SSCC)
    assert understood.facts.errors == understood.facts.unread == ()


@pytest.mark.parametrize("form", ["]C1410{gln}00{sscc}4001", "(410){gln}(00){sscc}(400)1"])
def test_a_wrong_check_digit_costs_the_fact_but_not_the_number(form: str) -> None:
    understood = understand(form.format(gln="9521321000002", sscc="395213210000000018"))
    assert understood.number_text == "1"
    assert (understood.facts.ship_to_gln, understood.facts.sscc) == (None, None)
    assert [element.value for element in understood.facts.elements] == ["9521321000002", "395213210000000018"]
    gln_error, sscc_error = understood.facts.errors
    assert gln_error.startswith("(410) Invalid GLN check digit")
    assert sscc_error.startswith("(00) Invalid SSCC check digit")


def test_a_wrong_gtin_is_told_as_well() -> None:
    assert understand(f"]C102{GTIN[:-1]}44001").facts.errors[0].startswith("(02) Invalid GTIN check digit")


def test_two_destinations_are_no_destination() -> None:
    other = "9521321000018"
    assert understand(f"]C1410{GLN}410{GLN}4001").facts.ship_to_gln == GLN
    understood = understand(f"]C1410{GLN}410{other}4001")
    assert understood.facts.ship_to_gln is None
    assert [element.value for element in understood.facts.elements] == [GLN, other]


def test_typed_and_plain_inputs_carry_no_facts() -> None:
    assert understand("4500012345").facts.elements == understand("]C04500012345").facts.elements == ()


def test_an_element_nobody_knows_yet_is_left_unread_beside_the_number() -> None:
    assert understand(f"]C14004500012345{GS}4399NEW{GS}10LOT7").facts.unread == ("4399NEW",)


def test_one_number_written_twice_is_one_number() -> None:
    understood = understand(f"]C1400PO-98676856{GS}400po98676856")
    assert understood.number_text == "PO-98676856"
    assert understood.keys == ("PO98676856", "98676856")


def test_a_value_that_biip_would_cut_is_refused() -> None:
    data = "400" + "A" * 30 + "10LOT7"
    assert [element.value for element in GS1Message.parse(data).element_strings] == ["A" * 30, "LOT7"]
    assert refusal_of("]C1" + data).rule == "too_long"


def test_parentheses_that_biip_would_drop_stay_in_the_number() -> None:
    assert GS1Message.parse_hri("(400)A(B)C").element_strings[0].value == "A"
    assert understand("(400)A(B)C").number_text == "A(B)C"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            f"]C100{SSCC}410{GLN}",
            "This GS1 data holds (00) SSCC, (410) SHIP TO LOC, but no PO number: that stands in AI (400).",
        ),
        (f"]C1400A{GS}400B", "This label holds more than one PO number: A, B. Send the one meant."),
        ("]C1400PO#1", "Character U+0023 cannot stand in a PO number in GS1 AI (400)."),
        ("PO# 12ß", "Character U+00DF at position 7 cannot stand in a PO number."),
        ("Order # 12ß", "Character U+00DF at position 11 cannot stand in a PO number."),
        ("]C0 12ß", "Character U+00DF at position 7 cannot stand in a PO number."),
        ("]Q1Order no. ＰＯ12ß", "Character U+00DF at position 18 cannot stand in a PO number."),
    ],
)
def test_the_refusal_says_what_is_wrong_in_the_text_as_sent(text: str, sentence: str) -> None:
    assert refusal_of(text).sentence == sentence


def test_look_alikes_are_never_folded_in_any_form() -> None:
    for form in ("{}", "PO# {}", "]C1400{}", "]C0{}", "(400){}"):
        numbers = [understand(form.format(number)).number_text for number in ("45O0", "4500", "A1", "AI", "Al")]
        assert numbers == ["45O0", "4500", "A1", "AI", "Al"]
        assert understand(form.format("45O0")).keys != understand(form.format("4500")).keys


def well_formed(number: str) -> bool:
    try:
        return bool(number_key(number))
    except MalformedNumber:
        return False


# Numbers as companies form them: letters and digits, parted by single dashes, dots, slashes or underscores.
numbers = st.from_regex(r"[A-Za-z0-9]{1,6}([-./_]?[A-Za-z0-9]{1,5}){0,4}", fullmatch=True).filter(well_formed)
unlabelled = numbers.filter(
    lambda number: not number.upper().startswith(("PO", "P.O", "P/O", "PURCHASE", "ORDER", "N"))
)


@given(unlabelled)
def test_a_number_is_read_back_out_of_every_written_form(number: str) -> None:
    for form in ("{}", " {}\r\n", "PO# {}", "PO: {}", "P.O. No. {}", "PO Number {}", "Purchase order: {}", "# {}"):
        understood = understand(form.format(number))
        assert (understood.source, understood.number_text) == ("typed", number)
        assert number_key(number) in understood.keys
    for form in ("Order no. {}", "Order number: {}", "Your order #{}", "Customer PO: {}"):
        assert understand(form.format(number)).number_text == number
    for form in ("]C0{}", "]d1{}", "]Q1{}", "]Q1PO:{}", "]A0{}"):
        understood = understand(form.format(number))
        assert (understood.source, understood.number_text) == ("label", number)


@given(
    st.text(alphabet=SET_82, min_size=1, max_size=30).filter(well_formed),
    st.sampled_from(["]C1", "]d2", "]Q3", "]e0", GS]),
    st.lists(st.sampled_from([f"410{GLN}", f"00{SSCC}", "401CONS1", "10LOT7", "402" + "1" * 17]), max_size=3),
    st.integers(0, 3),
)
def test_any_value_of_ai_400_is_read_back_from_among_other_elements(
    number: str, identifier: str, others: list[str], place: int
) -> None:
    elements = [*others[:place], "400" + number, *others[place:]]
    understood = understand(identifier + GS.join(elements))
    assert (understood.source, understood.number_text) == ("gs1", number)
    assert understood.keys[0] == number_key(number)
    assert [element.ai + element.value for element in understood.facts.elements] == others


@given(numbers, st.sampled_from(["", f"(410){GLN}", f" (00) {SSCC}", "(10)LOT7"]))
def test_a_number_is_read_back_from_behind_a_written_ai(number: str, other: str) -> None:
    for text in (f"(400){number}{other}", f"{other}(400) {number}"):
        understood = understand(text)
        assert (understood.source, understood.number_text) == ("gs1", number)
        assert len(understood.facts.elements) == bool(other)


PIECES = [
    *("]C1", "]C0", "]d2", "]E0", "]", "(400)", "(00)", "400", "410", "99", "15", "3103", "4330", "4500012345"),
    *("<GS>", "{GS}", "^]", "~", "|", "↔", "PO", "P.O.", "order", "no.", "#", ":", "-", "–", "https://"),
    *(" ", "\\000026", GS, GLN, SSCC),
]


@given(st.text(max_size=60) | st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=14).map("".join))
def test_no_text_raises_anything_but_malformed_input(text: str) -> None:
    try:
        understood = understand(text)
    except MalformedInput:
        return
    assert understood.keys
    assert all(number_key(key) == key for key in understood.keys)
    assert number_key(understood.number_text)


HOSTILE_PIECES = [
    *("9", "(", "(400)A", "99A~", "2012", "PO", "p.-.#", "#", "customer", "order", "]C1", "<GS>", "https://"),
    *("PO NO ", "customer ", "order ", " ", f"99A{GS}", f"400A{GS}", f"410{GLN}", f"(410){GLN}", f"00{SSCC}"),
    *(
        "\u0315\u0300",
        "\u0665",
        "\ufeff",
        "\ufdfa",
        "\ud800",
        "\uff11",
        "(\uff14\uff10\uff10)A",
        "".join(map(chr, range(161, 999))),
    ),
]
HOSTILE_BEGINNINGS = ["", "]C1", "]C0", "]d2400A\x1d", "(400)1", "<GS>", "Customer P.O. No.: order no. "]
HOSTILE = [
    before + (piece * 4_096)[: length - len(before)]
    for piece in HOSTILE_PIECES
    for before in HOSTILE_BEGINNINGS
    # 996 and an identifier: the longest that is looked into at all.
    for length in (999, 4_096)
]


def test_no_text_makes_more_than_a_fixed_amount_of_work() -> None:
    worst = max((calls_to_settle(text), text) for text in HOSTILE)
    assert worst[0] < 8_000, f"{worst[0]} calls for {worst[1][:40]!a}"
    assert calls_to_settle("9" * 4_096) < 20, "what is too long is not looked into"


def test_biip_looks_up_no_more_identifiers_than_a_label_may_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up = 0
    extract = GS1ApplicationIdentifier.extract

    def counted(value: str) -> GS1ApplicationIdentifier:
        nonlocal looked_up
        looked_up += 1
        return extract(value)

    monkeypatch.setattr(GS1ApplicationIdentifier, "extract", counted)
    for number in range(1_000):
        with suppress(MalformedInput):
            understand("]C1" + f"9{number % 9}{number:03}{GS}" * 140)
    assert looked_up == 0
    with suppress(MalformedInput):
        understand("]C1" + "".join(f"20{number:02}" for number in range(90)))
    assert looked_up <= 100


async def test_a_hostile_batch_lets_others_have_their_turn_between_its_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    # As if each took as long as it may.
    monkeypatch.setattr(pace, "time", SimpleNamespace(perf_counter=itertools.count(1).__next__))
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    waiting = asyncio.create_task(other())
    manifest = await manifest_of(ValidateBatch(inputs=HOSTILE[:100]))
    waiting.cancel()
    assert len(manifest.questions) == 100
    assert turns >= 100


@pytest.mark.parametrize("piece", HOSTILE_PIECES, ids=range(len(HOSTILE_PIECES)))
def test_a_hostile_text_is_settled_within_milliseconds(piece: str) -> None:
    # Regular expressions are one call each, however long they take: only time shows them.
    for text in (text for text in HOSTILE if piece in text):
        best = min(seconds_to_settle(text) for _ in range(3))
        assert best < 0.02, f"{best * 1000:.0f} ms for {text[:12]!a}"


def calls_to_settle(text: str) -> int:
    """How many functions are called, Python's own among them."""
    calls = 0

    def count(_: object, event: str, __: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        with suppress(MalformedInput):
            understand(text)
    finally:
        sys.setprofile(before)
    return calls


def seconds_to_settle(text: str) -> float:
    start = time.process_time()
    with suppress(MalformedInput):
        understand(text)
    return time.process_time() - start


@given(
    st.from_regex(r"(?i)PO-?[A-Z0-9]{2,34}", fullmatch=True)
    | st.from_regex(r"(?i)PO-?(N|NO|NR|NUM|NUMBER|PO|P|#)-?[A-Z0-9]{1,9}", fullmatch=True)
)
def test_numbers_that_look_like_ours_are_read_at_once_as_they_would_be_read_anyway(text: str) -> None:
    def read() -> UnderstoodInput | str:
        try:
            return understand(text)
        except MalformedInput as malformed:
            return malformed.rule

    with pytest.MonkeyPatch.context() as patch:
        quick = read()
        patch.setattr(inputs, "_ISSUED_HERE", re.compile("(?!)"))
        assert quick == read()
