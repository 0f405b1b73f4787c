"""Start real PostgreSQL and Redis servers for tests, on private ports and directories."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path

import psycopg

from tests.support.processes import (
    HOST,
    STOP_SECONDS,
    descendants,
    free_port,
    launch,
    tell,
    wait_until_gone,
)

START_SECONDS = 30
POSTGRES_FOLDERS = ("/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql*/bin")
INSTALL = "run scripts/install-test-services, or name a running one in"


class NoServer(Exception):
    """There is none to be had here, or the one we started did not come up."""


class Server(ABC):
    """A server of ours: started here, stopped by its own process id and no other way."""

    stop_signal: signal.Signals = signal.SIGTERM

    def __init__(self, directory: Path, *, durable: bool = False) -> None:
        self.directory = directory
        self.durable = durable
        self.port = free_port()
        self.password = secrets.token_urlsafe(12)
        self.account = _server_account()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str: ...

    @abstractmethod
    def describe(self) -> str: ...

    @abstractmethod
    def _command(self) -> list[str]: ...

    @abstractmethod
    def _answers(self) -> bool: ...

    @property
    def pid(self) -> int:
        if self._process is None:
            raise NoServer(f"{type(self).__name__} is not running.")
        return self._process.pid

    def start(self) -> None:
        """Start, or start again on the same port and data, and return once it answers."""
        self._hand_over()
        with self._log.open("ab") as log:
            self._process = launch(
                self._command(), directory=self.directory, log=log, account=self.account
            )
        self._wait_until_it_answers(self._process)

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.send_signal(self.stop_signal)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """Take it away as a power cut does: it and its children, with no word of warning."""
        if self._process is None:
            return
        victims = [self.pid, *descendants(self.pid)]
        for victim in victims:
            tell(victim, signal.SIGKILL)
        self._process.wait()
        wait_until_gone(victims)
        self._process = None

    def _hand_over(self) -> None:
        if self.account is None:
            return
        for path in (self.directory, *self.directory.glob("*")):
            os.chown(path, self.account.pw_uid, self.account.pw_gid)

    @property
    def _log(self) -> Path:
        return self.directory / "server.log"

    def _said(self) -> str:
        return self._log.read_text(errors="replace")[-2000:]

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        give_up = time.monotonic() + START_SECONDS
        while not self._answers():
            if process.poll() is not None or time.monotonic() > give_up:
                self.stop()
                raise NoServer(f"{type(self).__name__} did not start:\n{self._said()}")
            time.sleep(0.02)


class Postgres(Server):
    """A PostgreSQL cluster of our own. Not durable means fast: it forgets on a power cut."""

    stop_signal = signal.SIGINT  # "fast shutdown": sessions are ended, nothing is lost

    def __init__(self, directory: Path, *, durable: bool = False) -> None:
        super().__init__(directory, durable=durable)
        self.binaries = find_postgres()

    @property
    def url(self) -> str:
        return f"postgres://countersign:{self.password}@{HOST}:{self.port}/postgres"

    def describe(self) -> str:
        words = _output_of(self.binaries / "postgres", "--version").split()
        return f"PostgreSQL {words[2]} started from {self.binaries}, port {self.port}"

    def start(self) -> None:
        if not self._data.exists():
            self._create_cluster()
        super().start()

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    def _create_cluster(self) -> None:
        password_file = self.directory / "password"
        password_file.write_text(self.password)
        self._hand_over()
        with self._log.open("ab") as log:
            making = launch(
                [
                    self.binaries / "initdb",
                    f"--pgdata={self._data}",
                    "--username=countersign",
                    f"--pwfile={password_file}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    "--locale=C",
                    "--no-sync",
                ],
                directory=self.directory,
                log=log,
                account=self.account,
            )
        if making.wait(START_SECONDS):
            raise NoServer(f"initdb failed:\n{self._said()}")

    def _command(self) -> list[str]:
        settings = {
            "listen_addresses": HOST,
            "unix_socket_directories": "",
            "max_connections": "300",
            "shared_buffers": "128MB",
            "jit": "off",
        }
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        named = [f"--{name}={value}" for name, value in settings.items()]
        return [
            str(self.binaries / "postgres"),
            "-D",
            str(self._data),
            "-p",
            str(self.port),
            *named,
        ]

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


class Redis(Server):
    """A Redis (or Valkey) server of our own. Not durable means it keeps nothing on disk."""

    def __init__(self, directory: Path, *, durable: bool = False) -> None:
        super().__init__(directory, durable=durable)
        self.binary = find_redis()

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{HOST}:{self.port}/0"

    def describe(self) -> str:
        version = _output_of(self.binary, "--version").partition("v=")[2].split()[0]
        return f"Redis {version} started from {self.binary}, port {self.port}"

    def _command(self) -> list[str]:
        settings = {
            "port": str(self.port),
            "bind": HOST,
            "requirepass": self.password,
            "dir": str(self.directory),
            "databases": "64",
            "save": "",
            "appendonly": "yes" if self.durable else "no",
        }
        named = [word for name, value in settings.items() for word in (f"--{name}", value)]
        return [str(self.binary), *named]

    def _answers(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port), timeout=2) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                return b"+" in connection.recv(64)
        except OSError:
            return False


def find_postgres() -> Path:
    """The folder with the newest PostgreSQL's own programs on this machine."""
    folders = [folder for pattern in POSTGRES_FOLDERS for folder in Path("/").glob(pattern[1:])]
    on_path = shutil.which("postgres")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    complete = [it for it in folders if (it / "initdb").exists() and (it / "postgres").exists()]
    if not complete:
        raise NoServer(f"The tests need PostgreSQL: {INSTALL} DATABASE_URL.")
    return max(complete, key=_version_in_path)


def find_redis() -> Path:
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    raise NoServer(f"The tests need Redis or Valkey: {INSTALL} REDIS_URL.")


def _version_in_path(folder: Path) -> int:
    return max((int(part) for part in folder.parts if part.isdigit()), default=0)


def _output_of(program: Path, argument: str) -> str:
    return subprocess.run([program, argument], capture_output=True, text=True, check=True).stdout


def _server_account() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: then another account of this machine runs it."""
    if os.geteuid() != 0:
        return None
    accounts = {account.pw_name: account for account in pwd.getpwall()}
    return accounts.get("postgres") or accounts["nobody"]
