"""What the doctor found, one line each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

OK, WARN, FAIL = "OK", "WARN", "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: how it is in `words`, and what to do in `fix`.

    `certain` is False where it could not be looked at, so that nobody takes it for well.
    """

    name: str
    level: str
    words: str
    fix: str = ""
    certain: bool = True

    def line(self) -> str:
        fix = f"\n      Fix: {self.fix}" if self.fix else ""
        return f"{self.level:<5} {self.name}: {self.words}{fix}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def well(name: str, words: str) -> Finding:
    return Finding(name, OK, words)


def warn(name: str, words: str, fix: str) -> Finding:
    return Finding(name, WARN, words, fix)


def fail(name: str, words: str, fix: str) -> Finding:
    return Finding(name, FAIL, words, fix)


def unknown(name: str, words: str, fix: str) -> Finding:
    """It could not be found out."""
    return Finding(name, WARN, f"could not tell: {words}", fix, certain=False)


def exit_code(findings: Iterable[Finding]) -> int:
    """0 all well or only warnings, 1 something fails, 3 something could not be looked at."""
    found = list(findings)
    if any(finding.level == FAIL for finding in found):
        return 1
    return 0 if all(finding.certain for finding in found) else 3
