"""How long a run measures, and in how many slices."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """`slices` are made in turn with their ceilings; `clicks` and `timers` are counted per slice."""

    slices: int
    seconds: float
    clicks: int
    timers: int
    warm_up: float = 2.0


WHOLE = Plan(slices=5, seconds=2.0, clicks=20, timers=1000)
QUICK = Plan(slices=3, seconds=1.0, clicks=5, timers=200, warm_up=1.0)
