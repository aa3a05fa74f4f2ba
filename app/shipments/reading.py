"""Reads carriers' codes and PRO numbers as they are written, by the rule that the caller's organisation goes by."""

from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from app.principal import Principal
from app.shipments import carriers, pro_numbers
from app.shipments.errors import InvalidProNumber
from app.shipments.pro_numbers import ProNumber, ProRule, pro_number_key
from app.shipments.scac import InvalidScac, parse_scac


async def read(connection: AsyncConnection, caller: Principal, scac: str, text: str) -> tuple[str, ProNumber]:
    """Return the carrier's code and its PRO number that are written; raises InvalidProNumber naming the field."""
    code = scac_of(scac)
    return code, pro_number_of(code, text, *await carriers.rule_of(connection, caller, code))


def scac_of(text: str) -> str:
    """Return the carrier's code; raises InvalidProNumber naming `scac`."""
    try:
        return parse_scac(text)
    except InvalidScac as fault:
        raise InvalidProNumber(
            fault.detail, members={"field": "scac", "rule": fault.rule.value, "carrier": None}
        ) from None


def key_of(text: str) -> str:
    """Return the key of a PRO number in any written form, of any carrier; raises InvalidProNumber."""
    try:
        return pro_number_key(text)
    except pro_numbers.InvalidProNumber as fault:
        raise _invalid(fault, fault.detail, None) from None


def pro_number_of(scac: str, text: str, rule: ProRule, name: str | None) -> ProNumber:
    """Return the PRO number by its carrier's rule; raises InvalidProNumber naming the carrier."""
    try:
        return pro_numbers.check(rule, text)
    except pro_numbers.InvalidProNumber as fault:
        detail = f"{name} ({scac}): {fault.detail}" if name else f"{scac}: {fault.detail}"
        raise _invalid(fault, detail, _described(rule, scac, name)) from None


def _invalid(fault: pro_numbers.InvalidProNumber, detail: str, carrier: JsonValue) -> InvalidProNumber:
    return InvalidProNumber(detail, members={"field": "pro_number", "rule": fault.rule.value, "carrier": carrier})


def _described(rule: ProRule, scac: str, name: str | None) -> JsonValue:
    return {
        "scac": scac,
        "name": name,
        "pro_mask": rule.mask,
        "check_scheme": rule.check_scheme,
        "source": rule.source,
    }
