"""The real service in a world of its own: durable servers, a living Slack, twenty people, one agent.

The driver's journal is written to disk before each act and after each answer, so that what was
acknowledged is known whatever dies.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from bench.line import Line
from tests.fakes.knocks import Knock
from tests.fakes.slack import FakeSlack, Posted
from tests.support.servers import Postgres, Redis
from tests.support.service import Service

ROOT = Path(__file__).resolve().parents[1]
POLICIES = ROOT / "tests" / "support" / "quick_policies"
BODY = {"target": "production-api", "parameters": {"replicas": 8}, "reasoning": "Load is high."}
PATIENCE = 20.0


class Journal:
    """What the driver meant to do, and what it heard: each line on disk before the next act."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: list[dict[str, Any]] = []
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()

    def write(self, **line: Any) -> None:
        with self._lock:
            self.lines.append(line)
            self._file.write(json.dumps(line, default=str) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()

    def of(self, **wanted: Any) -> list[dict[str, Any]]:
        return [line for line in self.lines if wanted.items() <= line.items()]


class World:
    """One service, its servers, and everybody who calls it."""

    def __init__(
        self, folder: Path, ending: ExitStack, *, through: Line | None = None, undo: int = 0
    ) -> None:
        self.undo = undo
        self.postgres = Postgres(_folder(folder, "postgres"), durable=True)
        self.redis = Redis(_folder(folder, "redis"), durable=True)
        for server in (self.postgres, self.redis):
            ending.callback(server.stop)
            server.start()
        self.line = through
        self.slack = ending.enter_context(FakeSlack())
        self.journal = Journal(folder / "journal.ndjson")
        ending.callback(self.journal.close)
        settings = {
            "DATABASE_URL": self._line(ending, through),
            "REDIS_URL": self.redis.url,
            "POLICY_DIR": str(POLICIES),
            "FIRST_MANAGER_EMAIL": "first@example.com",
            "LOG_LEVEL": "WARNING",
            "WEBHOOK_ALLOW_PRIVATE": "1",
            "UNDO_SECONDS": str(undo),
            **self.slack.settings,
        }
        self.service = Service(_folder(folder, "data"), env=settings)
        ending.callback(self.service.kill)
        self.service.start()
        self.people: dict[str, Any] = self.within("seed")
        for lead in self.people["leads"]:
            self.slack.add_user(lead["slack"])
        self._http = httpx.Client(
            timeout=PATIENCE, trust_env=False, limits=httpx.Limits(max_connections=64)
        )
        ending.callback(self._http.close)

    def _line(self, ending: ExitStack, through: Line | None) -> str:
        """The address by which the service reaches its database."""
        if through is None:
            return self.postgres.url
        ending.enter_context(through)
        return through.carry(self.postgres.url)

    def within(self, verb: str) -> Any:
        """What one verb of `bench.within` answers, in a process with the service's settings."""
        done = subprocess.run(
            [sys.executable, "-m", "bench.within", verb],
            cwd=ROOT, env=self.service.env, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"bench.within {verb} failed:\n{done.stderr[-2000:]}")
        return json.loads(done.stdout)

    def call(
        self, method: str, path: str, key: str, body: Any = None, **headers: str
    ) -> httpx.Response:
        """One call of the API with a key or token. Raises httpx.TransportError when nobody answers."""
        return self._http.request(
            method,
            f"{self.service.url}/api/v1{path}",
            json=body,
            headers={"Authorization": f"Bearer {key}", **headers},
        )

    def surely(
        self, act: str, method: str, path: str, key: str, body: Any = None, **headers: str
    ) -> httpx.Response:
        """Call until somebody answers for good: no connection and 5xx are tried again.

        The intent stands in the journal before the first try, the answer after the last.
        """
        self.journal.write(act=act, path=path, said="intent", headers=headers)
        for attempt in range(200):
            try:
                answer = self.call(method, path, key, body, **headers)
            except httpx.TransportError:
                self.journal.write(act=act, path=path, said="unknown")
                time.sleep(0.2)
                continue
            if answer.status_code < 500:
                self.journal.write(
                    act=act, path=path, said="answer", status=answer.status_code, attempt=attempt,
                    id=answer.json().get("id"), code=answer.json().get("code"),
                )  # fmt: skip
                return answer
            self.journal.write(act=act, path=path, said="fault", status=answer.status_code)
            time.sleep(0.2)
        raise AssertionError(f"{act} {path} was never answered.\n{self.service.tail()}")

    def submit(self, action: str, key: str, **more: Any) -> dict[str, Any]:
        """A request of the agent, on a card of its own, submitted until it is acknowledged."""
        more = {"target": f"production-api-{key}", **more}
        answer = self.surely(
            "submit", "POST", "/requests", self.people["agent"], {"action": action, **BODY, **more},
            **{"Idempotency-Key": key},
        )  # fmt: skip
        assert answer.status_code in {200, 201}, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def read(self, ref: str) -> dict[str, Any]:
        found: dict[str, Any] = self.call("GET", f"/requests/{ref}", self.people["agent"]).json()
        return found

    def decide(
        self, ref: str, token: str, verdict: str, comment: str = "as told"
    ) -> httpx.Response:
        body = {"verdict": verdict, "comment": comment}
        return self.call("POST", f"/requests/{ref}/decisions", token, body)

    def knock(self, knock: Knock) -> httpx.Response:
        """Deliver what Slack sends."""
        url = f"{self.service.url}/integrations/slack/events"
        return self._http.post(url, content=knock.body, headers=dict(knock.headers))

    def message(self, ref: str, *, seconds: float = PATIENCE) -> Posted:
        """The Slack message of a request, once it is there."""

        def look() -> Posted | None:
            return next((m for m in self.slack.posted if m.text.endswith(f" {ref}.")), None)

        found: Posted = wait_for(look, seconds)
        return found

    def wait_until_decided(self, *, seconds: float) -> None:
        """Wait until no request of the agent waits for anybody."""

        def look() -> bool:
            try:
                waiting = [
                    self.call("GET", f"/requests?status={status}", self.people["agent"])
                    for status in ("pending", "investigating")
                ]
            except httpx.TransportError:
                return False
            return all(answer.is_success and not answer.json()["items"] for answer in waiting)

        wait_for(look, seconds, every=1.0)

    def settle(self, *, seconds: float = 60.0) -> dict[str, Any]:
        """Wait until nothing is due any more, then say what holds and what does not."""
        wait_for(self._is_quiet, seconds)
        found: dict[str, Any] = self.within("verify")
        return found

    def _is_quiet(self) -> bool:
        try:
            ready = self._http.get(f"{self.service.url}/readyz").json()
        except (httpx.TransportError, ValueError):
            return False
        ages = ("oldest_due_timer_seconds", "oldest_due_delivery_seconds")
        return all(ready.get(age) == 0.0 for age in ages)


def wait_for(look: Any, seconds: float, every: float = 0.1) -> Any:
    """What `look` gives as soon as it gives something."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        found = look()
        if found:
            return found
        time.sleep(every)
    raise AssertionError(f"It did not happen within {seconds} s.")


def _folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder


@contextmanager
def a_world(*, through: Line | None = None, undo: int = 0) -> Iterator[World]:
    """A world that ends with the block: its processes stop, its folder goes.

    `through` is a line between the service and its database, to slow it; `undo` how many seconds
    decisions can be undone.
    """
    with TemporaryDirectory(prefix="countersign-chaos-") as name, ExitStack() as ending:
        folder = Path(name)
        folder.chmod(0o755)  # another account may run the database
        yield World(folder, ending, through=through, undo=undo)
