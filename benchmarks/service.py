"""The service itself, as `po-registry serve` runs it with one worker and its settings left alone."""

import asyncio
from typing import Self

from app.access import command_line
from app.access.schemas import CreateApiKey
from app.principal import Scope
from tests.command import Service


class Served:
    """`po-registry serve` on a migrated database, for as long as each block lasts; `key` has every scope.

    `pattern` is the number key of the order that was issued for the loading.
    """

    def __init__(self, database_url: str) -> None:
        self.database_url = database_url
        body = CreateApiKey(name="benchmarks", scopes=list(Scope))
        self.key = asyncio.run(command_line.create_key(database_url, body, "Benchmarks", None))
        self.pattern = ""
        self._service: Service | None = None

    def __enter__(self) -> Self:
        self._service = Service(key=self.key, DATABASE_URL=self.database_url)
        self._service.__enter__()
        self._service.ready()
        return self

    def __exit__(self, *error: object) -> None:
        assert self._service is not None
        self._service.__exit__(*error)

    @property
    def url(self) -> str:
        assert self._service is not None
        return self._service.url

    @property
    def process(self) -> int:
        """The worker: with one, the command serves itself."""
        assert self._service is not None
        return self._service.process.pid
