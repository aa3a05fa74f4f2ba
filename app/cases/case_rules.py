"""The life of a support case: its statuses, and from which of them each step leads. Pure: no I/O, no clock."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class CaseStatus(StrEnum):
    """Where a support case stands."""

    open = "open"
    assigned = "assigned"
    resolved = "resolved"


CASE_STATUS_MEANINGS: Final[Mapping[CaseStatus, str]] = {
    CaseStatus.open: "Nobody has taken it yet.",
    CaseStatus.assigned: "`assigned_to` looks after it.",
    CaseStatus.resolved: "`resolution` says what came of it; it can be reopened.",
}
"""What each status says; the API's document takes it from here."""


class CaseStep(StrEnum):
    """What is done in a case, as its history shows it."""

    commented = "commented"
    assigned = "assigned"
    resolved = "resolved"
    reopened = "reopened"


STEP_MEANINGS: Final[Mapping[CaseStep, str]] = {
    CaseStep.commented: "Somebody has written something.",
    CaseStep.assigned: "It was given to an organisation, or to somebody there.",
    CaseStep.resolved: "It was brought to an end; the text is the resolution.",
    CaseStep.reopened: "It was taken up again; the text says why.",
}
"""What each step says; the API's document takes it from here."""

UNRESOLVED: Final = (CaseStatus.open, CaseStatus.assigned)

COMMENTS_MAX: Final = 500
"""Of one case: an answer holds all of them."""

SNAPSHOT_EVENTS_MAX: Final = 100
"""Entries of the order's timeline that a case keeps: the newest. The timeline itself keeps all."""
