"""Use cases of carriers: the shared directory, and each organisation's own word on it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import InvalidRequest
from app.events import service as events
from app.events.event_types import AuditType
from app.http.errors import NotFound
from app.http.schemas import timestamp
from app.principal import Principal
from app.shipments import repository
from app.shipments.pro_numbers import InvalidMask, ProCheckScheme, ProRule, parse_mask
from app.shipments.repository import CarrierRecord
from app.shipments.scac import InvalidScac, parse_scac
from app.shipments.schemas import Carrier, CarrierOrigin, PutCarrier, PutSharedCarrier

_OWN_RULE = "Your organisation's own rule."
_NO_RULE = "No rule is known: only the general shape of a PRO number is checked."


async def page(connection: AsyncConnection, caller: Principal, after: str | None, limit: int) -> Sequence[Carrier]:
    """Return up to `limit` carriers after the code `after`, as the caller's organisation sees them."""
    found = await repository.find_carriers(connection, caller.organisation_id, after=after, limit=limit)
    return [_carrier(record) for record in found]


async def get(connection: AsyncConnection, caller: Principal, scac: str) -> Carrier:
    """Return a carrier as the caller's organisation sees it; raises NotFound, InvalidRequest for what is no SCAC."""
    code = _code_in_path(scac)
    found = await repository.find_carriers(connection, caller.organisation_id, scacs=[code])
    if not found:
        raise NotFound(f"There is no carrier {code} in the directory or among this organisation's own.")
    return _carrier(found[0])


async def put(connection: AsyncConnection, caller: Principal, scac: str, body: PutCarrier) -> tuple[Carrier, bool]:
    """Store the organisation's own word on a carrier; return the carrier and whether it is the first word on it.

    Raises InvalidRequest for what is no SCAC, and for a mask that cannot be read or that no number could satisfy.
    """
    code = _code_in_path(scac)
    values = {
        "name": body.name,
        "own_rule": body.states_rule,
        "mask": _usable_mask(body),
        "check_scheme": body.check_scheme,
        **_trouble(body),
    }
    created = await repository.store_override(connection, caller.organisation_id, code, values)
    await _record(connection, caller, AuditType.CARRIER_STORED, code, values)
    return await get(connection, caller, code), created


async def put_shared(
    connection: AsyncConnection, caller: Principal, scac: str, body: PutSharedCarrier
) -> tuple[Carrier, bool]:
    """Store a carrier of the shared directory; return it as the caller sees it, and whether it is a new one.

    What organisations say of it themselves goes on before it. Raises what `put` does.
    """
    code = _code_in_path(scac)
    values = {
        "name": body.name,
        "mask": _usable_mask(body),
        "check_scheme": body.check_scheme,
        "source": body.source,
        **_trouble(body),
    }
    created = await repository.store_shared(connection, code, values)
    await _record(connection, caller, AuditType.SHARED_CARRIER_STORED, code, values)
    return await get(connection, caller, code), created


async def rule_of(connection: AsyncConnection, caller: Principal, code: str) -> tuple[ProRule, str | None]:
    """Return the rule by which the caller's organisation reads a carrier's PRO numbers, and the carrier's name.

    Its own word first, then the directory's, then the general shape: a carrier need not be known to be used.
    """
    found = await repository.find_carriers(connection, caller.organisation_id, scacs=[code])
    if not found:
        return ProRule(mask=None, check_scheme=None, source=_NO_RULE), None
    carrier = _carrier(found[0])
    return ProRule(carrier.pro_mask, carrier.check_scheme, carrier.source), found[0].name


def _carrier(record: CarrierRecord) -> Carrier:
    if record.shared:
        origin = CarrierOrigin.OVERRIDDEN if record.overridden else CarrierOrigin.SHARED
    else:
        origin = CarrierOrigin.OWN
    return Carrier(
        scac=record.scac,
        name=record.name or record.scac,
        pro_mask=record.mask,
        check_scheme=ProCheckScheme(record.check_scheme) if record.check_scheme else None,
        source=_OWN_RULE if record.own_rule else record.source or _NO_RULE,
        origin=origin,
        disrupted=record.disrupted,
        disruption_reason=record.disruption_reason,
        disrupted_until=record.disrupted_until,
        updated_at=record.updated_at,
    )


def _code_in_path(text: str) -> str:
    try:
        return parse_scac(text)
    except InvalidScac as fault:
        raise InvalidRequest.at(["path", "scac"], f"scac_{fault.rule}", fault.detail) from None


def _trouble(body: PutCarrier | PutSharedCarrier) -> dict[str, Any]:
    return {name: getattr(body, name) for name in ("disrupted", "disruption_reason", "disrupted_until")}


async def _record(
    connection: AsyncConnection, caller: Principal, type_: AuditType, scac: str, values: Mapping[str, Any]
) -> None:
    until = values["disrupted_until"]
    data = {"scac": scac, **values, "disrupted_until": None if until is None else timestamp(until)}
    await events.record_audit(connection, type_, caller.organisation_id, caller, data)


def _usable_mask(body: PutCarrier | PutSharedCarrier) -> str | None:
    try:
        ProRule(body.pro_mask, body.check_scheme, _OWN_RULE)
        return None if body.pro_mask is None else "|".join(parse_mask(body.pro_mask))
    except InvalidMask as fault:
        raise InvalidRequest.at(["body", "pro_mask"], "invalid_mask", fault.detail) from None
