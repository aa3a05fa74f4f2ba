"""`/v1/organisations`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from app.http.authorisation import Caller
from app.http.errors import NotFound, PreconditionFailed, PreconditionRequired
from app.http.openapi import documented
from app.http.pagination import DEFAULT_LIMIT, CursorText, Limit, decode_cursor, page_answer
from app.http.preconditions import IfMatch, IfNoneMatch
from app.http.schemas import Page
from app.http.unit_of_work import Answer, Reading, Unit
from app.organisations import service
from app.organisations.schemas import CreateOrganisation, Organisation, UpdateOrganisation

router = APIRouter(prefix="/organisations", tags=["Organisations"])

OrganisationId = Annotated[
    UUID, Path(description="The organisation's id.", examples=["0198f5a2-7c3e-7d41-9a52-3f6b8d2e1c07"])
]


@router.post("", **documented("create_organisation", Organisation, status=201, headers=["ETag", "Location"]))
async def create_organisation(body: CreateOrganisation, caller: Caller, unit: Unit) -> Response:
    """Create an organisation.

    The operator adds a party: a buyer, a supplier, a warehouse, a forwarder. Create a key for it next
    (`POST /v1/api-keys`), and name its `id` on orders: only an id gives a party access to an order.
    """
    return await unit.write(
        lambda connection: service.create(connection, caller, body),
        lambda made: _answer(made, 201, {"Location": f"/v1/organisations/{made.id}"}),
    )


@router.get("", **documented("list_organisations", Page[Organisation], headers=["Link"]))
async def list_organisations(
    request: Request, unit: Reading, limit: Limit = DEFAULT_LIMIT, cursor: CursorText = None
) -> Response:
    """List organisations.

    All parties, oldest first; for the operator.
    """
    after = decode_cursor(cursor)
    return await unit.read(
        lambda connection: service.page(connection, after, limit + 1),
        lambda found: page_answer(request, Page[Organisation], found, limit),
    )


@router.get(
    "/{organisation_id}", **documented("get_organisation", Organisation, NotFound, headers=["ETag"], conditional=True)
)
async def get_organisation(
    organisation_id: OrganisationId, unit: Reading, if_none_match: IfNoneMatch = None
) -> Response:
    """Get an organisation.

    With its address, telephone and the contact points that answers at a gate name.
    """
    return await unit.read(lambda connection: service.get(connection, organisation_id), _answer)


@router.patch(
    "/{organisation_id}",
    **documented(
        "update_organisation", Organisation, NotFound, PreconditionRequired, PreconditionFailed, headers=["ETag"]
    ),
)
async def update_organisation(
    organisation_id: OrganisationId, body: UpdateOrganisation, caller: Caller, unit: Unit, if_match: IfMatch = None
) -> Response:
    """Change an organisation.

    Only the fields that are sent change; null takes a field away. `If-Match` carries the ETag of what you read.
    """
    return await unit.write(
        lambda connection: service.update(connection, caller, organisation_id, if_match, body), _answer
    )


def _answer(organisation: Organisation, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    return Answer(organisation, status, {"ETag": service.etag(organisation), **(headers or {})})
