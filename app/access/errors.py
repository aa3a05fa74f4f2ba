"""Problems of API keys."""

from typing import ClassVar

from pydantic import JsonValue

from app.errors import Problem

_CHALLENGE = {"WWW-Authenticate": 'Bearer error="invalid_token"'}


class InvalidKey(Problem):
    """The key is none that was issued here, or it was revoked or has expired."""

    status = 401
    code = "invalid_api_key"
    title = "The API key is not valid"
    remedy = (
        "The key was mistyped, revoked, rotated or has expired. `detail` says which where the secret itself is right. "
        "Ask the holder of your organisation's keys for a current one."
    )
    example_detail = "The API key was revoked."

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers=dict(_CHALLENGE))


class ScopeNotHeld(Problem):
    """A key cannot hand out more than it has."""

    status = 403
    code = "scope_not_held"
    title = "A key cannot grant scopes that it lacks"
    remedy = "Use a key that holds every scope of the key that you create or rotate; `scopes` lists those missing."
    example_detail = "The calling key lacks receive:reverse."
    example_members: ClassVar[dict[str, JsonValue]] = {"scopes": ["receive:reverse"]}


class OperatorOnly(Problem):
    """Keys of another organisation are the operator's business."""

    status = 403
    code = "operator_only"
    title = "Only the operator does this for another organisation"
    remedy = "Leave `organisation_id` out to work with your own organisation's keys, or ask the operator."
    example_detail = "Keys of another organisation are created by the operator."


class KeyIsRevoked(Problem):
    """A revoked key stays revoked."""

    status = 409
    code = "api_key_revoked"
    title = "The key has ended"
    remedy = "A key that is revoked or has expired cannot be rotated: create a new one."
    example_detail = "The key was revoked on 2036-01-04T08:30:00Z."
