"""What the rows of a new order hold, and what is wrong with its content, seen with the clock and the directory."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from pydantic import JsonValue

from app.db.identifiers import new_id
from app.http.schemas import timestamp
from app.numbers.number_keys import MalformedNumber, clean_number_text, number_key
from app.orders.content_schemas import Content, Line, Party
from app.orders.lifecycle import StoredStatus
from app.orders.policies import DEFAULT_POLICY, OrderDates, Policy, PolicyVersion, dates_at_issue, in_order
from app.orders.schemas import IssuePurchaseOrder
from app.principal import Principal


def faults_of(
    body: IssuePurchaseOrder,
    caller: Principal,
    names: Mapping[UUID, str],
    now: datetime,
    policy: Policy,
    place: list[str | int],
) -> Iterable[dict[str, JsonValue]]:
    """Yield what only the database's clock, the directory and the buyer's policy can tell to be wrong."""
    for name in ("activate_by", "expires_at"):
        moment = getattr(body, name)
        if moment is not None and moment <= now:
            yield _fault([*place, name], "in_the_past", f"`{name}` has passed already")
    if not body.draft:
        yield from faults_of_dates(dates_at_issue(policy, dates_said(body), now), dates_said(body), place)
    yield from faults_of_parties(body, caller, names, place)
    if body.number is not None:
        try:
            clean_number_text(body.number)
        except MalformedNumber as error:
            yield _fault([*place, "number"], f"number_{error.rule}", str(error))


def faults_of_dates(dates: OrderDates, said: OrderDates, place: list[str | int]) -> Iterable[dict[str, JsonValue]]:
    """Yield what is wrong with the `dates` of an order that is being issued, of which the buyer has `said` some."""
    if not in_order(dates) and dates.expires_at is not None:
        ends = "" if said.expires_at else f", {timestamp(dates.expires_at)} by your policy: state a later one"
        yield _fault([*place, "activate_by"], "date_order", f"`activate_by` must not be after `expires_at`{ends}")


def dates_said(order: Any) -> OrderDates:
    """Return the dates that a body or an order's row holds."""
    return OrderDates(order.activate_by, order.valid_from, order.expires_at)


def faults_of_parties(
    body: Content, caller: Principal, names: Mapping[UUID, str], place: list[str | int]
) -> Iterable[dict[str, JsonValue]]:
    """Yield what is wrong with the organisations that an order of the caller's names."""
    if body.buyer is not None and body.buyer.organisation_id not in {None, caller.organisation_id}:
        yield _fault(
            [*place, "buyer", "organisation_id"],
            "not_the_caller",
            "The buyer is the organisation that issues the order",
        )
    for way, party in parties_of(body):
        if party.organisation_id is not None and party.organisation_id not in names:
            yield _fault([*place, *way, "organisation_id"], "unknown_organisation", "There is no such organisation")


def _fault(loc: list[str | int], code: str, message: str) -> dict[str, JsonValue]:
    return {"loc": list(loc), "code": code, "message": message}


def order_row(
    body: IssuePurchaseOrder, caller: Principal, names: Mapping[UUID, str], version: PolicyVersion | None, now: datetime
) -> dict[str, Any]:
    """Return the row of a new order; one that is to be issued here has no number yet.

    `version`: of the buyer's policy, by which it is issued, its dates included; what a draft says is all that it says.
    """
    policy = DEFAULT_POLICY if version is None else version.policy
    dates = dates_said(body) if body.draft else dates_at_issue(policy, dates_said(body), now)
    return {
        **content_columns(body, caller.organisation_id, names),
        "activate_by": dates.activate_by,
        "valid_from": dates.valid_from,
        "expires_at": dates.expires_at,
        "organisation_id": caller.organisation_id,
        "id": new_id(),
        "number": None if body.number is None else clean_number_text(body.number),
        "number_key": None if body.number is None else number_key(body.number),
        "issued_here": body.number is None,
        "format_id": None,
        "format_version": None,
        "version": 1,
        "revision": 1,
        "latest_revision": 1,
        "proposed_revision": None,
        "policy_version": None if body.draft or version is None else version.version,
        "status": (StoredStatus.draft if body.draft else StoredStatus.issued).value,
        **dict.fromkeys(("suspended_from", "status_reason", "contract_number", "invoice_number")),
        "sent_via": body.sent_via,
        "sent_at": None if body.sent_via is None else now,
        **dict.fromkeys(("seen_at", "confirmed_at", "activated_at")),
        "issued_at": None if body.draft else now,
        "created_at": now,
        "updated_at": now,
    }


def content_columns(body: Content, buyer: UUID, names: Mapping[UUID, str]) -> dict[str, Any]:
    """Return the columns of an order's row that hold what it says, but for its lines."""
    return {
        **{name: getattr(body, name) for name in _AS_THEY_ARE},
        "references": [{"type": one.type, "value": one.value} for one in body.references],
        **{name: (window := getattr(body, name)) and window.model_dump(mode="json") for name in _WINDOWS},
        "buyer": _named(body.buyer or _NOBODY_YET, names, buyer),
        **{name: _named(getattr(body, name), names) for name in ("bill_to", "seller", "ship_to")},
        "forwarders": [_named(forwarder, names) for forwarder in body.forwarders],
        "seller_id": body.seller.organisation_id if body.seller else None,
        "ship_to_id": body.ship_to.organisation_id if body.ship_to else None,
        "forwarder_ids": sorted({party.organisation_id for party in body.forwarders if party.organisation_id}),
        "order_metadata": body.metadata,
    }


_WINDOWS: Final = ("ship_window", "delivery_window")

_AS_THEY_ARE: Final = tuple(
    name
    for name in Content.model_fields
    if name not in {*_WINDOWS, "references", "buyer", "bill_to", "seller", "ship_to", "forwarders", "lines", "metadata"}
)

_NOBODY_YET: Final = Party.model_construct()


def _named(
    party: Party | None, names: Mapping[UUID, str], organisation_id: UUID | None = None
) -> dict[str, Any] | None:
    """Return a party as it is kept, its organisation named: the one that it says, or `organisation_id`."""
    if party is None:
        return None
    organisation_id = organisation_id or party.organisation_id
    name = party.name
    if name is None and organisation_id is not None:
        name = names[organisation_id]
    return {
        "organisation_id": None if organisation_id is None else str(organisation_id),
        "name": name,
        "address": party.address and party.address.model_dump(mode="json"),
        "phone": party.phone,
        "code": party.code,
        "gln": party.gln,
    }


def line_row(order: Mapping[str, Any], line: Line, number: int, revision: int = 1) -> dict[str, Any]:
    """Return the row of a line of an order's revision, of which nothing has come in; lines count from 1."""
    return {
        "number_key": order["number_key"],
        "organisation_id": order["organisation_id"],
        "revision": revision,
        "line": number,
        **{name: getattr(line, name) for name in _OF_A_LINE},
        "tax": line.tax.model_dump(mode="json") if line.tax else None,
        "received": _NOTHING,
        "rejected": _NOTHING,
    }


_OF_A_LINE: Final = tuple(name for name in Line.model_fields if name != "tax")
_NOTHING: Final = Decimal(0)


def organisations_named(bodies: Iterable[Content]) -> Iterable[UUID]:
    """Yield the organisations that the orders name by id."""
    for body in bodies:
        for _, party in parties_of(body):
            if party.organisation_id is not None:
                yield party.organisation_id


def parties_of(body: Content) -> Iterable[tuple[tuple[str | int, ...], Party]]:
    for name in ("buyer", "bill_to", "seller", "ship_to"):
        if (party := getattr(body, name)) is not None:
            yield (name,), party
    for position, forwarder in enumerate(body.forwarders):
        yield ("forwarders", position), forwarder
