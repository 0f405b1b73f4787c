"""Many pages are open while people decide; each of them ends with the truth."""

from __future__ import annotations

import asyncio
import json

import pytest

from bench.dashboards_page import Board, Dashboard
from tests.stories.world import World
from tests.support.service import Service

pytestmark = [pytest.mark.slow]
PAGES, DECISIONS, PER_SECOND = 20, 9, 3
LONGEST = 60.0
SEED = f"""
import json
from django.test import Client
from tests.support import cast
cookies = []
for number in range({PAGES}):
    client = Client()
    client.force_login(cast.person(f"reader{{number}}", teams=("managers",)))
    cookies.append(client.cookies["session"].value)
print("COOKIES " + json.dumps(cookies))
"""


def test_every_open_page_ends_correct_also_those_that_lost_their_line(service: Service) -> None:
    world = World(service)
    said = service.run("shell", "-v", "0", "-c", SEED)
    line = next(line for line in said.stdout.splitlines() if line.startswith("COOKIES "))
    refs = [world.submit(parameters={"number": number}) for number in range(DECISIONS)]
    port = int(service.url.rpartition(":")[2])
    board = Board()
    pages = [
        Dashboard(port, cookie, "/queue?tab=all", board)
        for cookie in json.loads(line.removeprefix("COOKIES "))
    ]

    async def story() -> None:
        for page in pages:
            await page.open()
            assert len(page.rows) == DECISIONS
        tasks = [
            asyncio.create_task(work) for page in pages for work in (page.listen(), page.follow())
        ]
        await asyncio.wait_for(asyncio.gather(*(page.is_live.wait() for page in pages)), LONGEST)
        await _decide(world, refs, pages[:5])
        give_up = asyncio.get_running_loop().time() + LONGEST
        while any(page.rows for page in pages) and asyncio.get_running_loop().time() < give_up:
            await asyncio.sleep(0.1)
        broken = [task for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for page in pages:
            page.close()
        await asyncio.sleep(0.1)
        assert not broken

    asyncio.run(story())
    assert [page.rows for page in pages] == [{}] * PAGES
    assert board.refused == 0


async def _decide(world: World, refs: list[str], unlucky: list[Dashboard]) -> None:
    """Deny them at an even pace; half way through some pages lose their line."""
    for number, ref in enumerate(refs):
        await asyncio.to_thread(world.decide, "lin", ref, "deny", "Not today.")
        for page in unlucky if number == DECISIONS // 2 else ():
            page.cut()
        await asyncio.sleep(1 / PER_SECOND)
