"""`/v1/policies`: how an organisation's orders are issued, and what it asks of deliveries, in versions."""

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.http.authorisation import Caller
from app.http.openapi import documented
from app.http.pagination import DEFAULT_LIMIT, CursorText, Limit, decode_cursor, page_answer
from app.http.schemas import LARGEST_INTEGER, Page
from app.http.unit_of_work import Answer, Reading, Unit
from app.numbers.errors import UnknownNumberFormat
from app.orders import policy_service
from app.orders.policy_schemas import CreatePolicy, PolicyVersion

router = APIRouter(prefix="/policies", tags=["Policies"])


@router.post(
    "",
    **documented(
        "create_policy",
        PolicyVersion,
        UnknownNumberFormat,
        status=201,
        requests={
            "What the gate asks for, from a day on": {
                "effective_from": "2036-04-01T00:00:00Z",
                "mandatory_gate_facts": ["pro_number", "trailer_number", "booking"],
            },
            "Five percent more may come in, from now on": {"receipt_tolerance": "0.05"},
            "Orders end after 90 days, and are active once they are confirmed": {
                "default_validity": "P90D",
                "activation_window": "P14D",
                "activation": "on_confirmation",
            },
            "Back to the defaults": {},
        },
    ),
)
async def create_policy(body: CreatePolicy, caller: Caller, unit: Unit) -> Response:
    """State your policy.

    Adds a version: what your gate asks of a delivery, how much may come in beyond what you ordered, how long your
    orders are valid and when they become active, whether they may be shipped in parts, and how their numbers look. A
    version is whole: what you leave out is the default, not what the version before it said. It holds from
    `effective_from` until a later version begins. Versions are never changed: state another one that begins at the same
    moment, or earlier, and the one that was planned will never hold.

    A version that begins later is announced by an event at once, `policy.changing`, with what it changes against the
    version that holds until then; so is one that takes the place of a planned version.

    Your gate goes by the version in force at the moment that is asked about: yours where orders name your organisation
    as ship-to, or where they name none and you are the buyer. An order keeps the version that its buyer had in force
    when it was issued (`policy_version`), and with it the dates that were filled in, its activation, the PRO numbers
    that it takes and the tolerance for receiving. A draft gets all of that when it is issued; its number comes from the
    format in force when it is made.
    """
    return await unit.write(
        lambda connection: policy_service.create(connection, caller, body), lambda made: Answer(made, 201)
    )


@router.get("", **documented("list_policies", Page[PolicyVersion], headers=["Link"]))
async def list_policies(
    request: Request, caller: Caller, unit: Reading, limit: Limit = DEFAULT_LIMIT, cursor: CursorText = None
) -> Response:
    """List your policy's versions.

    Newest first, planned ones too: those whose `effective_from` is still to come. `in_force` marks the one that holds
    now. While there is none, the defaults hold: a delivery needs its PRO number and comes within its window,
    contradictions reject, and nothing may come in beyond what was ordered; an order ends and lapses only where it says
    so, is activated by you, takes any number of PRO numbers and has a number of the default format, and its end is
    announced a week ahead.
    """
    position = decode_cursor(cursor)
    before = None if position is None else min(position.int, LARGEST_INTEGER)
    return await unit.read(
        lambda connection: policy_service.page(connection, caller, before, limit + 1),
        lambda found: page_answer(request, Page[PolicyVersion], found, limit, lambda one: UUID(int=one.version)),
    )
