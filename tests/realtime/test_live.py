"""Open pages and waiting agents learn of a change at once, and of a lost ring soon after."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from threading import Event
from typing import Any, ClassVar

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from approvals.domain.terms import Verdict
from approvals.models import ApprovalRequest, HeldDecision, Person
from approvals.realtime import consumers, hub, room, sse
from approvals.realtime.routing import application
from approvals.services import clock, holding
from approvals.services.bell import ListeningBell
from approvals.services.clicks import Said
from tests.support import cast

pytestmark = pytest.mark.django_db(transaction=True)
HOST = (b"host", b"testserver")
ORIGIN = (b"origin", b"http://testserver")
Story = Callable[[], Awaitable[None]]


class MuteBell(ListeningBell):
    """Every ring is lost."""

    def ring(self, public_ids: Sequence[str]) -> None:
        del public_ids

    def listen(self, stop: Event) -> Iterator[tuple[str, ...]]:
        while not stop.wait(0.05):
            yield ()


class NotingBell(MuteBell):
    """Every ring is noted, and none is heard."""

    rung: ClassVar[list[frozenset[str]]] = []

    def ring(self, public_ids: Sequence[str]) -> None:
        self.rung.append(frozenset(public_ids))


@pytest.fixture(autouse=True)
def fresh_hub() -> Iterator[None]:
    hub.the_hub.stop()
    yield
    hub.the_hub.stop()


@pytest.fixture
def row() -> ApprovalRequest:
    return cast.request()


@pytest.fixture
def lin() -> Person:
    return cast.person("lin")


def tell(story: Story) -> None:
    async_to_sync(story)()


def socket(person: Person | None, *, origin: tuple[bytes, bytes] = ORIGIN) -> Line:
    """A browser's handshake, with the cookie it would send."""
    headers = [HOST, origin]
    if person is not None:
        client = Client()
        client.force_login(person)
        headers.append((b"cookie", f"session={client.cookies['session'].value}".encode()))
    return Line(headers)


class Line:
    """The browser's end of a socket, as the server's protocol speaks it."""

    def __init__(self, headers: list[tuple[bytes, bytes]], *, path: str = "/ws/live") -> None:
        scope = {"type": "websocket", "path": path, "headers": headers, "query_string": b""}
        communicator: Any = ApplicationCommunicator  # carries no types
        self.end = communicator(application, scope)

    async def connect(self) -> tuple[bool, int]:
        """Whether it was let in, and else the code it was refused with."""
        await self.end.send_input({"type": "websocket.connect"})
        said = await self.end.receive_output(timeout=6)
        return said["type"] == "websocket.accept", said.get("code", 0)

    async def send_text(self, text: str) -> None:
        await self.end.send_input({"type": "websocket.receive", "text": text})

    async def next_of(self, kind: str) -> dict[str, Any]:
        while True:
            said: dict[str, Any] = json.loads((await self.end.receive_output(timeout=6))["text"])
            if said["type"] == kind:
                return said

    async def closing_code(self) -> int:
        """The code the server ends the line with, whatever it says before."""
        while True:
            said = await self.end.receive_output(timeout=6)
            if said["type"] == "websocket.close":
                await self.disconnect()
                return int(said["code"])

    async def kinds_until_the_end(self) -> list[str]:
        """What it says until the server ends it."""
        kinds: list[str] = []
        while True:
            said = await self.end.receive_output(timeout=6)
            if said["type"] == "websocket.close":
                await self.disconnect()
                return kinds
            kinds.append(json.loads(said["text"])["type"])

    async def disconnect(self) -> None:
        await self.end.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.end.wait(timeout=6)


def test_a_socket_that_leads_nowhere_is_refused() -> None:
    async def story() -> None:
        nowhere = Line([HOST, ORIGIN], path="/ws/anything")
        assert await nowhere.connect() == (False, 4404)

    tell(story)


def test_a_waiter_wakes_when_its_request_changes(row: ApprovalRequest, lin: Person) -> None:
    async def story() -> None:
        waiting = asyncio.create_task(hub.changed(str(row.public_id), 10))
        await asyncio.sleep(0.3)
        started = time.monotonic()
        await sync_to_async(cast.decide)(row, lin)
        assert await waiting is True
        assert time.monotonic() - started < 1

    tell(story)


def test_who_shares_a_card_is_woken_when_a_decision_on_it_is_held(
    lin: Person, settings: Any
) -> None:
    settings.UNDO_SECONDS = None
    leader, joiner = cast.request(), cast.request()
    said = Said(person=lin, verdict=Verdict.APPROVE, channel="web", by_session=True)
    settings.BELL = "tests.realtime.test_live.NotingBell"
    NotingBell.rung.clear()
    now = clock.now()
    holding.decide(said, ref=leader.ref, at=now, now=now)
    assert HeldDecision.objects.filter(request=leader, undone_at=None).exists()
    assert {str(leader.public_id), str(joiner.public_id)} in NotingBell.rung


def test_a_waiter_without_a_change_is_told_so_in_time(row: ApprovalRequest) -> None:
    async def story() -> None:
        assert await hub.changed(str(row.public_id), 0.2) is False

    tell(story)


def test_a_lost_ring_costs_seconds_only(row: ApprovalRequest, lin: Person, settings: Any) -> None:
    settings.BELL = "tests.realtime.test_live.MuteBell"

    async def story() -> None:
        with hub.the_hub.watching(str(row.public_id)) as watch:
            await asyncio.sleep(0.5)
            await sync_to_async(cast.decide)(row, lin)
            assert await watch.wait(2 * hub.LOOK_EVERY) is True

    tell(story)


def test_a_dashboard_hears_which_requests_and_when_and_no_word_of_them(
    row: ApprovalRequest, lin: Person
) -> None:
    line = socket(lin)

    async def story() -> None:
        assert (await line.connect())[0]
        await line.next_of("alive")
        await asyncio.sleep(0.3)
        began = time.time()
        await sync_to_async(cast.decide)(row, lin)
        told = await line.next_of("changed")
        assert told["ids"] == [str(row.public_id)]
        assert began <= told["heard"] <= time.time()
        assert 0 < told["spread"] <= room.LONGEST_SPREAD
        # What is drawn for all pages alike comes beside, where a page that draws is plugged in.
        drawn = {"closed", "open", "newest", "counts", "read", "rest"}
        assert set(told) - drawn == {"type", "ids", "heard", "spread"}
        await line.disconnect()

    tell(story)


def test_nobody_listens_without_signing_in(db: None) -> None:
    async def story() -> None:
        connected, code = await socket(None).connect()
        assert (connected, code) == (False, room.SIGNED_OUT)

    tell(story)


@pytest.mark.parametrize(
    "origin", [b"http://evil.example", b"null", b"", b"http://testserver.evil.example"]
)
def test_a_page_of_another_site_cannot_listen(lin: Person, origin: bytes) -> None:
    line = socket(lin, origin=(b"origin", origin))

    async def story() -> None:
        connected, code = await line.connect()
        assert (connected, code) == (False, consumers.NOT_OURS)

    tell(story)


def sign_everybody_out() -> None:
    Session.objects.all().delete()


def disable_lin() -> None:
    Person.objects.filter(email="lin@example.com").update(is_active=False)


@pytest.mark.parametrize("what_happens", [sign_everybody_out, disable_lin])
def test_the_line_ends_soon_after_the_right_to_look(
    lin: Person, what_happens: Callable[[], None]
) -> None:
    line = socket(lin)

    async def story() -> None:
        assert (await line.connect())[0]
        await line.next_of("alive")
        started = time.monotonic()
        await sync_to_async(what_happens)()
        assert await line.closing_code() == room.SIGNED_OUT
        assert time.monotonic() - started < 5

    tell(story)


@pytest.mark.parametrize("what_happens", [sign_everybody_out, disable_lin])
def test_nothing_is_told_after_the_right_to_look_has_ended(
    row: ApprovalRequest, lin: Person, what_happens: Callable[[], None]
) -> None:
    """The change follows at once, long before anybody looks by the clock who may still listen."""
    line, dana = socket(lin), cast.person("dana", teams=("team-leads",))

    async def story() -> None:
        assert (await line.connect())[0]
        await line.next_of("alive")
        await asyncio.sleep(0.3)
        await sync_to_async(what_happens)()
        await sync_to_async(cast.decide)(row, dana)
        assert await line.kinds_until_the_end() in ([], ["alive"])

    tell(story)


@pytest.mark.parametrize("what_happens", [sign_everybody_out, disable_lin])
def test_whoever_may_no_longer_look_is_cut_off_at_their_next_word(
    lin: Person, what_happens: Callable[[], None]
) -> None:
    line = socket(lin)

    async def story() -> None:
        assert (await line.connect())[0]
        await line.next_of("alive")
        await sync_to_async(what_happens)()
        began = time.monotonic()
        await line.send_text("{}")
        assert await line.closing_code() == room.SIGNED_OUT
        assert time.monotonic() - began < room.BEAT_SECONDS

    tell(story)


def test_a_large_frame_ends_the_line(lin: Person) -> None:
    line = socket(lin)

    async def story() -> None:
        assert (await line.connect())[0]
        await line.send_text("x" * (consumers.LARGEST_FRAME + 1))
        assert await line.closing_code() == consumers.TOO_BIG

    tell(story)


def test_a_flood_of_frames_ends_the_line(lin: Person) -> None:
    line = socket(lin)

    async def story() -> None:
        assert (await line.connect())[0]
        for _ in range(consumers.MOST_FRAMES_PER_BEAT + 1):
            await line.send_text("{not json")
        assert await line.closing_code() == consumers.TOO_MUCH

    tell(story)


async def frames(stream: AsyncIterator[str]) -> list[str]:
    return [frame async for frame in stream if frame.startswith("id:")]


def test_events_are_told_from_the_start_until_the_end(row: ApprovalRequest, lin: Person) -> None:
    async def story() -> None:
        reading = asyncio.create_task(frames(sse.stream(str(row.public_id))))
        await asyncio.sleep(0.3)
        await sync_to_async(cast.decide)(row, lin, Verdict.DENY, "No.")
        told = await asyncio.wait_for(reading, 5)
        assert [frame.split("\n")[:2] for frame in told] == [
            ["id: 0", "event: request.submitted"],
            ["id: 1", "event: request.denied"],
        ]

    tell(story)


def test_a_reader_goes_on_where_it_was_cut_off(row: ApprovalRequest, lin: Person) -> None:
    cast.decide(row, lin, Verdict.DENY, "No.")

    async def story() -> None:
        told = await frames(sse.stream(str(row.public_id), sse.last_position("0")))
        assert [frame.split("\n")[0] for frame in told] == ["id: 1"]

    tell(story)


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "٣", "9" * 20])
def test_a_position_of_nonsense_is_the_start(text: str) -> None:
    assert sse.last_position(text) == sse.FROM_THE_START


def test_the_view_gives_the_answer_of_whoever_refuses(row: ApprovalRequest) -> None:
    def refuse(request: HttpRequest, ref: str) -> HttpResponse:
        return HttpResponse(f"{request.method} {ref}", status=404)

    def allow(request: HttpRequest, ref: str) -> ApprovalRequest:
        return row

    async def story() -> None:
        asking = RequestFactory().get("/", headers={"Last-Event-ID": "0"})
        refused = await sse.view(refuse)(asking, "REQ-9")
        assert refused.status_code == 404
        told = await sse.view(allow)(asking, row.ref)
        assert told.headers["Content-Type"] == "text/event-stream"
        assert (await sse.view(allow)(RequestFactory().post("/"), row.ref)).status_code == 405

    tell(story)
