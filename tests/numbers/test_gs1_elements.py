"""What is asked of biip is what it does without the table of the companies' prefixes."""

from biip.gs1_prefixes import GS1CompanyPrefix

from app.numbers.gs1_elements import first_element, scanned_message, written_message


def test_the_prefixes_of_companies_are_not_kept_in_memory() -> None:
    assert GS1CompanyPrefix.extract("7044610873466") is None


def test_numbers_of_places_and_of_logistic_units_are_read_and_checked_without_them() -> None:
    message = scanned_message("]C1" + "00" + "006141411234567890" + "410" + "0614141000005" + "400" + "4500012345")
    assert message is not None
    assert [element.value for element in message.element_strings] == [
        "006141411234567890",
        "0614141000005",
        "4500012345",
    ]
    assert [(element.gln_error, element.sscc_error) for element in message.element_strings] == [(None, None)] * 3
    wrong = first_element("4100614141000006")
    assert wrong is not None
    assert wrong.gln_error is not None


def test_what_cannot_be_read_is_no_message() -> None:
    assert scanned_message("]C1" + "0112") is None
    assert written_message("(99999)A") is None
    assert first_element("9") is None
