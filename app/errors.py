"""The base of every problem answer (RFC 9457); each domain keeps its own in its `errors.py`."""

from typing import Any, ClassVar, Final, Self

from pydantic import JsonValue

PROBLEMS: dict[str, type["Problem"]] = {}
"""Every problem code of the service with its class: `/problems/<code>` and the OpenAPI document are made from it."""


class Problem(Exception):  # noqa: N818 - RFC 9457 calls it a problem, and so does every page of the service
    """An answer that is not a success.

    A subclass states `status` (HTTP), `code` (stable, documented), `title` (short, the same for every occurrence) and
    `remedy` (Markdown-free sentences for the problem's page: what happened and what the caller does next).
    An instance carries `detail` (one sentence about this occurrence), `members` (further members of the problem
    object, JSON values) and `headers`.
    """

    status: ClassVar[int]
    code: ClassVar[str]
    title: ClassVar[str]
    remedy: ClassVar[str]
    example_detail: ClassVar[str]
    example_members: ClassVar[dict[str, JsonValue]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        other = PROBLEMS.setdefault(cls.code, cls)
        if other is not cls:
            raise TypeError(f"the problem code {cls.code} belongs to {other.__qualname__} already")

    def __init__(
        self,
        detail: str,
        *,
        members: dict[str, JsonValue] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.members = members or {}
        self.headers = headers or {}

    def as_dict(self, instance: str | None = None) -> dict[str, JsonValue]:
        """Return the problem object of RFC 9457, section 3.1, with `code` and the members of its class."""
        problem: dict[str, JsonValue] = {
            "type": f"/problems/{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        if instance is not None:
            problem["instance"] = instance
        return {**problem, "code": self.code, **self.members}


FAULTS_SHOWN: Final = 100
"""Faults that an answer lists; its detail counts them all."""


class InvalidRequest(Problem):
    """The request does not fit its description; `errors` names each field and the rule it breaks."""

    status = 422
    code = "invalid_request"
    title = "The request does not fit its description"
    remedy = (
        "The member `errors` lists every fault: `loc` is the way to the field (body, path, query or header first), "
        "`code` the rule that is broken and `message` a sentence about it. Correct the fields and send again; "
        "nothing of the request was carried out."
    )
    example_detail = "1 field does not fit: body.expires_at."
    example_members: ClassVar[dict[str, JsonValue]] = {
        "errors": [
            {
                "loc": ["body", "expires_at"],
                "code": "timezone_aware",
                "message": "Input should have timezone info",
            }
        ]
    }

    @classmethod
    def at(cls, loc: list[str | int], code: str, message: str) -> "InvalidRequest":
        """Return the problem for one field: its place, the rule's code and a sentence."""
        return cls.of([{"loc": list(loc), "code": code, "message": message}])

    @classmethod
    def of(cls, faults: list[dict[str, JsonValue]]) -> "InvalidRequest":
        """Return the problem for the faults `{loc, code, message}`."""
        places = [".".join(str(part) for part in loc) for fault in faults[:5] if isinstance(loc := fault["loc"], list)]
        shown = ", ".join(places) + (", ..." if len(faults) > len(places) else "")
        detail = f"{len(faults)} field{'s do' if len(faults) != 1 else ' does'} not fit: {shown}."
        return cls(detail, members={"errors": list(faults[:FAULTS_SHOWN])})


class TemporarilyUnavailable(Problem):
    """The database is out of reach or too slow to answer."""

    status = 503
    code = "temporarily_unavailable"
    title = "The service cannot answer right now"
    remedy = (
        "The database is out of reach or too slow, or too many ask at once. Nothing is known about what was asked: at "
        "a gate this is a hold, never an invalid number. A request that writes was not carried out, unless `outcome` "
        "is `unknown`: then the connection broke, or the database fell silent, while the work was being committed. "
        "Send the same request again after the seconds that `Retry-After` names, with the same Idempotency-Key: with "
        "it, it is never carried out twice. For a validation `well_formed` says whether the text alone looks like one "
        "of our numbers; it is null where nobody can say, and for a batch."
    )
    example_detail = "The database is out of reach; nothing was carried out."

    def __init__(self, detail: str = example_detail, *, members: dict[str, JsonValue] | None = None) -> None:
        super().__init__(detail, members=members, headers={"Retry-After": "2"})

    @classmethod
    def with_unknown_outcome(cls) -> Self:
        """Return the problem of a request that may have been carried out all the same."""
        return cls(
            "The connection to the database was lost while the work was being committed: it is not known whether it "
            "was carried out.",
            members={"outcome": "unknown"},
        )
