"""`/v1/api-keys`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from app.access import service
from app.access.errors import KeyIsRevoked, OperatorOnly, ScopeNotHeld
from app.access.schemas import ApiKey, ApiKeyWithSecret, CreateApiKey, RotateApiKey
from app.http.authorisation import Caller
from app.http.errors import NotFound
from app.http.openapi import documented
from app.http.pagination import DEFAULT_LIMIT, CursorText, Limit, decode_cursor, page_answer
from app.http.schemas import Nothing, Page
from app.http.unit_of_work import Answer, Reading, Unit

router = APIRouter(prefix="/api-keys", tags=["API keys"])

ApiKeyId = Annotated[
    UUID, Path(description="The key's id: not its secret.", examples=["0198f5a3-11aa-7b20-8c7f-52c0e9a1d3b4"])
]


@router.post("", **documented("create_api_key", ApiKeyWithSecret, ScopeNotHeld, OperatorOnly, status=201))
async def create_api_key(body: CreateApiKey, caller: Caller, unit: Unit) -> Response:
    """Create an API key.

    The field `key` of the answer is the secret, shown this once: only its hash is kept. A key grants no scope that the
    calling key lacks. Keys for another organisation are created by the operator.
    """
    return await unit.write(
        lambda connection: service.create(connection, caller, body), lambda made: _with_secret(made, 201)
    )


@router.get("", **documented("list_api_keys", Page[ApiKey], OperatorOnly, headers=["Link"]))
async def list_api_keys(
    request: Request,
    caller: Caller,
    unit: Reading,
    organisation_id: Annotated[UUID | None, Query(description="Another organisation's keys: for the operator.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorText = None,
) -> Response:
    """List API keys.

    The keys of your organisation without their secrets, oldest first; revoked and expired ones too.
    """
    after = decode_cursor(cursor)
    return await unit.read(
        lambda connection: service.page(connection, caller, organisation_id, after, limit + 1),
        lambda found: page_answer(request, Page[ApiKey], found, limit),
    )


@router.post("/{api_key_id}/revoke", **documented("revoke_api_key", ApiKey, NotFound))
async def revoke_api_key(api_key_id: ApiKeyId, caller: Caller, unit: Unit, _: Nothing | None = None) -> Response:
    """Revoke an API key.

    The key stops on every worker within a second, for good. Revoking it again changes nothing.
    """
    return await unit.write(lambda connection: service.revoke(connection, caller, api_key_id), Answer)


@router.post(
    "/{api_key_id}/rotate", **documented("rotate_api_key", ApiKeyWithSecret, NotFound, KeyIsRevoked, ScopeNotHeld)
)
async def rotate_api_key(
    api_key_id: ApiKeyId, caller: Caller, unit: Unit, body: RotateApiKey | None = None
) -> Response:
    """Rotate an API key.

    The key keeps its id, name, scopes and expiry and gets a new secret, shown this once. The old secret stops within a
    second, or after `overlap_seconds` while the new one is rolled out.
    """
    return await unit.write(
        lambda connection: service.rotate(connection, caller, api_key_id, body or RotateApiKey()), _with_secret
    )


def _with_secret(made: ApiKeyWithSecret, status: int = 200) -> Answer:
    return Answer(made, status, {"Cache-Control": "no-store"}, made.model_copy(update={"key": None}))
