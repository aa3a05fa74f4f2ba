"""Why a database cannot be used, in the words of the command line."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from app.errors import TemporarilyUnavailable


class DatabaseError(Exception):
    """Why the database cannot be used, in one line; never with the URL, a statement or a value of a row.

    `is_final` where waiting does not help: only another setting does.
    """

    def __init__(self, sentence: str, *, is_final: bool = False) -> None:
        super().__init__(sentence)
        self.is_final = is_final


@contextmanager
def database_faults_in_words() -> Iterator[None]:
    """Raise what a database does to the block as a DatabaseError; what was typed wrong stays a ValidationError."""
    try:
        yield
    except ValidationError:
        # A ValueError too, but about what was typed.
        raise
    except TemporarilyUnavailable as unavailable:
        raise _database_fault(unavailable.__cause__ or unavailable) from None
    except (DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
        raise _database_fault(error) from None


def _database_fault(error: BaseException) -> DatabaseError:
    if isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig.__cause__ or error.orig
    if isinstance(error, asyncpg.UndefinedTableError | asyncpg.UndefinedColumnError):
        return DatabaseError("The database is not at the migration that this version needs: run `po-registry migrate`.")
    if isinstance(error, asyncpg.PostgresError):
        is_final = isinstance(error, asyncpg.InvalidAuthorizationSpecificationError | asyncpg.InvalidCatalogNameError)
        # Only the message: the detail behind it may hold somebody's data.
        return DatabaseError(
            f"DATABASE_URL: Postgres says: {error.args[0]} (SQLSTATE {error.sqlstate}).", is_final=is_final
        )
    if isinstance(error, TimeoutError | TemporarilyUnavailable):
        return DatabaseError("DATABASE_URL: the database does not answer in time.")
    if isinstance(error, OSError):
        return DatabaseError(f"DATABASE_URL: the database is out of reach ({error.strerror or error}).")
    if isinstance(error, ValueError):
        # What the parser says may repeat a piece of the password.
        advice = "look at its options, and write signs such as @ / : in a user or password as %40 %2F %3A"
        return DatabaseError(f"DATABASE_URL: not understood; {advice}.", is_final=True)
    return DatabaseError(f"DATABASE_URL: the database cannot be used ({type(error).__name__}).")
