"""Bodies of number formats."""

from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from app.http.schemas import PRINTABLE, AnswerModel, RequestModel, ShortText, Timestamp
from app.numbers.check_characters import CheckScheme
from app.numbers.default_format import DEFAULT_FORMAT_ID, DEFAULT_FORMAT_NAME, DEFAULT_PATTERN

PatternText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), PRINTABLE]
ComponentText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40), PRINTABLE]

_ALLOWED: dict[str, Any] = {"cost_center": ["4711", "4712"]}
_PATTERN = "ACME-{cost_center:4}-{year}-{serial:5}{check}"
_PROPERTIES: dict[str, Any] = {
    "pattern": _PATTERN,
    "prefix": "ACME-",
    "length": 21,
    "components": [{"name": "cost_center", "width": 4, "allowed_values": ["4711", "4712"]}],
    "check_scheme": "mod_37_36",
    "capacity": 100_000,
    "capacity_per": "year",
}
_CREATION: dict[str, Any] = {"name": "Retail", "pattern": _PATTERN, "allowed_values": _ALLOWED}
_VERSION: dict[str, Any] = {
    "pattern": "ACME-{cost_center:4}-{year}-{serial:6}{check}",
    "allowed_values": _ALLOWED,
    "effective_from": "2036-01-01T00:00:00Z",
}


AllowedValue = Annotated[str, StringConstraints(pattern="^[A-Z0-9]{1,21}$")]
AllowedList = Annotated[list[AllowedValue], Field(min_length=1, max_length=1_000)]


class AllowedComponents(RequestModel):
    """The values that components may have, each of exactly its component's width; one that is left out may have any."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ALLOWED]})

    cost_center: AllowedList | None = None
    category: AllowedList | None = None
    location: AllowedList | None = None


class CreateNumberFormat(RequestModel):
    """A new number format."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CREATION]})

    name: ShortText
    """What your people call it."""
    pattern: PatternText
    """A literal prefix, then segments: `{cost_center:W}` `{category:W}` `{location:W}` (W characters each) `{year}`
    `{month}` `{serial:N}` (N digits in order) or `{random:N}` (N characters in no order) and `{check}` at the end. At
    most 22 characters for the whole number."""
    allowed_values: AllowedComponents | None = None
    """What an order must bring is one of these: an order with another value is refused, and the field named."""
    gapless: bool = False
    """No hole in the series, also where an order fails or a connection breaks: for those whom law or auditors ask for
    it. Only with `{serial:N}`. Orders of the format are then issued one after the other: each waits until the one
    before it is written. A cancelled order keeps its number."""


class CreateNumberFormatVersion(RequestModel):
    """What a format's numbers look like from a moment on."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"pattern": "ACME-{cost_center:4}-{year}-{serial:6}", "effective_from": "2036-01-01T00:00:00Z"}
            ]
        }
    )

    pattern: PatternText
    """With the format's own prefix. Either the very pattern of an earlier version, which goes on counting where that
    one stopped, or one whose numbers cannot be those of any earlier version: of another length, say."""
    allowed_values: AllowedComponents | None = None
    """The values that components may have from then on; what is left out may have any."""
    effective_from: Timestamp | None = None
    """From when on numbers are issued by it; now when left out. A later version corrects one that is planned."""


class PreviewNumberFormat(RequestModel):
    """A pattern to look at; components that are left out are shown as `X`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"pattern": _PATTERN, "cost_center": "4711"}]})

    pattern: PatternText
    cost_center: ComponentText | None = None
    category: ComponentText | None = None
    location: ComponentText | None = None
    allowed_values: AllowedComponents | None = None


class FormatComponent(AnswerModel):
    """A field of the order that the number shows."""

    name: Literal["cost_center", "category", "location"]
    width: int
    """Exactly so many characters of A to Z and 0 to 9."""
    allowed_values: list[str] | None
    """The values that it may have; null where it may have any."""


class FormatProperties(AnswerModel):
    """What follows from a pattern alone."""

    pattern: str
    prefix: str
    """What every number of the format begins with."""
    length: int
    """Characters of a number, dashes included."""
    components: list[FormatComponent]
    """The fields that an order must bring to be issued under this format."""
    check_scheme: CheckScheme | None
    """How the check character is computed; null without `{check}`."""
    capacity: int
    """How many numbers there are; with `{random:N}{check}` an estimate, since about 7 serials in 37 are skipped."""
    capacity_per: Literal["year", "month"] | None
    """What `capacity` is counted by: the serial begins anew each year or month that the pattern shows."""


class NumberFormatVersion(AnswerModel):
    """A version of a format that is to come."""

    version: int
    effective_from: Timestamp
    """From when on numbers are issued by it."""
    pattern: str
    components: list[FormatComponent]
    capacity: int
    capacity_per: Literal["year", "month"] | None


class NumberFormat(FormatProperties):
    """A number format with its version in force."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198f5a3-1c2d-7e3f-8a4b-5c6d7e8f9a0b",
                    "organisation_id": "0198f5a2-7c3e-7d41-9a52-3f6b8d2e1c07",
                    "name": "Retail",
                    "version": 1,
                    **_PROPERTIES,
                    "effective_from": "2027-01-04T08:30:00Z",
                    "created_at": "2027-01-04T08:30:00Z",
                    "gapless": False,
                    "planned": [],
                }
            ]
        }
    )

    id: UUID
    organisation_id: UUID | None
    """Whose it is; null for the default format, which everyone may use."""
    name: str
    version: int
    effective_from: Timestamp
    """Since when numbers are issued by this version."""
    created_at: Timestamp
    gapless: bool
    """Whether the series has no holes."""
    planned: list[NumberFormatVersion]
    """The versions that will follow this one, as far as they are known."""


class NumberFormatPreview(FormatProperties):
    """What numbers of a pattern look like; nothing was created."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_PROPERTIES,
                    "samples": [f"ACME-4711-2027-{serial:05d}{check}" for serial, check in enumerate("GECA8642ZE", 1)],
                    "prefix_available": True,
                }
            ]
        }
    )

    samples: Annotated[list[str], Field(max_length=10)]
    """The first ten numbers; with `{random:N}` any ten, because each format has a secret key of its own."""
    prefix_available: bool
    """Whether the prefix is free at this moment: no other format's begins with it, or is its beginning."""


class CheckResult(StrEnum):
    """What a format's check character says about a text."""

    PASSED = "passed"
    FAILED = "failed"
    NONE = "none"


class MatchingFormat(AnswerModel):
    """A format whose shape the text has."""

    id: UUID
    name: str
    version: int
    pattern: str
    check: CheckResult
    """`none` where the format has no check character."""


class NumberVerification(AnswerModel):
    """What a text alone says about itself; no order was looked up."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "input": "po 7k3m 9qwx 2r",
                    "number_key": "PO7K3M9QWX2R",
                    "well_formed": True,
                    "formats": [
                        {
                            "id": str(DEFAULT_FORMAT_ID),
                            "name": DEFAULT_FORMAT_NAME,
                            "version": 1,
                            "pattern": str(DEFAULT_PATTERN),
                            "check": "passed",
                        }
                    ],
                    "detail": "The text has the shape of the format Default, and its check character is right.",
                }
            ]
        }
    )

    input: str
    number_key: str | None
    """The text as numbers are compared: upper case, without spaces and dashes. Null when no number could look so."""
    well_formed: bool | None
    """True: a number that is issued here looks so. False: no number does, or a character is mistyped. Null: no format
    has this shape, so it can only be a number that was issued elsewhere, and the text alone cannot tell."""
    formats: list[MatchingFormat]
    """Your own formats and the default one that have this shape. Formats of others count for `well_formed` only."""
    detail: str
    """The same in a sentence."""
