"""`countersign doctor`: look at everything that must be well, and say of each thing what to do."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from countersign import terminal
from countersign.server import (
    channels_seen,
    database,
    email_seen,
    findings,
    github_seen,
    pagerduty_seen,
    servicenow_seen,
    settings_seen,
    slack_seen,
    teams_seen,
)
from countersign.server.findings import Finding


def examine(asked: argparse.Namespace) -> int:
    """Print one finding after the other; 0 healthy, 1 not, 3 could not tell."""
    found: list[Finding] = []
    for finding in _everything():
        found.append(finding)
        if not asked.json:
            terminal.say(finding.line())
    code = findings.exit_code(found)
    if asked.json:
        terminal.give({"healthy": code == 0, "findings": [finding.to_json() for finding in found]})
    else:
        terminal.say(_sum(found, code))
    return code


def _everything() -> Iterator[Finding]:
    yield from settings_seen.findings()
    reachable = database.reachable()
    yield reachable
    if reachable.level == findings.OK:
        yield from database.findings()
        yield from channels_seen.findings()
    yield from settings_seen.redis_findings()
    yield from slack_seen.findings()
    yield from email_seen.findings()
    yield from servicenow_seen.findings()
    yield from pagerduty_seen.findings()
    yield from teams_seen.findings()
    yield from github_seen.findings()


def _sum(found: list[Finding], code: int) -> str:
    wrong = sum(finding.level == findings.FAIL for finding in found)
    odd = sum(finding.level == findings.WARN for finding in found)
    if code == 0 and not odd:
        return "All is well."
    return f"{len(found)} looked at: {wrong} fail, {odd} to think about."
