"""What browsers are served from other people's hands is what was published, and says whose it is."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
VENDOR = ROOT / "static" / "vendor"
ROW = re.compile(r"\| `([^`]+)` \|.*\| `([0-9a-f]{64})` \|")


def rows() -> dict[str, str]:
    return dict(ROW.findall((ROOT / "docs" / "dependencies.md").read_text()))


def test_every_vendored_file_is_the_published_one() -> None:
    files = [
        path for path in VENDOR.rglob("*") if path.is_file() and not path.name.startswith("LICENSE")
    ]
    found = {
        str(path.relative_to(VENDOR)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }
    assert found == rows()
    assert found


def test_every_vendored_library_carries_its_licence() -> None:
    libraries = [place for place in VENDOR.iterdir() if place.is_dir()]
    assert all((place / "LICENSE").is_file() for place in libraries)
