"""Who takes part in a story that is made up at random, what they may say, and how."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import httpx
from hypothesis import strategies as st

from tests.orders.story_model import Order
from tests.parties import EVERY_SCOPE, Operator

Told = TypeVar("Told", bound=Callable[..., None])

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
    return st.sampled_from(range(8)).flatmap(lambda die: anybody if die == 7 else fitting)


def moments(*days: int) -> st.SearchStrategy[datetime | None]:
    """Nothing, or so many days and a half from now; what is to be passed is passed by whole days."""
    return st.sampled_from([None, *days]).map(lambda day: None if day is None else instant(day))


def instant(day: int) -> datetime:
    return datetime.now(UTC) + timedelta(days=day, hours=12)


QUANTITIES = st.sampled_from([Decimal(text) for text in ("1", "2.5", "4", "10")])
PRODUCTS = st.tuples(st.sampled_from(["shirt", "shirt", "shirt", "scarf"]), QUANTITIES)
LINES = st.sampled_from([0, 1, 1, 2, 2, 3]).flatmap(
    lambda many: st.dictionaries(st.sampled_from([1, 1, 2, 3]), PRODUCTS, min_size=many, max_size=many)
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
DATES = {
    "activate_by": moments(1, 2, 5, -1),
    "valid_from": moments(-2, -2, 1, 4),
    "expires_at": moments(2, 4, 8, 8, -1),
}
OWN = {"forwarder": st.sampled_from(["forwarder", None]), "requested_by": st.sampled_from(["A. Okafor", None])}
TERMS = {"lines": LINES, "ship_to": st.sampled_from(["ship_to", "ship_to", None])}
CHANGES = st.sampled_from(["lines", "lines", "terms", "own", "dates", "all"]).flatmap(
    lambda what: (
        st.fixed_dictionaries({"lines": LINES})
        if what == "lines"
        else st.fixed_dictionaries(
            {}, optional={"terms": TERMS, "own": OWN, "dates": DATES}.get(what, TERMS | OWN | DATES)
        )
    )
)


@dataclass(frozen=True)
class Beginning:
    """What an order says at first; `steps`: 0 a draft, 1 issued, 2 confirmed, 3 active."""

    seller: str | None
    ship_to: str | None
    forwarder: str | None
    lines: dict[int, tuple[str, Decimal]]
    dates: dict[str, datetime | None]
    tolerance: Decimal
    steps: int


BEGINNINGS = st.builds(
    Beginning,
    seller=st.sampled_from(["seller", "seller", None]),
    ship_to=st.sampled_from(["ship_to", "ship_to", None]),
    forwarder=st.sampled_from(["forwarder", None]),
    lines=LINES,
    dates=st.fixed_dictionaries({"activate_by": moments(1, 2), "valid_from": moments(1), "expires_at": moments(3, 8)}),
    tolerance=st.sampled_from([Decimal(0), Decimal(0), Decimal("0.5")]),
    steps=st.sampled_from([0, 1, 2, 3, 3, 3]),
)


@dataclass(frozen=True)
class Move:
    """Something that can be done: how often, where it makes sense, what it cannot do without, and with what values."""

    weight: int
    when: Callable[[Order], Any]
    needs: Callable[[Order], Any]
    given: dict[str, st.SearchStrategy[Any]]


MOVES: dict[str, Move] = {}


def move(
    weight: int,
    when: Callable[[Order], Any] | str = lambda _: True,
    needs: Callable[[Order], Any] = lambda _: True,
    **given: st.SearchStrategy[Any],
) -> Callable[[Told], Told]:
    """Make a method one of the things that are done at random; `when` may name the action that has to be possible."""
    makes_sense = (lambda order: order.is_possible(when)) if isinstance(when, str) else when

    def register(method: Told) -> Told:
        MOVES[method.__name__] = Move(weight, makes_sense, needs, given)
        return method

    return register


def moves_of(order: Order, *, anything: bool) -> list[str]:
    """The names of what can be done, each as often as its weight says; `anything`: also what makes no sense."""
    return [
        name
        for name, one in MOVES.items()
        if one.needs(order) and (anything or one.when(order))
        for _ in range(one.weight)
    ]


def written(value: Any) -> Any:
    """Return what is sent for it."""
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value


def without_none(**body: Any) -> dict[str, Any]:
    return {name: written(value) for name, value in body.items() if value is not None}
