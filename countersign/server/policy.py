"""`countersign policy`"""

from __future__ import annotations

import argparse

from approvals.domain.policy import documents
from approvals.domain.policy.reading import PolicyInvalid
from countersign import terminal
from countersign.outcomes import NO, YES
from countersign.server import policy_files


def validate(asked: argparse.Namespace) -> int:
    """Say whether these files could be applied, and where they could not."""
    files = policy_files.at(asked.path)
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
