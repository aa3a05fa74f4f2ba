"""The secrets by which receivers know our webhooks: how they are made, and how they are kept.

A signature needs the secret itself, so no hash will do. With WEBHOOK_SECRETS_KEYS they are kept encrypted (Fernet:
AES-128-CBC with HMAC-SHA256), and who reads the database or a copy of it cannot forge a webhook.
"""

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from cryptography.fernet import Fernet, MultiFernet
from standardwebhooks import Webhook

PREFIX: Final = "whsec_"
_BYTES: Final = 32
_SEALED: Final = "fernet:"


def new_secret() -> str:
    """Return a new secret as Standard Webhooks writes it: `whsec_` and 32 random bytes in Base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode("ascii")


class Vault:
    """Turns secrets into what is kept of them, and back."""

    def __init__(self, keys: Sequence[str] = ()) -> None:
        """Make a vault whose first key seals and whose keys all open; without keys what is kept is readable."""
        self._fernet = MultiFernet([Fernet(key) for key in keys]) if keys else None

    def seal(self, secret: str) -> str:
        """Return what is kept of a secret."""
        if self._fernet is None:
            return secret
        return _SEALED + self._fernet.encrypt(secret.encode("ascii")).decode("ascii")

    def open(self, kept: str) -> str:
        """Return the secret; raises LookupError where it was sealed and the keys are not there.

        What was kept before there were keys is opened as it is.
        """
        if not kept.startswith(_SEALED):
            return kept
        if self._fernet is None:
            raise LookupError("a secret of webhooks is sealed, and WEBHOOK_SECRETS_KEYS is not set")
        return self._fernet.decrypt(kept.removeprefix(_SEALED)).decode("ascii")


def signed_headers(secrets_: Sequence[str], webhook_id: UUID, at: datetime, body: str) -> dict[str, str]:
    """Return the headers of Standard Webhooks, with a signature by each of the secrets; `at` in UTC."""
    signatures = [Webhook(secret).sign(str(webhook_id), at, body) for secret in secrets_]
    return {
        "webhook-id": str(webhook_id),
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
