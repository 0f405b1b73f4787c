"""Start processes that end with the test run, and end them by their own process ids."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import IO

HOST = "127.0.0.1"
STOP_SECONDS = 10
# A process is told of the death of the thread that started it, so one starts them all and lives on.
_LAUNCHER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="launcher")


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def launch(
    command: Sequence[str | Path],
    *,
    directory: Path,
    log: IO[bytes],
    env: Mapping[str, str] | None = None,
    account: pwd.struct_passwd | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process of its own session: Ctrl-C is for the test run, which then ends it well."""
    return _LAUNCHER.submit(
        subprocess.Popen,
        [*_dying_with_us(), *command],
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        env=env,
        start_new_session=True,
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
    ).result()


def descendants(pid: int) -> list[int]:
    """Its children and theirs, as far as this machine shows them (Linux does)."""
    listed = [_read(file) for file in Path(f"/proc/{pid}/task").glob("*/children")]
    children = [int(child) for line in listed for child in line.split()]
    return children + [below for child in children for below in descendants(child)]


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except (FileNotFoundError, ProcessLookupError):  # it ended just now
        return ""


def tell(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def is_alive(pid: int) -> bool:
    """Whether it still runs; a dead child nobody has waited for yet does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():  # no /proc on this system, or gone just now
        return not Path("/proc/self").exists()
    return stat.read_text().rpartition(")")[2].split()[0] != "Z"


def wait_until_gone(pids: Iterable[int], *, seconds: float = STOP_SECONDS) -> bool:
    left = set(pids)
    give_up = time.monotonic() + seconds
    while left and time.monotonic() < give_up:
        left = {pid for pid in left if is_alive(pid)}
        time.sleep(0.01)
    return not left


def _dying_with_us() -> list[str]:
    """On Linux the kernel ends the process when the test run is killed outright."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "INT"] if setpriv else []
