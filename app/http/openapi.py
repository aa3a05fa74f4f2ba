"""The OpenAPI document: what an endpoint declares about itself, and what is the same for all of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from inspect import getdoc
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from starlette.responses import Response

from app.errors import PROBLEMS, InvalidRequest, Problem, TemporarilyUnavailable
from app.http import openapi_components
from app.http.errors import (
    ContentTooLarge,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InternalError,
    InvalidIdempotencyKey,
    MalformedBody,
    MissingScope,
    TooManyLookUps,
    UnsupportedMediaType,
)
from app.http.openapi_components import Vocabularies, example_of, without_null
from app.http.problems import MEDIA_TYPE, problem_example
from app.http.schemas import ProblemDetails
from app.principal import OPERATIONS, Relation

HEADERS: Mapping[str, str] = {
    "ETag": "The version of what is shown; for `If-None-Match` and `If-Match`.",
    "Location": "The path of what was made.",
    "Link": '`rel="next"`: the next page, where there is one (RFC 8288).',
    "Idempotency-Replayed": "`true` where this is the stored answer to an earlier request with the same key.",
    "X-Request-ID": "The request's id: yours where you sent one, otherwise made here. Quote it when you ask for help.",
    "RateLimit-Policy": "How many numbers without relation may be looked up: `q` within `w` seconds "
    "(draft-ietf-httpapi-ratelimit-headers-11).",
    "RateLimit": "How many are left now, `r`, and the seconds until there are more, `t`.",
    "Preference-Applied": "`return=minimal` where the answer was asked for, and is given, without `order` (RFC 7240).",
    "Retry-After": "Seconds after which to try again.",
    "WWW-Authenticate": "The scheme to authenticate with: `Bearer`.",
}

RATE_LIMIT_HEADERS = ("RateLimit", "RateLimit-Policy")

_HEADERS_OF_PROBLEMS: Mapping[int, Sequence[str]] = {
    401: ["WWW-Authenticate"],
    429: ["Retry-After", *RATE_LIMIT_HEADERS],
    503: ["Retry-After"],
}

_HEADERS_OF_SOME_ANSWERS = frozenset({"Link", "Idempotency-Replayed", "Preference-Applied"})

_HEADERS_OF_WEBHOOKS: Mapping[str, str] = {
    "webhook-id": "The event's id, the same in each attempt: what you have seen already, let be.",
    "webhook-timestamp": "When this attempt was made, in seconds since 1970; refuse what is older than five minutes.",
    "webhook-signature": "`v1,` and the signature of id, timestamp and body after Standard Webhooks; while the "
    "secret is rotated two, with a space between them.",
}

_SCHEMA = "#/components/schemas/{model}"

Examples = Mapping[str, Any]
"""What an example shows, in a few words, and the example."""


@dataclass(frozen=True, slots=True)
class _OfRoute:
    """What a route says of itself beyond what FastAPI carries: that would take every null out of an example."""

    problems: Sequence[type[Problem]]
    requests: Examples
    answers: Examples


_OF_ROUTES: dict[str, _OfRoute] = {}


def documented(
    operation_id: str,
    model: type[Any] | None,
    *problems: type[Problem],
    status: int = 200,
    headers: Sequence[str] = (),
    conditional: bool = False,
    also: Mapping[int, str] | None = None,
    requests: Examples | None = None,
    answers: Examples | None = None,
    files: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the arguments of a route: its id, answer, headers and the problems that are its own.

    `conditional`: the operation answers 304 to a current If-None-Match. `also`: further statuses of success with the
    same body, each with what it says. `requests` and `answers`: examples, where the one of the body's schema does not
    say enough. `files`: an answer that is no JSON, media types with an example each, instead of a model. Problems that
    many operations share (keys, bodies, time-outs) are added where the document is built.
    """
    if operation_id not in OPERATIONS:
        raise LookupError(f"the operation {operation_id} has no row in the table of who may do what")
    _OF_ROUTES[operation_id] = _OfRoute(problems, requests or {}, answers or {})
    said = "The file." if model is None else (getdoc(model) or "").partition("\n")[0]
    responses: dict[int | str, dict[str, Any]] = {
        status: {"headers": _headers(headers), "description": f"Created: {said}" if status == 201 else said}
    }
    for other, meaning in (also or {}).items():
        responses[other] = {"model": model, "headers": _headers(headers), "description": meaning}
    if conditional:
        responses[304] = {"description": "You have the current version already.", "headers": _headers(["ETag"])}
    route: dict[str, Any] = {
        "operation_id": operation_id,
        "response_model": model,
        "status_code": status,
        "responses": responses,
    }
    if files is not None:
        responses[status]["content"] = {
            media: {"schema": {"type": "string"}, "example": example} for media, example in files.items()
        }
        # Of no media type: the one for JSON would stand beside those of the file.
        route["response_class"] = Response
    return route


@dataclass(frozen=True, slots=True)
class Webhook:
    """Something that the service sends by itself: what it means, its body and an example of that."""

    meaning: str
    body: type[BaseModel]
    example: dict[str, Any]


def document(
    application: FastAPI, vocabularies: Vocabularies, webhooks: Mapping[str, Webhook] | None = None
) -> dict[str, Any]:
    """Return the complete OpenAPI 3.1 document of the application.

    `vocabularies`: the name of an enumeration's schema -> its values with what each of them means. `webhooks`: by name.
    """
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
    schemas["Problem"] = ProblemDetails.model_json_schema(ref_template=_SCHEMA, mode="serialization")
    schemas.update(schemas["Problem"].pop("$defs", {}))
    for webhook in (webhooks or {}).values():
        _add_schema(schemas, webhook.body)
    built["webhooks"] = {name: {"post": _sent(name, webhook)} for name, webhook in (webhooks or {}).items()}
    built = openapi_components.tidied(built, vocabularies)
    components = built["components"]
    components["headers"] = {name: _header(name) for name in HEADERS}
    components["examples"] = {code: _example(problem) for code, problem in sorted(PROBLEMS.items())}
    for operations in built["paths"].values():
        for operation in operations.values():
            _complete(operation, components["schemas"])
    return built


def _add_schema(schemas: dict[str, Any], body: type[BaseModel]) -> None:
    schema = body.model_json_schema(ref_template=_SCHEMA, mode="serialization")
    for name, part in schema.pop("$defs", {}).items():
        schemas.setdefault(name, part)
    schemas[body.__name__] = schema


def _sent(name: str, webhook: Webhook) -> dict[str, Any]:
    return {
        "operationId": name.replace(".", "_"),
        "summary": name,
        "description": webhook.meaning,
        "tags": ["Webhooks"],
        "parameters": [
            {"name": header, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
            for header, text in _HEADERS_OF_WEBHOOKS.items()
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": _SCHEMA.format(model=webhook.body.__name__)},
                    "example": webhook.example,
                }
            },
        },
        "responses": {
            "2XX": {"description": "Taken: it is not sent again."},
            "410": {"description": "The endpoint is disabled at once."},
            "default": {"description": "Not taken: it is sent again, for three days."},
        },
        "security": [],
    }


def _complete(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    title, _, text = operation.get("description", "").partition("\n\n")
    operation["summary"] = title.rstrip(".")
    operation["description"] = text.strip() + _access(operation["operationId"])
    own = _OF_ROUTES[operation["operationId"]]
    problems = [*own.problems, *_shared(operation)]
    operation["responses"].pop("422", None)
    for status in sorted({problem.status for problem in problems}):
        operation["responses"][str(status)] = _problem_response(
            [problem for problem in problems if problem.status == status]
        )
    for parameter in operation.get("parameters", []):
        _complete_parameter(parameter, creates="201" in operation["responses"])
    if "requestBody" in operation:
        body = operation["requestBody"]["content"]["application/json"]
        body["schema"] = without_null(body["schema"])
        _give_examples(body, own.requests, schemas)
    for response in operation["responses"].values():
        response.setdefault("headers", {}).update(_headers(["X-Request-ID"]))
        if "application/json" in response.get("content", {}):
            if _takes_idempotency_key(operation):
                response["headers"].update(_headers(["Idempotency-Replayed"]))
            _give_examples(response["content"]["application/json"], own.answers, schemas)
    operation["responses"] = dict(sorted(operation["responses"].items()))


def _complete_parameter(parameter: dict[str, Any], *, creates: bool) -> None:
    # A null in a query, header or path is a way in which Python speaks of leaving it out.
    schema = parameter["schema"] = without_null(parameter["schema"])
    for said_twice in ("title", "description"):
        schema.pop(said_twice, None)
    # The service takes it as optional only to say 428, as RFC 6585 asks, and not 422; what is made anew has no ETag.
    parameter["required"] = parameter["required"] or (parameter["name"] == "If-Match" and not creates)
    # Only where a value is needed: pages that send requests would send the examples of optional ones too.
    if parameter["required"] and "examples" in schema:
        parameter["example"] = schema["examples"][0]
    schema.pop("examples", None)


def _access(operation_id: str) -> str:
    rule = OPERATIONS[operation_id]
    scopes = " or ".join(f"`{scope}`" for scope in sorted(rule.scopes)) or "any"
    relations = ""
    if rule.relations:
        listed = ", ".join(f"`{relation}`" for relation in Relation if relation in rule.relations)
        relations = f" **Relation to the order:** {listed}."
    return f"\n\n**Scope:** {scopes}.{relations}"


def _shared(operation: dict[str, Any]) -> Iterable[type[Problem]]:
    yield from (problem for problem in PROBLEMS.values() if problem.status == 401)
    if OPERATIONS[operation["operationId"]].scopes:
        yield MissingScope
    if "requestBody" in operation:
        yield from (MalformedBody, ContentTooLarge, UnsupportedMediaType)
    if "requestBody" in operation or operation.get("parameters"):
        yield InvalidRequest
    if _takes_idempotency_key(operation):
        yield from (InvalidIdempotencyKey, IdempotencyKeyReused, IdempotencyKeyInUse)
    if _is_counted(operation):
        yield TooManyLookUps
    yield from (InternalError, TemporarilyUnavailable)


def _is_counted(operation: dict[str, Any]) -> bool:
    """Whether the operation is open to who presents a number: what it tells of a number counts as a look-up."""
    open_to_presenters = Relation.PRESENTER in OPERATIONS[operation["operationId"]].relations
    asks = any("RateLimit" in response.get("headers", {}) for response in operation["responses"].values())
    return open_to_presenters and (asks or _takes_idempotency_key(operation))


def _takes_idempotency_key(operation: dict[str, Any]) -> bool:
    return any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", []))


def _problem_response(problems: Sequence[type[Problem]]) -> dict[str, Any]:
    headers = _headers(_HEADERS_OF_PROBLEMS.get(problems[0].status, []))
    if any(problem is IdempotencyKeyInUse for problem in problems):
        # Written out: of the problems with this status only one says when to come again.
        headers["Retry-After"] = _header("Retry-After", required=False)
    return {
        "description": " ".join(f"`{problem.code}`: {problem.title}." for problem in problems),
        "headers": headers,
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {problem.code: {"$ref": f"#/components/examples/{problem.code}"} for problem in problems},
            }
        },
    }


def _example(problem: type[Problem]) -> dict[str, Any]:
    return {"summary": problem.title, "value": problem_example(problem, "/v1/...")}


def _headers(names: Sequence[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _header(name: str, *, required: bool = True) -> dict[str, Any]:
    needed = required and name not in _HEADERS_OF_SOME_ANSWERS
    return {"description": HEADERS[name], "required": needed, "schema": {"type": "string"}}


def _give_examples(body: dict[str, Any], examples: Examples, schemas: dict[str, Any]) -> None:
    if examples:
        body["examples"] = {
            "_".join(summary.lower().replace(",", "").split()): {"summary": summary, "value": value}
            for summary, value in examples.items()
        }
        return
    example = example_of(body["schema"], schemas)
    if example is not None:
        body["example"] = example
