"""The command itself: how it is used, what it says when it cannot tell, what it loads."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from countersign import arguments, cli
from tests.support.service import ROOT


@pytest.mark.parametrize(
    "command", [(), ("agent",), ("agent", "add"), ("frobnicate",), ("list", "--limit", "0")]
)
def test_wrong_usage_is_two(command: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(command)
    assert ended.value.code == 2


def test_every_command_is_documented() -> None:
    page = (ROOT / "docs" / "cli.md").read_text()
    missing = [name for name in _commands() if f"### `countersign {name}`" not in page]
    assert missing == []
    undone = set(re.findall(r"### `countersign (.+?)`", page)) - set(_commands())
    assert undone == set()


def test_settings_that_cannot_be_read_are_told_and_not_guessed(tmp_path: Path) -> None:
    ended = alone("list", PORT="abc", DATA_DIR=str(tmp_path))
    assert (ended.returncode, "PORT is 'abc'" in ended.stderr) == (3, True)
    doctor = alone("doctor", "--json", PORT="abc", DATA_DIR=str(tmp_path))
    assert doctor.returncode == 1
    assert json.loads(doctor.stdout)["findings"][0]["level"] == "FAIL"


def test_a_database_that_is_away_is_could_not_tell(tmp_path: Path) -> None:
    ended = alone("list", DATABASE_URL="postgres://a:b@127.0.0.1:1/c", DATA_DIR=str(tmp_path))
    assert ended.returncode == 3
    assert "The database could not be asked" in ended.stderr


def test_the_client_alone_loads_neither_django_nor_the_service() -> None:
    program = (
        "import sys, countersign, countersign.cli as c\n"
        "c.arguments.parser()\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('django', 'approvals')])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "[]"


def alone(*command: str, **env: str) -> subprocess.CompletedProcess[str]:
    """The command as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "countersign", *command],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def _commands() -> list[str]:
    return sorted(_below(arguments.parser(), ""))


def _below(parser: argparse.ArgumentParser, path: str) -> list[str]:
    groups = [
        each.choices for each in parser._actions if isinstance(each, argparse._SubParsersAction)
    ]
    if not groups:
        return [path]
    return [
        name
        for word, below in groups[0].items()
        for name in _below(below, f"{path} {word}".strip())
    ]
