"""A purchase order as the contract tells of it, said once more: who may do what, and what comes of it.

Nothing of the service's own rules is imported: this is what they are held against. Each action either changes the model
or raises `Refused` with the status and the code of the one answer that is right.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

OPEN = frozenset({"issued", "confirmed", "active", "partially_received"})
EVERYBODY = frozenset({"owner", "seller", "ship_to", "forwarder", "presenter"})
NAMED = EVERYBODY - {"presenter"}
OWNER = frozenset({"owner"})

# Action -> the statuses in which it is possible, in the order in which answers list actions.
POSSIBLE = {
    "issue": {"draft"},
    "confirm": OPEN,
    "reject": {"issued", "confirmed"},
    "activate": {"confirmed"},
    "extend": OPEN,
    "suspend": OPEN,
    "resume": {"suspended"},
    "cancel": {"draft", "issued", "confirmed", "active", "suspended"},
    "receive": {"active", "partially_received"},
    "close": {"active", "partially_received", "received"},
}

# What is done -> one of these scopes, by one of these relations to the order.
MAY: Mapping[str, tuple[set[str], frozenset[str]]] = {
    **dict.fromkeys(
        ("issue", "change", "activate", "extend", "suspend", "resume", "cancel", "close"), ({"orders:write"}, OWNER)
    ),
    **dict.fromkeys(("confirm", "reject"), ({"orders:confirm"}, frozenset({"owner", "seller"}))),
    "look": ({"orders:read"}, NAMED),
    "receive": ({"receive"}, frozenset({"owner", "ship_to"})),
    "put_away": ({"receive"}, frozenset({"owner", "ship_to"})),
    "reverse": ({"receive:reverse"}, frozenset({"owner", "ship_to"})),
    "apply": ({"activations:request"}, EVERYBODY),
    "withdraw": ({"activations:request"}, EVERYBODY),
    **dict.fromkeys(("approve", "deny"), ({"activations:review"}, OWNER)),
    **dict.fromkeys(("link", "unlink"), ({"ship"}, EVERYBODY - {"ship_to"})),
    **dict.fromkeys(("open_case", "comment", "resolve"), ({"cases"}, EVERYBODY)),
    "ask": ({"validate"}, EVERYBODY),
}

REJECTING = frozenset(
    {"not_issued", "lapsed", "expired", "already_received", "suspended", "rejected", "cancelled", "closed"}
)
ENDED = {"draft": "not_issued", "received": "already_received"} | {
    status: status for status in ("rejected", "cancelled", "closed")
}


class Refused(Exception):  # noqa: N818 - what the answer is, not an error of the model
    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"{status} {code}")
        self.status, self.code = status, code


INVALID = (422, "invalid_request")
NOT_FOUND = (404, "not_found")
NOT_NOW = (409, "invalid_transition")


@dataclass(frozen=True)
class Line:
    sku: str
    ordered: Decimal
    received: Decimal = Decimal(0)
    rejected: Decimal = Decimal(0)

    @property
    def open(self) -> Decimal:
        return max(self.ordered - self.rejected - self.received, Decimal(0))


@dataclass(frozen=True)
class Terms:
    """What a revision says: lines by their number, and to whom the goods go."""

    lines: Mapping[int, tuple[str, Decimal]]
    ship_to: str | None


@dataclass
class Kept:
    """Something that an order has several of: a receipt, an activation request, a case."""

    id: str
    by: str
    relation: str
    state: str
    quantities: Mapping[int, Decimal] = field(default_factory=dict)
    wanted: datetime | None = None


@dataclass
class Order:
    now: Callable[[], datetime]
    owner: str
    seller: str | None
    terms: Terms
    tolerance: Decimal = Decimal(0)
    stored: str = "draft"
    suspended_from: str | None = None
    lines: dict[int, Line] = field(default_factory=dict)
    forwarder: str | None = None
    dates: dict[str, datetime | None] = field(
        default_factory=lambda: dict.fromkeys(("activate_by", "valid_from", "expires_at"))
    )
    requested_by: str | None = None
    reason: str | None = None
    revision: int = 1
    latest: int = 1
    proposed: tuple[int, Terms] | None = None
    agreed: bool = False
    seen: bool = False
    events: list[tuple[str, str, str]] = field(default_factory=list)
    receipts: dict[str, Kept] = field(default_factory=dict)
    receipt_references: set[tuple[str, str]] = field(default_factory=set)
    requests: dict[str, Kept] = field(default_factory=dict)
    cases: dict[str, Kept] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    claims: dict[str, str] = field(default_factory=dict)

    # What is true of it

    def relation(self, who: str) -> str:
        if who == self.owner:
            return "owner"
        if self.events and not any(type_ == "purchase_order.issued" for type_, _, _ in self.events):
            # Nobody else was ever asked.
            return "presenter"
        named = {self.forwarder: "forwarder", self.terms.ship_to: "ship_to", self.seller: "seller"}
        return named.get(who, "presenter")

    def has_passed(self, date: str) -> bool:
        instant = self.dates[date]
        return instant is not None and instant <= self.now()

    def time_says(self) -> list[str]:
        """Every status that time alone gives, the weightiest first."""
        return [
            status
            for status, holds in (
                ("expired", self.stored in OPEN and self.has_passed("expires_at")),
                ("lapsed", self.stored in {"issued", "confirmed"} and self.has_passed("activate_by")),
                (
                    "not_yet_valid",
                    self.stored in OPEN and self.dates["valid_from"] is not None and not self.has_passed("valid_from"),
                ),
            )
            if holds
        ]

    @property
    def status(self) -> str:
        return next(iter(self.time_says()), self.stored)

    def is_possible(self, action: str) -> bool:
        late = set(self.time_says())
        if action in {"confirm", "activate"} and late & {"expired", "lapsed"}:
            return False
        if action == "receive" and late & {"expired", "not_yet_valid"}:
            return False
        if action == "cancel" and self.suspended_from == "partially_received":
            return False
        return self.stored in POSSIBLE[action]

    @property
    def allowed_actions(self) -> list[str]:
        return [action for action in POSSIBLE if self.is_possible(action)]

    def helped_by(self) -> list[str]:
        """The actions by which an approved application gets the order past the gate; none where it would not help."""
        if self.stored not in OPEN:
            return []
        late = bool({"expired", "lapsed"} & set(self.time_says()))
        return ["extend"] * late + ["activate"] * (self.stored == "confirmed")

    def at_the_gate(self) -> list[str]:
        """The codes of all refusals."""
        if self.stored in ENDED:
            return [ENDED[self.stored]]
        if self.stored == "suspended":
            return ["suspended"] + ["expired"] * self.has_passed("expires_at")
        codes = self.time_says()
        if self.stored == "issued":
            codes.append("not_confirmed")
        if self.stored == "confirmed" and "lapsed" not in codes:
            codes.append("not_active")
        if self.open_request() and {"expired", "lapsed", "not_active"} & set(codes):
            codes = ["activation_pending"] + [one for one in codes if one not in {"expired", "lapsed", "not_active"}]
        return codes

    def open_request(self) -> Kept | None:
        return next((one for one in self.requests.values() if one.state == "pending"), None)

    # Rules that many actions share

    def admit(self, what: str, who: str, scopes: Iterable[str], *, by_number: bool = True, fits: bool = True) -> None:
        """Raise why somebody may not do it; `fits`: whether the body is one at all, whatever the order is."""
        needed, relations = MAY[what]
        if not needed & set(scopes):
            raise Refused(403, "missing_scope")
        if not fits:
            raise Refused(*INVALID)
        relation = self.relation(who)
        if relation == "presenter" and (
            relation not in relations
            or (what in {"apply", "open_case"} and not by_number)
            or (what in {"link", "unlink"} and self.forwarder)
        ):
            raise Refused(*NOT_FOUND)
        if relation not in relations:
            raise Refused(403, "relation_not_allowed")

    def require(self, action: str) -> None:
        if not self.is_possible(action):
            raise Refused(*NOT_NOW)

    def note(self, type_: str, who: str, relation: str | None = None) -> None:
        self.events.append((type_, who, relation or self.relation(who)))
        request = self.open_request()
        if request and self.stored != "suspended" and not self.helped_by():
            request.state = "obsolete"

    def require_new_end(self, end: datetime | None) -> None:
        begin = self.dates["valid_from"]
        if end is not None and (end <= self.now() or (begin is not None and end <= begin)):
            raise Refused(*INVALID)

    # The life of the order

    def issue(self, who: str, **moved: datetime | None) -> None:
        dates = self.dates | {name: end for name, end in moved.items() if end is not None}
        if any(end is not None and end <= self.now() for end in moved.values()):
            raise Refused(*INVALID)
        self.require("issue")
        for name in ("activate_by", "expires_at"):
            if (end := dates[name]) is not None and end <= self.now():
                raise Refused(*INVALID)
        require_order(dates)
        self.dates = dates
        self.stored = "issued"
        self.note("purchase_order.issued", who)

    def activate(self, who: str, end: datetime | None) -> None:
        self.require_new_end(end)
        self.require("activate")
        self.stored = "active"
        self.dates["expires_at"] = end or self.dates["expires_at"]
        self.note("purchase_order.activated", who)

    def extend(self, who: str, end: datetime, deadline: datetime | None) -> None:
        self.require_new_end(end)
        if deadline is not None and deadline <= self.now():
            raise Refused(*INVALID)
        self.require("extend")
        current = self.dates["expires_at"]
        if ("lapsed" in self.time_says() and deadline is None) or (current is not None and current >= end):
            raise Refused(*INVALID)
        self.dates |= {"expires_at": end} | ({} if deadline is None else {"activate_by": deadline})
        self.note("purchase_order.extended", who)

    def stop_or_go(self, who: str, action: str, reason: str | None) -> None:
        """Suspend, resume, cancel, close, and reject as a whole."""
        self.require(action)
        relation = self.relation(who)
        before = self.stored
        self.stored, self.suspended_from = {
            "suspend": ("suspended", before),
            "resume": (self.suspended_from or "", None),
            "cancel": ("cancelled", None),
            "close": ("closed", None),
            "reject": ("rejected", None),
        }[action]
        self.reason = reason
        past = {"suspend": "suspended", "resume": "resumed", "cancel": "cancelled", "close": "closed"}
        self.note(f"purchase_order.{past.get(action, 'rejected')}", who, relation)

    def reject(self, who: str, revision: int | None, reason: str | None) -> None:
        newest = self.proposed[0] if self.proposed else self.revision
        if revision is None or (not self.proposed and revision == newest):
            return self.stop_or_go(who, "reject", reason)
        if revision != newest:
            raise Refused(409, "revision_superseded")
        if self.stored not in OPEN:
            raise Refused(*NOT_NOW)
        self.proposed = None
        return self.note("purchase_order.change_declined", who)

    def confirm(self, who: str, revision: int | None, decisions: Mapping[int, list[tuple[str, Decimal]]]) -> None:
        newest, terms = self.proposed or (self.revision, self.terms)
        if revision not in {None, newest}:
            raise Refused(409, "revision_superseded")
        self.require("confirm")
        lines = dict(self.lines)
        if self.proposed:
            self.require_received(terms)
            lines = lines_of(terms, self.lines)
        if any(line not in lines or sum(many for _, many in parts) > lines[line].ordered
               for line, parts in decisions.items()):  # fmt: skip
            raise Refused(*INVALID)
        for number, line in lines.items():
            rejected = sum((many for what, many in decisions.get(number, []) if what == "rejected"), Decimal(0))
            if rejected and rejected != line.rejected and line.received + rejected > line.ordered:
                raise Refused(409, "quantity_received")
            lines[number] = replace(line, rejected=rejected)
        relation = self.relation(who)
        self.lines, self.terms, self.revision, self.proposed, self.agreed = lines, terms, newest, None, True
        nothing_left = bool(lines) and not any(line.open for line in lines.values())
        if self.stored == "partially_received":
            self.stored = "received" if nothing_left else self.stored
            self.note("purchase_order.confirmed", who, relation)
            if nothing_left:
                self.note("purchase_order.received", who, relation)
        elif nothing_left:
            self.stored, self.reason = "rejected", None
            self.note("purchase_order.rejected", who, relation)
        else:
            self.stored = "confirmed" if self.stored == "issued" else self.stored
            self.note("purchase_order.confirmed", who, relation)

    def require_received(self, terms: Terms) -> None:
        """What came in stays received: no change may take its line away, make it smaller or another product."""
        for number, line in self.lines.items():
            if line.received:
                sku, ordered = terms.lines.get(number, ("", Decimal(0)))
                if sku != line.sku or ordered < min(line.received, line.ordered):
                    raise Refused(409, "quantity_received")

    def change(self, who: str, patch: Mapping[str, Any]) -> bool:
        """Change what the order says; whether anything has changed."""
        newest = self.proposed[1] if self.proposed else self.terms
        terms = replace(newest, **{name: patch[name] for name in ("lines", "ship_to") if name in patch})
        dates = {name: patch[name] for name in self.dates if name in patch}
        if dates:
            require_order(self.dates | dates)
        for name in ("activate_by", "expires_at"):
            if dates.get(name) is not None and dates[name] != self.dates[name] and dates[name] <= self.now():
                raise Refused(*INVALID)
        own = {name: patch[name] for name in ("forwarder", "requested_by") if name in patch}
        moved = {name for name, value in dates.items() if value != self.dates[name]}
        changed = {name for name, value in own.items() if value != getattr(self, name)}
        if not moved and not changed and terms == newest:
            return False
        if self.stored not in {*OPEN, "draft", "suspended"} and (moved or terms != newest or "forwarder" in changed):
            raise Refused(*NOT_NOW)
        if terms != newest:
            self.require_received(terms)
            self.propose(terms)
        self.dates |= dates
        for name, value in own.items():
            setattr(self, name, value)
        self.note("purchase_order.changed", who)
        return True

    def propose(self, terms: Terms) -> None:
        if self.proposed and terms == self.terms:
            self.proposed = None
            return
        if self.stored != "draft":
            self.latest += 1
        if self.agreed:
            self.proposed = (self.latest, terms)
        else:
            self.revision, self.terms, self.lines = self.latest, terms, lines_of(terms, {})
            self.seen = False

    def look(self, who: str) -> None:
        if self.relation(who) == "seller" and self.stored == "issued" and not self.seen:
            self.seen = True
            self.note("purchase_order.seen", who)

    def let_time_pass(self, span: timedelta) -> None:
        self.dates = {name: date and date - span for name, date in self.dates.items()}
        for request in self.requests.values():
            request.wanted = request.wanted and request.wanted - span


def lines_of(terms: Terms, before: Mapping[int, Line]) -> dict[int, Line]:
    nothing = Line("", Decimal(0))
    return {
        number: Line(sku, ordered, before.get(number, nothing).received)
        for number, (sku, ordered) in sorted(terms.lines.items())
    }


def require_order(dates: Mapping[str, datetime | None]) -> None:
    end, begin, deadline = (dates[name] for name in ("expires_at", "valid_from", "activate_by"))
    if end is not None and ((begin is not None and end <= begin) or (deadline is not None and end < deadline)):
        raise Refused(*INVALID)
