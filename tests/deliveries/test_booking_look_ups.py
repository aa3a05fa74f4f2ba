"""Booking is no way to guess numbers: what is nobody's business counts as at the gate."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.settings import Settings
from tests.conftest import serving
from tests.deliveries.bookings import PATH, body, codes_of, shipment
from tests.parties import Party
from tests.validation.test_look_up_limits import well_formed

LIMIT = 40


@pytest.fixture(scope="module")
def limited(database_url: str) -> Iterator[str]:
    limits = {"LOOK_UPS_PER_HOUR": LIMIT, "LOOK_UPS_PER_HOUR_AT_A_GATE": LIMIT, "DATABASE_TIMEOUT": 10}
    with serving(Settings.model_validate({"DATABASE_URL": database_url, "LOG_LEVEL": "error", **limits})) as url:
        yield url


@pytest.fixture
def at(limited: str) -> Iterator[Callable[[Party], Party]]:
    made: list[Party] = []

    def make(party: Party) -> Party:
        made.append(Party(limited, party.id, party.key))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_beyond_the_limit_what_exists_is_answered_like_what_does_not(
    at: Callable[[Party], Party], stranger: Party, buyer: Party
) -> None:
    caller = at(stranger)
    others = [buyer.active()["number"] for _ in range(2)]
    mine = stranger.active()["number"]
    guesses = well_formed(LIMIT + 3, seed=77)
    answer = caller.post(PATH, body(shipment(*guesses, *others, mine)))
    refused = codes_of(answer.json()["results"])
    assert list(refused.values())[:LIMIT] == [["unknown"]] * LIMIT
    beyond = [refused[0, index] for index in range(LIMIT, LIMIT + 5)]
    assert beyond == [["too_many_look_ups"]] * 5
    # What is its own business is never limited.
    assert (0, LIMIT + 5) not in refused
    booked = caller.post(PATH, body(shipment(mine)))
    assert booked.status_code == 201
    left = caller.get(f"/v1/validations/{guesses[0]}")
    assert (left.status_code, left.json()["code"]) == (429, "too_many_look_ups")


def test_an_order_that_is_only_presented_counts_though_it_is_booked(
    at: Callable[[Party], Party], party: Callable[..., Party], buyer: Party
) -> None:
    caller = at(party("Presenter"))
    made: dict[str, Any] = caller.post(PATH, body(shipment(buyer.active(), buyer.active()))).json()
    assert made["status"] == "requested"
    left = caller.get(f"/v1/validations/{well_formed(1, seed=78)[0]}")
    assert left.headers["RateLimit"].startswith(f'"look-ups";r={LIMIT - 3};')
