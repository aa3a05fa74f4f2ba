"""What must hold after each step of a story that is made up at random."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
from hypothesis.stateful import RuleBasedStateMachine, invariant

from tests.orders.story_attachments import status_by_events
from tests.orders.story_cast import OWNER, Caller, Cast, written
from tests.orders.story_model import REJECTING, Order, Refused
from tests.outbox import recorded

ORDERS = "/v1/purchase-orders"


class ToldTwice(RuleBasedStateMachine):
    """One order, as the service and as the model tell of it."""

    cast: Cast
    order: Order
    id: str
    number: str
    etag: str
    steps = 0

    # Saying and asking

    def party(self, role: str) -> dict[str, str]:
        return {"organisation_id": self.cast.parties[role].id}

    def lines(self, lines: dict[int, tuple[str, Decimal]], *, numbered: bool = True) -> list[dict[str, Any]]:
        return [
            {**({"line": number} if numbered else {}), "sku": sku, "quantity": str(ordered)}
            for number, (sku, ordered) in sorted(lines.items())
        ]

    def body(self, content: dict[str, Any]) -> dict[str, Any]:
        said = {name: written(value) for name, value in content.items()}
        if "lines" in said:
            said["lines"] = self.lines(said["lines"])
        if said.get("ship_to"):
            said["ship_to"] = self.party(said["ship_to"])
        if "forwarder" in said:
            forwarder = said.pop("forwarder")
            said["forwarders"] = [self.party(forwarder)] if forwarder else []
        return said

    def post(self, caller: Caller, action: str, body: Any = None, order: str | None = None) -> httpx.Response:
        path = f"{ORDERS}/{order or (self.number if caller.by_number else self.id)}/{action}"
        return self.cast.call(caller, "POST", path, {} if body is None else body)

    def hold_against(self, answer: httpx.Response, what: Callable[[], Any], success: int = 200) -> Any:
        """See that the answer is the model's, and return what the model says; None where it refuses."""
        refused, said = None, None
        try:
            said = what()
        except Refused as refusal:
            refused = refusal.status, refusal.code
        code = None if answer.is_success else answer.json().get("code")
        assert (answer.status_code, code) == (refused or (success, None)), answer.text
        return said

    def do(self, caller: Caller, what: str, act: Callable[[], Any], *, fits: bool = True) -> Callable[[], Any]:
        """Return the action of the model for a caller who is admitted to it."""

        def admitted() -> Any:
            self.order.admit(what, caller.who, caller.scopes, by_number=caller.by_number, fits=fits)
            return act()

        return admitted

    def keep_policy(self) -> None:
        """An order keeps the policy that it is issued under."""
        self.order.tolerance = self.cast.tolerance

    # What holds at any time

    @invariant()
    def the_order_is_what_the_model_says(self) -> None:
        self.steps += 1
        answer = self.cast.call(OWNER, "GET", f"{ORDERS}/{self.id}")
        assert answer.status_code == 200, answer.text
        self.etag, shown, order = answer.headers["ETag"], answer.json(), self.order
        assert {name: shown[name] for name in
                ("status", "stored_status", "allowed_actions", "version", "revision", "status_reason")} == {
            "status": order.status,
            "stored_status": order.stored,
            "allowed_actions": order.allowed_actions,
            "version": len(order.events),
            "revision": order.revision,
            "status_reason": order.reason,
        }  # fmt: skip
        assert shown["proposed_revision"] == (order.proposed and order.proposed[0])
        assert (shown["seen_at"] is not None) == order.seen
        quantities = [
            (line["line"], line["sku"], *(Decimal(line[name]) for name in ("quantity", "received", "rejected", "open")))
            for line in shown["lines"]
        ]
        assert quantities == [
            (number, line.sku, line.ordered, line.received, line.rejected, line.open)
            for number, line in sorted(order.lines.items())
        ]

    @invariant()
    def the_timeline_has_each_event_once_and_tells_the_status(self) -> None:
        timeline: list[dict[str, Any]] = []
        path: str | None = f"{ORDERS}/{self.id}/events?limit=200"
        while path:
            answer = self.cast.call(OWNER, "GET", path)
            timeline += [event for event in answer.json()["data"] if event["type"] != "gate.checked"]
            path = answer.links.get("next", {}).get("url")
        assert [event["sequence"] for event in timeline] == list(range(1, len(self.order.events) + 1))
        ids = {role: party.id for role, party in self.cast.parties.items()}
        assert [(event["type"], event["organisation_id"], event["relation"]) for event in timeline] == [
            (type_, ids[who], relation) for type_, who, relation in self.order.events
        ]
        told = status_by_events(timeline)
        if told == "partially_received" and self.order.lines and not any(one.open for one in self.order.lines.values()):
            # More had come in than was ordered, and one receipt was taken back: that still nothing is open is no event.
            told = "received"
        assert told == self.order.stored

    @invariant()
    def the_gate_says_so_too(self) -> None:
        self.ask_as(OWNER)

    def ask_as(self, caller: Caller) -> None:
        answer = self.cast.call(caller, "POST", "/v1/validations", {"input": self.number})

        def said() -> list[str]:
            self.order.admit("ask", caller.who, caller.scopes)
            return self.order.at_the_gate()

        codes = self.hold_against(answer, said)
        if codes is not None:
            shown = answer.json()
            assert sorted(refusal["code"] for refusal in shown["refusals"]) == sorted(codes)
            rejected = bool(REJECTING & set(codes))
            assert shown["verdict"] == ("reject" if rejected else "hold" if codes else "accept")
            related = self.order.relation(caller.who) != "presenter"
            assert shown["status"] == (self.order.status if related else None)

    def teardown(self) -> None:
        if hasattr(self, "id"):
            self.see_the_end()

    def see_the_end(self) -> None:
        """What is listed is what was done, and whoever waits for events gets each of them."""
        listed = self.cast.call(OWNER, "GET", f"{ORDERS}/{self.id}/receipts?limit=200").json()["data"]
        assert {one["id"]: one["reversed_at"] is not None for one in listed} == {
            one.id: one.state == "reversed" for one in self.order.receipts.values()
        }
        for kept, path in ((self.order.requests, "activation-requests"), (self.order.cases, "support-cases")):
            answer = self.cast.call(OWNER, "GET", f"/v1/{path}?number={self.number}&limit=200")
            assert {one["id"]: one["status"] for one in answer.json()["data"]} == {
                one.id: one.state for one in kept.values()
            }
        assert recorded(self.cast.sql, self.number) == [
            (sequence, type_) for sequence, (type_, _, _) in enumerate(self.order.events, start=1)
        ]
