"""ETag, If-Match and If-None-Match (RFC 9110, sections 8.8.3 and 13.1)."""

import hashlib
from typing import Annotated

from fastapi import Header

from app.http.errors import PreconditionFailed, PreconditionRequired
from app.http.schemas import AnswerModel

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="The ETag of what you read; needed (428 without, 412 when it is stale).",
        examples=['"1"'],
    ),
]
IfNoneMatch = Annotated[
    str | None,
    Header(alias="If-None-Match", description="The ETag of what you have; the answer is 304 while it is current."),
]


def content_etag(body: AnswerModel) -> str:
    """Return a strong ETag for what is put together from several rows: it changes when anything that is shown does."""
    return f'"{hashlib.sha256(body.model_dump_json().encode()).hexdigest()[:32]}"'


def require_match(if_match: str | None, etag: str) -> None:
    """Raise 428 `precondition_required` without If-Match, 412 `precondition_failed` when it is stale."""
    if if_match is None:
        raise PreconditionRequired(PreconditionRequired.example_detail)
    if if_match.strip() != "*" and etag not in _tags(if_match):
        raise PreconditionFailed(PreconditionFailed.example_detail)


def is_current(if_none_match: str | None, etag: str) -> bool:
    """Return whether the caller has this version already; weak comparison, as the section 13.1.2 asks."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or etag in {tag.removeprefix("W/") for tag in _tags(if_none_match)}


def _tags(header: str) -> list[str]:
    return [tag.strip() for tag in header.split(",")]
