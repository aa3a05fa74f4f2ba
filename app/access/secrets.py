"""The secret of an API key: how it is made, what is kept of it."""

import hashlib
import secrets
import string

PREFIX = "por_live_"
LENGTH = len(PREFIX) + 40
_ALPHABET = string.ascii_letters + string.digits


def new_secret() -> str:
    """Return a new secret: `por_live_` and 40 letters and digits, 238 random bits."""
    return PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(LENGTH - len(PREFIX)))


def hash_of(secret: str) -> bytes:
    """Return what is kept of a secret.

    One round of SHA-256 is right for a secret of 238 random bits: a slow hash protects guessable passwords, here it
    would only cost every request.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def hint_of(secret: str) -> str:
    """Return what people tell keys apart by."""
    return f"{PREFIX}...{secret[-4:]}"
