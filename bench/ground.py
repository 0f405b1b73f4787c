"""Servers, a prepared database and the service's own processes, for one run, gone after it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol, cast

import httpx
import psycopg

from tests.support.processes import HOST, STOP_SECONDS, free_port, launch
from tests.support.servers import Postgres, Redis, Server

ROOT = Path(__file__).resolve().parents[1]
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")
START_SECONDS = 60.0


class Rows(Protocol):
    """What a statement gave."""

    description: Any

    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...


class Connection(Protocol):
    """A connection without a transaction of its own: BEGIN and COMMIT are ours to say."""

    def execute(self, statement: str, values: Sequence[object] = ..., /) -> Rows: ...
    def close(self) -> None: ...


class Ground:
    """Where a run happens: `engine` is `postgres` or `sqlite`."""

    def __init__(self, engine: str, folder: Path, ending: ExitStack) -> None:
        self.engine = engine
        self.folder = folder
        self.port = free_port()
        self.ports = [self.port]
        self.servers: list[str] = []
        self.pids: dict[str, int] = {}
        self._ending = ending
        self._data = folder / "data"
        self._data.mkdir()
        self._env = {name: os.environ[name] for name in INHERITED if name in os.environ} | {
            "DATA_DIR": str(self._data),
            "STATIC_ROOT": str(self._data),
            "PORT": str(self.port),
            "PUBLIC_URL": f"http://{HOST}:{self.port}",
        }
        if engine == "postgres":
            self._env["DATABASE_URL"] = self._server(Postgres)
            self._env["REDIS_URL"] = self._server(Redis)
        self.keys: dict[str, str] = self.inside("prepare")

    @property
    def mark(self) -> str:
        """How this engine writes a placeholder."""
        return "%s" if self.engine == "postgres" else "?"

    @property
    def begin(self) -> str:
        return "BEGIN" if self.engine == "postgres" else "BEGIN IMMEDIATE"

    def connect(self) -> Connection:
        """A plain connection to the service's own database, as durable as the service's."""
        if self.engine == "postgres":
            opened = psycopg.connect(self._env["DATABASE_URL"], autocommit=True)
            return cast("Connection", opened)
        path = self._data / "countersign.sqlite3"
        local = sqlite3.connect(path, timeout=20, isolation_level=None, check_same_thread=False)
        local.execute("PRAGMA synchronous=FULL")
        return cast("Connection", local)

    def inside(self, verb: str, *words: object) -> Any:
        """What one verb of `bench.inside` answers, run in a process with the service's settings."""
        command = [sys.executable, "-m", "bench.inside", verb, *map(str, words)]
        done = subprocess.run(command, cwd=ROOT, env=self._env, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"bench.inside {verb} failed:\n{done.stderr[-2000:]}")
        return json.loads(done.stdout)

    @contextmanager
    def running(self, *parts: str) -> Iterator[None]:
        """Parts of the service (`web`, `worker`, `timers`) as its supervisor starts them."""
        with ExitStack() as ending:
            for part in parts:
                ending.enter_context(self._process(part, ROOT / "manage.py", part))
            if "web" in parts:
                _wait_for(f"http://{HOST}:{self.port}/readyz")
            yield

    @contextmanager
    def running_webs(self, count: int) -> Iterator[None]:
        """So many web processes side by side, each at one of `ports`, as behind a proxy."""
        with self.running("web"), ExitStack() as ending:
            for number in range(2, count + 1):
                port = free_port()
                named = {"PORT": str(port)}
                words = (ROOT / "manage.py", "web")
                ending.enter_context(self._process(f"web-{number}", *words, env=named))
                _wait_for(f"http://{HOST}:{port}/readyz")
                self.ports.append(port)
            try:
                yield
            finally:
                del self.ports[1:]

    @contextmanager
    def bare(self) -> Iterator[int]:
        """The bare server; gives its port."""
        port = free_port()
        with self._process("bare", "-m", "bench.bare", str(port)):
            _wait_for(f"http://{HOST}:{port}/")
            yield port

    @contextmanager
    def _process(
        self, name: str, *words: str | Path, env: Mapping[str, str] | None = None
    ) -> Iterator[None]:
        given = {**self._env, **(env or {})}
        with (self.folder / f"{name}.log").open("ab") as log:
            process = launch([sys.executable, *words], directory=ROOT, log=log, env=given)
        self.pids[name] = process.pid
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _server(self, kind: type[Server]) -> str:
        folder = self.folder / kind.__name__.lower()
        folder.mkdir()
        server = kind(folder, durable=kind is Postgres)
        self._ending.callback(server.stop)
        server.start()
        self.servers.append(server.describe())
        return server.url


@contextmanager
def prepared(engine: str) -> Iterator[Ground]:
    """A ground to measure on; its servers stop and its folder goes at the end."""
    with TemporaryDirectory(prefix="countersign-bench-") as name, ExitStack() as ending:
        folder = Path(name)
        folder.chmod(0o755)  # another account may run the database
        yield Ground(engine, folder, ending)


def _wait_for(url: str) -> None:
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up:
        try:
            if httpx.get(url, timeout=2, trust_env=False).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise RuntimeError(f"{url} did not answer within {START_SECONDS:.0f} s")
