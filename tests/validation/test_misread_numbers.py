"""Every small error in a number issued here is told as such: the promise that the check character is there for."""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Iterator
from itertools import islice, pairwise
from typing import Any

from app.numbers.check_characters import NUMBER_ALPHABET
from tests.parties import Party

NUMBERS = int(os.environ.get("MISREAD_NUMBERS", "25"))
"""1,000 for the full run; the figure is printed either way."""


def substitutions(number: str) -> Iterator[str]:
    """Yield the number with each character of its body replaced by every other of the alphabet."""
    for position in range(3, len(number)):
        for other in NUMBER_ALPHABET:
            if other != number[position]:
                yield number[:position] + other + number[position + 1 :]


def adjacent_swaps(number: str) -> Iterator[str]:
    """Yield the number with each two unlike neighbours of its body changed about."""
    for position in range(3, len(number) - 1):
        one, two = number[position], number[position + 1]
        if one != two:
            yield number[:position] + two + one + number[position + 2 :]


async def count_answers(party: Party, texts: list[str]) -> Counter[str]:
    """Return how often each refusal code, or `accept`, was the answer."""
    counts: Counter[str] = Counter()
    async with party.asynchronous() as client:
        for batch in chunks(texts, 1000):
            answer = await client.post("/v1/validations/batch", json={"inputs": batch})
            assert answer.status_code == 200
            for result in answer.json()["results"]:
                counts[" ".join(refusal["code"] for refusal in result["refusals"]) or "accept"] += 1
    return counts


def chunks(texts: list[str], size: int) -> Iterator[list[str]]:
    rest = iter(texts)
    while chunk := list(islice(rest, size)):
        yield chunk


def issued(party: Party, count: int) -> list[str]:
    numbers: list[str] = []
    while len(numbers) < count:
        wanted = min(1000, count - len(numbers))
        results: list[dict[str, Any]] = party.post(
            "/v1/purchase-orders/batch", {"purchase_orders": [{}] * wanted}
        ).json()["results"]
        numbers += [result["purchase_order"]["number"] for result in results]
    return numbers


def test_every_wrong_character_and_every_swap_is_a_check_character_mismatch(buyer: Party, capsys: Any) -> None:
    numbers = issued(buyer, NUMBERS)
    wrong = [text for number in numbers for text in substitutions(number)]
    swapped = [text for number in numbers for text in adjacent_swaps(number)]
    answers = asyncio.run(count_answers(buyer, wrong + swapped))
    with capsys.disabled():
        print(f"\n{NUMBERS} numbers, {len(wrong)} substitutions, {len(swapped)} swaps: {dict(answers)}")
    assert len(wrong) == NUMBERS * 10 * 29
    assert answers == {"check_character_mismatch": len(wrong) + len(swapped)}


def test_numbers_issued_one_after_the_other_share_no_more_characters_than_chance(buyer: Party) -> None:
    """Two bodies of ten characters out of thirty agree in 1/3 of a place on average, whoever comes next."""
    numbers = issued(buyer, 2000)
    agreeing = [sum(a == b for a, b in zip(one[3:], two[3:], strict=True)) for one, two in pairwise(numbers)]
    pairs = list(zip(numbers, random.Random(1).sample(numbers, len(numbers)), strict=True))
    by_chance = [sum(a == b for a, b in zip(one[3:], two[3:], strict=True)) for one, two in pairs if one != two]
    mean, expected = sum(agreeing) / len(agreeing), 10 / 30
    assert abs(mean - expected) < 0.06
    assert abs(mean - sum(by_chance) / len(by_chance)) < 0.08
    assert max(agreeing) <= 6
