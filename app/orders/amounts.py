"""What an order comes to: amounts per line and in all, rounded by the minor unit of its currency.

Pure: no I/O and no clock. The minor units are those of ISO 4217 (JPY 0, EUR 2, KWD 3), from the table that its
maintenance agency publishes and the package `iso4217` carries.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final

from iso4217 import Currency

MINOR_UNITS: Final = {currency.code: currency.exponent for currency in Currency}
"""Digits after the point by currency code; None for gold, drawing rights and the like, which have no minor unit."""

_DIGITS_WITHOUT_MINOR_UNIT: Final = 6
"""As many as a price has."""

# Quantity and price have 18 digits each, a rate 7, and 500 lines add 3: nothing is rounded but what is meant to be.
_EXACT: Final = Context(prec=60, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Amounts:
    """Money in the order's currency: without tax, the tax, and both together."""

    net: Decimal
    tax: Decimal
    gross: Decimal


@dataclass(frozen=True, slots=True)
class PricedLine:
    """What a line's amounts are made of; `unit_price` is None where none was said, `tax_rate` is per cent."""

    quantity: Decimal
    unit_price: Decimal | None
    tax_rate: Decimal


def line_amounts(line: PricedLine, currency: str | None) -> Amounts | None:
    """What was ordered on a line comes to; None without a price or a currency.

    Half a minor unit is rounded up, the net amount first and the tax on what it then is: so that a line can be checked
    by hand, and lines add up to the order.
    """
    if line.unit_price is None or currency is None:
        return None
    digits = MINOR_UNITS.get(currency)
    step = Decimal(1).scaleb(-(_DIGITS_WITHOUT_MINOR_UNIT if digits is None else digits))
    net = _EXACT.quantize(_EXACT.multiply(line.quantity, line.unit_price), step)
    tax = _EXACT.quantize(_EXACT.multiply(net, _EXACT.divide(line.tax_rate, Decimal(100))), step)
    return Amounts(net, tax, _EXACT.add(net, tax))


def order_amounts(lines: Iterable[Amounts | None]) -> Amounts | None:
    """The sum of all lines; None where there is none, or where one of them has no price."""
    known = list(lines)
    priced = [amounts for amounts in known if amounts is not None]
    if not priced or len(priced) < len(known):
        return None
    sums = Amounts(Decimal(0), Decimal(0), Decimal(0))
    for amounts in priced:
        sums = Amounts(
            _EXACT.add(sums.net, amounts.net),
            _EXACT.add(sums.tax, amounts.tax),
            _EXACT.add(sums.gross, amounts.gross),
        )
    return sums
