"""What an order comes to, in the minor unit of its currency."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.orders.amounts import MINOR_UNITS, Amounts, PricedLine, line_amounts, order_amounts

quantities = st.decimals("0.000001", "999999999999.999999", places=6)
prices = st.decimals(0, "999999999999.999999", places=6)
rates = st.decimals(0, 100, places=4)
currencies = st.sampled_from(sorted(MINOR_UNITS))


@pytest.mark.parametrize(
    ("currency", "quantity", "price", "rate", "expected"),
    [
        ("EUR", "240", "4.90", "19", ("1176.00", "223.44", "1399.44")),
        ("EUR", "3", "0.335", "0", ("1.01", "0.00", "1.01")),
        ("EUR", "1", "0.105", "19", ("0.11", "0.02", "0.13")),
        ("JPY", "3", "33.5", "10", ("101", "10", "111")),
        ("JPY", "1", "0.4", "10", ("0", "0", "0")),
        ("KWD", "7", "1.2345", "5", ("8.642", "0.432", "9.074")),
        ("XAU", "2", "0.1234567", "0", ("0.246913", "0.000000", "0.246913")),
    ],
)
def test_half_a_minor_unit_is_rounded_up_the_net_amount_first(
    currency: str, quantity: str, price: str, rate: str, expected: tuple[str, str, str]
) -> None:
    found = line_amounts(PricedLine(Decimal(quantity), Decimal(price), Decimal(rate)), currency)
    assert found is not None
    assert (str(found.net), str(found.tax), str(found.gross)) == expected


@given(quantities, prices, rates, currencies)
def test_an_amount_is_never_further_from_the_exact_one_than_half_a_minor_unit(
    quantity: Decimal, price: Decimal, rate: Decimal, currency: str
) -> None:
    found = line_amounts(PricedLine(quantity, price, rate), currency)
    assert found is not None
    half = Fraction(1, 2 * 10 ** (6 if MINOR_UNITS[currency] is None else MINOR_UNITS[currency]))
    assert abs(Fraction(found.net) - Fraction(quantity) * Fraction(price)) <= half
    assert abs(Fraction(found.tax) - Fraction(found.net) * Fraction(rate) / 100) <= half
    assert Fraction(found.gross) == Fraction(found.net) + Fraction(found.tax)


@given(st.lists(st.tuples(quantities, prices, rates), min_size=1, max_size=8), currencies)
def test_lines_add_up_to_the_order(rows: list[tuple[Decimal, Decimal, Decimal]], currency: str) -> None:
    lines = [line_amounts(PricedLine(*row), currency) for row in rows]
    found = order_amounts(lines)
    assert found is not None
    for name in ("net", "tax", "gross"):
        assert Fraction(getattr(found, name)) == sum(Fraction(getattr(line, name)) for line in lines)


def test_an_order_with_a_line_that_has_no_price_has_no_total() -> None:
    one = Amounts(Decimal(1), Decimal(0), Decimal(1))
    assert order_amounts([one, None]) is None
    assert order_amounts([]) is None
    assert line_amounts(PricedLine(Decimal(1), None, Decimal(0)), "EUR") is None
    assert line_amounts(PricedLine(Decimal(1), Decimal(1), Decimal(0)), None) is None
