import random
from collections import Counter
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from app.numbers.check_characters import NUMBER_ALPHABET
from app.numbers.serial_permutation import Ff1Permutation, SerialPermutation

KEY = bytes(range(16))
AES_128 = "2B7E151628AED2A6ABF7158809CF4F3C"
AES_192 = AES_128 + "EF4359D8D580AA4F"
AES_256 = AES_192 + "7F036D6F04FC6A94"
RADIX_10_TWEAK = "39383736353433323130"
RADIX_36_TWEAK = "3737373770717273373737"


# NIST, Cryptographic Standards and Guidelines: FF1samples.pdf.
@pytest.mark.parametrize(
    ("key", "radix", "tweak", "plain", "encrypted"),
    [
        (AES_128, 10, "", "0123456789", "2433477484"),
        (AES_128, 10, RADIX_10_TWEAK, "0123456789", "6124200773"),
        (AES_128, 36, RADIX_36_TWEAK, "0123456789abcdefghi", "a9tv40mll9kdu509eum"),
        (AES_192, 10, "", "0123456789", "2830668132"),
        (AES_192, 10, RADIX_10_TWEAK, "0123456789", "2496655549"),
        (AES_192, 36, RADIX_36_TWEAK, "0123456789abcdefghi", "xbj3kv35jrawxv32ysr"),
        (AES_256, 10, "", "0123456789", "6657667009"),
        (AES_256, 10, RADIX_10_TWEAK, "0123456789", "1001623463"),
        (AES_256, 36, RADIX_36_TWEAK, "0123456789abcdefghi", "xs8a0azh2avyalyzuwd"),
    ],
    ids=[f"sample {number}" for number in range(1, 10)],
)
def test_the_samples_that_nist_published_come_out(key: str, radix: int, tweak: str, plain: str, encrypted: str) -> None:
    permutation = Ff1Permutation(bytes.fromhex(key), radix=radix, length=len(plain), tweak=bytes.fromhex(tweak))
    neighbour = (int(plain, radix) + 1) % radix ** len(plain)
    images = permutation.encrypt([int(plain, radix), neighbour, int(plain, radix)])
    assert images[0] == images[2] == int(encrypted, radix)
    assert permutation.decrypt(images) == [int(plain, radix), neighbour, int(plain, radix)]


def ff1_of_one_number(key: bytes, radix: int, length: int, tweak: bytes, number: int) -> int:
    """Algorithm 7 step by step, for one number, with nothing computed ahead."""
    u, v = length // 2, length - length // 2
    v_modulus: int = radix**v
    left, right = divmod(number, v_modulus)
    b = -(-(v_modulus - 1).bit_length() // 8)
    d = 4 * -(-b // 4) + 4
    p = bytes([1, 2, 1, 0, 0, radix, 10, u]) + length.to_bytes(4, "big") + len(tweak).to_bytes(4, "big")
    for round_ in range(10):
        q = tweak + bytes((-len(tweak) - b - 1) % 16) + bytes([round_]) + right.to_bytes(b, "big")
        mac = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).encryptor().update(p + q)[-16:]
        modulus: int = radix ** (v if round_ % 2 else u)
        left, right = right, (left + int.from_bytes(mac[:d], "big")) % modulus
    return left * v_modulus + right


@given(
    width=st.integers(5, 16),
    tweak=st.binary(max_size=40),
    key=st.sampled_from([16, 24, 32]).flatmap(lambda size: st.binary(min_size=size, max_size=size)),
    data=st.data(),
)
def test_a_block_gives_what_the_standard_gives_number_by_number_and_can_be_undone(
    width: int, tweak: bytes, key: bytes, data: st.DataObject
) -> None:
    serials = data.draw(st.lists(st.integers(0, 30**width - 1), max_size=5))
    permutation = SerialPermutation(key, width, tweak)
    texts = permutation.texts(serials)
    for serial, text in zip(serials, texts, strict=True):
        number = 0
        for character in text:
            number = number * 30 + NUMBER_ALPHABET.index(character)
        assert len(text) == width
        assert number == ff1_of_one_number(key, 30, width, tweak, serial)
        assert permutation.serial(text) == serial


def test_other_implementations_of_ff1_give_the_same_texts() -> None:
    # fastfpe 0.2.1 and libffx 2.0.1, over the same alphabet, with an empty tweak.
    assert SerialPermutation(KEY, 9).texts([0, 1, 2]) == ["8CCTQ7394", "RN9TANED8", "KTGYYKFA4"]


def test_no_two_serials_share_a_text() -> None:
    texts = SerialPermutation(KEY, 5).texts(range(100_000))
    assert len(set(texts)) == 100_000
    assert all(len(text) == 5 for text in texts)


def test_numbers_of_neighbouring_serials_share_no_more_characters_than_chance() -> None:
    texts = SerialPermutation(KEY, 9).texts(range(20_001))
    pairs = list(pairwise(texts))
    shared = [sum(a[position] == b[position] for a, b in pairs) for position in range(9)]
    # Binomial(20,000, 1/30): mean 666.7, standard deviation 25.4; five of them either way.
    assert all(540 < count < 794 for count in shared), shared
    # Two texts of nine share at least five places once in 220,000 pairs.
    assert max(sum(map(str.__eq__, a, b)) for a, b in pairs) <= 5


def test_every_character_is_as_frequent_as_every_other_at_every_place() -> None:
    texts = SerialPermutation(KEY, 9).texts(range(30_000))
    for position in range(9):
        counts = Counter(text[position] for text in texts)
        chi_square = sum((counts[character] - 1_000) ** 2 / 1_000 for character in NUMBER_ALPHABET)
        # 29 degrees of freedom: 66 is exceeded once in ten thousand draws.
        assert chi_square < 66


def test_another_key_and_another_tweak_give_unrelated_texts() -> None:
    serials = range(1_000)
    base = set(SerialPermutation(KEY, 9).texts(serials))
    assert base.isdisjoint(SerialPermutation(bytes(16), 9).texts(serials))
    assert base.isdisjoint(SerialPermutation(KEY, 9, tweak=b"2027").texts(serials))


@pytest.mark.parametrize("serials", [[-1], [30**5], [0, 1, 30**5], [5, -3]])
def test_a_serial_outside_the_range_is_refused(serials: list[int]) -> None:
    with pytest.raises(ValueError, match="outside 0 to 24299999"):
        SerialPermutation(KEY, 5).texts(serials)


@pytest.mark.parametrize("text", ["", "2222", "222222", "2222O", "2222a", "2222\u0662"])
def test_a_text_that_no_serial_has_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not 5 characters"):
        SerialPermutation(KEY, 5).serial(text)


@pytest.mark.parametrize("width", [-1, 0, 4, 17])
def test_a_width_below_a_million_values_or_beyond_a_number_is_refused(width: int) -> None:
    with pytest.raises(ValueError, match="5 to 16"):
        SerialPermutation(KEY, width)


@pytest.mark.parametrize(("radix", "length"), [(10, 1), (30, 30), (2**16, 8)])
def test_halves_that_would_need_another_block_are_refused(radix: int, length: int) -> None:
    with pytest.raises(ValueError, match="halves of 1 to 7 bytes"):
        Ff1Permutation(KEY, radix=radix, length=length)


def test_a_block_is_computed_in_one_call_of_the_cipher_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Counter[int]()

    class CountingCipher:
        def __init__(self, cipher: Cipher[modes.ECB]) -> None:
            self._cipher = cipher

        def encryptor(self) -> "CountingCipher":
            self._encryptor = self._cipher.encryptor()
            return self

        def update(self, data: bytes) -> bytes:
            calls[len(data)] += 1
            return self._encryptor.update(data)

    permutation = Ff1Permutation(KEY, radix=30, length=9)
    monkeypatch.setattr(permutation, "_cipher", CountingCipher(permutation._cipher))
    serials = random.Random(1).sample(range(30**9), 1_000)
    assert len(set(permutation.encrypt(serials))) == 1_000
    assert calls == {16_000: 10}
