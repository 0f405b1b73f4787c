"""Count how often a function is called, whoever calls it, without putting anything in its place."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def calls_of(function: Callable[..., Any], act: Callable[[], object]) -> int:
    """How often a Python function was entered while `act` ran in this thread."""
    count = 0

    def heard(frame: FrameType, event: str, given: object) -> None:
        nonlocal count
        del given
        count += event == "call" and frame.f_code is function.__code__

    before = sys.getprofile()
    sys.setprofile(heard)
    try:
        act()
    finally:
        sys.setprofile(before)
    return count
