"""Problems of number formats."""

from collections.abc import Sequence
from typing import ClassVar
from uuid import UUID

from pydantic import JsonValue

from app.errors import Problem
from app.numbers.format_grammar import PatternError
from app.numbers.format_patterns import ComponentError


class UnknownNumberFormat(Problem):
    """No format that the caller may use has this id: there is none, or it is another organisation's."""

    status = 422
    code = "unknown_number_format"
    title = "There is no such number format"
    remedy = (
        "`format_id` names a format of your own organisation or the default one; /v1/number-formats lists them. "
        "Leave `format_id` out for a number of the default format."
    )
    example_detail = "There is no number format 0198f5a3-1c2d-7e3f-8a4b-5c6d7e8f9a0b that this organisation may use."
    example_members: ClassVar[dict[str, JsonValue]] = {
        "errors": [
            {
                "loc": ["body", "format_id"],
                "code": "unknown_number_format",
                "message": "There is no such number format",
            }
        ]
    }

    @classmethod
    def at(cls, place: Sequence[str | int], format_id: UUID) -> "UnknownNumberFormat":
        """Return the problem for the item at `place`."""
        return cls(
            f"There is no number format {format_id} that this organisation may use.",
            members=_one_fault([*place, "format_id"], cls.code, cls.title),
        )


class ComponentsDoNotFit(Problem):
    """The format writes a component into the number that the order does not bring as it must."""

    status = 422
    code = "components_do_not_fit"
    title = "The components do not fit the number format"
    remedy = (
        "A format with {cost_center:W}, {category:W} or {location:W} writes the order's field of that name into the "
        "number: it must be given, in exactly W characters of A to Z and 0 to 9, and be one of the values that the "
        "format allows, where it names them. `errors` names the field and the rule: missing, width, character or "
        "not_allowed. An order that names no `format_id` has the format of your policy, GET /v1/policies; name another "
        "one, such as the default format, where it has no such component."
    )
    example_detail = "In this format cost_center has exactly 4 characters, not 3."
    example_members: ClassVar[dict[str, JsonValue]] = {
        "errors": [{"loc": ["body", "cost_center"], "code": "width", "message": example_detail}]
    }

    @classmethod
    def at(cls, place: Sequence[str | int], error: ComponentError) -> "ComponentsDoNotFit":
        """Return the problem for the item at `place`."""
        return cls(str(error), members=_one_fault([*place, error.component], error.rule, str(error)))


class NumberFormatExhausted(Problem):
    """Every number that the format can write in this period has been issued."""

    status = 409
    code = "number_format_exhausted"
    title = "The number format has no numbers left"
    remedy = (
        "Every serial of the format, or of its year or month, has been issued. Give the format a version with a wider "
        "serial (POST /v1/number-formats/{id}/versions; POST /v1/number-formats/preview tells how many numbers a "
        "pattern has), or issue under another format."
    )
    example_detail = "ACME-{year}-{serial:3} has no numbers left in 2027."


class PrefixTaken(Problem):
    """Another format's numbers begin with this prefix, or the other way round."""

    status = 409
    code = "prefix_taken"
    title = "The prefix is taken"
    remedy = (
        "No format's prefix may begin another's, across all organisations, so that a number's beginning tells its "
        "format. Choose a prefix that neither begins with, nor is the beginning of, a prefix in use; dashes do not "
        "count, and `PO` is the default format's."
    )
    example_detail = "The prefix ACME begins another format's prefix, or another format's prefix begins it."


class ShapeTaken(Problem):
    """A new version could write a number that an earlier version of the format writes."""

    status = 409
    code = "shape_taken"
    title = "An earlier version's numbers look the same"
    remedy = (
        "Two versions of a format must not be able to write one number: give the new one another length, or another "
        "kind of character at some place, such as one more digit. The very pattern of an earlier version is taken "
        "again, and goes on counting where it stopped: so allowed values are changed."
    )
    example_detail = "Numbers of ACME-{serial:4}{check} could be those of version 1, ACME-{serial:5}."
    example_members: ClassVar[dict[str, JsonValue]] = {"version": 1, "pattern": "ACME-{serial:5}"}


class InvalidPattern(Problem):
    """The text is no number format."""

    status = 422
    code = "invalid_pattern"
    title = "The pattern is no number format"
    remedy = (
        "A pattern is a literal prefix and segments: {cost_center:W} {category:W} {location:W} {year} {month} "
        "{serial:N} or {random:N}, and {check} at the end; at most 22 characters for the whole number. `errors` names "
        "the rule that is broken, `position` where, counted from 1."
    )
    example_detail = "A format needs {serial:N} or {random:N}: numbers differ by it. (Position 11.)"
    example_members: ClassVar[dict[str, JsonValue]] = {
        "position": 11,
        "errors": [{"loc": ["body", "pattern"], "code": "serial_missing", "message": example_detail}],
    }

    @classmethod
    def of(cls, error: PatternError) -> "InvalidPattern":
        """Return the problem for what the grammar refuses."""
        faults = _one_fault(["body", "pattern"], error.rule, str(error))
        return cls(str(error), members={"position": error.position, **faults})


def _one_fault(loc: list[str | int], code: str, message: str) -> dict[str, JsonValue]:
    return {"errors": [{"loc": [*loc], "code": code, "message": message}]}
