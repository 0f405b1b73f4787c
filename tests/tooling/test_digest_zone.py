"""The zone of the daily lists has a name of its own, and the one it had before is still read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("given", "zones"),
    [
        ({}, "UTC UTC"),
        ({"DIGEST_ZONE": "Asia/Tokyo"}, "Asia/Tokyo Asia/Tokyo"),
        ({"SLACK_DIGEST_ZONE": "Europe/Berlin"}, "Europe/Berlin Europe/Berlin"),
        (
            {"DIGEST_ZONE": "Asia/Tokyo", "SLACK_DIGEST_ZONE": "Europe/Berlin"},
            "Asia/Tokyo Europe/Berlin",
        ),
    ],
)
def test_one_zone_serves_every_list_and_slacks_old_name_still_counts(
    given: dict[str, str], zones: str, tmp_path: Path
) -> None:
    """In a process of its own: settings are read once."""
    asked = "from approvals.project import settings as s; print(s.DIGEST_ZONE, s.SLACK_DIGEST_ZONE)"
    kept = {n: v for n, v in os.environ.items() if not n.endswith("DIGEST_ZONE")}
    env = kept | {"DATA_DIR": str(tmp_path)} | given
    said = subprocess.run(
        [sys.executable, "-c", asked], env=env, capture_output=True, text=True, cwd=ROOT
    )
    assert said.stdout.strip() == zones, said.stderr
