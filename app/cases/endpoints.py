"""`/v1/support-cases`: open, see, comment, assign, resolve, reopen."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from app.cases import service
from app.cases.case_rules import CaseStatus
from app.cases.errors import SupportCaseNotResolved, SupportCaseOpen, SupportCaseResolved, TooManyComments
from app.cases.examples import CASE_ID, OPENING
from app.cases.repository import Filters
from app.cases.schemas import (
    AssignSupportCase,
    CommentOnSupportCase,
    OpenSupportCase,
    ReopenSupportCase,
    ResolveSupportCase,
    SupportCase,
    SupportCaseSummary,
)
from app.errors import Problem
from app.http.authorisation import Caller
from app.http.errors import NotFound, RelationNotAllowed
from app.http.openapi import documented
from app.http.pagination import DEFAULT_LIMIT, CursorText, Limit, decode_cursor, page_answer
from app.http.preconditions import IfNoneMatch, content_etag
from app.http.schemas import Page
from app.http.unit_of_work import Answer, Reading, Unit
from app.orders.causes import Cause
from app.orders.endpoints import ListFilter
from app.orders.errors import AmbiguousNumber
from app.orders.location import keys_of
from app.principal import Relation

router = APIRouter(prefix="/support-cases", tags=["Support cases"])

SupportCaseId = Annotated[UUID, Path(description="The support case's id.", examples=[CASE_ID])]


@router.post(
    "",
    **documented(
        "open_support_case",
        SupportCase,
        NotFound,
        AmbiguousNumber,
        SupportCaseOpen,
        status=201,
        headers=["ETag", "Location"],
        requests={
            "About a refusal at the gate": OPENING,
            "As short as can be": {
                "number": "PO-7K3M9QWX2R",
                "category": "expired",
                "description": "Activation was denied, and the goods are at the gate.",
            },
        },
    ),
)
async def open_support_case(body: OpenSupportCase, caller: Caller, unit: Unit) -> Response:
    """Open a support case.

    For when a number fails and the next step at the gate has not helped. The case keeps the order and its timeline as
    they are at this moment, so that whoever takes it up sees what you saw; each reader is shown as much of them as his
    relation to the order may see. Whoever holds the number may open one, named on the order or not: who is not named
    sees the case and its comments, nothing of the order, and has one unresolved case about it at a time.
    """
    return await unit.write(
        lambda connection: service.open_case(connection, caller, body),
        lambda opened: _answer(opened, 201, {"Location": f"/v1/support-cases/{opened.id}"}),
    )


def list_filters(
    status: Annotated[list[CaseStatus] | None, Query(description="One or more statuses.")] = None,
    category: Annotated[list[Cause] | None, Query(description="One or more categories.")] = None,
    number: Annotated[ListFilter | None, Query(description="The order's number, in any written form.")] = None,
    assigned_to: Annotated[UUID | None, Query(description="The id of the organisation that looks after it.")] = None,
) -> Filters:
    """Return what a list is narrowed to."""
    keys = None if number is None else keys_of(number, ["query", "number"])
    return Filters(status=status, category=category, number_keys=keys, assigned_to=assigned_to)


@router.get("", **documented("list_support_cases", Page[SupportCaseSummary], headers=["Link"]))
async def list_support_cases(
    request: Request,
    caller: Caller,
    unit: Reading,
    filters: Annotated[Filters, Depends(list_filters)],
    role: Annotated[
        Literal["owner", "seller", "ship_to", "forwarder", "presenter"] | None,
        Query(
            description="Only cases on orders to which your organisation has this relation; `presenter`: opened by "
            "your organisation, whatever it is to the order."
        ),
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorText = None,
) -> Response:
    """List support cases.

    Those on orders that name your organisation, and those that it has opened itself, newest first; without history and
    snapshot. `status=open` is what nobody has taken yet, `assigned_to` with your organisation's id what waits for you.
    """
    before = decode_cursor(cursor)
    only = None if role is None else Relation(role)
    return await unit.read_list(
        lambda connection: service.page(connection, caller, only, filters, before, limit + 1),
        lambda found: page_answer(request, Page[SupportCaseSummary], found, limit),
    )


@router.get(
    "/{support_case_id}", **documented("get_support_case", SupportCase, NotFound, headers=["ETag"], conditional=True)
)
async def get_support_case(
    support_case_id: SupportCaseId, caller: Caller, unit: Reading, if_none_match: IfNoneMatch = None
) -> Response:
    """Get a support case.

    With everything that was said and done in it, and the order as it was when the case was opened. For the parties of
    the order, and for the organisation that opened it.
    """
    return await unit.read(lambda connection: service.get(connection, caller, support_case_id), _answer)


def _step(operation_id: str, *problems: type[Problem]) -> dict[str, Any]:
    return documented(operation_id, SupportCase, NotFound, *problems, headers=["ETag"])


@router.post("/{support_case_id}/comments", **_step("comment_on_support_case", TooManyComments))
async def comment_on_support_case(
    support_case_id: SupportCaseId, body: CommentOnSupportCase, caller: Caller, unit: Unit
) -> Response:
    """Comment on a support case.

    Everyone who may see the case reads it; a resolved case takes comments too. Answers the case with all of them.
    """
    return await unit.write(lambda connection: service.comment(connection, caller, support_case_id, body), _answer)


@router.post("/{support_case_id}/assign", **_step("assign_support_case", RelationNotAllowed, SupportCaseResolved))
async def assign_support_case(
    support_case_id: SupportCaseId, body: AssignSupportCase, caller: Caller, unit: Unit
) -> Response:
    """Assign a support case.

    To your own organisation or to another that may see the case, and there to a person or desk in words. Any party
    that the order names may assign it, anew as often as it has to be.
    """
    return await unit.write(lambda connection: service.assign(connection, caller, support_case_id, body), _answer)


@router.post("/{support_case_id}/resolve", **_step("resolve_support_case", SupportCaseResolved))
async def resolve_support_case(
    support_case_id: SupportCaseId, body: ResolveSupportCase, caller: Caller, unit: Unit
) -> Response:
    """Resolve a support case.

    With what came of it. It changes nothing of the order: resume, extend or activate that by its own operations. Of two
    that resolve at once, one does, and the other gets `support_case_resolved`.
    """
    return await unit.write(lambda connection: service.resolve(connection, caller, support_case_id, body), _answer)


@router.post("/{support_case_id}/reopen", **_step("reopen_support_case", SupportCaseNotResolved, SupportCaseOpen))
async def reopen_support_case(
    support_case_id: SupportCaseId, body: ReopenSupportCase, caller: Caller, unit: Unit
) -> Response:
    """Reopen a support case.

    Where the trouble goes on. It returns to whom it was assigned; its resolution stays in the history.
    """
    return await unit.write(lambda connection: service.reopen(connection, caller, support_case_id, body), _answer)


def _answer(case: SupportCase, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    return Answer(case, status, {"ETag": content_etag(case), **(headers or {})})
