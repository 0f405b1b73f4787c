"""`countersign policy diff` and `apply`: what would change, and changing it."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from approvals.domain.policy import documents, lint
from approvals.domain.policy.differences import Difference
from approvals.models import ApprovalRequest, PolicyVersion
from approvals.services import clock, people, policy_changes, policy_facts
from approvals.services.policy_changes import Answer, Proposal
from countersign import terminal
from countersign.outcomes import COULD_NOT_TELL, NO, YES, Misused
from countersign.server import operators, policy_files

FIRST = "No policy is in force yet; these files would be the first."


def diff(asked: argparse.Namespace) -> int:
    """Say what applying these files would weaken and strengthen, then show it line by line.

    Exit code 1 when something would change.
    """
    files = policy_files.at(asked.path)
    newest, found = policy_changes.compared(files)
    before = dict(newest.files) if newest else {}
    changed = sorted(name for name in {*before, *files} if before.get(name) != files.get(name))
    lines = policy_changes.differences(before, files)
    if asked.json:
        terminal.give(
            {
                "in_force": newest.number if newest else None,
                "changed": changed,
                "weakens": [str(each) for each in found.weaker],
                "strengthens": [str(each) for each in found.stricter],
                "diff": "\n".join(lines),
            }
        )
    elif not changed:
        terminal.say("Nothing would change.")
    else:
        terminal.say(FIRST if newest is None else _in_words(found.weaker, found.stricter))
        terminal.say("\n".join(["", *lines]))
    return NO if changed else YES


def apply(asked: argparse.Namespace) -> int:
    """Put these files in force, all or none; what weakens the policy waits for somebody else's yes.

    The same files again change nothing and ask nobody twice. Exit code 3 while nobody has decided.
    """
    proposal = _proposal(asked)
    change = policy_changes.break_glass if asked.break_glass else policy_changes.offer
    answer = change(proposal, actor=operators.me(), at=clock.now())
    warnings = _warnings(proposal)
    code = COULD_NOT_TELL if answer.status == "proposed" else YES
    if asked.json:
        terminal.give({**_told(answer, proposal), "warnings": warnings})
        return code
    for warning in warnings:
        terminal.complain(warning)
    terminal.say(_outcome(answer, broke_glass=asked.break_glass))
    return code


def _proposal(asked: argparse.Namespace) -> Proposal:
    """Who wants which files. A person who is named as the author cannot approve them, so a name that
    nobody has would let its bearer approve. Raises Misused."""
    if asked.reason and not asked.reason.strip():
        raise Misused("The reason is empty. Nothing was applied.")
    person = None if asked.author is None else people.by_email(asked.author)
    if asked.author is not None and person is None:
        raise Misused(
            f"--author names nobody here: {asked.author!r} is no active person's address. Nothing was "
            "applied or proposed. Write the address they are known by (countersign user list)."
        )
    return Proposal(
        files=policy_files.at(asked.path),
        author=person.email if person else operators.name(),
        commit=asked.commit,
        reason=asked.reason or "",
        asked_by=person,
    )


def _warnings(proposal: Proposal) -> list[str]:
    facts = policy_facts.gathered() or policy_facts.here_and_now()
    return [str(each) for each in lint.warnings(documents.load(proposal.files), facts)]


def _told(answer: Answer, proposal: Proposal) -> dict[str, object]:
    in_force = answer.status != "proposed" and answer.version is not None
    return {
        "status": answer.status,
        "version": answer.version.number if in_force and answer.version else None,
        "sha256": proposal.sha256,
        "changed": answer.status == "applied",
        "request": answer.request.ref if answer.request else None,
        "weakens": [str(each) for each in answer.found.weaker],
        "strengthens": [str(each) for each in answer.found.stricter],
    }


def _outcome(answer: Answer, *, broke_glass: bool) -> str:
    version = answer.version
    number = version.number if isinstance(version, PolicyVersion) else 0
    if answer.status == "unchanged":
        return f"Nothing changed: version {number} is these files already."
    if answer.request is not None:
        return (
            f"{_in_words(answer.found.weaker, ())}\n\n"
            f"This waits for approval {answer.request.ref}; version {number} stays in force until then. "
            f"{_kept_away(answer.request)}"
        )
    glass = " The glass was broken, and history says so." if broke_glass else ""
    return f"Policy version {number} is in force. Open requests keep the plan they have.{glass}"


def _kept_away(row: ApprovalRequest) -> str:
    """Who cannot approve it: nobody is promised to be kept away who was not named."""
    proposer = row.owner_at_submission
    if proposer is None:
        return "No author was named (--author EMAIL), so nobody is kept from approving it."
    return f"{proposer} proposed it and cannot approve it."


def _in_words(weaker: Iterable[Difference], stricter: Iterable[Difference]) -> str:
    parts = [
        "\n".join([heading, *(f"  {each}" for each in found)])
        for heading, found in (
            ("Weaker (somebody else must approve it):", list(weaker)),
            ("Stricter:", list(stricter)),
        )
        if found
    ]
    return "\n".join(parts) or "Neither weaker nor stricter: only words or order change."
