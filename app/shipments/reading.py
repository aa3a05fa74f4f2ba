"""Reads carriers' codes and PRO numbers as they are written, by the rule that the caller's organisation goes by."""

from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from app.principal import Principal
from app.shipments import carriers, pro_numbers, pro_scans
from app.shipments.errors import InvalidProNumber
from app.shipments.pro_numbers import ProNumber, ProRule, pro_number_key
from app.shipments.scac import InvalidScac, parse_scac


async def read(connection: AsyncConnection, caller: Principal, scac: str | None, text: str) -> tuple[str, ProNumber]:
    """Return the carrier's code and its PRO number that are written; raises InvalidProNumber naming the field."""
    code, written = waybill_of(scac, text)
    return code, pro_number_of(code, written, *await carriers.rule_of(connection, caller, code))


def waybill_of(scac: str | None, pro_number: str) -> tuple[str, str]:
    """Return the carrier and its PRO number, as they are written or as a bar code holds them.

    Raises InvalidProNumber where neither names a carrier, or the two name different ones.
    """
    written = pro_scans.read(pro_number)
    if scac is None and written.scac is None:
        raise _wrong_carrier("The carrier's code (SCAC) is missing, and the PRO number is no bar code that says it.")
    said = written.scac if scac is None else scac_of(scac)
    if said is None or written.scac not in {None, said}:
        raise _wrong_carrier(f"The bar code is of {written.scac}, and the carrier that is given is {said}.")
    return said, written.text


def named(scac: str, pro_number: str) -> tuple[str, str]:
    """Return the carrier and the key of the PRO number that a path names; raises InvalidProNumber."""
    code, text = waybill_of(scac, pro_number)
    try:
        return code, pro_number_key(text)
    except pro_numbers.InvalidProNumber as fault:
        raise _invalid(fault, fault.detail, None) from None


def scac_of(text: str) -> str:
    """Return the carrier's code; raises InvalidProNumber naming `scac`."""
    try:
        return parse_scac(text)
    except InvalidScac as fault:
        raise InvalidProNumber(
            fault.detail, members={"field": "scac", "rule": fault.rule.value, "carrier": None}
        ) from None


def pro_number_of(scac: str, text: str, rule: ProRule, name: str | None) -> ProNumber:
    """Return the PRO number by its carrier's rule; raises InvalidProNumber naming the carrier."""
    try:
        return pro_numbers.check(rule, text)
    except pro_numbers.InvalidProNumber as fault:
        detail = f"{name} ({scac}): {fault.detail}" if name else f"{scac}: {fault.detail}"
        raise _invalid(fault, detail, _described(rule, scac, name)) from None


def _wrong_carrier(detail: str) -> InvalidProNumber:
    return InvalidProNumber(detail, members={"field": "scac", "rule": "carrier", "carrier": None})


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
