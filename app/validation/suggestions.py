"""Which numbers may have been meant by one that no order has: the keys that one slip of eye or finger away.

A suggestion is never taken for the number itself: what is accepted is the exact key alone.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from app.numbers.default_format import DEFAULT_PATTERN
from app.numbers.number_keys import NUMBER_KEY_LENGTH_MAX

SUGGESTIONS_MAX: Final = 3
CANDIDATES_MAX: Final = 2_000
"""For one input; a key of 22 characters, the longest that is issued here, has 1,800 in its likeliest reading."""

LOOK_ALIKES: Final = ("0OQD", "1IL", "2Z", "5S", "8B", "UV", "G6")

_CHARACTERS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ/"

_TAKEN_FOR: Final = {character: group.replace(character, "") for group in LOOK_ALIKES for character in group}
_AS_DIGITS: Final = str.maketrans({letter: group[0] for group in LOOK_ALIKES[:5] for letter in group[1:]} | {"G": "6"})


def candidates(keys: Sequence[str], limit: int = CANDIDATES_MAX) -> list[str]:
    """Return the keys that may have been meant by any of `keys` (best reading first), the likeliest first, each once.

    Left out are the keys themselves, and those that cannot be: they have the default format's shape, but not its check
    character.
    """
    seen = set(keys)
    return list(islice(_plausible(_by_likelihood(keys), seen), limit))


def best(ranked: Sequence[str], found: Iterable[tuple[str, str]]) -> list[str]:
    """Return the numbers to suggest of the (key, number) that were `found`: the best by `ranked`, each once."""
    places = {key: place for place, key in enumerate(ranked)}
    by_place = sorted((places[key], number) for key, number in found if key in places)
    return list(dict.fromkeys(number for _, number in by_place))[:SUGGESTIONS_MAX]


def _by_likelihood(keys: Sequence[str]) -> Iterator[str]:
    for slip in (_look_alikes, _swapped, _typed_twice, _typed_once, _one_more):
        for key in keys:
            yield from slip(key)
    # These two are nearly all candidates: those of a less likely reading must not crowd out those of the likeliest.
    for key in keys:
        yield from _wrong_character(key)
        yield from _missing_character(key)


def _plausible(texts: Iterable[str], seen: set[str]) -> Iterator[str]:
    for text in texts:
        if text in seen or not 0 < len(text) <= NUMBER_KEY_LENGTH_MAX:
            continue
        seen.add(text)
        if not DEFAULT_PATTERN.matches(text) or DEFAULT_PATTERN.verifies(text):
            yield text


def _look_alikes(key: str) -> Iterator[str]:
    for place, character in enumerate(key):
        yield from _with(key, place, _TAKEN_FOR.get(character, ""))
    # Who reads 0 for O does so all along the number.
    for character in dict.fromkeys(key):
        for other in _TAKEN_FOR.get(character, ""):
            yield key.replace(character, other)
    yield key.translate(_AS_DIGITS)


def _swapped(key: str) -> Iterator[str]:
    for place in range(len(key) - 1):
        yield key[:place] + key[place + 1] + key[place] + key[place + 2 :]


def _typed_twice(key: str) -> Iterator[str]:
    for place in range(len(key) - 1):
        if key[place] == key[place + 1]:
            yield key[:place] + key[place + 1 :]


def _typed_once(key: str) -> Iterator[str]:
    for place, character in enumerate(key):
        yield key[:place] + character + key[place:]


def _one_more(key: str) -> Iterator[str]:
    for place in range(len(key)):
        yield key[:place] + key[place + 1 :]


def _wrong_character(key: str) -> Iterator[str]:
    for place in range(len(key)):
        yield from _with(key, place, _CHARACTERS)


def _missing_character(key: str) -> Iterator[str]:
    for place in range(len(key) + 1):
        for character in _CHARACTERS:
            yield key[:place] + character + key[place:]


def _with(key: str, place: int, others: Collection[str]) -> Iterator[str]:
    for other in others:
        yield key[:place] + other + key[place + 1 :]
