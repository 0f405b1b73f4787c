"""The vendor's own schema of Adaptive Cards 1.5, where the environment names a folder that holds it.

It is not ours to ship: `VENDOR_SPECS` is a folder with `adaptivecards/adaptive-card-1.5.json` in it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it ships no types

VARIABLE = "VENDOR_SPECS"
FILE = Path("adaptivecards") / "adaptive-card-1.5.json"
WHY_NOT = f"{VARIABLE} names no folder with {FILE} in it"


def is_here() -> bool:
    return _file().is_file()


def faults(card: Any) -> list[str]:
    """What the schema says against a card; empty for a good one, and where the schema is not here."""
    return list(_faults(card)) if is_here() else []


def _faults(card: Any) -> Iterator[str]:
    for error in _validator().iter_errors(card):
        where = "/".join(map(str, error.absolute_path)) or "the card"
        yield f"{where} is not as the schema has it: {error.message[:200]}"


@cache
def _validator() -> Any:
    return jsonschema.Draft6Validator(json.loads(_file().read_text(encoding="utf-8")))


def _file() -> Path:
    return Path(os.environ.get(VARIABLE) or "nowhere") / FILE
