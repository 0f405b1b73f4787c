"""A load generator that costs little: HTTP/1.1 over kept connections, straight on the socket."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import uuid4

from tests.support.processes import HOST

PATIENCE = 40.0


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of one HTTP response."""

    status: int
    body: bytes

    def json(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.body)
        return value


class Wire(asyncio.Protocol):
    """One connection that stays open; one question at a time."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._answer: asyncio.Future[Answer] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._received[:end]).lower()
        length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0] or b"0")
        if len(self._received) >= end + 4 + length and self._answer and not self._answer.done():
            body = bytes(self._received[end + 4 :])
            self._received.clear()
            self._answer.set_result(Answer(int(head.split(b" ", 2)[1]), body))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("the server hung up"))

    async def ask(self, question: bytes) -> Answer:
        """Send a whole request and wait for its whole answer."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(question)
        return await asyncio.wait_for(self._answer, PATIENCE)

    @property
    def is_open(self) -> bool:
        """Whether the server still holds it; an idle connection is closed after some seconds."""
        return self._transport is not None and not self._transport.is_closing()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def connect(port: int) -> Wire:
    _, wire = await asyncio.get_running_loop().create_connection(Wire, HOST, port)
    return wire


def question(
    method: str, path: str, *, key: str = "", body: object = None, once: str = ""
) -> bytes:
    """The bytes of a request; `key` is a bearer's, `once` an idempotency key."""
    payload = b"" if body is None else json.dumps(body).encode()
    head = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", f"Content-Length: {len(payload)}"]
    head += [f"Authorization: Bearer {key}"] if key else []
    head += ["Content-Type: application/json"] if payload else []
    head += [f"Idempotency-Key: {once}"] if once else []
    return "\r\n".join([*head, "", ""]).encode() + payload


@dataclass(frozen=True, slots=True)
class Load:
    """What to send again and again: `wanted` is the status that counts as done."""

    port: int
    method: str
    path: str
    wanted: int
    key: str = ""
    body: Mapping[str, Any] | None = None

    def next(self) -> bytes:
        """One more, never the same twice where it writes."""
        once = uuid4().hex if self.body is not None else ""
        return question(self.method, self.path, key=self.key, body=self.body, once=once)


@dataclass(frozen=True, slots=True)
class Slice:
    """What one slice gave: per second, each time in seconds, and how many went wrong."""

    rate: float
    times: list[float]
    failed: int


def hammer(load: Load, *, connections: int, seconds: float) -> Slice:
    """Ask over so many connections, each as soon as it was answered, for so long."""
    return asyncio.run(_hammer(load, connections, seconds))


async def _hammer(load: Load, connections: int, seconds: float) -> Slice:
    wires = [await connect(load.port) for _ in range(connections)]
    times: list[float] = []
    failed = count()
    started = time.perf_counter()

    async def keep_asking(wire: Wire) -> None:
        while (asked := time.perf_counter()) < started + seconds:
            answer = await wire.ask(load.next())
            times.append(time.perf_counter() - asked)
            if answer.status != load.wanted:
                next(failed)

    await asyncio.gather(*(keep_asking(wire) for wire in wires))
    taken = time.perf_counter() - started
    for wire in wires:
        wire.close()
    return Slice(len(times) / taken, times, next(failed))
