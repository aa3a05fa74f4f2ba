"""The OpenAPI document: what an endpoint declares about itself, and what is the same for all of them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.errors import PROBLEMS, InvalidRequest, Problem, TemporarilyUnavailable
from app.http.errors import (
    ContentTooLarge,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InternalError,
    InvalidIdempotencyKey,
    MalformedBody,
    MissingScope,
)
from app.http.problems import MEDIA_TYPE, problem_example
from app.http.schemas import ProblemDetails
from app.principal import OPERATIONS, Relation

HEADERS: Mapping[str, str] = {
    "ETag": "The version of what is shown; for `If-None-Match` and `If-Match`.",
    "Location": "The path of what was made.",
    "Link": '`rel="next"`: the next page, where there is one (RFC 8288).',
    "Idempotency-Replayed": "`true` where this is the stored answer to an earlier request with the same key.",
    "X-Request-ID": "The request's id: yours where you sent one, otherwise made here. Quote it when you ask for help.",
    "Retry-After": "Seconds after which to try again.",
    "WWW-Authenticate": "The scheme to authenticate with: `Bearer`.",
}


def documented(
    operation_id: str,
    model: type[Any],
    *problems: type[Problem],
    status: int = 200,
    headers: Sequence[str] = (),
    conditional: bool = False,
    also: Mapping[int, str] | None = None,
) -> dict[str, Any]:
    """Return the arguments of a route: its id, answer, headers and the problems that are its own.

    `conditional`: the operation answers 304 to a current If-None-Match. `also`: further statuses of success with the
    same body, each with what it says. Problems that many operations share (keys, bodies, time-outs) are added where the
    document is built.
    """
    if operation_id not in OPERATIONS:
        raise LookupError(f"the operation {operation_id} has no row in the table of who may do what")
    responses: dict[int | str, dict[str, Any]] = {
        status: {"headers": _headers([*headers]), "description": "Done." if status == 200 else "Created."}
    }
    for other, meaning in (also or {}).items():
        responses[other] = {"model": model, "headers": _headers([*headers]), "description": meaning}
    if conditional:
        responses[304] = {"description": "You have the current version already.", "headers": _headers(["ETag"])}
    return {
        "operation_id": operation_id,
        "response_model": model,
        "status_code": status,
        "responses": responses,
        "openapi_extra": {"x-problems": [problem.code for problem in problems]},
    }


def document(application: FastAPI) -> dict[str, Any]:
    """Return the complete OpenAPI 3.1 document of the application."""
    built = get_openapi(
        title=application.title,
        version=application.version,
        summary=application.summary,
        description=application.description,
        routes=application.routes,
        tags=application.openapi_tags,
        license_info=application.license_info,
        servers=[{"url": "/", "description": "This service"}],
    )
    schemas = built["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schemas["Problem"].pop("$defs", {}))
    for path, operations in built["paths"].items():
        for method, operation in operations.items():
            _complete(operation, method, path, schemas)
    return built


def _complete(operation: dict[str, Any], method: str, path: str, schemas: dict[str, Any]) -> None:
    title, _, text = operation.get("description", "").partition("\n\n")
    operation["summary"] = title.rstrip(".")
    operation["description"] = text.strip() + _access(operation["operationId"])
    problems = [PROBLEMS[code] for code in operation.pop("x-problems", [])] + list(_shared(operation, method, path))
    operation["responses"].pop("422", None)
    for status in sorted({problem.status for problem in problems}):
        same = [problem for problem in problems if problem.status == status]
        operation["responses"][str(status)] = _problem_response(same, path)
    for status, response in operation["responses"].items():
        response.setdefault("headers", {}).update(_headers(["X-Request-ID"]))
        if status[0] == "2" and _takes_idempotency_key(operation):
            response["headers"].update(_headers(["Idempotency-Replayed"]))
        _give_example(response.get("content", {}).get("application/json"), schemas)
    _give_example(operation.get("requestBody", {}).get("content", {}).get("application/json"), schemas)
    operation["responses"] = dict(sorted(operation["responses"].items()))


def _access(operation_id: str) -> str:
    rule = OPERATIONS[operation_id]
    scopes = " or ".join(f"`{scope}`" for scope in sorted(rule.scopes)) or "any"
    relations = ""
    if rule.relations:
        named = ", ".join(f"`{relation}`" for relation in Relation if relation in rule.relations)
        relations = f"; relation to the order: {named}"
    return f"\n\nScope: {scopes}{relations}."


def _shared(operation: dict[str, Any], method: str, path: str) -> Iterable[type[Problem]]:
    yield from (problem for problem in PROBLEMS.values() if problem.status == 401)
    if OPERATIONS[operation["operationId"]].scopes:
        yield MissingScope
    if "requestBody" in operation:
        yield from (MalformedBody, ContentTooLarge)
    if "requestBody" in operation or operation.get("parameters"):
        yield InvalidRequest
    if _takes_idempotency_key(operation):
        yield from (InvalidIdempotencyKey, IdempotencyKeyReused, IdempotencyKeyInUse)
    yield from (InternalError, TemporarilyUnavailable)


def _takes_idempotency_key(operation: dict[str, Any]) -> bool:
    return any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", []))


def _problem_response(problems: Sequence[type[Problem]], path: str) -> dict[str, Any]:
    names: list[str] = []
    if problems[0].status == 401:
        names.append("WWW-Authenticate")
    if problems[0].status == 503 or any(problem is IdempotencyKeyInUse for problem in problems):
        names.append("Retry-After")
    return {
        "description": " ".join(f"`{problem.code}`: {problem.title}." for problem in problems),
        "headers": _headers(names),
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {
                    problem.code: {"summary": problem.title, "value": problem_example(problem, path)}
                    for problem in problems
                },
            }
        },
    }


def _headers(names: Sequence[str]) -> dict[str, Any]:
    return {name: {"description": HEADERS[name], "schema": {"type": "string"}} for name in names}


def _give_example(media: dict[str, Any] | None, schemas: dict[str, Any]) -> None:
    if media is None or "example" in media or "examples" in media:
        return
    schema = schemas.get(media.get("schema", {}).get("$ref", "").rpartition("/")[2], {})
    example = example_of(schema, schemas)
    if example is not None:
        media["example"] = example


def example_of(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """Return the first example of a schema; for a page, one made of its item's example."""
    if schema.get("examples"):
        return schema["examples"][0]
    item = schema.get("properties", {}).get("data", {}).get("items", {}).get("$ref", "").rpartition("/")[2]
    if item in schemas and schemas[item].get("examples"):
        return {"data": schemas[item]["examples"][:1], "next_cursor": None}
    return None
