"""Finds the one order that a number in a path means, among those that the caller may see."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.pace import unhurried
from app.errors import InvalidRequest, Problem
from app.http.errors import NotFound, RelationNotAllowed
from app.numbers.number_keys import MalformedNumber, candidate_keys
from app.orders import repository
from app.orders.errors import AmbiguousNumber
from app.orders.identity import Identity
from app.orders.views import relation_of
from app.principal import NAMED, Principal, Relation, Rule


@dataclass(frozen=True, slots=True)
class LocatedOrder:
    """An order and what the caller is to it; `read_at` is the database's time of the reading."""

    row: Mapping[str, Any]
    relation: Relation

    @property
    def number_key(self) -> str:
        """The key of the order's number."""
        return str(self.row["number_key"])

    @property
    def organisation_id(self) -> UUID:
        """The buyer."""
        buyer: UUID = self.row["organisation_id"]
        return buyer

    @property
    def identity(self) -> Identity:
        """The key of the order's number, and the buyer."""
        return (self.number_key, self.organisation_id)

    @property
    def read_at(self) -> datetime:
        """When it was read, by the database's clock."""
        moment: datetime = self.row["read_at"]
        return moment


async def locate(
    connection: AsyncConnection,
    caller: Principal,
    number: str,
    buyer: UUID | None,
    *,
    admits: Callable[[LocatedOrder], bool] = lambda _: True,
    place: Sequence[str] = ("path", "number"),
) -> LocatedOrder:
    """Return the order that `number`, in any written form, or an order's id means to the caller.

    An order that `admits` refuses is as unknown as any other. `place` is where the number stands in the request. Raises
    NotFound where no order does that the caller may see, AmbiguousNumber where several do, RelationNotAllowed where the
    operation is another party's, InvalidRequest for a text that cannot be a number.
    """
    keys = keys_of(number, [*place])
    order_id = as_id(number)
    rows = [row._asdict() for row in await repository.find_by_keys(connection, keys, order_id, buyer)]
    visible = _visible(caller, rows, admits)
    caller.met.update(order.relation for order in visible)
    return _the_order(visible, caller, Asked(number, buyer, place), keys)


@dataclass(frozen=True, slots=True)
class Asked:
    """A number that means an order; `place` is where it stands in the request."""

    number: str
    buyer: UUID | None
    place: Sequence[str | int]


@dataclass(frozen=True, slots=True)
class Located:
    """The order that a number means, or the problem that `locate` would raise; `related`: one of it names the caller.

    Those that are not count as look-ups, one by one (`LookUpAccount`).
    """

    order: LocatedOrder | Problem
    related: bool


async def locate_all(
    connection: AsyncConnection,
    caller: Principal,
    asked: Sequence[Asked],
    *,
    admits: Callable[[LocatedOrder], bool] = lambda _: True,
) -> list[Located]:
    """Return what each number means to the caller, in order: one query for all of them."""
    keys: dict[int, Sequence[str]] = {}
    found: dict[int, Located] = {}
    for index, one in enumerate(asked):
        try:
            keys[index] = keys_of(one.number, [*one.place])
        except InvalidRequest as fault:
            found[index] = Located(fault, related=False)
    by_key: dict[str | UUID, list[Mapping[str, Any]]] = {}
    ids = {order_id for index in keys if (order_id := as_id(asked[index].number)) is not None}
    for row in await repository.find_all(connection, {key for of_one in keys.values() for key in of_one}, ids):
        by_key.setdefault(row.number_key, []).append(row._asdict())
        if row.id in ids:
            by_key.setdefault(row.id, []).append(row._asdict())
    async for index in unhurried(keys):
        one = asked[index]
        meant = {row["id"]: row for key in (*keys[index], as_id(one.number)) if key for row in by_key.get(key, ())}
        rows = [row for row in meant.values() if one.buyer in {None, row["organisation_id"]}]
        related = any(relation_of(row, caller.organisation_id) in NAMED for row in rows)
        try:
            found[index] = Located(_the_order(_visible(caller, rows, admits), caller, one, keys[index]), related)
        except Problem as problem:
            found[index] = Located(problem, related)
    return [found[index] for index in range(len(asked))]


def _visible(
    caller: Principal, rows: Sequence[Mapping[str, Any]], admits: Callable[[LocatedOrder], bool]
) -> list[LocatedOrder]:
    seen = NAMED | caller.rule.relations
    related = [LocatedOrder(row, relation_of(row, caller.organisation_id)) for row in rows]
    visible = [order for order in related if order.relation in seen and admits(order)]
    # Who is named on one of several orders means that one: the others are nothing to him.
    return [order for order in visible if order.relation in NAMED] or visible


def _the_order(visible: Sequence[LocatedOrder], caller: Principal, asked: Asked, keys: Sequence[str]) -> LocatedOrder:
    found = _the_one(visible, keys, as_id(asked.number), asked.buyer, asked.number)
    require_relation(found, caller.rule)
    return found


def require_relation(order: LocatedOrder, rule: Rule) -> None:
    """Raise RelationNotAllowed where the rule asks for another relation to the order than the caller's."""
    if order.relation not in rule.relations:
        allowed = " or ".join(relation for relation in Relation if relation in rule.relations)
        raise RelationNotAllowed(
            f"This is done by the {allowed} of the order; the calling organisation is its {order.relation}."
        )


def unknown_order(number: str) -> NotFound:
    """Return the problem for a number that means no order to the caller: the same whether or not there is one."""
    return NotFound(f"There is no purchase order {number[:64]} that this organisation has a relation to.")


def keys_of(number: str, loc: list[str | int]) -> tuple[str, ...]:
    """Return the keys that a written number may mean, best first; raises InvalidRequest naming the place `loc`."""
    try:
        return candidate_keys(number)
    except MalformedNumber as error:
        raise InvalidRequest.at(loc, f"number_{error.rule}", str(error)) from None


def as_id(text: str) -> UUID | None:
    """Return the order id that a text is, if it is written like one."""
    try:
        return UUID(text) if len(text) == 36 else None
    except ValueError:
        return None


def _the_one(
    visible: Sequence[LocatedOrder], keys: Sequence[str], order_id: UUID | None, buyer: UUID | None, number: str
) -> LocatedOrder:
    by_id = [order for order in visible if order.row["id"] == order_id]
    if by_id:
        return by_id[0]
    if not visible:
        raise unknown_order(number)
    if exact := [order for order in visible if order.row["issued_here"] and order.number_key == keys[0]]:
        return exact[0]
    if len(visible) > 1 and buyer is None:
        # Who merely presents the number may know of his buyer, but is not told of another's.
        named = [order for order in visible if order.relation in NAMED]
        buyers = sorted({str(order.organisation_id) for order in named})
        raise AmbiguousNumber(
            "More than one order has this number; send `buyer`, the organisation id of the buyer that is meant.",
            members={"buyers": list(buyers)},
        )
    # One buyer may hold both PO123 and 123: once the buyer is named, the exact form wins.
    return min(visible, key=lambda order: keys.index(order.number_key))
