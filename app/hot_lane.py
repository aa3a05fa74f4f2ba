"""The hot lane: the questions of the gate and new orders, with as little as possible between the socket and a service.

FastAPI takes longer to find a route, solve its dependencies and pass seven layers than a look-up among ten million
orders takes. So the requests that a warehouse and an ERP system send all day are taken here, straight from the server's
protocol (`app/http/lean_protocol.py`). What is taken is only what is plainly in order: a key that was looked up within
the last second and has the scope, no query, no header twice, a path or a body that fits its description. Anything else,
every fault and whatever is rare goes the way of FastAPI, which says what is wrong with it; so does what turns out on
the way to need more, as long as nothing has been done. That is why the lane has no checks of its own to keep in step.

From there on both ways are one: the same services, which answer with the same bytes, and the same counting, line in the
log, request id and limits. `tests/test_hot_lane.py` sends the same requests by both ways and compares all that comes
back. The endpoints are what is documented, here is nothing of that.
"""

import asyncio
import json
import re
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter
from starlette.datastructures import State

from app.access.authenticator import CachingAuthenticator
from app.errors import Problem, TemporarilyUnavailable
from app.http.body_limit import MEBIBYTE
from app.http.errors import InternalError
from app.http.lean_protocol import Handler, Headers, LeanRequest
from app.http.preferences import APPLIED, MINIMAL
from app.http.problems import MEDIA_TYPE, problem_content
from app.http.request_context import count_request, new_request_id, usable_request_id
from app.http.unit_of_work import RequestsUnderWay, fingerprint_of
from app.orders import issuing
from app.orders.issuing import Outcome
from app.orders.issuing_together import KeyTaken, OrderDesk, Ordered
from app.orders.schemas import IssuePurchaseOrder
from app.principal import Principal
from app.telemetry import logger
from app.validation.knowledge import Knowledge, candidates
from app.validation.questions import Question, question_of, well_formed
from app.validation.schemas import ValidateInput
from app.validation.service import Gate

Body = TypeVar("Body")

_log = logger(__name__)

_VALIDATIONS: Final = b"/v1/validations"
_PURCHASE_ORDERS: Final = b"/v1/purchase-orders"

# Nothing that is encoded, or that a path is divided or ends by: a written number of letters, digits, dots and dashes.
_PLAIN_NUMBER: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")

# An Idempotency-Key that is written without quotes, as most send it.
_PLAIN_KEY: Final = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,255}")

_ASKED: Final = TypeAdapter(ValidateInput)
_ORDERED: Final = TypeAdapter(IssuePurchaseOrder)

_KEY: Final = re.compile(rb"Bearer (por_live_[A-Za-z0-9]{40})")

_MINIMAL: Final = MINIMAL.encode()

_JSON: Final = b"content-type: application/json\r\n"
_PROBLEM: Final = f"content-type: {MEDIA_TYPE}\r\n".encode()


class HotLane:
    """Takes requests before FastAPI does; `state` is the application's."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._authenticator: CachingAuthenticator = state.authenticator
        self._gate: Gate = state.gate
        self._desk: OrderDesk = state.order_desk
        self._under_way: RequestsUnderWay = state.requests_under_way

    def handler(self, method: bytes, target: bytes, headers: Headers) -> Handler | None:
        """Return what answers a request with this head; None: the way of FastAPI."""
        if method == b"GET" and target.startswith(_VALIDATIONS + b"/"):
            return self._validate_number if _PLAIN_NUMBER.fullmatch(target, len(_VALIDATIONS) + 1) else None
        if method == b"POST" and target == _VALIDATIONS:
            return self._validate_input if _has_small_json(headers) else None
        if method == b"POST" and target == _PURCHASE_ORDERS:
            return self._issue if _has_small_json(headers) else None
        return None

    def _validate_number(self, request: LeanRequest) -> None:
        taken = self._taken(request, "validate_number")
        if taken is None or self._state.gate_crowd.is_full:
            request.hand_back()
            return
        text = request.target[len(_VALIDATIONS) + 1 :].decode("ascii")
        asked = _ASKED.validate_python({"input": text})
        self._ask(taken, question_of(asked, shows_order=not taken.prefers_minimal))

    def _validate_input(self, request: LeanRequest) -> None:
        taken = self._taken(request, "validate_input")
        asked = None if taken is None else _read(_ASKED, request.body)
        if taken is None or asked is None or asked.receive is not None or self._state.gate_crowd.is_full:
            # What receives is a transaction, and takes longer than all that is spared here.
            request.hand_back()
            return
        self._ask(taken, question_of(asked, shows_order=not taken.prefers_minimal))

    def _ask(self, taken: "_Taken", question: Question) -> None:
        self._state.gate_crowd.join()
        knowledge = self._gate.look_up_one(taken.caller, question, is_gone=taken.request.is_gone)
        knowledge.add_done_callback(partial(self._judge, taken, question))

    def _judge(self, taken: "_Taken", question: Question, found: "asyncio.Future[Knowledge]") -> None:
        self._state.gate_crowd.leave()
        if found.cancelled():
            # Nobody waits for it.
            taken.close()
            return
        try:
            knowledge = found.result()
            meant = candidates(question, taken.caller, knowledge)
            if not meant:
                # What may have been meant instead takes another query, and there is time for it.
                taken.request.hand_back()
                return
            content, delay = self._gate.judge(taken.caller, question, knowledge, meant)
        except TemporarilyUnavailable as unavailable:
            members = {**unavailable.members, "well_formed": well_formed(question.asked.input)}
            taken.refuse(TemporarilyUnavailable(unavailable.detail, members=members))
        except Problem as problem:
            taken.refuse(problem)
        except Exception:  # noqa: BLE001 - the last place where a fault can still become an answer
            taken.fail()
        else:
            headers = [_JSON, self._gate.header_lines(taken.caller)]
            if taken.prefers_minimal:
                headers += _lines(APPLIED)
            if delay:
                asyncio.get_running_loop().call_later(delay, taken.answer, 200, headers, content)
            else:
                taken.answer(200, headers, content)

    def _issue(self, request: LeanRequest) -> None:
        taken = self._taken(request, "issue_purchase_order")
        body = None if taken is None else _read(_ORDERED, request.body)
        if taken is None or body is None:
            request.hand_back()
            return
        key = taken.fields.get(b"idempotency-key")
        if key is None:
            ordered = Ordered(taken.caller, body)
        elif _PLAIN_KEY.fullmatch(key) and self._under_way.take(taken.caller.organisation_id, key.decode("ascii")):
            ordered = Ordered(taken.caller, body, key.decode("ascii"), _fingerprint(request))
        else:
            # Quoted perhaps, or the first request with it is under way.
            request.hand_back()
            return
        self._desk.issue(ordered, is_gone=request.is_gone).add_done_callback(partial(self._issued, taken, ordered))

    def _issued(self, taken: "_Taken", ordered: Ordered, issued: "asyncio.Future[Outcome | KeyTaken]") -> None:
        if ordered.key is not None:
            self._under_way.give_back(ordered.caller.organisation_id, ordered.key)
        if issued.cancelled():
            # Nobody waits for it, and it was not begun.
            taken.close()
            return
        try:
            outcome = issued.result()
        except KeyTaken:
            taken.request.hand_back()
        except Problem as problem:
            taken.refuse(problem)
        except Exception:  # noqa: BLE001 - the last place where a fault can still become an answer
            taken.fail()
        else:
            if isinstance(outcome, KeyTaken):
                taken.request.hand_back()
            elif isinstance(outcome, Problem):
                taken.refuse(outcome)
            else:
                taken.answer(201, [_JSON, *_lines(issuing.headers_of(outcome))], outcome.content)

    def _taken(self, request: LeanRequest, operation: str) -> "_Taken | None":
        """Return the request with its caller; None where anything about it is out of the ordinary."""
        fields = dict(request.headers)
        key = _KEY.fullmatch(fields.get(b"authorization", b""))
        if key is None or len(fields) != len(request.headers) or fields.get(b"prefer", _MINIMAL) != _MINIMAL:
            return None
        holder = self._authenticator.known(key[1].decode("ascii"))
        caller = None if holder is None else holder.as_caller_of(operation)
        return None if caller is None else _Taken(request, operation, caller, fields)


class _Taken:
    """A request that is in order, with all that its answer is to bear and to be counted by."""

    __slots__ = ("_operation", "_request_id", "_started", "caller", "fields", "request")

    def __init__(self, request: LeanRequest, operation: str, caller: Principal, fields: dict[bytes, bytes]) -> None:
        self.request = request
        self.caller = caller
        self.fields = fields
        self._operation = operation
        self._started = time.perf_counter()
        given = fields.get(b"x-request-id")
        self._request_id = new_request_id() if given is None else usable_request_id(given.decode("latin-1"))

    @property
    def prefers_minimal(self) -> bool:
        """Whether the least that answers it is asked for; the lane takes no other preference."""
        return b"prefer" in self.fields

    def answer(self, status: int, headers: Sequence[bytes], content: bytes) -> None:
        """Answer, and count it."""
        self.request.answer(status, [*headers, f"x-request-id: {self._request_id}\r\n".encode("ascii")], content)
        self._count(status)

    def refuse(self, problem: Problem) -> None:
        """Answer a problem."""
        content = problem_content(problem, self.request.target.decode("ascii"))
        self.answer(problem.status, [_PROBLEM, *_lines(problem.headers)], content)

    def fail(self) -> None:
        """Answer, while an exception is handled, that the service has failed; the log says where."""
        path = self.request.target.decode("ascii")
        method = self.request.method.decode("ascii")
        _log.exception("fault", method=method, path=path, request_id=self._request_id)
        self.refuse(InternalError(InternalError.example_detail))

    def close(self) -> None:
        """Count a request that nobody waits for any more."""
        self.request.answer(499, (), b"")
        self._count(499)

    def _count(self, status: int) -> None:
        count_request(
            self._operation,
            self.request.method.decode("ascii"),
            status,
            time.perf_counter() - self._started,
            request_id=self._request_id,
            path=self.request.target.decode("ascii"),
            organisation_id=self.caller.organisation_id,
        )


def _fingerprint(request: LeanRequest) -> bytes:
    return fingerprint_of(request.method.decode("ascii"), request.target.decode("ascii"), "", bytes(request.body))


def _has_small_json(headers: Headers) -> bool:
    """Whether the body is stated to be JSON, and to be no larger than any of these operations takes."""
    fields = dict(headers)
    length = fields.get(b"content-length", b"")
    return (
        fields.get(b"content-type") == b"application/json"
        and b"transfer-encoding" not in fields
        and b"content-encoding" not in fields
        and len(length) < 7
        and length.isdigit()
        and int(length) <= MEBIBYTE
    )


def _read(adapter: TypeAdapter[Body], body: bytes) -> Body | None:
    """Return the body as FastAPI would read it; None where it does not fit its description."""
    try:
        return adapter.validate_python(json.loads(body))
    except (ValueError, RecursionError):
        return None


def _lines(headers: dict[str, Any]) -> list[bytes]:
    return [f"{name}: {value}\r\n".encode("latin-1") for name, value in headers.items()]
