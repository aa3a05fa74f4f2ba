"""What scanners send to the gate, over HTTP: the bar code's content is read, the number in it is judged."""

from collections.abc import Callable
from typing import Any

import pytest

from app.numbers.number_keys import number_key
from tests.parties import Party
from tests.validation.input_table import (
    AROUND_THE_EDGES,
    LABELS,
    ON_DOCUMENTS,
    REFUSED,
    SCANNED_GS1,
    SEPARATED_OTHERWISE,
    TYPED,
    WITH_WRITTEN_AIS,
    rows,
)

# What is sent, the number that is understood, its key, its source.
UNDERSTOOD = [
    *((*row, "typed") for row in [*rows(TYPED), *rows(ON_DOCUMENTS), *AROUND_THE_EDGES]),
    *((*row, "label") for row in rows(LABELS)),
    *(
        (text, number, number_key(number), "gs1")
        for text, number in SCANNED_GS1 + SEPARATED_OTHERWISE + WITH_WRITTEN_AIS
    ),
]


def results(party: Party, inputs: list[str], buyer: str) -> list[dict[str, Any]]:
    """What a batch answers of the orders of one buyer; others may have numbers of the table as well."""
    answer = party.post("/v1/validations/batch", {"inputs": [{"input": text, "buyer": buyer} for text in inputs]})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def test_every_input_of_the_table_is_answered_with_the_number_and_the_source_understood(stranger: Party) -> None:
    answers = results(stranger, [row[0] for row in UNDERSTOOD], stranger.id)
    assert len(answers) >= 250
    got = [(answer["input"], answer["number"], answer["source"]) for answer in answers]
    assert got == [(text, number, source) for text, number, _, source in UNDERSTOOD]
    assert {answer["refusals"][0]["code"] for answer in answers} <= {"unknown", "check_character_mismatch"}


def test_every_input_of_the_table_finds_the_order_that_is_meant(buyer: Party, sql: Callable[..., list[Any]]) -> None:
    meant = {key for _, _, key, _ in UNDERSTOOD}
    # Not what has the shape of numbers issued here, and of PO123 and 123 not both: one text may mean either.
    keys = {key for key in meant if not key.startswith("PO7K3M9Q") and key.removeprefix("PO") not in meant - {key}}
    answer = buyer.post("/v1/purchase-orders/batch", {"purchase_orders": [{"number": key} for key in sorted(keys)]})
    assert answer.json()["issued"] == len(keys) > 40
    sql("UPDATE purchase_orders SET status = 'active' WHERE organisation_id = $1", buyer.id)
    asked = [row for row in UNDERSTOOD if row[2] in keys]
    for (text, _, key, source), found in zip(asked, results(buyer, [row[0] for row in asked], buyer.id), strict=True):
        assert (found["number"], found["source"], found["status"]) == (key, source, "active"), text
        assert {refusal["code"] for refusal in found["refusals"]} <= {"duplicate_in_request"}, text


def test_every_input_without_a_number_is_malformed_with_a_sentence(stranger: Party) -> None:
    for answer in results(stranger, [text for text, _ in REFUSED], stranger.id):
        assert (answer["verdict"], answer["number"]) == ("reject", None), answer["input"]
        (refusal,) = answer["refusals"]
        assert (refusal["code"], refusal["field"]) == ("malformed", "input")


@pytest.mark.parametrize(
    ("form", "source"),
    [
        ("{number}", "typed"),
        ("Purchase order no.: {number}", "typed"),
        ("]C1400{number}", "gs1"),
        ("]C1400{number}\x1d10LOT7", "gs1"),
        ("]d2410400638133393100123456789012345675400{number}", "gs1"),
        ("(400){number}", "gs1"),
        ("]C0{number}", "label"),
        ("]Q1PO:{number}", "label"),
    ],
)
def test_a_scan_is_answered_like_the_number_in_it(buyer: Party, form: str, source: str) -> None:
    order = buyer.active()
    answer = buyer.post("/v1/validations", {"input": form.format(number=order["number"])}).json()
    assert (answer["verdict"], answer["number"], answer["source"]) == ("accept", order["number"], source)


def test_a_scan_without_an_order_number_says_so(buyer: Party) -> None:
    answer = buyer.post("/v1/validations", {"input": "]C100123456789012345675"}).json()
    assert [refusal["code"] for refusal in answer["refusals"]] == ["malformed"]
    assert "(400)" in answer["refusals"][0]["detail"]
