"""The service's own way to a database, for tests that call repositories and services without HTTP."""

from app.db.session import Database

# A gate is told within a second that the database is out of reach; so would be a test whose machine stood still.
PATIENCE_SECONDS = 30


def patient(url: str, *, pool_size: int = 10, statement_cache_size: int = 500, read_only: bool = False) -> Database:
    """Return a `Database` for what is not about time: a machine that stands still for a while makes no outage of it."""
    return Database(
        url,
        pool_size=pool_size,
        statement_cache_size=statement_cache_size,
        timeout=PATIENCE_SECONDS,
        read_only=read_only,
    )
