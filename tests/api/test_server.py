"""What an asynchronous server does differently: bodies without a length, answers that stream."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import httpx
import pytest

from approvals.models import ApprovalRequest
from tests.api.asgi import calling, run
from tests.support import cast

pytestmark = pytest.mark.django_db(transaction=True)
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def waiting() -> ApprovalRequest:
    return cast.request()


async def in_pieces(raw: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(raw), 4096):
        yield raw[start : start + 4096]


def sent_in_pieces(raw: bytes) -> httpx.Response:
    key = cast.agent()[1]

    async def story() -> httpx.Response:
        async with calling(key) as agent:
            return await agent.post("/requests", content=in_pieces(raw), headers=JSON)

    return run(story)


def test_a_body_without_a_length_is_read() -> None:
    answer = sent_in_pieces(json.dumps(cast.submission()).encode())

    assert answer.status_code == 201


def test_a_large_body_without_a_length_is_refused_all_the_same() -> None:
    answer = sent_in_pieces(json.dumps(cast.submission(reasoning="r" * 300_000)).encode())

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_an_export_streams_from_an_asynchronous_server(waiting: ApprovalRequest) -> None:
    token = cast.token(cast.person("ada"))

    async def story() -> httpx.Response:
        async with calling(token) as ada:
            return await ada.get("/audit-events/export", params={"request": waiting.ref})

    lines = run(story).text.splitlines()

    assert [json.loads(line)["type"] for line in lines] == ["request.submitted"]


def test_an_export_of_a_spreadsheet_streams_too(waiting: ApprovalRequest) -> None:
    token = cast.token(cast.person("ada"))

    async def story() -> httpx.Response:
        async with calling(token) as ada:
            return await ada.get("/audit-events/export", params={"format": "csv"})

    assert run(story).text.startswith("timestamp,chain,seq,type")
