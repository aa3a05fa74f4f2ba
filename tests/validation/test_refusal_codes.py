import re

import pytest

from app.organisations.schemas import ContactPoints
from app.validation.refusal_codes import (
    CAUSES,
    REFUSAL_CODES,
    ContactDesk,
    NextStepAction,
    RefusalCode,
    RefusalRule,
    Verdict,
)

HOLD = [
    "not_confirmed",
    "not_active",
    "activation_pending",
    "not_yet_valid",
    "pro_number_missing",
    "ambiguous_number",
    "carrier_disrupted",
    "duplicate_in_request",
    "no_booking",
    "before_window",
]
REJECT = [
    "malformed",
    "check_character_mismatch",
    "unknown",
    "not_issued",
    "lapsed",
    "expired",
    "already_received",
    "suspended",
    "rejected",
    "cancelled",
    "closed",
    "delivery_mismatch",
    "pro_number_mismatch",
    "after_window",
]

EVERY_CODE = pytest.mark.parametrize(("code", "rule"), REFUSAL_CODES.items(), ids=str)


def test_the_vocabulary_is_the_published_one_holds_first() -> None:
    assert [str(code) for code in RefusalCode] == HOLD + REJECT
    assert list(REFUSAL_CODES) == list(RefusalCode)


@EVERY_CODE
def test_a_code_holds_or_rejects_as_published(code: RefusalCode, rule: RefusalRule) -> None:
    assert rule.verdict is (Verdict.hold if code in HOLD else Verdict.reject)


@EVERY_CODE
def test_a_text_for_the_gate_is_short_and_in_whole_sentences(code: RefusalCode, rule: RefusalRule) -> None:
    assert 0 < len(rule.title) <= 40
    assert not rule.title.endswith(".")
    for text in (rule.explanation, rule.description):
        assert re.fullmatch(r"[A-Z].+\.", text)
        assert len(text) <= 130
        assert text.isascii()


@EVERY_CODE
def test_a_text_for_the_gate_holds_no_program_words_and_no_facts(code: RefusalCode, rule: RefusalRule) -> None:
    for text in (rule.title, rule.explanation, rule.description):
        assert not re.search(r"[_`{}<>0-9]", text)


@EVERY_CODE
def test_a_next_step_begins_with_what_to_do(code: RefusalCode, rule: RefusalRule) -> None:
    assert rule.description.split()[0] in {"Hold", "Do", "Ask", "Find", "Compare", "Let"}
    if rule.verdict is Verdict.reject and "Do not take the goods in" not in rule.description:
        assert rule.description.startswith("Compare")


@EVERY_CODE
def test_a_next_step_says_whom_to_call_or_what_to_compare_and_enter(code: RefusalCode, rule: RefusalRule) -> None:
    reached = re.search("(call|Call|ask|have) the (buyer|supplier|logistics partner)", rule.description)
    assert (reached is not None) == (rule.contact is not None)
    assert reached or re.search("enter|check again|take the number out", rule.description)


@EVERY_CODE
def test_a_code_has_one_cause_of_the_trade(code: RefusalCode, rule: RefusalRule) -> None:
    assert sum(code in codes for codes in CAUSES.values()) == 1


def test_titles_tell_codes_apart() -> None:
    assert len({rule.title for rule in REFUSAL_CODES.values()}) == len(RefusalCode)


# The causes of the trade, and who has to do what


@pytest.mark.parametrize(
    ("codes", "action", "contact"),
    [
        ("malformed check_character_mismatch", "check_the_document", None),
        ("unknown already_received", "check_the_document", "buyer_desk"),
        ("expired lapsed not_active", "apply_for_activation", "buyer_desk"),
        ("not_confirmed", "contact_supplier", "supplier_desk"),
        ("delivery_mismatch pro_number_mismatch", "check_the_document", "logistics"),
        ("carrier_disrupted", "contact_logistics_partner", "logistics"),
        ("cancelled rejected suspended closed not_issued", "contact_buyer", "buyer_desk"),
    ],
)
def test_a_cause_names_the_step_that_the_trade_takes(codes: str, action: str, contact: str | None) -> None:
    for code in codes.split():
        assert REFUSAL_CODES[RefusalCode(code)].action == action
        assert REFUSAL_CODES[RefusalCode(code)].contact == contact


@pytest.mark.parametrize(
    ("codes", "then"),
    [
        ("already_received unknown", "contact_buyer"),
        ("delivery_mismatch pro_number_mismatch", "contact_logistics_partner"),
        ("cancelled rejected suspended expired lapsed", "open_support_case"),
    ],
)
def test_a_cause_names_what_follows_when_the_first_step_has_not_helped(codes: str, then: str) -> None:
    assert {REFUSAL_CODES[RefusalCode(code)].then for code in codes.split()} == {NextStepAction(then)}


def test_a_cancelled_order_says_both_to_call_the_buyer_and_to_open_a_case() -> None:
    for code in (RefusalCode.cancelled, RefusalCode.rejected, RefusalCode.suspended):
        assert "Call the buyer" in REFUSAL_CODES[code].description
        assert "open a support case" in REFUSAL_CODES[code].description


@EVERY_CODE
def test_whoever_is_to_be_called_has_a_contact_beside_the_step(code: RefusalCode, rule: RefusalRule) -> None:
    called = {
        NextStepAction.contact_buyer: ContactDesk.buyer_desk,
        NextStepAction.contact_supplier: ContactDesk.supplier_desk,
        NextStepAction.contact_logistics_partner: ContactDesk.logistics,
    }
    if rule.action in called:
        assert rule.contact is called[rule.action]
    spoken_of = {
        "all the buyer": ContactDesk.buyer_desk,
        "all the supplier": ContactDesk.supplier_desk,
        "all the logistics partner": ContactDesk.logistics,
    }
    for words, contact in spoken_of.items():
        if words in rule.description:
            assert rule.contact is contact


@EVERY_CODE
def test_the_second_step_is_another_than_the_first(code: RefusalCode, rule: RefusalRule) -> None:
    assert rule.then is not rule.action


def test_every_action_and_every_contact_is_some_codes_step() -> None:
    used = {rule.action for rule in REFUSAL_CODES.values()} | {rule.then for rule in REFUSAL_CODES.values()}
    assert used - {None} == set(NextStepAction)
    assert {rule.contact for rule in REFUSAL_CODES.values()} - {None} == set(ContactDesk)


def test_contacts_are_named_like_the_contact_points_of_an_organisation() -> None:
    assert {str(desk) for desk in ContactDesk} == set(ContactPoints.model_fields)
