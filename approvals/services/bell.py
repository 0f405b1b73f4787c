"""Ring when something changed, so that nobody has to wait for the next look at the database.

A ring carries ids only. Losing one costs a second: every listener also looks by itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from threading import Event
from typing import Any

import redis
import structlog
from django.conf import settings
from django.core.signals import setting_changed
from django.db import transaction
from django.utils.module_loading import import_string

from approvals.ports import Bell

logger = structlog.get_logger(__name__)
PATIENCE = 0.5
LONGEST_SOCKET_PATH = 90


class ListeningBell(Bell):
    """A bell one can also listen to."""

    def listen(self, stop: Event) -> Iterator[tuple[str, ...]]:
        """Yield the ids of each ring, and () about twice a second while all is quiet."""
        raise NotImplementedError


class LocalBell(ListeningBell):
    """Between the processes of one machine: a datagram to every listener's socket."""

    def __init__(self) -> None:
        self.directory = _socket_directory()
        self.sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sender.setblocking(False)

    def ring(self, public_ids: Sequence[str]) -> None:
        ring = json.dumps(list(public_ids)[:50]).encode()
        for path in self.directory.glob("*.sock"):
            try:
                self.sender.sendto(ring, str(path))
            except (ConnectionRefusedError, FileNotFoundError):
                path.unlink(missing_ok=True)
            except OSError:
                logger.debug("bell listener is busy", listener=path.name)

    def listen(self, stop: Event) -> Iterator[tuple[str, ...]]:
        path = self.directory / f"{os.getpid()}-{os.urandom(4).hex()}.sock"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
            receiver.bind(str(path))
            receiver.settimeout(PATIENCE)
            try:
                while not stop.is_set():
                    try:
                        yield tuple(json.loads(receiver.recv(65536)))
                    except TimeoutError:
                        yield ()
            finally:
                path.unlink(missing_ok=True)


class RedisBell(ListeningBell):
    """Between machines: Redis publish and subscribe. With Redis gone it stays silent, quickly.

    Redis publishes across its numbered databases, so the topic names ours: a test service beside the
    real one on the same server is not heard.
    """

    REST = 2.0

    def __init__(self) -> None:
        self.quiet_until = 0.0
        self.client = redis.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=0.5, socket_timeout=0.5, retry=None
        )
        database = self.client.get_connection_kwargs().get("db") or 0
        self.topic = f"countersign.changed.{database}"

    def ring(self, public_ids: Sequence[str]) -> None:
        if time.monotonic() < self.quiet_until:
            return
        try:
            self.client.publish(self.topic, json.dumps(list(public_ids)))
        except (redis.RedisError, OSError) as error:
            self.quiet_until = time.monotonic() + self.REST
            logger.warning("bell is silent", error=str(error))

    def listen(self, stop: Event) -> Iterator[tuple[str, ...]]:
        while not stop.is_set():
            try:
                with self._subscription() as subscription:
                    subscription.subscribe(self.topic)
                    while not stop.is_set():
                        message = subscription.get_message(timeout=PATIENCE)
                        yield tuple(json.loads(message["data"])) if message else ()
            except (redis.RedisError, OSError):
                yield ()
                stop.wait(PATIENCE)

    def _subscription(self) -> Any:
        return self.client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]  # untyped there


def _socket_directory() -> Path:
    """Beside the data where the path is short enough for a socket, else under the temporary directory."""
    wanted = Path(settings.BELL_DIR or settings.DATA_DIR / "run" / "bell")
    if len(str(wanted)) > LONGEST_SOCKET_PATH:
        name = hashlib.sha256(str(wanted).encode()).hexdigest()[:16]
        wanted = Path(tempfile.gettempdir()) / f"countersign-{os.getuid()}-{name}"
    wanted.mkdir(parents=True, exist_ok=True, mode=0o700)
    return wanted


@lru_cache(maxsize=1)
def bell() -> ListeningBell:
    """The bell that settings name, made once per process."""
    made: ListeningBell = import_string(settings.BELL)()
    return made


def ring_on_commit(*public_ids: str) -> None:
    """Ring once the running transaction is durable; never when it is rolled back."""
    transaction.on_commit(lambda: bell().ring(public_ids), robust=True)


def _forget(*, setting: str, **_: object) -> None:
    if setting in {"BELL", "BELL_DIR", "REDIS_URL", "DATA_DIR"}:
        bell.cache_clear()


setting_changed.connect(_forget)
