"""The keyed bijection that turns the serials of a `{random:N}` format into texts that tell nothing of their order.

FF1 of NIST SP 800-38G over the 30 characters of `NUMBER_ALPHABET`: every serial has one text and every text one serial,
so that numbers cannot collide, and without the key nobody can tell how many were issued or guess the next one.
"""

import struct
from collections.abc import Iterable, Sequence
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

from app.numbers.check_characters import NUMBER_ALPHABET

# SP 800-38G Rev. 1 (second draft) asks for at least a million values, and 30 ** 4 is fewer; 16 is what fits beside a
# prefix and a check character.
RANDOM_WIDTH_MIN: Final = 5
RANDOM_WIDTH_MAX: Final = 16

_ROUNDS: Final = 10
_BLOCK: Final = 16
_RADIX: Final = len(NUMBER_ALPHABET)
_PAIRS: Final = [first + second for first in NUMBER_ALPHABET for second in NUMBER_ALPHABET]
_VALUES: Final = {character: value for value, character in enumerate(NUMBER_ALPHABET)}


class SerialPermutation:
    """Serials 0 to 30 ** width - 1 as texts of `width` characters of `NUMBER_ALPHABET`, and back.

    `key` is an AES key of 16, 24 or 32 bytes. Series that share a key need a `tweak` each (a yearly series its year):
    otherwise last year's numbers foretell this year's.
    """

    def __init__(self, key: bytes, width: int, tweak: bytes = b"") -> None:
        if not RANDOM_WIDTH_MIN <= width <= RANDOM_WIDTH_MAX:
            raise ValueError(f"a random part has {RANDOM_WIDTH_MIN} to {RANDOM_WIDTH_MAX} characters, not {width}")
        self._width = width
        self._permutation = Ff1Permutation(key, radix=_RADIX, length=width, tweak=tweak)

    def texts(self, serials: Sequence[int]) -> list[str]:
        """The text of each serial, in order. A block of serials costs a fraction of as many single ones.

        Raises `ValueError` for a serial outside the range.
        """
        return [self._text(number) for number in self._permutation.encrypt(serials)]

    def serial(self, text: str) -> int:
        """The serial behind a text: the inverse of `texts`.

        Raises `ValueError` for a text of another width or with characters outside `NUMBER_ALPHABET`.
        """
        if len(text) != self._width or not _VALUES.keys() >= set(text):
            raise ValueError(f"{text!r} is not {self._width} characters of {NUMBER_ALPHABET}")
        number = 0
        for character in text:
            number = number * _RADIX + _VALUES[character]
        return self._permutation.decrypt([number])[0]

    def _text(self, number: int) -> str:
        pairs = []
        for _ in range(self._width // 2):
            number, pair = divmod(number, _RADIX * _RADIX)
            pairs.append(_PAIRS[pair])
        if self._width % 2:
            pairs.append(NUMBER_ALPHABET[number])
        pairs.reverse()
        return "".join(pairs)


class Ff1Permutation:
    """FF1 (NIST SP 800-38G, algorithms 7 and 8) on the numbers that `length` digits of `radix` write.

    Names follow the standard: halves of u and v digits, b bytes for a half, d bytes of each round's output. A whole
    block of numbers goes through each round in one call of AES: only the last 16 bytes of the round's input change from
    number to number, so the cipher block chaining before them is done once. That holds while a half takes at most 7
    bytes, and up to there one block of output is enough.
    """

    def __init__(self, key: bytes, *, radix: int, length: int, tweak: bytes = b"") -> None:
        u, v = length // 2, length - length // 2
        b = ((radix**v - 1).bit_length() + 7) // 8
        if u < 1 or not 1 <= b <= 7:
            raise ValueError(f"{length} digits of radix {radix} are outside what this computes: halves of 1 to 7 bytes")
        self._cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 - FF1's own building block, on single blocks
        self._u_modulus: int = radix**u
        self._v_modulus: int = radix**v
        self._b, self._d = b, 4 * -(-b // 4) + 4
        p = struct.pack(">3B3sBBII", 1, 2, 1, radix.to_bytes(3, "big"), _ROUNDS, u % 256, length, len(tweak))
        q_without_round_and_half = tweak + bytes((-len(tweak) - b - 1) % _BLOCK)
        self._high, self._low = self._last_block(p + q_without_round_and_half + bytes(1 + b))

    def encrypt(self, numbers: Sequence[int]) -> list[int]:
        """The image of each number, in order. Raises `ValueError` outside 0 to radix ** length - 1."""
        lefts, rights = self._halves(numbers)
        encryptor = self._cipher.encryptor()
        for round_ in range(_ROUNDS):
            modulus = self._modulus(round_)
            outputs = self._round_outputs(encryptor, round_, rights)
            lefts, rights = (
                rights,
                [(left + output) % modulus for left, output in zip(lefts, outputs, strict=True)],
            )
        return self._joined(lefts, rights)

    def decrypt(self, numbers: Sequence[int]) -> list[int]:
        """The number behind each image, in order. Raises `ValueError` outside 0 to radix ** length - 1."""
        lefts, rights = self._halves(numbers)
        encryptor = self._cipher.encryptor()
        for round_ in reversed(range(_ROUNDS)):
            modulus = self._modulus(round_)
            outputs = self._round_outputs(encryptor, round_, lefts)
            lefts, rights = (
                [(right - output) % modulus for right, output in zip(rights, outputs, strict=True)],
                lefts,
            )
        return self._joined(lefts, rights)

    def _halves(self, numbers: Sequence[int]) -> tuple[list[int], list[int]]:
        size = self._u_modulus * self._v_modulus
        if numbers and not (min(numbers) >= 0 and max(numbers) < size):
            raise ValueError(f"a serial lies outside 0 to {size - 1}")
        return [number // self._v_modulus for number in numbers], [number % self._v_modulus for number in numbers]

    def _joined(self, lefts: Iterable[int], rights: Iterable[int]) -> list[int]:
        return [left * self._v_modulus + right for left, right in zip(lefts, rights, strict=True)]

    def _modulus(self, round_: int) -> int:
        return self._v_modulus if round_ % 2 else self._u_modulus

    def _round_outputs(self, encryptor: CipherContext, round_: int, halves: Sequence[int]) -> Sequence[int]:
        """Step 6 of the algorithms, i to iv: y, the first d bytes of each block's encryption, as numbers."""
        low = self._low ^ (round_ << 8 * self._b)
        words = [self._high] * (2 * len(halves))
        words[1::2] = [low ^ half for half in halves]
        layout = f">{len(words)}Q"
        encrypted = struct.unpack(layout, encryptor.update(struct.pack(layout, *words)))
        if self._d == 8:
            return encrypted[0::2]
        return [(high << 32) | (low >> 32) for high, low in zip(encrypted[0::2], encrypted[1::2], strict=True)]

    def _last_block(self, text: bytes) -> tuple[int, int]:
        """What the last block of P || Q is encrypted as, before round and half: chained to all blocks before it."""
        encryptor = self._cipher.encryptor()
        chained = 0
        for start in range(0, len(text) - _BLOCK, _BLOCK):
            block = chained ^ int.from_bytes(text[start : start + _BLOCK], "big")
            chained = int.from_bytes(encryptor.update(block.to_bytes(_BLOCK, "big")), "big")
        return divmod(chained ^ int.from_bytes(text[-_BLOCK:], "big"), 1 << 64)
