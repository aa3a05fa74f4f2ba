"""What an order comes to: amounts per line and in all, rounded by the minor unit of its currency.

Pure: no I/O and no clock. The minor units are those of ISO 4217 (JPY 0, EUR 2, KWD 3), from the table that its
maintenance agency publishes and the package `iso4217` carries.
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import cache
from typing import Final, NamedTuple

from iso4217 import Currency

MINOR_UNITS: Final = {currency.code: currency.exponent for currency in Currency}
"""Digits after the point by currency code; None for gold, drawing rights and the like, which have no minor unit."""

_DIGITS_WITHOUT_MINOR_UNIT: Final = 6
"""As many as a price has."""

# Quantity and price have 18 digits each, a rate 7, and 500 lines add 3: nothing is rounded but what is meant to be.
_EXACT: Final = Context(prec=60, rounding=ROUND_HALF_UP)


class Amounts(NamedTuple):
    """Money in the order's currency: without tax, the tax, and both together."""

    net: Decimal
    tax: Decimal
    gross: Decimal


class PricedLine(NamedTuple):
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
    step = _step(currency)
    net = _EXACT.quantize(_EXACT.multiply(line.quantity, line.unit_price), step)
    if not line.tax_rate:
        return Amounts(net, _EXACT.quantize(_NOTHING, step), net)
    tax = _EXACT.quantize(_EXACT.multiply(net, _EXACT.divide(line.tax_rate, _HUNDRED)), step)
    return Amounts(net, tax, _EXACT.add(net, tax))


_HUNDRED: Final = Decimal(100)
_NOTHING: Final = Decimal(0)


@cache
def _step(currency: str) -> Decimal:
    """Return the least amount of a currency; there are some 180 of them, and no others come here."""
    digits = MINOR_UNITS.get(currency)
    return Decimal(1).scaleb(-(_DIGITS_WITHOUT_MINOR_UNIT if digits is None else digits))


def order_amounts(lines: Iterable[Amounts | None]) -> Amounts | None:
    """The sum of all lines; None where there is none, or where one of them has no price."""
    net = tax = gross = None
    for amounts in lines:
        if amounts is None:
            return None
        if net is None or tax is None or gross is None:
            net, tax, gross = amounts
        else:
            net = _EXACT.add(net, amounts.net)
            tax = _EXACT.add(tax, amounts.tax)
            gross = _EXACT.add(gross, amounts.gross)
    return None if net is None or tax is None or gross is None else Amounts(net, tax, gross)
