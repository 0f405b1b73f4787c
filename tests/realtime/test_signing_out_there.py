"""Signing out one session from another ends that one's live line within seconds, and no other's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.test import Client

from approvals.models import Person
from approvals.realtime import hub, room
from approvals.services import own_sessions
from tests.realtime.test_live import HOST, ORIGIN, Line
from tests.support import cast

pytestmark = pytest.mark.django_db(transaction=True)
WITHIN_SECONDS = 5


@pytest.fixture(autouse=True)
def fresh_hub() -> Iterator[None]:
    hub.the_hub.stop()
    yield
    hub.the_hub.stop()


def line_of(client: Client) -> Line:
    return Line([HOST, ORIGIN, (b"cookie", f"session={key_of(client)}".encode())])


def key_of(client: Client) -> str:
    return str(client.cookies["session"].value)


def browser(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def test_the_line_of_a_session_that_was_signed_out_ends_and_the_others_go_on() -> None:
    lin = cast.person("lin")
    here, there = browser(lin), browser(lin)
    mine, theirs = line_of(here), line_of(there)
    form = f"/settings/you/sessions/{own_sessions.mark_of(key_of(there))}/end"

    async def story() -> None:
        for line in (mine, theirs):
            assert (await line.connect())[0]
            await line.next_of("alive")
        began = time.monotonic()
        said = await sync_to_async(here.post)(form)
        assert said.status_code == 302
        assert await theirs.closing_code() == room.SIGNED_OUT
        assert time.monotonic() - began < WITHIN_SECONDS
        await asyncio.sleep(room.BEAT_SECONDS)
        assert await mine.next_of("alive")
        await mine.disconnect()

    async_to_sync(story)()
