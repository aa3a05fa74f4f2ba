"""Turns everything that is not a success into `application/problem+json` (RFC 9457)."""

import json
from typing import cast
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import JsonValue, ValidationError
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import Scope

from app.errors import InvalidRequest, Problem
from app.http.errors import (
    ContentTooLarge,
    InternalError,
    MalformedBody,
    MethodNotAllowed,
    NotFound,
    UnsupportedMediaType,
)

MEDIA_TYPE = "application/problem+json"


def problem_response(problem: Problem, scope: Scope) -> Response:
    """Return the answer for a problem; `instance` is the request's path as it was sent."""
    return Response(
        problem_content(problem, _instance(scope)),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=problem.headers,
    )


def problem_content(problem: Problem, instance: str) -> bytes:
    """Return the body of the answer for a problem."""
    return json.dumps(problem.as_dict(instance=instance), ensure_ascii=False).encode("utf-8", "replace")


def invalid_request(errors: list[ErrorDetails], *, prefix: tuple[str | int, ...] = ()) -> InvalidRequest:
    """Return the problem for Pydantic's errors; what was sent is not repeated, it may be a secret or very long."""
    return InvalidRequest.of(
        [{"loc": [*prefix, *error["loc"]], "code": error["type"], "message": error["msg"]} for error in errors]
    )


def invalid_item(error: ValidationError, place: tuple[str | int, ...]) -> InvalidRequest:
    """Return the problem of an item of a batch, whose place in the request is `place`."""
    return invalid_request(error.errors(include_url=False, include_context=False, include_input=False), prefix=place)


def install(application: FastAPI) -> None:
    """Make every exception of `application` a problem answer."""

    async def on_problem(request: Request, error: Exception) -> Response:
        return problem_response(cast("Problem", error), request.scope)

    async def on_invalid_request(request: Request, error: Exception) -> Response:
        errors = cast("list[ErrorDetails]", cast("RequestValidationError", error).errors())
        if any(fault["type"] == "json_invalid" for fault in errors):
            position = next(fault["loc"][-1] for fault in errors if fault["type"] == "json_invalid")
            detail = f"The body is not readable JSON: it breaks at character {position}."
            return problem_response(MalformedBody(detail), request.scope)
        if any(fault["loc"] == ("body",) for fault in errors) and not _is_json(request):
            return problem_response(UnsupportedMediaType(UnsupportedMediaType.example_detail), request.scope)
        return problem_response(invalid_request(errors), request.scope)

    async def on_http_exception(request: Request, error: Exception) -> Response:
        exception = cast("HTTPException", error)
        return problem_response(_of_http_exception(exception, request.scope), request.scope)

    application.add_exception_handler(Problem, on_problem)
    application.add_exception_handler(RequestValidationError, on_invalid_request)
    application.add_exception_handler(HTTPException, on_http_exception)


def internal_error(scope: Scope) -> Response:
    """Return the answer for a fault of the service: no word about the fault itself."""
    return problem_response(InternalError(InternalError.example_detail), scope)


def _of_http_exception(exception: HTTPException, scope: Scope) -> Problem:
    if exception.status_code == 405:
        allowed = ", ".join(_methods_of(scope)) or (exception.headers or {}).get("Allow", "GET")
        return MethodNotAllowed(f"{scope['method']} is not allowed here.", headers={"Allow": allowed})
    if exception.status_code == 413:
        return ContentTooLarge(exception.detail)
    if exception.status_code == 404:
        return NotFound("There is no such path; /docs lists them all.")
    # What is left is what FastAPI raises for a body that it cannot decode or parse.
    return MalformedBody(MalformedBody.example_detail)


def _is_json(request: Request) -> bool:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")


def _methods_of(scope: Scope) -> list[str]:
    """Return the methods of the path: the framework's own answer knows only those of the first route that fits it."""
    paths = scope["app"].openapi()["paths"].items()
    fitting = [operations for path, operations in paths if compile_path(path)[0].match(scope["path"])]
    return sorted({method.upper() for operations in fitting for method in operations})


def _instance(scope: Scope) -> str:
    raw = scope.get("raw_path") or quote(scope["path"]).encode("ascii")
    return str(raw.decode("ascii", "replace"))


def problem_example(problem: type[Problem], instance: str) -> dict[str, JsonValue]:
    """Return the object that documentation shows for a problem class."""
    return Problem.as_dict(_example(problem), instance=instance)


def _example(problem: type[Problem]) -> Problem:
    example = problem.__new__(problem)
    Problem.__init__(example, problem.example_detail, members=dict(problem.example_members))
    return example
