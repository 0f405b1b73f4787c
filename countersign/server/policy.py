"""`countersign policy validate` and `schema`: what can be said of policy files before they are applied."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any

from approvals.domain.policy import documents, lint, schema
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.reading import PolicyInvalid, Problem
from approvals.domain.policy.remarks import Warning
from approvals.services import policy_facts
from countersign import terminal
from countersign.outcomes import NO, YES
from countersign.server import policy_files


def validate(asked: argparse.Namespace) -> int:
    """Say whether these files could be applied, where they could not, and what to look at again.

    Files without a risk matrix are looked at as the part of a policy they are, with a warning.
    Warnings alone are a yes, unless `--strict` was asked for. Those that need the service's data are
    left out where there is none.
    """
    try:
        files = policy_files.at(asked.path)
        policy = documents.load(files, is_part=True)
    except PolicyInvalid as error:
        return _refused(error.problems, as_json=asked.json)
    facts = policy_facts.gathered()
    found = lint.warnings(policy, facts or policy_facts.here_and_now())
    if asked.json:
        _give(valid=True, files=sorted(files), warnings=found, data_known=facts is not None)
    else:
        for warning in found:
            terminal.say(str(warning))
        terminal.say(_verdict(policy, len(files), found, data_known=facts is not None))
    return NO if found and asked.strict else YES


def show_schema(asked: argparse.Namespace) -> int:
    """Print the JSON Schema of policy documents, for editors; `--json` is the same."""
    del asked
    terminal.give(schema.schema())
    return YES


def _refused(problems: Sequence[Problem], *, as_json: bool) -> int:
    if as_json:
        _give(valid=False, files=sorted({each.place.file for each in problems}), problems=problems)
        return NO
    for problem in problems:
        terminal.say(str(problem))
    files = len({problem.place.file for problem in problems})
    terminal.say(
        f"Not valid: {_many(len(problems), 'problem')} in {_many(files, 'file')}. "
        "Nothing was applied; mend them and validate again."
    )
    return NO


def _verdict(policy: PolicySet, files: int, found: Sequence[Warning], *, data_known: bool) -> str:
    parts = [
        _many(files, "file"),
        _many(len(policy.rules), "action rule"),
        _many(len(policy.teams), "team"),
        _many(len(found), "warning"),
    ]
    left_out = (
        "" if data_known else " No service's data was found, so warnings that need it are left out."
    )
    part = (
        ""
        if policy.matrix
        else " They are a part of a policy: without a document of kind RiskMatrix they cannot be applied "
        "alone. Copy policies/default.yaml beside them, or apply them together with the files that have it."
    )
    return f"Valid: {', '.join(parts)}.{part}{left_out}"


def _give(
    *,
    valid: bool,
    files: Sequence[str],
    problems: Iterable[Problem] = (),
    warnings: Iterable[Warning] = (),
    data_known: bool = False,
) -> None:
    terminal.give(
        {
            "valid": valid,
            "files": files,
            "problems": [_problem(each) for each in problems],
            "warnings": [_warning(each) for each in warnings],
            "service_data_known": data_known,
        }
    )


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "file": problem.place.file,
        "line": problem.place.line,
        "column": problem.place.column,
        "key": problem.key,
        "words": problem.words,
        "suggestion": problem.suggestion,
    }


def _warning(warning: Warning) -> dict[str, Any]:
    return {
        "file": warning.place.file,
        "line": warning.place.line,
        "column": warning.place.column,
        "code": warning.code.value,
        "words": warning.words,
    }


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
