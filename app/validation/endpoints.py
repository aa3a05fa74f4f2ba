"""`/v1/validations`: the hot path."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.errors import TemporarilyUnavailable
from app.http.authorisation import Caller, require_scope
from app.http.crowd import Crowd
from app.http.errors import RelationNotAllowed
from app.http.openapi import RATE_LIMIT_HEADERS, documented
from app.http.path_text import ANY_TEXT
from app.http.preferences import APPLIED, MinimalPreferred
from app.http.schemas import Moment
from app.http.unit_of_work import Answer, Reading, Unit, json_response
from app.orders.errors import DuplicateReceipt, OverReceipt
from app.orders.examples import RECEIVE
from app.principal import Principal
from app.validation.answers import written
from app.validation.examples import ACCEPTED, ACCEPTED_AND_RECEIVED, AT_THE_DOCK, EXPIRED, MISTYPED, OTHER_DELIVERY
from app.validation.knowledge import Knowledge
from app.validation.questions import manifest_of, question_of, well_formed
from app.validation.schemas import ValidateBatch, ValidateInput, Validation, ValidationBatch
from app.validation.service import RECEIVING, Gate

_VERDICTS = {
    "Accepted": ACCEPTED,
    "Rejected, by one who only holds the number": EXPIRED,
    "Mistyped, with what was meant": MISTYPED,
}


class ValidationRoute(APIRoute):
    """Adds `well_formed` to a 503: what the text alone says, while nothing else can be known.

    Wherever the 503 comes from: keys are looked up inside the handler too. A batch has many texts, and gets null.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler with that addition."""
        handle = super().get_route_handler()

        async def handle_or_hold(request: Request) -> Response:
            crowd: Crowd = request.app.state.gate_crowd
            try:
                async with crowd.joined():
                    return await handle(request)
            except TemporarilyUnavailable as unavailable:
                text = await _text_asked_about(request)
                verdict = None if text is None else well_formed(text)
                raise TemporarilyUnavailable(
                    unavailable.detail, members={**unavailable.members, "well_formed": verdict}
                ) from None

        return handle_or_hold


def _gate(request: Request) -> Gate:
    gate: Gate = request.app.state.gate
    return gate


TheGate = Annotated[Gate, Depends(_gate)]

_HEADERS = (*RATE_LIMIT_HEADERS, "Preference-Applied")


def _headers(gate: Gate, caller: Principal, *, minimal: bool) -> dict[str, str]:
    return gate.headers(caller) | (APPLIED if minimal else {})


router = APIRouter(prefix="/validations", tags=["Validation"], route_class=ValidationRoute)


@router.get(
    f"/{{number:{ANY_TEXT}}}",
    **documented("validate_number", Validation, headers=_HEADERS, answers=_VERDICTS),
)
async def validate_number(
    number: Annotated[
        str, Path(description="What was typed or scanned, as it is.", examples=["po 7k3m9qwx2r"], max_length=4096)
    ],
    caller: Caller,
    gate: TheGate,
    buyer: Annotated[
        UUID | None, Query(description="The buyer's organisation id, where two buyers use one number.")
    ] = None,
    at: Annotated[Moment | None, Query(description="The moment that is asked about; now when left out.")] = None,
    minimal: MinimalPreferred = False,
) -> Response:
    """Validate a number.

    The question at the gate. 200 whenever it could be answered: `verdict` is `accept`, `hold` or `reject`, `refusals`
    lists every reason with the next step. 503 means that nothing is known: hold, and ask again; never "invalid". It
    comes within two seconds, and its `well_formed` tells what the text alone says: true, it looks like a number that
    was issued here; false, no PO number looks like it, or its check character is wrong; null, it may be one that was
    issued elsewhere. Without a relation to the order the answer is the verdict and the next steps alone.
    """
    question = question_of(ValidateInput(input=number, buyer=buyer, at=at), shows_order=not minimal)
    return json_response(await gate.answer(caller, question), _headers(gate, caller, minimal=minimal))


@router.post(
    "",
    **documented(
        "validate_input",
        Validation,
        RelationNotAllowed,
        OverReceipt,
        DuplicateReceipt,
        headers=_HEADERS,
        requests={
            "What was typed": {"input": "po 7k3m9qwx2r"},
            "For a day to come": {"input": "PO-7K3M9QWX2R", "at": "2036-03-01T06:00:00Z"},
            "With the delivery at the dock": AT_THE_DOCK,
            "And receive what came in": {"input": "PO-7K3M9QWX2R", "receive": RECEIVE},
        },
        answers={
            **_VERDICTS,
            "Another delivery than expected": OTHER_DELIVERY,
            "Accepted and received": ACCEPTED_AND_RECEIVED,
        },
    ),
)
async def validate_input(
    body: ValidateInput, caller: Caller, unit: Unit, gate: TheGate, minimal: MinimalPreferred = False
) -> Response:
    """Validate an input, and receive.

    The same question with more said: `buyer` where two buyers use one number, `at` for a day to come, `delivery` for
    what stands at the gate. Each fact of the delivery that contradicts the order is a refusal of its own, with its
    `field` and its `verdict`; what the order does not state is not held against it. The vehicle is expected within the
    window that is booked with its PRO number, or else within the order's `delivery_window`: too early holds, too late
    rejects.

    What a delivery has to tell is the policy (`POST /v1/policies`) of the ship-to, or of the buyer where an order names
    none: the PRO number, unless it says otherwise. What is missing holds, and so does what contradicts where the policy
    only holds it. Nothing of this is asked where `delivery` is left out or empty. Where the receiving or the buying
    organisation has marked the carrier as disrupted, wrong or missing carrier papers, another vehicle and one that is
    too late are held as `carrier_disrupted`.

    With `receive` the goods come in with the question, in one transaction: `accept` receives them and the answer holds
    the `receipt`, any other verdict receives nothing. Of two docks that ask at once, one receives and the other gets
    `already_received`. This needs the scope `receive` as well, and is for the owner and the ship-to of the order. The
    Idempotency-Key protects what was received; a verdict that received nothing leaves it free.
    """
    question, receive = question_of(body, shows_order=not minimal), body.receive
    if receive is None:
        return json_response(await gate.answer(caller, question), _headers(gate, caller, minimal=minimal))
    require_scope(caller.scopes, RECEIVING)
    return await unit.write_at_the_gate(
        lambda connection: gate.judge_and_receive(connection, caller, question, receive),
        lambda answer: Answer(
            written(answer), headers=_headers(gate, caller, minimal=minimal), did_nothing=answer.receipt is None
        ),
    )


@router.post("/batch", **documented("validate_batch", ValidationBatch, headers=_HEADERS))
async def validate_batch(
    body: ValidateBatch, caller: Caller, unit: Reading, gate: TheGate, minimal: MinimalPreferred = False
) -> Response:
    """Validate up to 1,000 inputs.

    A vehicle's manifest in one request. A number that stands in it twice is held as `duplicate_in_request` from the
    second time on; `summary` counts the codes. Bodies up to 8 MiB. A 503 is for the whole batch, and its `well_formed`
    is null.
    """
    manifest = await manifest_of(body, shows_orders=not minimal)

    async def judge(knowledge: Knowledge) -> Answer:
        judged = await gate.judge_manifest(caller, manifest, knowledge)
        return Answer(judged, headers=_headers(gate, caller, minimal=minimal))

    return await unit.read_manifest(
        lambda connection: gate.look_up(connection, caller, list(manifest.questions.values())), judge
    )


async def _text_asked_about(request: Request) -> str | None:
    if "number" in request.path_params:
        return str(request.path_params["number"])
    try:
        body = await request.json()
    except (ValueError, RecursionError, HTTPException):
        # Not JSON, or too deep or too large to be read.
        return None
    text = body.get("input") if isinstance(body, dict) else None
    return text if isinstance(text, str) else None
