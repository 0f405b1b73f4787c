"""What the queue sends before it can be used: the page, its styles, its scripts and all they name."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from posixpath import join, normpath

import pytest
from django.contrib.staticfiles import finders

from approvals.models import Agent
from tests.support import cast, many
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db
MOST_BYTES = 150_000
SENT = re.compile(r"""(?:href|src|data-waiting)="/static/([^"#]+)""")
NAMED = re.compile(r"""(?:import|from)\s*\(?\s*"([^"]+)"|url\("?([^")]+)"?\)""")


def files(page: str) -> dict[str, int]:
    """Each file the page names, or one of them does, with its bytes as they lie on the disk."""
    found: dict[str, int] = {}
    waiting = SENT.findall(page)
    while waiting:
        name = re.sub(r"\.[0-9a-f]{12}(?=\.)", "", waiting.pop())
        if name in found:
            continue
        place = finders.find(name)
        assert place, f"{name} is named and is not there"
        read = Path(place).read_bytes()
        found[name] = len(read)
        for one in NAMED.findall(read.decode()) if name.endswith((".js", ".css")) else ():
            waiting.append(normpath(join(name, "..", "".join(one))))
    return found


def test_the_queue_of_two_hundred_weighs_less_than_a_hundred_and_fifty_kilobytes(
    lin: Browser, robo: Agent
) -> None:
    many.requests(cast.request(robo), [{}] * 199)
    answer = lin.client.get("/queue?tab=all", headers={"accept-encoding": "gzip"})
    page = gzip.decompress(answer.content).decode()
    named = files(page)
    assert 'data-ref="REQ-' in page
    assert {"live.js", "live/line.js", "countersign.css", "pages/queue.css"} <= set(named)
    weight = len(answer.content) + sum(named.values())
    assert weight < MOST_BYTES
