"""Commands run as a shell runs them, in this process."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from countersign import cli

Captured = pytest.CaptureFixture[str]


@contextmanager
def typed(text: str) -> Iterator[None]:
    """Standard input with this on it."""
    kept, sys.stdin = sys.stdin, io.StringIO(text)
    try:
        yield
    finally:
        sys.stdin = kept


def run(*command: str, code: int = 0) -> None:
    assert cli.main(command) == code


def told(capsys: Captured, *command: str, code: int = 0) -> Any:
    """What a command answers in JSON."""
    capsys.readouterr()
    run(*command, "--json", code=code)
    return json.loads(capsys.readouterr().out)
