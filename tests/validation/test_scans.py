"""What scanners send to the gate, over HTTP: the bar code's content is read, the number in it is judged."""

import pytest

from tests.parties import Party


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
