"""What may have been meant by a number that no order has: found for those who are named on it, and for nobody else."""

import asyncio
import os
import random
import secrets
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.numbers.check_characters import NUMBER_ALPHABET, calculate
from app.numbers.default_format import DEFAULT_PATTERN
from app.numbers.number_keys import NUMBER_KEY_LENGTH_MAX, number_key
from app.validation.knowledge import SUGGESTED_INPUTS_MAX
from app.validation.suggestions import CANDIDATES_MAX, LOOK_ALIKES, SUGGESTIONS_MAX, best, candidates
from tests.parties import Party
from tests.validation.test_misread_numbers import chunks, issued
from tests.validation.test_verdicts import VALIDATIONS, ask, codes

NUMBERS = int(os.environ.get("SUGGESTED_NUMBERS", "50"))
"""1,000 for the full run; the figures are printed either way."""

bodies = st.text(NUMBER_ALPHABET, min_size=9, max_size=9)
keys = st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=22)


def well_formed(body: str) -> str:
    """A key of the default format with this body; its last character is turned until the check character fits in."""
    for last in NUMBER_ALPHABET:
        key = f"PO{body[:-1]}{last}"
        if (check := calculate(DEFAULT_PATTERN.check_scheme, key)) in NUMBER_ALPHABET:  # type: ignore[arg-type]
            return key + check
    raise AssertionError(body)


def look_alike(key: str, chance: random.Random) -> str:
    """The key with one character taken for another that looks like it."""
    place, group = chance.choice([(at, group) for at, one in enumerate(key) for group in LOOK_ALIKES if one in group])
    return key[:place] + chance.choice(group.replace(key[place], "")) + key[place + 1 :]


def swap(key: str, chance: random.Random) -> str:
    """The key with two unlike neighbours changed about."""
    place = chance.choice([at for at in range(len(key) - 1) if key[at] != key[at + 1]])
    return key[:place] + key[place + 1] + key[place] + key[place + 2 :]


def missing(key: str, chance: random.Random) -> str:
    place = chance.randrange(len(key))
    return key[:place] + key[place + 1 :]


def doubled(key: str, chance: random.Random) -> str:
    place = chance.randrange(len(key))
    return key[:place] + key[place] + key[place:]


def wrong(key: str, chance: random.Random) -> str:
    """The key with one character replaced by any other."""
    place = chance.randrange(len(key))
    other = chance.choice([one for one in NUMBER_ALPHABET if one != key[place]])
    return key[:place] + other + key[place + 1 :]


SLIPS: list[Callable[[str, random.Random], str]] = [look_alike, swap, missing, doubled, wrong]
each_slip = pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: slip.__name__)


# Which keys may have been meant


@each_slip
@given(body=bodies, seed=st.integers(0, 2**32))
def test_a_number_is_among_the_candidates_of_itself_with_a_slip(
    slip: Callable[[str, random.Random], str], body: str, seed: int
) -> None:
    key = well_formed(body)
    assert key in candidates([slip(key, random.Random(seed))])


@each_slip
@given(key=keys, seed=st.integers(0, 2**32))
def test_so_is_a_number_that_was_issued_elsewhere(
    slip: Callable[[str, random.Random], str], key: str, seed: int
) -> None:
    try:
        mistyped = slip(key, random.Random(seed))
    except IndexError:
        return  # no character that looks like another, or no two unlike neighbours
    if mistyped and not (DEFAULT_PATTERN.matches(key) and not DEFAULT_PATTERN.verifies(key)):
        assert mistyped == key or key in candidates([mistyped])


@given(st.lists(keys | bodies.map(well_formed), min_size=1, max_size=2, unique=True))
def test_candidates_are_keys_each_once_bounded_and_none_fails_a_known_check(typed: list[str]) -> None:
    found = candidates(typed)
    assert len(found) == len(set(found)) <= CANDIDATES_MAX
    assert not set(typed) & set(found)
    for key in found:
        assert 0 < len(key) <= NUMBER_KEY_LENGTH_MAX
        assert number_key(key) == key
        assert DEFAULT_PATTERN.verifies(key) or not DEFAULT_PATTERN.matches(key)


def test_what_looks_alike_comes_before_what_was_swapped_or_mistyped() -> None:
    found = candidates(["4S01"])
    ranked = ["4501", "S401", "4S001", "4S0", "4X01", "4S01X"]
    assert sorted(ranked, key=found.index) == ranked


def test_who_takes_one_character_for_another_does_so_all_along_the_number() -> None:
    assert "4500012300" in candidates(["45OOO123OO"])
    assert "4500012300" in candidates(["4SOOOI23OO"])


def test_no_reading_of_a_long_number_is_crowded_out_by_a_less_likely_one() -> None:
    first, second = "PO2026ABCDEFGH12345678", "2026ABCDEFGH12345678"
    found = candidates([first, second])
    assert {first + "X", "X" + first, "X" + first[1:], first[:-1] + "X"} <= set(found)
    assert second[:-2] + "87" in found


@given(st.lists(st.tuples(keys, st.sampled_from("ABC")), max_size=12), st.lists(keys, unique=True, max_size=12))
def test_the_best_are_three_at_most_in_order_and_each_once(found: list[tuple[str, str]], ranked: list[str]) -> None:
    numbers = best(ranked, found)
    assert len(numbers) == len(set(numbers)) <= SUGGESTIONS_MAX
    first = {
        number: min(ranked.index(key) for key, one in found if one == number and key in ranked) for number in numbers
    }
    assert numbers == sorted(numbers, key=lambda number: first[number])


# Over HTTP


async def figures(party: Party, mistyped: list[tuple[str, str]]) -> Counter[str]:
    """Return of how many (typed, right) the right number was suggested, and how many were accepted all the same."""
    counts: Counter[str] = Counter(suggested=0, accepted=0)
    right = dict(mistyped)
    async with party.asynchronous() as client:
        for batch in chunks(list(right), SUGGESTED_INPUTS_MAX):
            answer = await client.post(f"{VALIDATIONS}/batch", json={"inputs": batch})
            assert answer.status_code == 200, answer.text
            for result in answer.json()["results"]:
                counts["suggested"] += right[result["input"]] in result["did_you_mean"]
                counts["accepted"] += result["valid"]
                assert len(result["did_you_mean"]) <= 3
    return counts


@pytest.mark.alone  # suggestions are left out where the machine is too busy for them
def test_the_right_number_is_suggested_and_the_wrong_one_never_accepted(buyer: Party, capsys: Any) -> None:
    numbers = issued(buyer, NUMBERS)
    chance = random.Random(7)
    for slip in SLIPS:
        mistyped = [(slip(number_key(number), chance), number) for number in numbers]
        counts = asyncio.run(figures(buyer, mistyped))
        with capsys.disabled():
            print(f"\n{slip.__name__}: {NUMBERS} numbers, {dict(counts)}", end="")
        assert counts["suggested"] >= 0.99 * NUMBERS
        assert counts["accepted"] == 0


def number_elsewhere() -> str:
    return f"45{secrets.randbelow(10**10):010d}"


def test_every_relation_of_the_order_gets_the_suggestion_and_a_presenter_none(
    buyer: Party, seller: Party, warehouse: Party, forwarder: Party, stranger: Party
) -> None:
    number = buyer.issue(
        seller={"organisation_id": seller.id},
        ship_to={"organisation_id": warehouse.id},
        forwarders=[{"organisation_id": forwarder.id}],
    )["number"]
    typed = number[:-1] + ("2" if number[-1] != "2" else "3")
    for party in (buyer, seller, warehouse, forwarder):
        answer = ask(party, typed)
        assert (codes(answer), answer["did_you_mean"]) == (["check_character_mismatch"], [number])
        assert answer["order"] is None
    assert ask(stranger, typed)["did_you_mean"] == []
    assert stranger.get(f"{VALIDATIONS}/{typed}").json()["did_you_mean"] == []


def test_an_unknown_number_that_was_issued_elsewhere_is_suggested_as_it_was_issued(buyer: Party) -> None:
    number = buyer.issue(number=f"ab-{number_elsewhere()}")["number"]
    answer = ask(buyer, number.replace("4", "A", 1).upper())
    assert (codes(answer), answer["did_you_mean"]) == (["unknown"], [number])


def test_nothing_is_suggested_for_a_number_that_is_understood(buyer: Party) -> None:
    number = number_elsewhere()
    neighbour = number[:-1] + str((int(number[-1]) + 1) % 10)
    for one in (number, neighbour):
        buyer.active(number=one)
    assert ask(buyer, number)["did_you_mean"] == []
    assert ask(buyer, "発注番号")["did_you_mean"] == []


def test_at_most_three_are_suggested_the_likeliest_first(buyer: Party) -> None:
    number = number_elsewhere()[:-1]
    for digit in "023456":
        buyer.issue(number=number + digit)
    suggested = ask(buyer, f"{number}O")["did_you_mean"]
    assert len(suggested) == 3
    assert suggested[0] == f"{number}0"


def test_a_named_buyer_s_orders_alone_are_suggested(buyer: Party, seller: Party, warehouse: Party) -> None:
    number = number_elsewhere()
    ship_to = {"organisation_id": warehouse.id}
    buyer.issue(number=f"{number}5", ship_to=ship_to)
    seller.issue(number=f"{number}8", ship_to=ship_to)
    assert ask(warehouse, f"{number}X", buyer=seller.id)["did_you_mean"] == [f"{number}8"]
    assert sorted(ask(warehouse, f"{number}X")["did_you_mean"]) == [f"{number}5", f"{number}8"]


def test_the_first_ten_wrong_inputs_of_a_batch_get_suggestions(buyer: Party) -> None:
    numbers = issued(buyer, SUGGESTED_INPUTS_MAX + 1)
    typed = [swap(number_key(number), random.Random(3)) for number in numbers]
    answer = buyer.post(f"{VALIDATIONS}/batch", {"inputs": [numbers[0], *typed]}).json()
    assert [result["did_you_mean"] for result in answer["results"]] == [
        [],
        *([number] for number in numbers[:SUGGESTED_INPUTS_MAX]),
        [],
    ]
