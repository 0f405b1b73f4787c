"""`countersign policy`"""

from __future__ import annotations

import argparse
import difflib
from pathlib import Path

from django.conf import settings

from approvals.domain.policy import documents
from approvals.domain.policy.reading import PolicyInvalid
from approvals.models import PolicyVersion
from approvals.services import clock, policies
from countersign import terminal
from countersign.outcomes import NO, YES, Misused
from countersign.server import operators


def validate(asked: argparse.Namespace) -> int:
    """Say whether these files could be applied, and where they could not."""
    files = _files(asked.path)
    try:
        policy = documents.load(files)
    except PolicyInvalid as error:
        return _refused(error, as_json=asked.json)
    if asked.json:
        terminal.give({"valid": True, "files": sorted(files), "problems": []})
    else:
        terminal.say(
            f"Valid: {len(files)} files, {len(policy.rules)} action rules, {len(policy.teams)} teams."
        )
    return YES


def diff(asked: argparse.Namespace) -> int:
    """Show what applying these files would change; exit code 1 when it would change something."""
    files = _files(asked.path)
    documents.load(files)
    newest = PolicyVersion.objects.order_by("-number").first()
    before = dict(newest.files) if newest else {}
    changed = sorted(name for name in {*before, *files} if before.get(name) != files.get(name))
    if asked.json:
        number = newest.number if newest else None
        terminal.give({"in_force": number, "changed": changed, "diff": _diff(before, files)})
    elif changed:
        terminal.say(_diff(before, files))
    else:
        terminal.say("Nothing would change.")
    return NO if changed else YES


def apply(asked: argparse.Namespace) -> int:
    """Put these files in force, all or none; the same files again change nothing."""
    version, is_new = policies.apply(
        files=_files(asked.path),
        author=operators.name(),
        commit=asked.commit,
        actor=operators.me(),
        at=clock.now(),
    )
    if asked.json:
        terminal.give({"version": version.number, "sha256": version.sha256, "changed": is_new})
    elif is_new:
        terminal.say(
            f"Policy version {version.number} is in force. Open requests keep the plan they have."
        )
    else:
        terminal.say(f"Nothing changed: version {version.number} is these files already.")
    return YES


def _files(given: str | None) -> dict[str, str]:
    """The policy files at a path, as `apply` will name them. Raises Misused."""
    path = Path(given) if given else Path(settings.POLICY_DIR)
    try:
        if path.is_file():
            return {path.name: path.read_text(encoding="utf-8")}
        files = policies.read_directory(path)
    except (OSError, UnicodeDecodeError) as error:
        raise Misused(f"{path} cannot be read: {error}. Nothing was applied.") from error
    if not files:
        raise Misused(f"There is no .yaml file in {path}. Nothing was applied.")
    return files


def _refused(error: PolicyInvalid, *, as_json: bool) -> int:
    if as_json:
        problems = [
            {
                "file": each.place.file,
                "line": each.place.line,
                "column": each.place.column,
                "words": each.words,
            }
            for each in error.problems
        ]
        terminal.give({"valid": False, "problems": problems})
    else:
        terminal.say(str(error))
    return NO


def _diff(before: dict[str, str], after: dict[str, str]) -> str:
    lines: list[str] = []
    for name in sorted({*before, *after}):
        old, new = before.get(name, ""), after.get(name, "")
        lines += difflib.unified_diff(
            old.splitlines(), new.splitlines(), f"in force/{name}", f"files/{name}", lineterm=""
        )
    return "\n".join(lines)
