"""Call the ASGI application that the servers run, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import httpx
from asgiref.sync import sync_to_async
from django.db import connections

from approvals.project.asgi import application
from approvals.realtime.hub import the_hub

Result = TypeVar("Result")


@asynccontextmanager
async def calling(key: str) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=application)  # type: ignore[arg-type]  # channels types it looser
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1:8000/api/v1", headers=headers
    ) as client:
        yield client


def run(story: Callable[[], Awaitable[Result]]) -> Result:
    """Run one asynchronous story, and leave no connection and no listener behind."""

    async def whole() -> Result:
        try:
            return await story()
        finally:
            await sync_to_async(connections.close_all)()

    try:
        return asyncio.run(whole())
    finally:
        the_hub.stop()
