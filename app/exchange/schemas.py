"""Bodies of imports."""

from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from pydantic import ConfigDict

from app.exchange.documents import ImportFormat
from app.http.schemas import AnswerModel, LargeAnswer, Timestamp


class ImportStatus(StrEnum):
    """How far an import is."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


STATUS_MEANINGS: Final = {
    ImportStatus.QUEUED: "It waits for its turn: an organisation's imports are done one after the other.",
    ImportStatus.RUNNING: "It is being done; the counts grow.",
    ImportStatus.FINISHED: "Every document of the file has become what its result says.",
    ImportStatus.FAILED: "From somewhere on the file cannot be read; `fault` says where. What came before is done.",
}


class Outcome(StrEnum):
    """What became of a document of a file."""

    CREATED = "created"
    APPLIED = "applied"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


OUTCOME_MEANINGS: Final = {
    Outcome.CREATED: "An order was made; of a dry run: it would be.",
    Outcome.APPLIED: "An order was changed, cancelled or acknowledged, or its shipment told of; of a dry run: it "
    "would be.",
    Outcome.UNCHANGED: "The order is there already and says the same, or the change or answer was carried out before.",
    Outcome.REFUSED: "Nothing of it was taken; `code`, `reason` and `errors` say why.",
}


class ImportFieldError(AnswerModel):
    """One thing that is wrong with a document."""

    place: str
    """Where, in the file's own words: `PO102, segment 7 of the transaction set`, `column quantity, line 5`."""
    code: str
    """The rule that is broken."""
    message: str


class ImportResult(AnswerModel):
    """What became of one document of the file: an order, a change of one, an acknowledgement, or a shipment."""

    document: int
    """Documents count from 1, in the order of the file."""
    line: int | None
    """The line of the file in which it begins; null in JSON, which has `place`s."""
    number: str | None
    """The order's number: the one that the file says, or the one that was issued."""
    reference: str | None
    outcome: Outcome
    code: str | None
    """Why it was refused: `invalid`, `differs`, or the code of the problem that the API would have answered."""
    reason: str | None
    errors: list[ImportFieldError]
    notes: list[str]
    """What the file says of it that has no field here, and was left out."""


class ImportReport(AnswerModel):
    """A page of what became of documents."""

    data: list[ImportResult]
    next_cursor: str | None
    """Give it as `cursor` to get the next page; null on the last."""


class ImportFault(AnswerModel):
    """Why the rest of a file cannot be read."""

    line: int | None
    code: str
    message: str


EXAMPLE: dict[str, Any] = {
    "id": "0198f5c0-7d21-7a44-9b0e-2f6c8d1e5a73",
    "status": "finished",
    "format": "csv",
    "dry_run": False,
    "size": 18422,
    "documents": 120,
    "created": 118,
    "applied": 0,
    "unchanged": 1,
    "refused": 1,
    "fault": None,
    "created_at": "2036-01-04T08:32:10Z",
    "started_at": "2036-01-04T08:32:10.204Z",
    "finished_at": "2036-01-04T08:32:10.871Z",
    "report": {
        "data": [
            {
                "document": 57,
                "line": 84,
                "number": "4500012345",
                "reference": None,
                "outcome": "refused",
                "code": "invalid",
                "reason": "column quantity, line 85: Input should be greater than 0",
                "errors": [
                    {
                        "place": "column quantity, line 85",
                        "code": "greater_than",
                        "message": "Input should be greater than 0",
                    }
                ],
                "notes": [],
            }
        ],
        "next_cursor": None,
    },
}


class Import(LargeAnswer):
    """An import of a file: how far it is, and what became of its documents."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: UUID
    status: ImportStatus
    format: ImportFormat
    dry_run: bool
    """Nothing is kept: the results say what would become of the documents."""
    size: int
    """Bytes of the file."""
    documents: int
    """How many orders, changes and acknowledgements were read so far; the sum of the next four."""
    created: int
    applied: int
    unchanged: int
    refused: int
    fault: ImportFault | None
    """With `failed`: why the rest of the file cannot be read."""
    created_at: Timestamp
    started_at: Timestamp | None
    finished_at: Timestamp | None
    report: ImportReport
    """What became of documents, those that were refused unless `outcome` asks for others."""
