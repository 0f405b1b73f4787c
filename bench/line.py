"""A TCP line between the service and its database that takes as long as it is told."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from threading import Event, Thread
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from tests.support.processes import HOST

CHUNK = 65_536
COMMIT = b"COMMIT"


class Line:
    """Carries bytes in order; each arrives `round_trip / 2` seconds after it was sent.

    What is sent together arrives together, as on a long wire: the delay is latency, not bandwidth.
    A commit takes `commit` seconds more, as with a disk or a standby that is slow to confirm it.
    `questions` counts how often the service spoke after the database had, which is its round trips.
    """

    def __init__(self, *, round_trip: float = 0.0, commit: float = 0.0) -> None:
        self.round_trip = round_trip
        self.commit = commit
        self.questions = 0
        self.port = 0
        self._to = ("", 0)
        self._ready = Event()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._run, daemon=True)

    def carry(self, url: str) -> str:
        """The same address by way of this line."""
        parts = urlsplit(url)
        self._to = (parts.hostname or HOST, parts.port or 5432)
        account = parts.netloc.rpartition("@")[0]
        return urlunsplit(parts._replace(netloc=f"{account}@{HOST}:{self.port}"))

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, HOST, 0))
        self.port = int(server.sockets[0].getsockname()[1])
        self._ready.set()
        self._loop.run_forever()
        server.close()
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.run_until_complete(asyncio.sleep(0))  # what was hung up lets go of its sockets
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(*self._to)
        spoke = {"service": False}
        with suppress(asyncio.CancelledError):  # the line was hung up
            await asyncio.gather(
                self._carry(reader, there_writer, spoke, is_service=True),
                self._carry(there_reader, writer, spoke, is_service=False),
            )
        for held in (writer, there_writer):
            held.transport.abort()

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        spoke: dict[str, bool],
        *,
        is_service: bool,
    ) -> None:
        """Read at once and write later, so that a delay never becomes a limit of speed."""
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        late = asyncio.ensure_future(_deliver(waiting, writer))
        try:
            while content := await reader.read(CHUNK):
                if is_service and not spoke["service"]:
                    self.questions += 1
                spoke["service"] = is_service
                wait = self.round_trip / 2
                if is_service and COMMIT in content:
                    wait += self.commit
                waiting.put_nowait((time.monotonic() + wait, content))
        except OSError:
            pass
        waiting.put_nowait((time.monotonic(), b""))
        await late


async def _deliver(
    waiting: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter
) -> None:
    while True:
        due, content = await waiting.get()
        if not content:
            break
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        try:
            writer.write(content)
            await writer.drain()
        except OSError:
            break
    writer.close()
