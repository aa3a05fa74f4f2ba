"""The model of what hangs on an order: its receipts, activation requests, PRO numbers and support cases."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from tests.orders.story_model import INVALID, MAY, NAMED, NOT_FOUND, NOT_NOW, OPEN, Kept, Order, Refused

REQUEST_CLOSED = (409, "activation_request_closed")


def receive(
    order: Order, who: str, receipt_id: str, asked: list[tuple[int, Decimal]] | None, reference: str | None
) -> Kept:
    """Take in what came, or all that is open; `receipt_id` is what it will be known by."""
    if reference is not None and (who, reference) in order.receipt_references:
        raise Refused(409, "duplicate_receipt")
    if order.stored == "received":
        raise Refused(409, "already_received")
    order.require("receive")
    if asked is None:
        quantities = {number: line.open for number, line in order.lines.items() if line.open}
    else:
        if any(number not in order.lines for number, _ in asked):
            raise Refused(*INVALID)
        quantities = {number: sum((many for line, many in asked if line == number), Decimal(0)) for number, _ in asked}
    for number, many in quantities.items():
        line = order.lines[number]
        if line.received + many > (line.ordered - line.rejected) * (1 + order.tolerance):
            raise Refused(409, "over_receipt")
    add(order, quantities)
    made = order.receipts[receipt_id] = Kept(receipt_id, who, order.relation(who), "in force", quantities)
    if reference is not None:
        order.receipt_references.add((who, reference))
    order.stored = by_quantities(order, anything=True)
    order.note(f"purchase_order.{order.stored}", who)
    return made


def reverse(order: Order, who: str, receipt: Kept) -> None:
    if receipt.state == "reversed":
        raise Refused(409, "receipt_reversed")
    if order.stored not in {"partially_received", "received"}:
        raise Refused(*NOT_NOW)
    receipt.state = "reversed"
    add(order, {number: -many for number, many in receipt.quantities.items()})
    order.stored = by_quantities(order, anything=any(line.received for line in order.lines.values()))
    order.note("receipt.reversed", who)


def put_away(order: Order, who: str, receipt: Kept) -> None:
    if receipt.state == "reversed":
        raise Refused(409, "receipt_reversed")
    order.note("receipt.put_away", who)


def add(order: Order, quantities: Mapping[int, Decimal]) -> None:
    for number, many in quantities.items():
        line = order.lines[number]
        order.lines[number] = replace(line, received=line.received + many)


def by_quantities(order: Order, *, anything: bool) -> str:
    if not anything:
        return "active"
    return "partially_received" if any(line.open for line in order.lines.values()) else "received"


# Activation requests


def apply(order: Order, who: str, request_id: str, wanted: datetime | None) -> None:
    if wanted is not None and wanted <= order.now():
        raise Refused(*INVALID)
    if not order.helped_by():
        raise Refused(409, "activation_not_possible")
    if order.open_request():
        raise Refused(409, "activation_request_open")
    order.requests[request_id] = Kept(request_id, who, order.relation(who), "pending", wanted=wanted)
    order.note("activation.requested", who)


def admit_to(order: Order, what: str, who: str, scopes: Iterable[str], kept: Kept) -> None:
    """Who may do something with a request: its applicant and the owner see it, to all others it is not there."""
    needed, relations = MAY[what]
    if not needed & set(scopes):
        raise Refused(403, "missing_scope")
    if who not in {order.owner, kept.by}:
        raise Refused(*NOT_FOUND)
    if order.relation(who) not in relations or (what == "withdraw" and who != kept.by):
        raise Refused(403, "relation_not_allowed")


def approve(order: Order, who: str, request: Kept, end: datetime | None) -> None:
    if request.state != "pending":
        raise Refused(*REQUEST_CLOSED)
    way = order.helped_by()
    if not way:
        raise Refused(409, "activation_not_possible")
    current = order.dates["expires_at"]
    granted = end
    if granted is None:
        granted = current if current is None or request.wanted is None else max(current, request.wanted)
    order.require_new_end(granted)
    request.state = "approved"
    lapsed = "lapsed" in order.time_says()
    order.dates |= {"expires_at": granted} | ({"activate_by": granted} if lapsed else {})
    order.note("activation.approved", who)
    if "activate" in way:
        order.stored = "active"
    for action in way:
        order.note("purchase_order.extended" if action == "extend" else "purchase_order.activated", who)


def deny(order: Order, who: str, request: Kept) -> None:
    if request.state != "pending":
        raise Refused(*REQUEST_CLOSED)
    request.state = "denied"
    order.note("activation.denied", who)


def withdraw(order: Order, who: str, request: Kept) -> None:
    if request.state != "pending":
        raise Refused(*REQUEST_CLOSED)
    request.state = "withdrawn"
    order.note("activation.withdrawn", who)


# PRO numbers


def link(order: Order, who: str, pro: str) -> bool:
    """Put a PRO number on the order; whether it is new there."""
    if order.claims.get(pro, who) != who:
        raise Refused(409, "pro_number_claimed")
    if pro in order.links:
        return False
    if order.stored not in {*OPEN, "suspended"}:
        raise Refused(*NOT_NOW)
    order.claims[pro] = order.links[pro] = who
    order.note("pro_number.linked", who)
    return True


def unlink(order: Order, who: str, pro: str) -> None:
    if pro not in order.links or (order.relation(who) == "presenter" and order.links[pro] != who):
        raise Refused(*NOT_FOUND)
    del order.links[pro]
    order.note("pro_number.unlinked", who)


# Support cases


def open_case(order: Order, who: str, case_id: str) -> None:
    relation = order.relation(who)
    if relation == "presenter" and any(
        case.by == who and case.relation == "presenter" and case.state != "resolved" for case in order.cases.values()
    ):
        raise Refused(409, "support_case_open")
    order.cases[case_id] = Kept(case_id, who, relation, "open")
    order.note("support_case.opened", who)


def admit_to_case(order: Order, what: str, who: str, scopes: Iterable[str], case: Kept) -> None:
    needed, _ = MAY[what]
    if not needed & set(scopes):
        raise Refused(403, "missing_scope")
    if order.relation(who) not in NAMED and who != case.by:
        raise Refused(*NOT_FOUND)


def do_with_case(order: Order, who: str, case: Kept, what: str) -> None:
    if what == "resolve":
        if case.state == "resolved":
            raise Refused(409, "support_case_resolved")
        case.state = "resolved"
    order.note("support_case.commented" if what == "comment" else "support_case.resolved", who)


# The status, told by the events alone


def status_by_events(events: list[dict[str, Any]]) -> str:
    """What the timeline tells of the order's stored status, but how much is still open, which is said beside it."""
    status, before_suspension, received = "draft", "", 0
    for event in events:
        match event["type"]:
            case "purchase_order.confirmed":
                status = "confirmed" if status == "issued" else status
            case "purchase_order.suspended":
                status, before_suspension = "suspended", status
            case "purchase_order.resumed":
                status = before_suspension
            case "purchase_order.activated":
                status = "active"
            case "receipt.reversed":
                received -= 1
                status = "partially_received" if received else "active"
            case "purchase_order.partially_received" | "purchase_order.received":
                received += bool(event["data"].get("receipt_id"))
                status = event["type"].removeprefix("purchase_order.")
            case (
                "purchase_order.issued"
                | "purchase_order.rejected"
                | "purchase_order.cancelled"
                | ("purchase_order.closed")
            ):
                status = event["type"].removeprefix("purchase_order.")
    return status
