"""The text of the rules that judged some requests, as it stood in the version that was in force."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from approvals.models import PolicyVersion
from approvals.services.dossiers import Dossier


@dataclass(frozen=True, slots=True)
class RuleText:
    """One document of a policy file; `mark` is what sections call it by."""

    mark: str
    version: int
    file: str
    text: str
    author: str
    sha256: str
    applied_at: datetime


def key(version: int, check: Mapping[str, Any]) -> str:
    """What names a check's place among the texts; empty for a check that has no place."""
    return f"{version}:{check['file']}:{check['line']}" if check.get("line") else ""


def of(dossiers: Iterable[Dossier]) -> dict[str, RuleText]:
    """By place; two places in one document share its text. One statement."""
    wanted = {
        key(dossier.row.policy_version, check): (dossier.row.policy_version, check)
        for dossier in dossiers
        for check in dossier.row.evaluation
        if check.get("file") and check.get("line")
    }
    versions = PolicyVersion.objects.in_bulk({version for version, _ in wanted.values()})
    found: dict[str, RuleText] = {}
    marks: dict[tuple[int, str, int], RuleText] = {}
    for place, (number, check) in wanted.items():
        version = versions.get(number)
        whole = _file(version, str(check["file"])) if version else None
        if version is None or whole is None:
            continue
        first, text = _document(whole, int(check["line"]))
        name = (number, str(check["file"]), first)
        if name not in marks:
            marks[name] = RuleText(
                mark=f"R{len(marks) + 1}",
                version=number,
                file=f"{check['file']}, from line {first}",
                text=text,
                author=version.author,
                sha256=version.sha256,
                applied_at=version.applied_at,
            )
        found[place] = marks[name]
    return found


def _file(version: PolicyVersion, name: str) -> str | None:
    """A file of a version by its name, or by the end of its path."""
    files = version.files if isinstance(version.files, dict) else {}
    for path, text in files.items():
        if path == name or str(path).endswith(f"/{name}") or name.endswith(f"/{path}"):
            return str(text)
    return None


def _document(whole: str, line: int) -> tuple[int, str]:
    """The YAML document a line stands in, with the number of its first line."""
    lines = whole.split("\n")
    line = min(max(line, 1), len(lines))
    starts = [number for number, text in enumerate(lines, 1) if text.startswith("---")]
    first = max((number + 1 for number in starts if number < line), default=1)
    last = min((number - 1 for number in starts if number >= line), default=len(lines))
    return first, "\n".join(lines[first - 1 : last])
