"""The use case of finding an order by any number on the papers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.deliveries import repository as deliveries
from app.deliveries.booking_numbers import appointment_number_of, booking_number_of
from app.lookup import papers, repository
from app.lookup.papers import PaperNumber
from app.lookup.schemas import FOUND_MAX, BuyerOfFound, FoundBy, FoundField, FoundOrder, LookUp
from app.orders import reference_repository
from app.orders.lifecycle import effective_status
from app.orders.location import as_id
from app.orders.references import reference_key
from app.orders.views import lifecycle_facts, relation_of
from app.orders.visibility import may_see
from app.principal import NAMED, Principal

_RANKS = list(FoundField)


async def look_up(connection: AsyncConnection, caller: Principal, q: str) -> LookUp:
    """Return the orders naming the caller that a text means, each with what of the order the text is.

    Nothing is told of other orders: a text that means one of theirs is answered like one that means none.
    """
    asked = papers.read(q)
    found: dict[Any, tuple[Row[Any], list[FoundBy]]] = {}
    for row, by in await _hits(connection, caller, asked):
        if relation_of(row._asdict(), caller.organisation_id) in NAMED:
            _, fields = found.setdefault(row.id, (row, []))
            fields.extend(one for one in by if one not in fields)
    ranked = sorted(found.values(), key=lambda hit: hit[0].id, reverse=True)
    ranked.sort(key=lambda hit: min(_RANKS.index(by.field) for by in hit[1]))
    shown = [_found(row, by, caller) for row, by in ranked[:FOUND_MAX]]
    return LookUp(q=q, data=shown, complete=len(ranked) <= FOUND_MAX)


async def _hits(
    connection: AsyncConnection, caller: Principal, asked: PaperNumber
) -> Sequence[tuple[Row[Any], list[FoundBy]]]:
    """Return what each path finds, one more than is shown."""
    me, keys, limit = caller.organisation_id, asked.keys, FOUND_MAX + 1
    order_id = as_id(asked.text)
    hits: list[tuple[Row[Any], list[FoundBy]]] = []
    if keys or order_id:
        rows = await repository.by_numbers(connection, me, keys, order_id, limit)
        hits += [(row, [*_by_number(row, asked, order_id)]) for row in rows]
    if asked.pro_numbers:
        rows = await repository.by_pro_numbers(connection, me, asked.pro_numbers, limit)
        hits += [(row, [_by_pro_number(row)]) for row in rows]
    hits += await _by_bookings(connection, caller, asked, limit)
    if asked.tracking_number is not None:
        rows = await repository.by_tracking_number(connection, me, asked.tracking_number, limit)
        hits += [(row, [_by_tracking_number(row)]) for row in rows]
    if keys:
        rows = await reference_repository.find_by_references(connection, me, keys, of_one_buyer=limit)
        hits += [(row, [*_by_reference(row._asdict(), caller)]) for row in rows]
    # A scan may hold what the database takes in no text.
    if "\x00" not in asked.text:
        rows = await repository.by_own_reference(connection, me, asked.text)
        hits += [(row, [_by(FoundField.reference, row.reference)]) for row in rows]
        rows = await repository.by_papers(connection, me, asked.papers, limit)
        hits += [(row, [*_by_papers(row, asked)]) for row in rows]
    return [(row, by) for row, by in hits if by]


async def _by_bookings(
    connection: AsyncConnection, caller: Principal, asked: PaperNumber, limit: int
) -> list[tuple[Row[Any], list[FoundBy]]]:
    """Return the orders that come with the delivery whose booking or appointment number the text is."""
    if "\x00" in asked.text:
        return []
    number, appointment = booking_number_of(asked.text), appointment_number_of(asked.text)
    bookings = {row.id: row for row in await deliveries.ids_by_number(connection, number, appointment)}
    if not bookings:
        return []
    hits: list[tuple[Row[Any], list[FoundBy]]] = []
    for row in await repository.by_bookings(connection, caller.organisation_id, bookings, limit):
        booking = bookings[row.booking_id]
        if booking.booking_number == number:
            by = _by(FoundField.booking_number, booking.booking_number)
        else:
            by = _by(FoundField.appointment_number, booking.appointment_number)
        hits.append((row, [by]))
    return hits


def _by_number(row: Row[Any], asked: PaperNumber, order_id: UUID | None) -> Iterator[FoundBy]:
    if row.number_key in asked.keys:
        yield _by(FoundField.number, row.number)
    if row.id == order_id:
        yield _by(FoundField.id, str(row.id))


def _by_pro_number(row: Row[Any]) -> FoundBy:
    return FoundBy(field=FoundField.pro_number, value=row.display, qualifier=row.scac)


def _by_tracking_number(row: Row[Any]) -> FoundBy:
    return FoundBy(field=FoundField.tracking_number, value=row.display, qualifier=row.carrier)


def _by_reference(row: Mapping[str, Any], caller: Principal) -> Iterator[FoundBy]:
    key = row["reference_key"]
    for one in row["references"]:
        if reference_key(one["value"]) == key:
            yield FoundBy(field=FoundField.references, value=one["value"], qualifier=one["type"])
    own = row["reference"]
    if own is not None and reference_key(own) == key and may_see(relation_of(row, caller.organisation_id), "reference"):
        yield _by(FoundField.reference, own)


def _by_papers(row: Row[Any], asked: PaperNumber) -> Iterator[FoundBy]:
    for field in (FoundField.contract_number, FoundField.invoice_number):
        value = getattr(row, field)
        if value is not None and papers.paper_key(value) in asked.papers:
            yield _by(field, value)


def _by(field: FoundField, value: str) -> FoundBy:
    return FoundBy(field=field, value=value, qualifier=None)


def _found(row: Row[Any], by: Sequence[FoundBy], caller: Principal) -> FoundOrder:
    order = row._asdict()
    return FoundOrder(
        id=row.id,
        number=row.number,
        status=effective_status(lifecycle_facts(order), row.read_at),
        relation=relation_of(order, caller.organisation_id),
        buyer=BuyerOfFound(organisation_id=row.organisation_id, name=(row.buyer or {}).get("name")),
        found_by=sorted(by, key=lambda one: _RANKS.index(one.field)),
    )
