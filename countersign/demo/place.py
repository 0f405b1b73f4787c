"""Find the running service, a key for it, and the people of the demo."""

from __future__ import annotations

import contextlib
import io
import json
import os
from pathlib import Path

import httpx

from countersign import cli
from countersign.demo.script import CAST
from countersign.outcomes import CouldNotTell

AGENT = "demo-agent"
KEY_FILE = "demo_agent_key"
SECONDS = 5.0


def data_dir() -> Path:
    """Where the service keeps its data."""
    return Path(os.environ.get("DATA_DIR") or Path(__file__).resolve().parents[2] / "data")


def service() -> str:
    """The address of the service that runs. Raises CouldNotTell when none does."""
    addresses = list(dict.fromkeys(filter(None, _addresses())))
    for address in addresses:
        if _status(f"{address}/healthz") == 200:
            return address
    raise CouldNotTell(
        f"No service answers at {' or '.join(addresses)}. Start one in another terminal: make run"
    )


def agent_key(address: str) -> str:
    """A key of the demo's agent that the service takes; another one is made when the kept one is no good."""
    path = data_dir() / KEY_FILE
    given = os.environ.get("COUNTERSIGN_KEY") or (path.read_text().strip() if path.exists() else "")
    if given and _status(f"{address}/api/v1/agents/me", key=given) == 200:
        return given
    made: str = json.loads(_run("agent", "add", AGENT, "--json"))["key"]
    if _status(f"{address}/api/v1/agents/me", key=made) != 200:
        raise CouldNotTell(
            f"The service at {address} does not take a key made in {data_dir()}: they are not the same. "
            "Give the demo the DATA_DIR or DATABASE_URL of the service."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
        file.write(f"{made}\n")
    return made


def add_people() -> None:
    """The approvers of the demo, with accounts in its own Slack; again, nothing changes."""
    for person in CAST:
        _run("user", "add", person.email, "--name", person.name, "--team", person.team)
        _run("user", "link", person.email, "slack", person.slack)


def _addresses() -> list[str]:
    told = data_dir() / "run" / "url"
    port = os.environ.get("PORT") or "8000"
    return [
        os.environ.get("COUNTERSIGN_URL", "").rstrip("/"),
        told.read_text().strip().rstrip("/") if told.exists() else "",
        os.environ.get("PUBLIC_URL", "").rstrip("/"),
        f"http://127.0.0.1:{port}",
    ]


def _status(url: str, *, key: str = "") -> int:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        return httpx.get(url, headers=headers, timeout=SECONDS, trust_env=False).status_code
    except (httpx.HTTPError, httpx.InvalidURL):
        return 0


def _run(*command: str) -> str:
    """What a command of ours prints. Raises CouldNotTell when it fails."""
    printed, complained = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(complained):
        code = cli.main(command)
    if code:
        raise CouldNotTell(f"countersign {' '.join(command)}: {complained.getvalue().strip()}")
    return printed.getvalue()
