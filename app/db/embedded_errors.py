"""What the embedded Postgres says when it cannot serve."""

from collections.abc import Sequence


class EmbeddedPostgresError(Exception):
    """The embedded Postgres cannot be used; its text is one line for a person and names the setting to change.

    `log_lines` holds the last lines that Postgres itself wrote, oldest first; empty where it never ran.
    """

    def __init__(self, message: str, log_lines: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.log_lines = tuple(log_lines)
