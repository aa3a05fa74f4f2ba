"""What every request and answer body shares: base models and the field types that more than one domain uses."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final, Generic, Literal, TypeVar, cast

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
    model_serializer,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

Item = TypeVar("Item")


def _without_control_characters(text: str) -> str:
    """Refuse what no document carries and Postgres cannot store (NUL): control characters but tab and line breaks."""
    if found := _CONTROL_CHARACTER.search(text):
        raise PydanticCustomError(
            "control_character",
            "The character U+{code} at position {position} is a control character",
            {"code": f"{ord(found[0]):04X}", "position": found.start() + 1},
        )
    return text


# Unicode's category Cc, which is closed: C0, delete and C1.
_CONTROL_CHARACTER: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def without_control_characters(text: str, *, except_for: str) -> str:
    """Do the same for a text that may hold `except_for` besides; raises PydanticCustomError."""
    _without_control_characters("".join(" " if character in except_for else character for character in text))
    return text


def timestamp(value: datetime) -> str:
    """Return a moment in RFC 3339, UTC."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("timestamp_range", "The date is outside the years 1 to 9999 in UTC") from None


def _finite(value: datetime) -> datetime:
    if value in _INFINITE:
        raise PydanticCustomError("timestamp_range", "The date is the first or the last moment there is, and no date")
    return value


def plain_decimal(value: Decimal) -> str:
    """Return a decimal as it is written by hand: no exponent, no zeros that only the column's scale added."""
    # Most are whole numbers, and that is what they look like.
    if (whole := str(value)).isdigit():
        return whole
    # Zero is zero: -0 is nothing that anybody writes.
    text = f"{abs(value) if value == 0 else value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


LARGEST_INTEGER: Final = 2**31 - 1
"""What a column of type integer holds."""

PRINTABLE = AfterValidator(_without_control_characters)
"""Stands behind the `StringConstraints` of every text: those must see the text itself to name the rule it breaks."""

ShortText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), PRINTABLE]
LongText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000), PRINTABLE]


def _written_as_rfc_3339(value: object) -> object:
    """Refuse what Pydantic would take besides: seconds since 1970, and other ways to write a time."""
    if isinstance(value, str) and not _RFC_3339.fullmatch(value):
        raise PydanticCustomError("rfc_3339", "A time is written as in RFC 3339, such as 2027-03-01T00:00:00Z")
    if isinstance(value, int | float):
        raise PydanticCustomError("rfc_3339", "A time is a string as in RFC 3339, such as 2027-03-01T00:00:00Z")
    return value


def written_as_decimal(value: object) -> object:
    """Refuse what Python would take besides: underscores, exponents, digits of other scripts, true and false."""
    if isinstance(value, bool) or (isinstance(value, str) and not _DECIMAL.fullmatch(value.strip())):
        raise PydanticCustomError("decimal", "A decimal is written with the digits 0 to 9 and a point, such as 12.50")
    return value


_INFINITE: Final = frozenset({datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)})
"""The driver of Postgres writes these two as `-infinity` and `infinity`, and reads them without a time zone."""

_RFC_3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})?", re.ASCII
)
_DECIMAL: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)

Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_written_as_rfc_3339),
    AfterValidator(_in_utc),
    PlainSerializer(timestamp, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2036-03-01T00:00:00Z"]}),
]
"""RFC 3339 with an offset in requests; UTC in answers. Any, as clocks tell that were never set: not for storing."""

Timestamp = Annotated[Moment, AfterValidator(_finite)]
"""A moment that can be stored."""


def decimal_schema(before: int, after: int, example: str) -> WithJsonSchema:
    """Return the schema of a decimal with so many digits before and after its point.

    A string on both ways, so that the clients that are generated have one type for it. Requests may bring a JSON number
    too, but no program should: most make a binary fraction of it.
    """
    pattern = rf"^[0-9]{{1,{before}}}(\.[0-9]{{1,{after}}})?$"
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": [example]})


Quantity = Annotated[
    Decimal,
    # In this order: behind a function Pydantic counts digits in Python.
    Field(gt=0, max_digits=18, decimal_places=6, allow_inf_nan=False),
    BeforeValidator(written_as_decimal),
    PlainSerializer(plain_decimal, return_type=str, when_used="json"),
    decimal_schema(12, 6, "240"),
]
"""A positive quantity, at most 12 digits before and 6 after the point; a string in answers."""

UnitPrice = Annotated[
    Decimal,
    # In this order: behind a function Pydantic counts digits in Python.
    Field(ge=0, max_digits=18, decimal_places=6, allow_inf_nan=False),
    BeforeValidator(written_as_decimal),
    PlainSerializer(plain_decimal, return_type=str, when_used="json"),
    decimal_schema(12, 6, "4.90"),
]
"""A price per unit in the order's currency, at most 12 digits before and 6 after the point; a string in answers."""


def empty(kind: type[Any]) -> Any:
    """Return the default of a field that is a list or a mapping, and has nothing in it.

    Documented like any other; but each body gets a new one, where of a plain `[]` Pydantic makes a deep copy.
    """
    return Field(default_factory=kind, json_schema_extra={"default": kind()})


class RequestModel(BaseModel):
    """Base of request bodies: an unknown field is an error, so that a typing error never passes as an omission."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Nothing(RequestModel):
    """An empty body: `{}`, or none at all."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})


class AnswerModel(BaseModel):
    """Base of answer bodies."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, serialize_by_alias=True)


class PartAnswerModel(AnswerModel):
    """Base of answer bodies whose serializer leaves out some of `SOMETIMES`.

    Pydantic takes the schema of such an answer from its serializer and finds nothing there: here it is the model's own,
    and every field but those is always there.
    """

    SOMETIMES: ClassVar[frozenset[str]]

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the schema of the model itself."""
        fields = {name: value for name, value in schema.items() if name != "serialization"}
        whole = handler(cast("CoreSchema", fields))
        described = handler.resolve_ref_schema(whole)
        described["required"] = [name for name in described["properties"] if name not in cls.SOMETIMES]
        return whole


class LargeAnswer(AnswerModel):
    """Base of answers that may be large: they are written down apart from the event loop."""


class Page(LargeAnswer, Generic[Item]):
    """One page of a list, in a stable order."""

    # Reading docstrings from the source fails where a generic is first named inside a signature that spans lines.
    model_config = ConfigDict(use_attribute_docstrings=False)

    data: list[Item]
    next_cursor: Annotated[
        str | None,
        Field(description="Give it as `cursor` to get the next page; null on the last. `Link` says the same."),
    ]


class FieldFault(AnswerModel):
    """One field that does not fit."""

    loc: list[str | int]
    """The way to the field: `body`, `path`, `query` or `header` first, then names and positions (from 0)."""
    code: str
    """The rule that is broken."""
    message: str
    """A sentence about it."""


# What a member means when it is left out stands in its description; a default would say something else.
_NO_DEFAULT: Final[Any] = Field(json_schema_extra=lambda schema: cast("None", schema.pop("default", None)))


class ProblemDetails(PartAnswerModel):
    """An answer that is not a success (RFC 9457). Decide by `code`; `detail` is for people."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True, title="Problem")

    type: str
    """`/problems/<code>`: a page of this service that explains the problem."""
    title: str
    status: int
    detail: str
    """One sentence about this occurrence."""
    instance: str = ""
    """The path of the request; absent inside batches."""
    code: str
    """Stable; the list of all codes stands in this document's description."""
    errors: list[FieldFault] = []
    """With `invalid_request`: every field that does not fit."""
    outcome: Annotated[Literal["unknown"], _NO_DEFAULT] = "unknown"
    """With `temporarily_unavailable`: the work was being committed, and may have been carried out. Without it, it was
    not."""
    well_formed: Annotated[bool | None, _NO_DEFAULT] = None
    """With `temporarily_unavailable` of a validation: what the text alone says. True: it looks like a number that was
    issued here. False: no PO number looks like it, or its check character is wrong. Null: it may have been issued
    elsewhere; or it is a batch."""

    SOMETIMES: ClassVar[frozenset[str]] = frozenset({"instance", "errors", "outcome", "well_formed"})

    @model_serializer(mode="wrap")
    def _what_was_said(self, serialise: Any) -> Any:
        return {name: value for name, value in serialise(self).items() if name in self.model_fields_set}
