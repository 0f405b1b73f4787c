"""A server that does nothing but answer: what the load generator itself can reach."""

from __future__ import annotations

import asyncio
import sys

from tests.support.processes import HOST

BODY = b'{"status": "approved", "reasoning": "' + b"x" * 2000 + b'"}'
ANSWER = b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY


class Bare(asyncio.Protocol):
    """Reads a whole request and answers it."""

    def __init__(self) -> None:
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, gap, body = bytes(self._received).partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0] or b"0")
        if gap and len(body) >= length:
            self._received.clear()
            self._transport.write(ANSWER)


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Bare, HOST, port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
