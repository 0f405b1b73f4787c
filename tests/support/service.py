"""The real service as processes, started as an operator starts it, for stories and faults."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import Protocol
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.databases import new_database
from tests.support.plugin import at_the_end, engine, must_run_on_both
from tests.support.processes import (
    HOST,
    descendants,
    free_port,
    is_alive,
    launch,
    tell,
    wait_until_gone,
)
from tests.support.servers import Postgres, Redis, Server

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 180  # a busy machine takes a minute for what a quiet one does in five seconds
STOP_SECONDS = 20
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "COVERAGE_PROCESS_START")


class NotServing(AssertionError):
    """The service did not come up, or did not go down, in time; with the end of its output."""


class Service:
    """`manage.py up` with a data directory and a port of its own."""

    def __init__(self, data_dir: Path, *, env: Mapping[str, str]) -> None:
        self.data_dir = data_dir
        self.port = int(env.get("PORT") or free_port())
        self.url = f"http://{HOST}:{self.port}"
        self.env = {name: os.environ[name] for name in INHERITED if name in os.environ} | {
            "PYTHONUNBUFFERED": "1",
            "PYTHONFAULTHANDLER": "1",
            "DATA_DIR": str(data_dir),
            "PORT": str(self.port),
            "PUBLIC_URL": self.url,
            "UNDO_SECONDS": "0",
            **env,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, seconds: float = START_SECONDS) -> None:
        """Start it, or start it again where it was, and return once it is ready."""
        self.launch()
        self.wait_until_ready(seconds=seconds)

    def launch(self) -> None:
        """Start it and return at once."""
        with self._log.open("ab") as log:
            self._process = launch(
                [sys.executable, ROOT / "manage.py", "up"], directory=ROOT, log=log, env=self.env
            )

    def wait_until_ready(self, *, seconds: float = START_SECONDS) -> None:
        give_up = time.monotonic() + seconds
        while not self._is_ready():
            if self._has_ended():
                raise NotServing(f"It ended.\n{self.tail()}")
            if time.monotonic() > give_up:
                self._make_them_talk()
                self.kill()
                raise NotServing(f"Not ready after {seconds} s.\n{self.tail(20_000)}")
            time.sleep(0.05)

    def stop(self, *, how: signal.Signals = signal.SIGINT, seconds: float = STOP_SECONDS) -> int:
        """Stop it as Ctrl-C does; the exit status it gave."""
        if self._process is None:
            return 0
        parts = [self._process.pid, *self.pids()]
        self._process.send_signal(how)
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise NotServing(
                f"Still running {seconds} s after {how.name}.\n{self.tail()}"
            ) from None
        self._process = None
        _end([part for part in parts if is_alive(part)])
        return status

    def kill(self) -> None:
        """Take all of it away at once, with no word of warning."""
        if self._process is None:
            return
        parts = [self._process.pid, *self.pids()]
        for part in parts:
            tell(part, signal.SIGKILL)
        self._process.wait()
        wait_until_gone(parts)
        self._process = None

    def kill_part(self, name: str) -> int:
        """Kill one part outright (`web`, `worker-1`, `timers`, …); the process id it had."""
        pid = self.pid_of(name)
        below = descendants(pid)
        for victim in (pid, *below):
            tell(victim, signal.SIGKILL)
        return pid

    def pid_of(self, name: str) -> int:
        return int((self.data_dir / "run" / f"{name}.pid").read_text())

    def wait_for_part(self, name: str, *, seconds: float = START_SECONDS) -> None:
        """Wait until a part has been started, ready or not."""
        give_up = time.monotonic() + seconds
        while name not in self.parts():
            if time.monotonic() > give_up:
                raise NotServing(f"No {name} after {seconds} s.\n{self.tail()}")
            time.sleep(0.02)

    def parts(self) -> list[str]:
        """The names of the parts the supervisor has started."""
        names = {file.stem for file in (self.data_dir / "run").glob("*.pid")}
        return sorted(names - {"up"})

    def pids(self) -> list[int]:
        """Every process of it but the supervisor."""
        if self._process is None:
            return []
        named = [self.pid_of(name) for name in self.parts()]
        everyone = {*named, *descendants(self._process.pid)}
        return sorted(pid for pid in everyone if is_alive(pid) and pid != self._process.pid)

    def wait_for(self, words: str, *, seconds: float = START_SECONDS) -> str:
        """Wait until it has printed these words; the line they stand in."""
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up:
            for line in self.output().splitlines():
                if words in line:
                    return line
            time.sleep(0.05)
        raise NotServing(f"It did not say {words!r} within {seconds} s.\n{self.tail()}")

    def output(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def tail(self, characters: int = 4000) -> str:
        return self.output()[-characters:]

    def run(
        self, *arguments: str, seconds: float = START_SECONDS
    ) -> subprocess.CompletedProcess[str]:
        """One command of the service, in its environment: `service.run("agent", "add", …)`."""
        return subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            cwd=ROOT,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
        )

    @property
    def _log(self) -> Path:
        return self.data_dir / "output.log"

    def _has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _make_them_talk(self) -> None:
        """Python's fault handler writes where every thread stands, supervisor last."""
        for pid in [*self.pids(), *([self._process.pid] if self._process else [])]:
            tell(pid, signal.SIGABRT)
            time.sleep(0.3)

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5, trust_env=False).is_success
        except httpx.TransportError:
            return False


class StartService(Protocol):
    """Starts a service; its words are the settings that differ from a plain one's."""

    def __call__(self, **env: str) -> Service: ...


@pytest.fixture
def start_service(tmp_path: Path) -> Iterator[StartService]:
    """Start services, each on a new database of the engine under test; all end with the test.

    `REDIS_URL=""` leaves Redis out, and any other setting can be given by its name.
    """
    with ExitStack() as ending:

        def start(**env: str) -> Service:
            data_dir = tmp_path / f"service-{token_hex(3)}"
            data_dir.mkdir()
            service = Service(data_dir, env=ending.enter_context(places(**env)))
            ending.callback(_end_of, service)
            service.start()
            return service

        yield start


@pytest.fixture
def service(start_service: StartService) -> Service:
    """The service, up and ready."""
    return start_service()


@pytest.fixture
def own_server() -> Iterator[Callable[[type[Server]], Server]]:
    """Start a durable server for this test alone, to be stopped, killed and started at will."""
    with ExitStack() as ending:

        def start(kind: type[Server]) -> Server:
            # Not under tmp_path: the account that runs the server may not look in there.
            folder = ending.enter_context(TemporaryDirectory(prefix="countersign-tests-"))
            server = kind(Path(folder), durable=True)
            ending.callback(server.stop)
            server.start()
            return server

        yield start


@pytest.fixture
def own_postgres(own_server: Callable[[type[Server]], Server]) -> Server:
    return own_server(Postgres)


@pytest.fixture
def own_redis(own_server: Callable[[type[Server]], Server]) -> Server:
    return own_server(Redis)


@contextmanager
def running(data_dir: Path, **env: str) -> Iterator[Service]:
    """A service, up and ready, for a whole file or session of stories; `env` as for `start_service`."""
    with ExitStack() as ending:
        service = Service(data_dir, env=ending.enter_context(places(**env)))
        ending.callback(_end_of, service)
        service.start()
        yield service


@contextmanager
def places(**env: str) -> Iterator[dict[str, str]]:
    """The settings of a service on the run's Redis and a new database of the engine under test."""
    must_run_on_both()
    with ExitStack() as ending:
        own = {"REDIS_URL": os.environ.get("REDIS_URL", "")}
        if engine() == "postgres" and "DATABASE_URL" not in env:
            server = os.environ["DATABASE_URL"]
            database = new_database(server, template=_template(server))
            own["DATABASE_URL"] = ending.enter_context(database)
        yield {name: value for name, value in {**own, **env}.items() if value}


@cache
def _template(server: str) -> str:
    """The name of a database with our tables in it, made once a run: most of a first start is that.

    Copies of it are what services of tests start on; test_service has one that starts on nothing.
    """
    url = at_the_end.enter_context(new_database(server))
    folder = Path(at_the_end.enter_context(TemporaryDirectory(prefix="countersign-tests-")))
    made = Service(folder, env={"DATABASE_URL": url}).run("migrate", seconds=START_SECONDS)
    if made.returncode:
        raise NotServing(f"The tables could not be made.\n{made.stderr[-4000:]}")
    return urlsplit(url).path.removeprefix("/")


def _end_of(service: Service) -> None:
    try:
        service.stop()
    finally:
        service.kill()


def _end(left_behind: list[int]) -> None:
    """A part that outlives its supervisor is a fault of the service: end it, and say so."""
    if wait_until_gone(left_behind, seconds=1):
        return
    for pid in left_behind:
        tell(pid, signal.SIGKILL)
    raise NotServing(f"The supervisor left processes behind: {left_behind}.")
