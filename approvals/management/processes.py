"""One supervisor for the parts of the service on one machine: start, label, restart, stop."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock, Thread
from typing import IO

PATIENCE = 8.0
STEADY = 10.0
LONGEST_REST = 10.0
PR_SET_PDEATHSIG = 1
COLOURS = {"web": "36", "worker": "35", "timers": "33", "slack": "32"}


@dataclass(slots=True)
class Part:
    """One process of the service, and how often it had to be started again."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[str] | None = None
    started_at: float = 0.0
    falls: int = 0
    restart_at: float = 0.0


@dataclass(slots=True)
class Supervisor:
    """Runs parts until it is told to stop; a part that ends is started again, with growing rests."""

    parts: Sequence[Part]
    run_dir: Path
    environment: Mapping[str, str]
    out: IO[str] = field(default_factory=lambda: sys.stdout)
    stopping: Event = field(default_factory=Event)
    _lock: Lock = field(default_factory=Lock)

    def start(self) -> None:
        """Start every part and stop them all at SIGINT or SIGTERM."""
        self.run_dir.mkdir(parents=True, exist_ok=True)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self.stopping.set())
        for part in self.parts:
            self._start(part)

    def watch(self) -> None:
        """Keep the parts running until told to stop."""
        while not self.stopping.wait(0.2):
            for part in self.parts:
                self._look_after(part)

    def stop(self) -> None:
        """Ask every part to end, and end those that do not within a few seconds."""
        alive = [part for part in self.parts if part.process and part.process.poll() is None]
        for part in alive:
            _signal(part, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE
        for part in alive:
            if not _ended(part, deadline - time.monotonic()):
                self.say("up", f"{part.name} did not stop in {PATIENCE:.0f} s and was ended")
                _signal(part, signal.SIGKILL)
                _ended(part, 2.0)
        for part in self.parts:
            if part.process is not None:
                forget_pid(self.run_dir / f"{part.name}.pid", part.process.pid)

    def say(self, name: str, line: str) -> None:
        """One labelled line."""
        label = f"{name:<7}|"
        if self.out.isatty() and name in COLOURS:
            label = f"\x1b[{COLOURS[name]}m{label}\x1b[0m"
        with self._lock:
            self.out.write(f"{label} {line}\n")
            self.out.flush()

    def _start(self, part: Part) -> None:
        part.process = subprocess.Popen(  # noqa: S603  # our own commands, built in `up`
            part.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            bufsize=1,
            env=dict(self.environment),
            start_new_session=True,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )
        part.started_at = time.monotonic()
        (self.run_dir / f"{part.name}.pid").write_text(f"{part.process.pid}\n")
        Thread(target=self._relay, args=(part.name, part.process.stdout), daemon=True).start()

    def _relay(self, name: str, stream: IO[str] | None) -> None:
        for line in stream or ():
            self.say(name, line.rstrip("\n"))

    def _look_after(self, part: Part) -> None:
        if part.process is None or part.process.poll() is None:
            return
        now = time.monotonic()
        if not part.restart_at:
            steady = now - part.started_at > STEADY
            part.falls = 1 if steady else part.falls + 1
            rest = min(0.2 * 2 ** min(part.falls, 10), LONGEST_REST)
            part.restart_at = now + rest
            self.say(
                "up",
                f"{part.name} ended with {part.process.returncode}; starting it again in {rest:.1f} s",
            )
        if now >= part.restart_at:
            part.restart_at = 0.0
            self._start(part)


def forget_pid(file: Path, pid: int) -> None:
    """Remove a pid file, unless a service started meanwhile has written its own there."""
    with contextlib.suppress(OSError):
        if file.read_text().strip() == str(pid):
            file.unlink()


def _end_with_parent() -> None:
    """When the supervisor itself is killed, its parts must not go on alone (Linux)."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _signal(part: Part, number: int) -> None:
    try:
        os.killpg(part.process.pid if part.process else 0, number)
    except ProcessLookupError:
        return


def _ended(part: Part, patience: float) -> bool:
    try:
        if part.process is not None:
            part.process.wait(timeout=max(patience, 0.05))
    except subprocess.TimeoutExpired:
        return False
    return True
