"""`countersign policy diff` and `apply`: what would change, and changing it."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Mapping

from approvals.domain.policy import documents
from approvals.models import PolicyVersion
from approvals.services import clock, policies
from countersign import terminal
from countersign.outcomes import NO, YES
from countersign.server import operators, policy_files


def diff(asked: argparse.Namespace) -> int:
    """Show what applying these files would change; exit code 1 when it would change something."""
    files = policy_files.at(asked.path)
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
        files=policy_files.at(asked.path),
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


def _diff(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    lines: list[str] = []
    for name in sorted({*before, *after}):
        old, new = before.get(name, ""), after.get(name, "")
        lines += difflib.unified_diff(
            old.splitlines(), new.splitlines(), f"in force/{name}", f"files/{name}", lineterm=""
        )
    return "\n".join(lines)
