"""A network between the service and Postgres that fails on command."""

import asyncio
import threading
import time
from contextlib import suppress
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


class Network:
    """Listens on a TCP port and passes everything on to the Postgres at a URL, for as long as it is told to.

    `silent()`: packets get lost, both ways, and nobody is told. `refused()`: nobody listens, open connections are
    reset. `back()`: it works again, for new connections. `fails_on(text)`: it becomes silent, or resets connections,
    in the moment in which the service sends `text`, which still reaches Postgres or, with `lose`, does not.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        self._socket = f"{query['host'][0]}/.s.PGSQL.5432" if "host" in query else None
        self._address = (parts.hostname or "localhost", parts.port or 5432)
        self._credentials = parts.netloc.rpartition("@")[0]
        self._database = parts.path
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._lines: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._silent = False
        self._trigger: bytes | None = None
        self._lose = False
        self._reset = False
        self._said_at = 0.0
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    @property
    def url(self) -> str:
        return f"postgresql://{self._credentials}@127.0.0.1:{self.port}{self._database}"

    def silent(self) -> None:
        self._silent = True

    def refused(self) -> None:
        self._run(self._refuse())

    def back(self) -> None:
        """Lines that have been silent stay so for the service, as those of a lost host do; Postgres gives them up."""
        if self._silent:
            lines, self._lines = self._lines, set()
            for service, server in lines:
                self._loop.call_soon_threadsafe(server.transport.abort)
                if self._reset:
                    self._loop.call_soon_threadsafe(service.transport.abort)
        self._silent = self._reset = False
        self._trigger = None
        self._run(self._listen())

    def fails_on(self, text: bytes, *, lose: bool, reset: bool = False) -> None:
        self._trigger, self._lose, self._reset = text, lose, reset

    def quiet_for(self, seconds: float) -> bool:
        """Whether the service has sent nothing for so long: what it writes by itself is written."""
        return time.monotonic() - self._said_at > seconds

    def _run(self, doing: Any) -> None:
        asyncio.run_coroutine_threadsafe(doing, self._loop).result(10)

    async def _listen(self) -> None:
        if self.port == 0 or not self._server.is_serving():
            self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _refuse(self) -> None:
        self._server.close()
        for line in list(self._lines):
            for end in line:
                end.transport.abort()

    async def _end(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.wait(others) if others else None

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Cancelled at the end, which asyncio's streams would report as an error.
        with suppress(asyncio.CancelledError):
            await self._serve(reader, writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._silent:
            await asyncio.sleep(3600)
        if self._socket is not None:
            server_reader, server = await asyncio.open_unix_connection(self._socket)
        else:
            server_reader, server = await asyncio.open_connection(*self._address)
        line = (writer, server)
        self._lines.add(line)
        try:
            await asyncio.gather(
                self._pass_on(reader, server, line, said=True), self._pass_on(server_reader, writer, line, said=False)
            )
        except OSError:
            if line not in self._lines:
                await asyncio.sleep(3600)
        finally:
            for end in line:
                end.transport.abort()
            self._lines.discard(line)

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: Any, *, said: bool
    ) -> None:
        while data := await reader.read(65536):
            if said:
                self._said_at = time.monotonic()
            if said and self._trigger is not None and self._trigger in data:
                self._silent = True
                if not self._lose:
                    writer.write(data)
                    await writer.drain()
            if self._silent or line not in self._lines:
                if self._reset:
                    break
                await asyncio.sleep(3600)
            writer.write(data)
            await writer.drain()
        if line not in self._lines and not self._reset:
            await asyncio.sleep(3600)
        for end in line:
            end.transport.abort()
