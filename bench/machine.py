"""The machine a run was made on, and how much of it others used meanwhile."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

from tests.support.processes import descendants

TICKS = os.sysconf("SC_CLK_TCK")
PACKAGES = ("Django", "djangorestframework", "psycopg", "celery", "redis", "uvicorn")
PROBES = 200


def conditions(folder: Path) -> dict[str, str]:
    """What a reader must know before comparing a figure with another machine's."""
    return {
        "processor": f"{os.cpu_count()} x {_processor()}",
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "one fdatasync of 8 KiB": f"{fsync_seconds(folder) * 1e6:,.0f} microseconds (median)",
        "load before": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "when": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }


def fsync_seconds(folder: Path) -> float:
    """What the disk takes to keep a promise: the floor under every durable figure."""
    taken = []
    path = folder / "probe"
    with path.open("wb", buffering=0) as file:
        for _ in range(PROBES):
            file.write(os.urandom(8192))
            started = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - started)
    path.unlink()
    return median(taken)


class Meter:
    """Measures the processor time others used, in cores, between `start` and `stop`."""

    def __init__(self) -> None:
        self._at = self._busy = self._own = 0.0

    def start(self) -> None:
        self._at, self._busy, self._own = time.monotonic(), _busy_seconds(), _own_seconds()

    def stop(self) -> float | None:
        """None where the machine does not say."""
        if not self._busy:
            return None
        others = (_busy_seconds() - self._busy) - (_own_seconds() - self._own)
        return max(others, 0.0) / (time.monotonic() - self._at)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _busy_seconds() -> float:
    """Processor time everybody used since the machine started, stolen time too."""
    try:
        first = Path("/proc/stat").read_text().splitlines()[0].split()
    except OSError:
        return 0.0
    user, nice, system, _idle, _iowait, irq, softirq, steal = (int(ticks) for ticks in first[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS


def _own_seconds() -> float:
    """Processor time of this process, of those it started, and of theirs that have ended."""
    return sum(seconds_of(pid) for pid in [os.getpid(), *descendants(os.getpid())])


def seconds_of(pid: int) -> float:
    """Processor time a process and its ended children used so far; 0.0 where nobody says."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    return sum(int(ticks) for ticks in stat.rpartition(")")[2].split()[11:15]) / TICKS
