"""The real service over HTTP in this process, and servers that misbehave."""

from __future__ import annotations

import time
from collections.abc import Iterator
from threading import Thread

import pytest
import uvicorn

from approvals.project.asgi import application
from approvals.realtime.hub import the_hub
from countersign import Countersign
from tests.fakes.nonsense import Nonsense
from tests.support import cast
from tests.support.processes import HOST, free_port

START_SECONDS = 20.0


@pytest.fixture
def live(transactional_db: None) -> Iterator[str]:
    """The address of the service, on the test database."""
    port = free_port()
    config = uvicorn.Config(
        application,
        host=HOST,
        port=port,
        lifespan="off",
        log_config=None,
        ws="none",
        access_log=False,
    )
    server = uvicorn.Server(config)
    thread = Thread(target=server.run)
    thread.start()
    give_up = time.monotonic() + START_SECONDS
    while not server.started and time.monotonic() < give_up:
        time.sleep(0.01)
    try:
        yield f"http://{HOST}:{port}"
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)
        the_hub.stop()


@pytest.fixture
def robo(live: str) -> Iterator[Countersign]:
    """The agent Robo's client."""
    _, key = cast.agent()
    with Countersign(live, key) as client:
        yield client


@pytest.fixture
def lin(live: str) -> Iterator[Countersign]:
    """The team lead's client."""
    with Countersign(live, cast.token(cast.person("lin"))) as client:
        yield client


@pytest.fixture
def nonsense() -> Iterator[Nonsense]:
    with Nonsense() as server:
        yield server
