"""Who takes part in a story that is made up at random, what they may say, and how."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
from hypothesis import strategies as st

from tests.parties import EVERY_SCOPE, Operator

KEYS = {
    "whole": [str(scope) for scope in EVERY_SCOPE],
    "desk": ["orders:write", "activations:review", "validate"],
    "supplier's": ["orders:confirm", "ship", "orders:read"],
    "dock": ["receive", "activations:request", "cases"],
    "corrector": ["receive:reverse", "orders:read"],
}
ROLES = ("owner", "seller", "ship_to", "forwarder", "stranger")


@dataclass(frozen=True)
class Caller:
    """Who calls, with which key, and whether the order is meant by its number or its id."""

    who: str
    key: str
    by_number: bool

    @property
    def scopes(self) -> list[str]:
        return KEYS[self.key]


class Cast:
    """The organisations of all stories, each with a key of every kind."""

    def __init__(self, operator: Operator, sql: Callable[..., list[Any]]) -> None:
        self.sql = sql
        self.parties = {role: operator.new_party(role) for role in ROLES}
        self.keys = {
            (role, name): party.key if name == "whole" else party.key_with(*scopes)
            for role, party in self.parties.items()
            for name, scopes in KEYS.items()
        }
        self.tolerance = Decimal(0)

    def call(self, caller: Caller, method: str, path: str, json: Any = None, **headers: str) -> httpx.Response:
        key = {"Authorization": f"Bearer {self.keys[caller.who, caller.key]}"}
        return self.parties[caller.who].http.request(method, path, json=json, headers=key | headers)

    def tolerate(self, share: Decimal) -> None:
        """State the buyer's policy, by which orders that are issued from now on are received."""
        if share != self.tolerance:
            answer = self.parties["owner"].post("/v1/policies", {"receipt_tolerance": str(share)})
            assert answer.status_code == 201, answer.text
            self.tolerance = share


OWNER = Caller("owner", "whole", by_number=False)


def callers(*likely: str) -> st.SearchStrategy[Caller]:
    """Mostly those who may do it with a key that will do; sometimes anybody with anything."""
    fitting = st.builds(Caller, st.sampled_from(likely), st.just("whole"), st.booleans())
    anybody = st.builds(Caller, st.sampled_from(ROLES), st.sampled_from(list(KEYS)), st.booleans())
    return st.one_of(fitting, fitting, fitting, anybody)


def moments(*days: int) -> st.SearchStrategy[datetime | None]:
    """Nothing, or so many days and a half from now; what is to be passed is passed by whole days."""
    return st.sampled_from([None, *days]).map(lambda day: None if day is None else instant(day))


def instant(day: int) -> datetime:
    return datetime.now(UTC) + timedelta(days=day, hours=12)


QUANTITIES = st.sampled_from([Decimal(text) for text in ("1", "2.5", "4", "10")])
LINES = st.dictionaries(
    st.sampled_from([1, 2, 3]), st.tuples(st.sampled_from(["shirt", "shirt", "scarf"]), QUANTITIES), max_size=3
)
WHICH = st.integers(0, 5)
REASONS = st.sampled_from([None, "as agreed"])
DECISIONS = st.dictionaries(
    st.sampled_from([1, 1, 2, 3, 4]),
    st.lists(st.tuples(st.sampled_from(["accepted", "backordered", "rejected", "rejected"]), QUANTITIES),
             min_size=1, max_size=2),
    max_size=2,
)  # fmt: skip
ASKED = st.lists(st.tuples(st.sampled_from([1, 1, 1, 2, 2, 3, 4]), QUANTITIES), min_size=1, max_size=2)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "lines": LINES,
        "ship_to": st.sampled_from(["ship_to", None]),
        "forwarder": st.sampled_from(["forwarder", None]),
        "requested_by": st.sampled_from(["A. Okafor", None]),
        "activate_by": moments(-1, 1, 2, 5),
        "valid_from": moments(-2, 1, 4),
        "expires_at": moments(-1, 2, 4, 8),
    },
)


def written(value: Any) -> Any:
    """Return what is sent for it."""
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value


def without_none(**body: Any) -> dict[str, Any]:
    return {name: written(value) for name, value in body.items() if value is not None}
