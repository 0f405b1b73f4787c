"""`countersign policy test`: judge the examples beside policies, without any database."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings

from approvals.domain.policy import documents, examples, yaml_text
from approvals.domain.policy.examples import Tried
from approvals.domain.policy.reading import PolicyInvalid
from approvals.services import policies
from countersign import terminal
from countersign.outcomes import NO, YES, Misused


def test(asked: argparse.Namespace) -> int:
    """Say of every example whether policy judges as it says; exit code 1 when one does not."""
    path = Path(asked.path) if asked.path else Path(settings.POLICY_DIR)
    try:
        rules, beside = _files(path)
        policy = documents.load(rules)
        wanted = [each for file, text in beside.items() for each in examples.read(file, text)]
    except PolicyInvalid as error:
        return _invalid(error, as_json=asked.json)
    tried = list(examples.run(policy, wanted))
    failed = [each for each in tried if not each.is_well]
    if asked.json:
        terminal.give(
            {
                "passed": len(tried) - len(failed),
                "failed": len(failed),
                "examples": [_told(each) for each in tried],
            }
        )
    else:
        _say(tried, len(failed))
    return NO if failed else YES


def _files(path: Path) -> tuple[dict[str, str], dict[str, str]]:
    """The policies and the examples at a directory, or beside one file of examples. Raises Misused."""
    try:
        if path.is_file():
            if not policies.is_examples(path.name):
                raise Misused(f"{path} is no *.test.yaml. Nothing was tested.")
            beside = {path.name: yaml_text.decoded(path.name, path.read_bytes())}
            return policies.read_directory(path.parent), beside
        rules, beside = policies.read_directory(path), policies.read_examples(path)
    except OSError as error:
        raise Misused(f"{path} cannot be read: {error}. Nothing was tested.") from error
    if not rules:
        raise Misused(f"There is no policy in {path}. Nothing was tested.")
    if not beside:
        raise Misused(f"There is no *.test.yaml in {path}. Nothing was tested.")
    return rules, beside


def _invalid(error: PolicyInvalid, *, as_json: bool) -> int:
    if as_json:
        problems = [
            {"file": each.place.file, "line": each.place.line, "words": each.words}
            for each in error.problems
        ]
        terminal.give({"passed": 0, "failed": 0, "examples": [], "problems": problems})
    else:
        terminal.say(f"{error}\nNothing was tested; mend this and test again.")
    return NO


def _say(tried: Sequence[Tried], failed: int) -> None:
    for each in tried:
        terminal.say(f"{'ok    ' if each.is_well else 'FAILED'}  {each.example.name}")
        for miss in each.misses:
            terminal.say(f"        {miss}")
    well = len(tried) - failed
    terminal.say(f"{well} of {len(tried)} examples are judged as they say.")


def _told(each: Tried) -> dict[str, Any]:
    place = each.example.place
    return {
        "name": each.example.name,
        "ok": each.is_well,
        "file": place.file,
        "line": place.line,
        "verdict": each.evaluation.verdict.value,
        "misses": [
            {
                "file": miss.expectation.place.file,
                "line": miss.expectation.place.line,
                "what": miss.expectation.what,
                "expected": miss.expectation.wanted,
                "came": miss.came,
            }
            for miss in each.misses
        ],
    }
