"""Change the policy: what strengthens it applies at once, what weakens it waits for somebody else's yes."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction

from approvals.domain import canonical, errors, workflow
from approvals.domain.policy import documents, strictness
from approvals.domain.policy.differences import NOTHING, Found
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.reading import PolicyInvalid
from approvals.domain.state import Change, RequestState
from approvals.domain.terms import EventKind
from approvals.models import ApprovalRequest, Person, PolicyDraft, PolicyVersion
from approvals.services import actors, audit, ledger, own, policies
from approvals.services.actors import Actor

EFFECT = ACTION = "apply_policy"
TARGET = "policy"
MOST_DIFF_LINES = 400


@dataclass(frozen=True, slots=True)
class Proposal:
    """Policy files that somebody wants in force: who, from which commit, and why.

    `concerns` says, where it is known, for whom they change anything.
    """

    files: Mapping[str, str]
    author: str
    commit: str = ""
    reason: str = ""
    asked_by: Person | None = None
    concerns: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        return canonical.digest(dict(self.files))


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of it: `applied`, `unchanged`, or `proposed` with the request that waits for people."""

    status: str
    version: PolicyVersion | None
    found: Found = NOTHING
    request: ApprovalRequest | None = None


def offer(proposal: Proposal, *, actor: Actor, at: datetime) -> Answer:
    """Apply files that weaken nothing; ask people about files that do, once however often it is offered.

    The first policy ever applies at once. Raises PolicyInvalid, or Conflict when nobody could be asked
    or when another person's request for the same files waits: nobody may decide a draft they offered.
    """
    after = documents.load(proposal.files)
    with transaction.atomic():
        before = policies.newest(lock=True)
        if before is not None and before.sha256 == proposal.sha256:
            return Answer("unchanged", before)
        found = NOTHING if before is None else _compared(before, after)
        if before is None or not found.weaker:
            return Answer("applied", _put(proposal, actor=actor, at=at), found)
        waiting = _waiting(proposal.sha256, before.number)
        if waiting is not None:
            _refuse_another(waiting, proposal)
        row = waiting or _ask(proposal, before, found, actor=actor, at=at)
        return Answer("proposed", before, found, row)


def break_glass(proposal: Proposal, *, actor: Actor, at: datetime) -> Answer:
    """Apply files at once whatever they weaken, and say so loudly in history.

    Raises PolicyInvalid, or Invalid without a reason.
    """
    if not proposal.reason.strip():
        raise errors.Invalid(
            "To break the glass takes a reason: --reason. Nothing was applied.", field="reason"
        )
    after = documents.load(proposal.files)
    with transaction.atomic():
        before = policies.newest(lock=True)
        found = NOTHING if before is None else _compared(before, after)
        facts = {
            "break_glass": True,
            "reason": proposal.reason.strip(),
            "weakens": [str(each) for each in found.weaker],
        }
        version, is_new = policies.apply(
            files=proposal.files,
            author=proposal.author,
            commit=proposal.commit,
            actor=actor,
            at=at,
            facts=facts,
        )
        if is_new:
            _cancel_overtaken(version, at=at)
    return Answer("applied" if is_new else "unchanged", version, found)


def compared(files: Mapping[str, str]) -> tuple[PolicyVersion | None, Found]:
    """The version in force, and what these files would change about it. Raises PolicyInvalid."""
    after = documents.load(files)
    before = policies.newest()
    return before, NOTHING if before is None else _compared(before, after)


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """The lines of a unified diff from the files in force to others."""
    lines: list[str] = []
    for name in sorted({*before, *after}):
        old, new = before.get(name, ""), after.get(name, "")
        lines += difflib.unified_diff(
            old.splitlines(), new.splitlines(), f"in force/{name}", f"files/{name}", lineterm=""
        )
    return lines


def take_effect(row: ApprovalRequest, *, at: datetime) -> None:
    """Put an approved draft in force. The caller holds the request's lock.

    Raises Conflict when another version is in force by now, or the draft is not what was shown.
    """
    shown = row.submission["parameters"]
    draft = PolicyDraft.objects.select_for_update().filter(pk=shown["draft"]).first()
    if draft is None or {draft.sha256, canonical.digest(draft.files)} != {shown["sha256"]}:
        raise errors.Conflict(
            f"The draft behind {row.ref} is not the one that was shown. Nothing was decided and the "
            "policy in force stays. Deny this request and propose the files again."
        )
    before = policies.newest(lock=True)
    if before is None or before.number != shown["based_on"]:
        number = before.number if before else 0
        raise errors.Conflict(
            f"{row.ref} was compared with policy version {shown['based_on']}; version {number} is in "
            "force by now. Nothing was decided. Deny this request and propose the files again."
        )
    version, _ = policies.apply(
        files=draft.files,
        author=draft.author,
        commit=draft.commit,
        actor=actors.agent(row.agent),
        at=at,
        facts={"request": row.ref, "approved_by": row.closed_by, "weakens": draft.weakens},
    )
    _cancel_overtaken(version, at=at)


def _compared(before: PolicyVersion, after: PolicySet) -> Found:
    try:
        in_force = documents.load(before.files, version=before.number)
    except PolicyInvalid as error:
        raise errors.Conflict(
            f"Policy version {before.number}, which is in force, cannot be read any more, so nothing can "
            f"be compared with it. Nothing was applied. {error.problems[0]}. An operator can put files "
            "in force with --break-glass."
        ) from error
    return strictness.compare(in_force, after)


def _put(proposal: Proposal, *, actor: Actor, at: datetime) -> PolicyVersion:
    version, _ = policies.apply(
        files=proposal.files,
        author=proposal.author,
        commit=proposal.commit,
        actor=actor,
        at=at,
        facts={"reason": proposal.reason} if proposal.reason else None,
    )
    _cancel_overtaken(version, at=at)
    return version


def _cancel_overtaken(version: PolicyVersion, *, at: datetime) -> None:
    """Spare people proposals that can take effect no more. One that somebody is deciding at this
    moment stays open, and `take_effect` refuses it in words."""
    words = f"the service, since policy version {version.number} came into force"

    def move(state: RequestState) -> Change:
        change = workflow.cancel(state, by=words, at=at, overtaken=True)
        return replace(change, detail={"in_force": version.number})

    ledger.move_free(own.waiting(EFFECT), move, actor=actors.SYSTEM, at=at)


def _waiting(sha256: str, based_on: int) -> ApprovalRequest | None:
    """The request that already asks for exactly these files against exactly this version."""
    for row in own.waiting(EFFECT):
        asked = row.submission["parameters"]
        if (asked["sha256"], asked["based_on"]) == (sha256, based_on):
            return row
    return None


def _refuse_another(row: ApprovalRequest, proposal: Proposal) -> None:
    """A request keeps one author away from deciding it, so another is told of it instead of taken in."""
    if proposal.asked_by is None or proposal.asked_by == row.owner_at_submission:
        return
    raise errors.Conflict(
        f"{row.ref} asks for exactly these files already; {row.submission['parameters']['author']} "
        "proposed it. Nothing was applied or proposed. Let somebody decide it, or change the files."
    )


def _ask(
    proposal: Proposal, before: PolicyVersion, found: Found, *, actor: Actor, at: datetime
) -> ApprovalRequest:
    weakens = [str(each) for each in found.weaker]
    draft = PolicyDraft.objects.create(
        files=dict(proposal.files),
        sha256=proposal.sha256,
        author=proposal.author,
        commit=proposal.commit,
        based_on=before.number,
        weakens=weakens,
        proposed_at=at,
    )
    parameters = _parameters(draft, before, found, proposal.concerns)
    row = own.ask(
        effect=EFFECT,
        action=ACTION,
        target=TARGET,
        parameters=parameters,
        reasoning=proposal.reason.strip(),
        impact=_summary(proposal, before, found),
        context={"diff": _shortened(differences(before.files, proposal.files))},
        asked_by=proposal.asked_by,
        at=at,
    )
    detail = {name: parameters[name] for name in ("draft", "sha256", "based_on", "weakens")}
    detail |= {"author": draft.author, "commit": draft.commit, "request": row.ref}
    audit.append_service(EventKind.POLICY_PROPOSED, actor=actor, at=at, detail=detail)
    return row


def _parameters(
    draft: PolicyDraft, before: PolicyVersion, found: Found, concerns: Sequence[str]
) -> dict[str, Any]:
    """What the approval is bound to: the exact files by digest, and every weakening in words."""
    return ({"concerns": list(concerns)} if concerns else {}) | {
        "weakens": draft.weakens,
        "strengthens": [str(each) for each in found.stricter],
        "draft": draft.pk,
        "sha256": draft.sha256,
        "based_on": before.number,
        "author": draft.author,
        "commit": draft.commit,
    }


def _summary(proposal: Proposal, before: PolicyVersion, found: Found) -> str:
    """How much changes and who wants it, for whom, then each weakening on a line of its own."""
    source = f", commit {proposal.commit[:80]}" if proposal.commit else ""
    counted = (
        f"Weakens {len(found.weaker)} and strengthens {len(found.stricter)} things of policy version "
        f"{before.number}, each listed below. Proposed by {proposal.author}{source}."
    )
    concerned = [f"Concerns: {each}" for each in proposal.concerns]
    return "\n".join([counted, *concerned, *(f"Weaker: {each}" for each in found.weaker)])


def _shortened(lines: list[str]) -> list[str]:
    left = len(lines) - MOST_DIFF_LINES
    return [*lines[:MOST_DIFF_LINES], *([f"… and {left} more lines"] if left > 0 else [])]
