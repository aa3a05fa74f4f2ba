"""Problems of support cases."""

from typing import ClassVar

from pydantic import JsonValue

from app.cases.case_rules import COMMENTS_MAX
from app.errors import Problem


class SupportCaseOpen(Problem):
    """Who merely presents a number has one unresolved case about it at a time."""

    status = 409
    code = "support_case_open"
    title = "You have an open case about this number"
    remedy = (
        "An organisation that the order does not name opens one case at a time about it. Write what is new as a "
        "comment on the case `support_case_id`, or resolve that one first."
    )
    example_detail = "This organisation has an open case about PO-7K3M9QWX2R already."
    example_members: ClassVar[dict[str, JsonValue]] = {"support_case_id": "0198f5b4-3e11-7a02-9c5d-7f1a2b3c4d5e"}


class SupportCaseResolved(Problem):
    """The case was resolved before."""

    status = 409
    code = "support_case_resolved"
    title = "The support case is resolved"
    remedy = (
        "`resolved_at` says since when, and the case what came of it. Two callers may have acted at once: read the "
        "case again. Where the trouble goes on, reopen it (POST .../reopen); comments are taken all the same."
    )
    example_detail = "The case was resolved on 2036-07-02T09:41:30Z."
    example_members: ClassVar[dict[str, JsonValue]] = {"resolved_at": "2036-07-02T09:41:30Z"}


class SupportCaseNotResolved(Problem):
    """There is nothing to reopen."""

    status = 409
    code = "support_case_not_resolved"
    title = "The support case is not resolved"
    remedy = "Only a resolved case is reopened. Write what is new as a comment."
    example_detail = "The case is assigned: only a resolved one is reopened."
    example_members: ClassVar[dict[str, JsonValue]] = {"case_status": "assigned"}


class TooManyComments(Problem):
    """The case holds as many comments as it can."""

    status = 409
    code = "too_many_comments"
    title = "The support case holds no more comments"
    remedy = (
        f"A case holds {COMMENTS_MAX} comments, so that it can be read whole. Resolve it, and open another one that "
        "names it."
    )
    example_detail = f"The case has {COMMENTS_MAX} comments already."
