"""The page of acceptance names tests that exist."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"`(test_\w+)(?:::(test_\w+))?`")


def test_every_test_it_names_is_there() -> None:
    files: defaultdict[str, str] = defaultdict(str)  # several files share a name
    for path in (ROOT / "tests").rglob("test_*.py"):
        files[path.stem] += path.read_text()
    named = NAMED.findall((ROOT / "docs/acceptance.md").read_text())
    assert len(named) > 40
    assert [
        f"{file}::{name}"
        for file, name in named
        if file not in files or (name and f"def {name}(" not in files[file])
    ] == []
