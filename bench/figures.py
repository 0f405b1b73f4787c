"""Samples, the figures made of them, and the table people read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any


@dataclass(slots=True)
class Series:
    """One thing measured in several slices: the rate of each, and every single time in seconds."""

    name: str
    rates: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    failed: int = 0
    processor: list[float] = field(default_factory=list)

    def add(self, rate: float, times: Sequence[float], failed: int = 0) -> None:
        """Put one slice beside the others."""
        self.rates.append(rate)
        self.times.extend(times)
        self.failed += failed

    def note_processor(self, seconds: float, done: int) -> None:
        """Remember what one of `done` things cost the service's process, the sturdiest figure."""
        self.processor.append(seconds / done if done else 0.0)

    @property
    def cost(self) -> float:
        """Processor seconds of the service's process for one, in the middle slice."""
        return median(self.processor) if self.processor else 0.0

    @property
    def rate(self) -> float:
        """The middle slice, per second."""
        return median(self.rates) if self.rates else 0.0

    def at(self, percent: float) -> float:
        """The time, in seconds, that so many of a hundred stayed within."""
        if not self.times:
            return 0.0
        ordered = sorted(self.times)
        return ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)]

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "per_second": round(self.rate, 2),
            "slices": [round(rate, 2) for rate in self.rates],
            "p50_ms": round(self.at(50) * 1000, 3),
            "p99_ms": round(self.at(99) * 1000, 3),
            "max_ms": round(self.at(100) * 1000, 3),
            "processor_ms_each": round(self.cost * 1000, 3),
            "samples": len(self.times),
            "failed": self.failed,
        }


@dataclass(frozen=True, slots=True)
class Against:
    """A measured series beside one ceiling; `by` says whether rates or middle times are compared."""

    measured: Series
    ceiling: Series
    by: str = "rate"

    @property
    def ratio(self) -> float:
        """A share of the ceiling's rate, or a multiple of its time."""
        if self.by == "rate":
            return self.measured.rate / self.ceiling.rate if self.ceiling.rate else 0.0
        least = self.ceiling.at(50)
        return self.measured.at(50) / least if least else 0.0

    def words(self) -> str:
        if self.by == "time":
            return f"{self.ratio:.2f} x"
        return f"{self.ratio:.0%}" if self.ratio >= 0.1 else f"{self.ratio:.1%}"

    def to_json(self) -> dict[str, Any]:
        return {
            "measured": self.measured.name,
            "ceiling": self.ceiling.name,
            "compared_by": self.by,
            "ratio": round(self.ratio, 4),
        }


@dataclass(slots=True)
class Chapter:
    """One question: its series in the order they are told, and which stands beside which."""

    title: str
    series: list[Series] = field(default_factory=list)
    beside: list[Against] = field(default_factory=list)
    foreign: list[float] = field(default_factory=list)

    def note_noise(self, cores: float | None) -> None:
        """Remember how much others used during a slice, where that is known."""
        if cores is not None:
            self.foreign.append(cores)

    def to_json(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "foreign_cpu_cores": [round(cores, 2) for cores in self.foreign],
            "series": [series.to_json() for series in self.series],
            "beside": [pair.to_json() for pair in self.beside],
        }

    def lines(self) -> list[str]:
        """The chapter as two small tables in Markdown, which a terminal shows well too."""
        noise = f"{median(self.foreign):.2f}" if self.foreign else "unknown"
        told = [f"### {self.title}", "", f"Others used {noise} cores meanwhile (median slice).", ""]
        told += table(
            ("what", "per second", "p50 ms", "p99 ms", "max ms", "CPU ms each", "failed"),
            [_row(series) for series in self.series],
        )
        told.append("")
        told += table(
            ("figure", "its ceiling", "ratio"),
            [(pair.measured.name, pair.ceiling.name, pair.words()) for pair in self.beside],
        )
        return [*told, ""]


def _row(series: Series) -> tuple[str, ...]:
    milliseconds = [f"{series.at(percent) * 1000:,.2f}" for percent in (50, 99, 100)]
    cost = f"{series.cost * 1000:.2f}" if series.processor else ""
    return (series.name, f"{series.rate:,.1f}", *milliseconds, cost, str(series.failed))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    ruled = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return [_line(row, widths) for row in (head, ruled, *rows)]


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
    numbers = [cell.strip().rjust(len(cell)) for cell in others]
    return f"| {' | '.join([first, *numbers])} |"
