"""Where a change of an order is at an end of what it may say, and what the end of an order leaves of its changes."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.orders.docks import ORDERS
from tests.orders.test_changing import changed, fault, last_event, patch, problem, stands
from tests.parties import Party, ahead

Sql = Callable[..., list[Any]]
LINES = [{"sku": "A", "quantity": "10"}]

# The driver of Postgres takes both for infinity.
FIRST_MOMENT = "0001-01-01T00:00:00Z"
LAST_MOMENT = "9999-12-31T23:59:59.999999Z"


@pytest.mark.parametrize(("name", "moment"), [("valid_from", FIRST_MOMENT), ("expires_at", LAST_MOMENT)])
def test_the_first_and_the_last_moment_of_all_are_refused_as_dates_by_their_field(
    buyer: Party, name: str, moment: str
) -> None:
    order = buyer.issue(lines=LINES)
    answers = [patch(buyer, order, {name: moment}), buyer.post(ORDERS, {name: moment})]
    if name == "expires_at":
        answers.append(buyer.post(f"{ORDERS}/{order['id']}/extend", {name: moment}))
    for answer in answers:
        assert (problem(answer), fault(answer)) == ((422, "invalid_request"), (f"body.{name}", "timestamp_range"))
    assert buyer.get(f"{ORDERS}/{order['id']}").json() == order


@pytest.mark.parametrize("rate", ["1E+1", "1_0", "\N{ARABIC-INDIC DIGIT SEVEN}"])
def test_a_tax_rate_is_written_as_all_decimals_are(buyer: Party, rate: str) -> None:
    order = buyer.issue(lines=LINES)
    answer = patch(buyer, order, {"lines": [{**LINES[0], "tax": {"rate": rate}}]})
    assert (problem(answer), fault(answer)) == ((422, "invalid_request"), ("body.lines.0.tax.rate", "decimal"))
