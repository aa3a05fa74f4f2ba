"""Whoever guesses numbers learns nothing and is slowed; whoever has orders of its own is never stopped by it."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from app.numbers.check_characters import CheckScheme, calculate
from app.settings import Settings
from tests.conftest import serving
from tests.parties import Party, ahead
from tests.validation.test_verdicts import VALIDATIONS, codes

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
LIMIT, LIMIT_AT_A_GATE = 100, 400
Sql = Callable[..., list[Any]]


@pytest.fixture(scope="module")
def limited(database_url: str) -> Iterator[list[str]]:
    """The URLs of two servers on one database, as two processes or hosts would be, with low limits."""
    limits = {
        "LOOK_UPS_PER_HOUR": LIMIT,
        "LOOK_UPS_PER_HOUR_AT_A_GATE": LIMIT_AT_A_GATE,
        "DATABASE_TIMEOUT": 10,
    }
    settings = Settings.model_validate({"DATABASE_URL": database_url, "LOG_LEVEL": "error", **limits})
    with serving(settings) as one, serving(settings) as other:
        yield [one, other]


@pytest.fixture
def at(limited: list[str]) -> Iterator[Callable[..., Party]]:
    """Makes a party call one of the limited servers: `at(buyer)`, `at(buyer, 1)`."""
    made: list[Party] = []

    def make(party: Party, server: int = 0) -> Party:
        made.append(Party(limited[server], party.id, party.key))
        return made[-1]

    yield make
    for one in made:
        one.close()


def well_formed(count: int, seed: int = 1) -> list[str]:
    """Return numbers in the shape of ours, as somebody makes them up who has read how they are made."""
    chance = random.Random(seed)
    bodies = ("PO" + "".join(chance.choices(ALPHABET, k=9)) for _ in iter(int, 1))
    checked = ((body, calculate(CheckScheme.MOD_37_2, body)) for body in bodies)
    fitting = (body + check for body, check in checked if check in ALPHABET)
    return [next(fitting) for _ in range(count)]


def guess(party: Party, numbers: list[str], at_once: int = 8) -> list[httpx.Response]:
    async def run() -> list[httpx.Response]:
        turn = asyncio.Semaphore(at_once)
        async with party.asynchronous() as client:

            async def one(number: str) -> httpx.Response:
                async with turn:
                    return await client.get(f"{VALIDATIONS}/{number}")

            return await asyncio.gather(*(one(number) for number in numbers))

    return asyncio.run(run())


def test_a_guesser_gets_no_facts_and_is_stopped_while_others_are_answered_as_ever(
    at: Callable[..., Party], stranger: Party, buyer: Party
) -> None:
    orders = [buyer.active() for _ in range(5)]
    answers = guess(at(stranger), [*well_formed(4 * LIMIT), *(order["number"] for order in orders)])
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) == {200, 429}
    # What is under way while the limit is reached may go a little beyond it.
    assert LIMIT <= statuses[200] <= LIMIT + 64
    for answer in answers:
        if answer.status_code == 200:
            assert answer.json()["order"] is None
            assert answer.json()["did_you_mean"] == []
        else:
            assert answer.json()["code"] == "too_many_look_ups"
            assert int(answer.headers["Retry-After"]) > 0
            assert answer.headers["RateLimit"].startswith('"look-ups";r=0;t=')
    # Neither what exists nor what does not is told any more.
    assert {answer.status_code for answer in answers[-5:]} == {429}
    assert at(buyer).get(f"{VALIDATIONS}/{orders[0]['number']}").json()["valid"]
    assert at(buyer).get(f"{VALIDATIONS}/{well_formed(1, seed=2)[0]}").status_code == 200


def test_answers_say_how_much_is_left(at: Callable[..., Party], stranger: Party) -> None:
    caller = at(stranger)
    first = caller.get(f"{VALIDATIONS}/{well_formed(1, seed=3)[0]}")
    assert first.headers["RateLimit-Policy"] == f'"look-ups";q={LIMIT};w=3600'
    assert first.headers["RateLimit"].startswith(f'"look-ups";r={LIMIT - 1};t=')
    # A text that cannot be a number was not looked up.
    malformed = caller.get(f"{VALIDATIONS}/%C2%A7")
    assert malformed.headers["RateLimit"].startswith(f'"look-ups";r={LIMIT - 1};t=')


def test_answers_grow_slower_before_they_stop(at: Callable[..., Party], stranger: Party) -> None:
    caller = at(stranger)
    numbers = well_formed(LIMIT, seed=4)
    caller.post(f"{VALIDATIONS}/batch", {"inputs": numbers[: int(LIMIT * 0.9)]})
    slowed = caller.get(f"{VALIDATIONS}/{numbers[-1]}")
    assert slowed.status_code == 200
    # Promised are 0.8 s here; a fast answer takes a hundredth of that.
    assert slowed.elapsed.total_seconds() > 0.6


def test_the_items_of_a_batch_count_one_by_one(at: Callable[..., Party], stranger: Party, buyer: Party) -> None:
    mine = stranger.active()["number"]
    caller = at(stranger)
    inputs = [*well_formed(LIMIT_AT_A_GATE + 10, seed=5), "§", mine]
    answer = caller.post(f"{VALIDATIONS}/batch", {"inputs": inputs})
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [result["index"] for result in results] == list(range(len(inputs)))
    refused = [result for result in results if "problem" in result]
    # The first time that it meets an order of its own is in this batch: until then it is no gate.
    assert len(refused) == len(inputs) - 2 - LIMIT
    assert {result["problem"]["code"] for result in refused} == {"too_many_look_ups"}
    assert codes(results[-2]) == ["malformed"]
    assert results[-1]["valid"]


def test_one_bad_manifest_does_not_stop_a_gate(
    at: Callable[..., Party], buyer: Party, warehouse: Party, sql: Sql
) -> None:
    order = buyer.active(ship_to={"organisation_id": warehouse.id})
    gate = at(warehouse)
    assert gate.get(f"{VALIDATIONS}/{order['number']}").json()["valid"]
    until_related_is_known(sql, warehouse)
    manifest = gate.post(f"{VALIDATIONS}/batch", {"inputs": well_formed(3 * LIMIT, seed=6)})
    assert manifest.json()["summary"] == {"unknown": 3 * LIMIT}
    assert gate.get(f"{VALIDATIONS}/{well_formed(1, seed=7)[0]}").status_code == 200
    # And even a gate that has guessed beyond its limit takes in what is its own.
    gate.post(f"{VALIDATIONS}/batch", {"inputs": well_formed(LIMIT_AT_A_GATE, seed=8)})
    assert gate.get(f"{VALIDATIONS}/{well_formed(1, seed=9)[0]}").status_code == 429
    own = gate.get(f"{VALIDATIONS}/{order['number']}")
    assert (own.status_code, own.json()["valid"]) == (200, True)


def test_what_is_looked_up_at_one_process_counts_at_the_other(
    at: Callable[..., Party], stranger: Party, sql: Sql
) -> None:
    at(stranger, 0).post(f"{VALIDATIONS}/batch", {"inputs": well_formed(LIMIT - 10, seed=10)})
    wait_for(lambda: counted(sql, stranger) == LIMIT - 10)
    other = at(stranger, 1)
    other.get(f"{VALIDATIONS}/{well_formed(1, seed=11)[0]}")
    wait_for(lambda: counted(sql, stranger) == LIMIT - 9)
    answers = other.post(f"{VALIDATIONS}/batch", {"inputs": well_formed(20, seed=12)}).json()["results"]
    assert sum("problem" in result for result in answers) == 11


def test_manifests_that_come_at_once_share_one_limit(at: Callable[..., Party], stranger: Party) -> None:
    async def run() -> list[httpx.Response]:
        async with at(stranger).asynchronous() as client:
            manifests = [well_formed(LIMIT, seed=100 + seed) for seed in range(5)]
            posts = (client.post(f"{VALIDATIONS}/batch", json={"inputs": manifest}) for manifest in manifests)
            return await asyncio.gather(*posts)

    results = [result for answer in asyncio.run(run()) for result in answer.json()["results"]]
    assert sum("problem" not in result for result in results) == LIMIT


def test_whoever_may_not_receive_an_order_has_looked_it_up_all_the_same(
    at: Callable[..., Party], stranger: Party, buyer: Party
) -> None:
    caller = at(stranger)
    for _ in range(2):
        answer = caller.post(VALIDATIONS, {"input": buyer.active()["number"], "receive": {}})
        assert (answer.status_code, answer.json()["code"]) == (403, "relation_not_allowed")
    left = caller.get(f"{VALIDATIONS}/{well_formed(1, seed=18)[0]}")
    assert left.headers["RateLimit"].startswith(f'"look-ups";r={LIMIT - 3};')


def test_who_has_guessed_beyond_the_limit_receives_what_is_its_own(at: Callable[..., Party], stranger: Party) -> None:
    caller = at(stranger)
    caller.post(f"{VALIDATIONS}/batch", {"inputs": well_formed(LIMIT, seed=19)})
    received = caller.post(VALIDATIONS, {"input": stranger.active()["number"], "receive": {}})
    assert (received.status_code, received.json()["status"]) == (200, "received")


def test_suggestions_stop_long_before_answers_do(at: Callable[..., Party], buyer: Party, sql: Sql) -> None:
    order = buyer.active()
    gate = at(buyer)
    mistyped = order["number"][:-1] + ("2" if order["number"][-1] != "2" else "3")
    assert gate.get(f"{VALIDATIONS}/{order['number']}").json()["valid"]
    until_related_is_known(sql, buyer)
    assert gate.get(f"{VALIDATIONS}/{mistyped}").json()["did_you_mean"] == [order["number"]]
    gate.post(f"{VALIDATIONS}/batch", {"inputs": well_formed(LIMIT_AT_A_GATE // 10, seed=13)})
    silent = gate.get(f"{VALIDATIONS}/{mistyped}")
    assert (silent.status_code, silent.json()["did_you_mean"]) == (200, [])


def test_guessing_by_way_of_pro_numbers_is_counted_as_well(
    at: Callable[..., Party], stranger: Party, buyer: Party
) -> None:
    caller = at(stranger)
    link = {"scac": "CNWY", "pro_number": "123456785"}
    for number in well_formed(LIMIT, seed=14)[: LIMIT - 5]:
        assert caller.post(f"/v1/purchase-orders/{number}/pro-numbers", link).status_code == 404
    left = caller.get(f"{VALIDATIONS}/{well_formed(1, seed=15)[0]}")
    assert left.headers["RateLimit"].startswith('"look-ups";r=4;')
    caller.post(f"{VALIDATIONS}/batch", {"inputs": well_formed(4, seed=16)})
    existing = buyer.active(expires_at=ahead(days=1))["number"]
    for number in (existing, well_formed(1, seed=17)[0]):
        answer = caller.post(f"/v1/purchase-orders/{number}/pro-numbers", link)
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_look_ups")


def test_what_a_presenter_finds_counts_like_what_it_does_not(
    at: Callable[..., Party], stranger: Party, buyer: Party
) -> None:
    caller = at(stranger)
    number = buyer.active()["number"]
    attempts = (
        ("activation-requests", {"reason": "?", "expires_at": "2020-01-01T00:00:00Z"}, 422),
        ("activation-requests", {"reason": "?"}, 409),
        ("pro-numbers", {"scac": "CNWY", "pro_number": "1"}, 422),
        ("pro-numbers", {"scac": "CNWY", "pro_number": "987654323"}, 201),
    )
    for path, body, status in attempts:
        assert caller.post(f"/v1/purchase-orders/{number}/{path}", body).status_code == status
    left = caller.get(f"{VALIDATIONS}/{well_formed(1, seed=20)[0]}")
    assert left.headers["RateLimit"].startswith(f'"look-ups";r={LIMIT - len(attempts) - 1};')


def test_beyond_the_limit_a_gate_tells_nobodys_number_from_anothers_and_goes_on_with_its_own(
    at: Callable[..., Party], stranger: Party, buyer: Party, sql: Sql
) -> None:
    gate, mine = at(stranger), stranger.active()["number"]
    gate.get(f"{VALIDATIONS}/{mine}")
    until_related_is_known(sql, stranger)
    gate.post(f"{VALIDATIONS}/batch", {"inputs": well_formed(LIMIT_AT_A_GATE, seed=21)})
    link = {"scac": "CNWY", "pro_number": "123456782"}
    for number in (buyer.active()["number"], well_formed(1, seed=22)[0]):
        answer = gate.post(f"/v1/purchase-orders/{number}/pro-numbers", link)
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_look_ups")
    assert gate.post(f"/v1/purchase-orders/{mine}/pro-numbers", link).status_code == 201


def counted(sql: Sql, party: Party) -> int:
    rows = sql("SELECT unrelated FROM look_up_counts WHERE organisation_id = $1", party.id)
    return int(rows[0]["unrelated"]) if rows else 0


def until_related_is_known(sql: Sql, party: Party) -> None:
    def known() -> bool:
        rows = sql("SELECT related_at FROM look_up_counts WHERE organisation_id = $1", party.id)
        return bool(rows) and rows[0]["related_at"] is not None

    wait_for(known)


def wait_for(happens: Callable[[], bool]) -> None:
    until = time.monotonic() + 5
    while not happens():
        assert time.monotonic() < until
        time.sleep(0.05)
