"""An agent holds the line until somebody decides: through the ASGI application the servers run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx
import pytest
from django.db import connections

from approvals.domain.terms import Verdict
from approvals.models import ApprovalRequest
from tests.api.asgi import calling, run
from tests.support import cast

pytestmark = pytest.mark.django_db(transaction=True)
Result = TypeVar("Result")


def in_another_thread(call: Callable[[], Result]) -> Awaitable[Result]:
    """As another process would: with a connection of its own."""

    def apart() -> Result:
        try:
            return call()
        finally:
            connections.close_all()

    return asyncio.to_thread(apart)


@pytest.fixture
def key() -> str:
    return cast.agent()[1]


@pytest.fixture
def waiting(key: str) -> ApprovalRequest:
    return cast.request()


def test_a_held_read_returns_as_soon_as_somebody_decides(
    key: str, waiting: ApprovalRequest
) -> None:
    lin = cast.person("lin")

    async def story() -> tuple[float, dict[str, Any]]:
        loop = asyncio.get_running_loop()
        async with calling(key) as agent:
            held = asyncio.create_task(agent.get(f"/requests/{waiting.ref}", params={"wait": 30}))
            await asyncio.sleep(0.5)
            assert not held.done()
            await in_another_thread(lambda: cast.decide(waiting, lin))
            decided_at = loop.time()
            body = (await held).json()
            return loop.time() - decided_at, body

    seconds, body = run(story)

    assert (body["status"], body["closed_by"]) == ("approved", "Lin")
    assert body["grant"]["token"]
    assert seconds < 3


def test_a_question_does_not_end_the_wait_but_the_end_of_time_does(
    key: str, waiting: ApprovalRequest
) -> None:
    lin = cast.person("lin")

    async def story() -> dict[str, Any]:
        async with calling(key) as agent:
            held = asyncio.create_task(agent.get(f"/requests/{waiting.ref}?wait=2"))
            await asyncio.sleep(0.3)
            await in_another_thread(
                lambda: cast.decide(waiting, lin, Verdict.INVESTIGATE, "Why eight?")
            )
            await asyncio.sleep(0.5)
            assert not held.done()
            body: dict[str, Any] = (await held).json()
            return body

    assert run(story)["status"] == "investigating"


def test_what_is_final_is_answered_at_once(key: str) -> None:
    row = cast.request(**cast.LOW)

    async def story() -> tuple[float, int]:
        loop = asyncio.get_running_loop()
        async with calling(key) as agent:
            started = loop.time()
            answer = await agent.get(f"/requests/{row.ref}?wait=60")
            return loop.time() - started, answer.status_code

    seconds, status = run(story)

    assert status == 200
    assert seconds < 2


def test_many_wait_at_once_and_all_are_told(key: str) -> None:
    rows = [cast.request(target=f"target-{number}") for number in range(20)]
    lin = cast.person("lin")

    def decide_all() -> None:
        for row in rows:
            cast.decide(row, lin)

    async def story() -> list[str]:
        async with calling(key) as agent:
            held = [asyncio.create_task(agent.get(f"/requests/{row.ref}?wait=30")) for row in rows]
            await asyncio.sleep(1)
            await in_another_thread(decide_all)
            return [answer.json()["status"] for answer in await asyncio.gather(*held)]

    assert run(story) == ["approved"] * 20


@pytest.mark.parametrize("wait", ["0", "61", "-1", "soon", "", "1.5", "2.0", "1_0", "25s"])
def test_a_wait_that_is_none_is_refused(key: str, waiting: ApprovalRequest, wait: str) -> None:
    async def story() -> httpx.Response:
        async with calling(key) as agent:
            return await agent.get(f"/requests/{waiting.ref}", params={"wait": wait})

    answer = run(story)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "wait"


def test_asking_for_the_options_waits_for_nothing(key: str, waiting: ApprovalRequest) -> None:
    async def story() -> httpx.Response:
        async with calling(key) as agent:
            return await agent.request("OPTIONS", f"/requests/{waiting.ref}?wait=60")

    assert run(story).status_code == 200


def test_nobody_waits_for_what_they_may_not_see(waiting: ApprovalRequest) -> None:
    stranger = cast.agent("digger")[1]

    async def story() -> tuple[int, int]:
        async with calling(stranger) as digger, calling("nonsense") as nobody:
            return (
                (await digger.get(f"/requests/{waiting.ref}?wait=30")).status_code,
                (await nobody.get(f"/requests/{waiting.ref}?wait=30")).status_code,
            )

    assert run(story) == (404, 401)
