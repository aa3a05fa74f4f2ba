"""Random parties do random things to an order, and after each the service and a model tell the same story.

The answer is the very one that the model gives, the status and the quantities are the model's, the timeline has each
event once, and the status that follows from the timeline alone is the one that is shown. STORY_EXAMPLES and STORY_STEPS
make a run as long as one likes, and each such run a different one; with STORY_SHRINK a story that fails is made short.
"""

import os
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from tests.orders import story_attachments as attachments
from tests.orders.story_cast import (
    ASKED,
    BEGINNINGS,
    CHANGES,
    DECISIONS,
    MOVES,
    OWNER,
    REASONS,
    ROLES,
    WHICH,
    Beginning,
    Caller,
    Cast,
    callers,
    instant,
    moments,
    move,
    moves_of,
    without_none,
)
from tests.orders.story_checks import ORDERS, ToldTwice
from tests.orders.story_model import Kept, Order, Refused, Terms, lines_of
from tests.outbox import keep_quiet
from tests.parties import Operator

EXAMPLES = int(os.environ.get("STORY_EXAMPLES", "0"))
STEPS = int(os.environ.get("STORY_STEPS", "0")) or 30


class Story(ToldTwice):
    """One order and whatever is done to it."""

    @initialize(beginning=BEGINNINGS)
    def begin(self, beginning: Beginning) -> None:
        self.tell_from(beginning)

    @rule(data=st.data())
    def go_on(self, data: st.DataObject) -> None:
        """Do something; at every fourth step also what makes no sense."""
        what = data.draw(st.sampled_from(moves_of(self.order, anything=self.steps % 4 == 0)), label="what")
        getattr(self, what)(**{name: data.draw(values, label=name) for name, values in MOVES[what].given.items()})

    @move(6, needs=lambda order: order.stored in {"rejected", "cancelled", "closed"}, beginning=BEGINNINGS)
    def begin_anew(self, beginning: Beginning) -> None:
        """What has ended has little more to tell: another order takes its place."""
        self.see_the_end()
        self.tell_from(beginning)

    def tell_from(self, beginning: Beginning) -> None:
        lines, ship_to, dates = beginning.lines, beginning.ship_to, beginning.dates
        self.cast.tolerate(beginning.tolerance)
        content = {**dates, "ship_to": ship_to, "forwarder": beginning.forwarder}
        body = {name: value for name, value in self.body(content).items() if value is not None}
        # Lines that are sent without numbers count from 1.
        body |= {"lines": self.lines(lines, numbered=False), "draft": beginning.steps == 0}
        if beginning.seller:
            body["seller"] = self.party(beginning.seller)
        answer = self.cast.call(OWNER, "POST", ORDERS, body)
        assert answer.status_code == 201, answer.text
        self.id, self.number = answer.json()["id"], answer.json()["number"]
        keep_quiet(self.cast.sql, self.id)
        self.pro_numbers = {name: f"{name}{secrets.token_hex(6).upper()}" for name in "XY"}
        numbered = dict(enumerate((lines[line] for line in sorted(lines)), start=1))
        self.order = Order(lambda: datetime.now(UTC), "owner", beginning.seller, Terms(numbered, ship_to))
        self.order.lines = lines_of(self.order.terms, {})
        self.order.dates, self.order.forwarder = dict(dates), beginning.forwarder
        if beginning.steps == 0:
            self.order.note("purchase_order.drafted", "owner")
        else:
            self.keep_policy()
            self.order.issue("owner")
        if beginning.steps > 1:
            self.confirm(OWNER, None, {})
        if beginning.steps > 2:
            self.activate(OWNER, None)

    # What is done to the order

    @move(3, "issue", caller=callers("owner"), end=moments(2, 8, -1), deadline=moments(1, 5))
    def issue(self, caller: Caller, end: datetime | None, deadline: datetime | None) -> None:
        answer = self.post(caller, "issue", without_none(expires_at=end, activate_by=deadline))
        fits = end is None or deadline is None or deadline <= end
        act = self.do(
            caller, "issue", lambda: self.order.issue("owner", expires_at=end, activate_by=deadline), fits=fits
        )
        self.hold_against(answer, act)
        if answer.status_code == 200:
            self.keep_policy()

    @move(
        4,
        "confirm",
        caller=callers("seller", "owner", "owner"),
        revision=st.sampled_from([None, None, None, 1, 2]),
        decisions=DECISIONS,
    )
    def confirm(self, caller: Caller, revision: int | None, decisions: dict[int, list[tuple[str, Decimal]]]) -> None:
        lines = [
            {"line": line, "decisions": [{"decision": what, "quantity": str(many)} for what, many in parts]}
            for line, parts in decisions.items()
        ]
        answer = self.post(caller, "confirm", without_none(revision=revision, lines=lines))
        act = self.do(caller, "confirm", lambda: self.order.confirm(caller.who, revision, decisions))
        self.hold_against(answer, act)

    @move(
        2,
        lambda order: order.proposed or (order.stored == "issued" and order.seen),
        caller=callers("seller", "owner", "owner"),
        revision=st.sampled_from([2, 2, 3, 4, 1, None]),
        reason=REASONS,
    )
    def reject(self, caller: Caller, revision: int | None, reason: str | None) -> None:
        answer = self.post(caller, "reject", without_none(revision=revision, reason=reason))
        self.hold_against(answer, self.do(caller, "reject", lambda: self.order.reject(caller.who, revision, reason)))

    @move(4, "activate", caller=callers("owner"), end=moments(1, 4, -1))
    def activate(self, caller: Caller, end: datetime | None) -> None:
        answer = self.post(caller, "activate", without_none(expires_at=end))
        self.hold_against(answer, self.do(caller, "activate", lambda: self.order.activate(caller.who, end)))

    @move(
        3,
        lambda order: order.time_says(),
        caller=callers("owner"),
        end=st.sampled_from([4, 8, 9, 12, -1]).map(instant),
        deadline=moments(1, 2, -1),
    )
    def extend(self, caller: Caller, end: datetime, deadline: datetime | None) -> None:
        answer = self.post(caller, "extend", without_none(expires_at=end, activate_by=deadline))
        fits = deadline is None or deadline <= end
        act = self.do(caller, "extend", lambda: self.order.extend(caller.who, end, deadline), fits=fits)
        self.hold_against(answer, act)

    @move(5, "resume", caller=callers("owner"), reason=REASONS)
    def resume(self, caller: Caller, reason: str | None) -> None:
        self.stop_or_go(caller, "resume", reason)

    @move(2, "suspend", caller=callers("owner"), reason=REASONS)
    def suspend(self, caller: Caller, reason: str | None) -> None:
        self.stop_or_go(caller, "suspend", reason)

    @move(
        1,
        lambda order: len(order.events) > 8,
        caller=callers("owner"),
        action=st.sampled_from(["cancel", "close"]),
        reason=REASONS,
    )
    def end(self, caller: Caller, action: str, reason: str | None) -> None:
        self.stop_or_go(caller, action, reason)

    def stop_or_go(self, caller: Caller, action: str, reason: str | None) -> None:
        answer = self.post(caller, action, without_none(reason=reason))
        act = self.do(caller, action, lambda: self.order.stop_or_go(caller.who, action, reason))
        self.hold_against(answer, act)

    @move(
        4,
        lambda order: order.stored not in {"received", "rejected", "cancelled", "closed"},
        caller=callers("owner"),
        patch=CHANGES,
        match=st.sampled_from(["current"] * 6 + ["stale", "none"]),
    )
    def change(self, caller: Caller, patch: dict[str, Any], match: str) -> None:
        headers = {"current": {"If-Match": self.etag}, "stale": {"If-Match": '"0-draft-owner"'}}.get(match, {})
        path = f"{ORDERS}/{self.number if caller.by_number else self.id}"
        answer = self.cast.call(caller, "PATCH", path, self.body(patch), **headers)

        def act() -> None:
            if match != "current":
                raise Refused(*((412, "precondition_failed") if match == "stale" else (428, "precondition_required")))
            self.order.change(caller.who, patch)

        self.hold_against(answer, self.do(caller, "change", act))

    @move(1, lambda order: order.stored == "issued" and not order.seen, caller=callers("seller", "owner", "ship_to"))
    def look(self, caller: Caller) -> None:
        answer = self.cast.call(caller, "GET", f"{ORDERS}/{self.number if caller.by_number else self.id}")
        self.hold_against(answer, self.do(caller, "look", lambda: self.order.look(caller.who)))

    @move(
        6,
        "receive",
        caller=callers("ship_to", "owner", "owner"),
        asked=st.sampled_from(range(3)).flatmap(lambda die: ASKED if die else st.none()),
        reference=st.sampled_from([None, None, "R-1", "R-2"]),
    )
    def receive(self, caller: Caller, asked: list[tuple[int, Decimal]] | None, reference: str | None) -> None:
        lines = asked and [{"line": line, "quantity": str(many)} for line, many in asked]
        own = reference and f"{self.id} {reference}"
        answer = self.post(caller, "receive", without_none(lines=lines, receipt_reference=own))
        receipt_id = answer.json().get("receipt", {}).get("id", "")
        act = self.do(
            caller, "receive", lambda: attachments.receive(self.order, caller.who, receipt_id, asked, reference)
        )
        made = self.hold_against(answer, act)
        if made:
            told = {line["line"]: Decimal(0) for line in answer.json()["receipt"]["lines"]}
            for line in answer.json()["receipt"]["lines"]:
                told[line["line"]] += Decimal(line["quantity"])
            assert told == made.quantities

    def of(self, kept: dict[str, Kept], which: int) -> Kept:
        return list(kept.values())[which % len(kept)]

    @move(
        3,
        lambda order: order.stored in {"partially_received", "received"},
        needs=lambda order: order.receipts,
        caller=callers("ship_to", "owner", "owner"),
        which=WHICH,
        reason=st.just("booked on the wrong order"),
    )
    def reverse(self, caller: Caller, which: int, reason: str) -> None:
        receipt = self.of(self.order.receipts, which)
        answer = self.cast.call(caller, "POST", f"/v1/receipts/{receipt.id}/reverse", {"reason": reason})
        act = self.do(caller, "reverse", lambda: attachments.reverse(self.order, caller.who, receipt))
        self.hold_against(answer, act)

    @move(1, needs=lambda order: order.receipts, caller=callers("ship_to", "owner"), which=WHICH)
    def put_away(self, caller: Caller, which: int) -> None:
        receipt = self.of(self.order.receipts, which)
        answer = self.cast.call(caller, "POST", f"/v1/receipts/{receipt.id}/put-away", {"location": "A-04"})
        act = self.do(caller, "put_away", lambda: attachments.put_away(self.order, caller.who, receipt))
        self.hold_against(answer, act)

    # Activation requests

    @move(
        3,
        lambda order: order.helped_by(),
        caller=callers("ship_to", "seller", "owner", "stranger"),
        wanted=moments(2, 8, -1),
    )
    def apply(self, caller: Caller, wanted: datetime | None) -> None:
        answer = self.post(caller, "activation-requests", without_none(reason="late", expires_at=wanted))
        request_id = answer.json().get("id", "")
        act = self.do(caller, "apply", lambda: attachments.apply(self.order, caller.who, request_id, wanted))
        self.hold_against(answer, act, success=201)

    @move(
        6,
        lambda order: order.open_request(),
        needs=lambda order: order.requests,
        caller=callers("owner", "owner", "ship_to", "stranger"),
        which=WHICH,
        decision=st.sampled_from(["approve", "approve", "deny", "withdraw"]),
        end=moments(2, 8, -1),
    )
    def decide(self, caller: Caller, which: int, decision: str, end: datetime | None) -> None:
        request = self.order.open_request() or self.of(self.order.requests, which)
        body = {"approve": without_none(expires_at=end), "deny": {"reason": "no"}}.get(decision, {})
        answer = self.cast.call(caller, "POST", f"/v1/activation-requests/{request.id}/{decision}", body)

        def act() -> None:
            attachments.admit_to(self.order, decision, caller.who, caller.scopes, request)
            if decision == "approve":
                attachments.approve(self.order, caller.who, request, end)
            else:
                getattr(attachments, decision)(self.order, caller.who, request)

        self.hold_against(answer, act)

    # PRO numbers and support cases

    @move(
        1,
        lambda order: not order.links,
        caller=callers("seller", "forwarder", "owner", "stranger"),
        name=st.sampled_from("XY"),
    )
    def link(self, caller: Caller, name: str) -> None:
        answer = self.post(caller, "pro-numbers", {"scac": "EXLA", "pro_number": self.pro_numbers[name]})
        act = self.do(caller, "link", lambda: (attachments.link(self.order, caller.who, name),))
        told = self.hold_against(answer, act, success=answer.status_code if answer.status_code == 201 else 200)
        if told is not None:
            assert answer.status_code == (201 if told[0] else 200)

    @move(
        1,
        lambda order: order.links,
        caller=callers("seller", "forwarder", "owner", "stranger"),
        name=st.sampled_from("XY"),
    )
    def unlink(self, caller: Caller, name: str) -> None:
        answer = self.post(caller, f"pro-numbers/EXLA/{self.pro_numbers[name]}/unlink")
        act = self.do(caller, "unlink", lambda: attachments.unlink(self.order, caller.who, name))
        self.hold_against(answer, act)

    @move(1, lambda order: not order.cases, caller=callers("ship_to", "seller", "stranger"))
    def open_case(self, caller: Caller) -> None:
        body = {"number": self.number if caller.by_number else self.id, "category": "stopped", "description": "help"}
        answer = self.cast.call(caller, "POST", "/v1/support-cases", body)
        case_id = answer.json().get("id", "")
        act = self.do(caller, "open_case", lambda: attachments.open_case(self.order, caller.who, case_id))
        self.hold_against(answer, act, success=201)

    @move(
        1,
        needs=lambda order: order.cases,
        caller=callers("owner", "stranger"),
        which=WHICH,
        step=st.sampled_from(["comment", "resolve"]),
    )
    def go_on_with_case(self, caller: Caller, which: int, step: str) -> None:
        case = self.of(self.order.cases, which)
        told = {"comment": ("comments", {"text": "on our way"}), "resolve": ("resolve", {"resolution": "done"})}
        path, body = told[step]
        answer = self.cast.call(caller, "POST", f"/v1/support-cases/{case.id}/{path}", body)

        def act() -> None:
            attachments.admit_to_case(self.order, step, caller.who, caller.scopes, case)
            attachments.do_with_case(self.order, caller.who, case, step)

        self.hold_against(answer, act)

    # What is done beside it

    @move(1, caller=callers(*ROLES))
    def ask(self, caller: Caller) -> None:
        self.ask_as(caller)

    @move(2, lambda order: any(order.dates.values()), days=st.sampled_from([1, 1, 2, 4]))
    def let_time_pass(self, days: int) -> None:
        """Move every date of the order back, which to the order is as if so many days had gone by."""
        span = timedelta(days=days)
        moved = ", ".join(f"{name} = {name} - $2::interval" for name in self.order.dates)
        self.cast.sql(f"UPDATE purchase_orders SET {moved} WHERE id = $1", self.id, span)
        self.cast.sql(
            "UPDATE activation_requests SET expires_at = expires_at - $2::interval WHERE number_key = $1",
            self.number.replace("-", ""),
            span,
        )
        self.order.let_time_pass(span)

    @move(1, lambda order: order.stored == "draft", share=st.sampled_from([Decimal(0), Decimal("0.5")]))
    def state_policy(self, share: Decimal) -> None:
        """The buyer changes its policy; an order that was issued keeps the one that it has."""
        self.cast.tolerate(share)


@pytest.mark.parametrize("machine", [Story])
def test_the_service_and_the_model_tell_the_same_story(
    operator: Operator, sql: Callable[..., list[Any]], machine: type[Story]
) -> None:
    machine.cast = Cast(operator, sql)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]  # hypothesis leaves it so
        machine,
        settings=settings(
            max_examples=EXAMPLES or 6,
            stateful_step_count=STEPS,
            derandomize=not EXAMPLES,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            # A step is four requests: to shrink a story takes minutes.
            phases=[Phase.generate, Phase.shrink] if "STORY_SHRINK" in os.environ else [Phase.generate],
        ),
    )
