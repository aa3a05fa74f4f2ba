"""Bodies of API keys."""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, field_validator

from app.http.schemas import AnswerModel, RequestModel, ShortText, Timestamp
from app.principal import Scope

_EXAMPLE_ORGANISATION = "0198f5a2-7c3e-7d41-9a52-3f6b8d2e1c07"


class CreateApiKey(RequestModel):
    """A new key."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "Gate 4 scanners", "scopes": ["validate", "receive"], "expires_at": "2037-01-01T00:00:00Z"}
            ]
        }
    )

    organisation_id: UUID | None = None
    """Whose key it is; your own organisation's when left out. Another's is for the operator."""
    name: ShortText
    """What or whom the key is for, in words."""
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=32)]
    """What the key may be used for; none that the calling key lacks."""
    expires_at: Timestamp | None = None
    """When the key stops by itself; never when left out."""

    @field_validator("scopes")
    @classmethod
    def _each_once(cls, scopes: list[Scope]) -> list[Scope]:
        return sorted(set(scopes))


class RotateApiKey(RequestModel):
    """How to change the secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"overlap_seconds": 3600}]})

    overlap_seconds: Annotated[int, Field(ge=0, le=604_800)] = 0
    """How long the old secret goes on beside the new one, in seconds; 0 stops it at once."""


class ApiKey(AnswerModel):
    """A key, without its secret."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198f5a3-11aa-7b20-8c7f-52c0e9a1d3b4",
                    "organisation_id": _EXAMPLE_ORGANISATION,
                    "name": "Gate 4 scanners",
                    "scopes": ["receive", "validate"],
                    "hint": "por_live_...x7Kq",
                    "created_at": "2036-01-04T08:31:00Z",
                    "expires_at": "2037-01-01T00:00:00Z",
                    "revoked_at": None,
                }
            ]
        }
    )

    id: UUID
    organisation_id: UUID
    name: str
    scopes: list[Scope]
    hint: str
    """The last four characters of the newest secret."""
    created_at: Timestamp
    expires_at: Timestamp | None
    revoked_at: Timestamp | None


class ApiKeyWithSecret(ApiKey):
    """A key at the moment of its creation or rotation, the only time at which its secret is shown."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198f5a3-11aa-7b20-8c7f-52c0e9a1d3b4",
                    "organisation_id": _EXAMPLE_ORGANISATION,
                    "name": "Gate 4 scanners",
                    "scopes": ["receive", "validate"],
                    "hint": "por_live_...x7Kq",
                    "created_at": "2036-01-04T08:31:00Z",
                    "expires_at": "2037-01-01T00:00:00Z",
                    "revoked_at": None,
                    "key": "por_live_EXAMPLExEXAMPLExEXAMPLExEXAMPLEx7Kq",
                }
            ]
        }
    )

    key: str | None
    """The secret, shown this once: only its hash is kept. Null where an Idempotency-Key repeats the answer."""
