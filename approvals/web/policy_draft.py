"""Write a change to the policy, see what it would do, and propose it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from approvals import queries
from approvals.domain import errors
from approvals.domain.errors import Refusal
from approvals.domain.policy import documents, lint
from approvals.domain.policy.reading import PolicyInvalid
from approvals.models import ApprovalRequest, Person
from approvals.models.people import Role
from approvals.queries import policies as reads
from approvals.services import actors, clock, pinned, policies, policy_changes, policy_facts
from approvals.services.pinned import Case
from approvals.services.policy_changes import Proposal
from approvals.web import policies as pages
from approvals.web import proving, simulator, values
from approvals.web.access import signed_in
from approvals.web.paging import whole

MAY_CHANGE = (Role.MANAGER.value, Role.OPERATOR.value)
LONGEST = 256 * 1024
MOST_FROM = 50
NEW = "new-policy.yaml"
BLANK = """# A policy of its own; see the conditions and limits it may set in the documentation.
apiVersion: guardrails.io/v1
kind: AgentPolicy
metadata: {name: my-policy}
spec:
  agents: ["*"]
  actions:
    - {name: restart_service, approval: required, risk: medium, because: Restarting interrupts a service.}
"""


class MayNotChange(errors.NotAllowed):
    """Policies are changed by managers and operators."""


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@proving.holds_back
def draft(request: HttpRequest, person: Person) -> HttpResponse:
    """The text of one file; checked by everybody, proposed by managers and operators."""
    version = policies.newest()
    files: Mapping[str, str] = version.files if version else {}
    name = (request.POST or request.GET).get("file", "") or next(iter(sorted(files)), NEW)
    refs = [ref for ref in request.GET.get("from", "").split(",") if ref][:MOST_FROM]
    if refs and request.method != "POST":
        name = NEW
    start = _from_these(refs) if refs else files.get(name, BLANK)
    if (proposed := _proposed_file(request.POST.get("draft", ""), files)) is not None:
        name, start = proposed
    text = request.POST.get("text", start).replace("\r\n", "\n")
    facts: dict[str, Any] = {
        "section": "policies",
        "now": clock.now(),
        "version": version,
        "files": sorted(files),
        "name": name[:200],
        "text": text,
        "new": NEW,
        "reason": request.POST.get("reason", ""),
        "cases": request.POST.get("cases", "").replace("\r\n", "\n")[: pinned.LONGEST],
        "may_propose": person.role in MAY_CHANGE,
    }
    if request.method != "POST" or "pin" in request.POST:
        return render(request, "policies_draft.html", facts)
    changed = (
        {**files, name: text} if text.strip() else {n: t for n, t in files.items() if n != name}
    )
    return _answered(request, person, facts, changed)


def _proposed_file(number: str, files: Mapping[str, str]) -> tuple[str, str] | None:
    """The first file a proposal changes, to go on from there."""
    wanted = whole(number)
    found = reads.draft(wanted) if wanted is not None else None
    changed = sorted(set(found.files.items()) - set(files.items())) if found else []
    return changed[0] if changed else None


def _from_these(refs: list[str]) -> str:
    """A rule that would let through just such requests: these actions, on these targets, of these agents."""
    rows = [row for ref in refs if (row := _found(ref)) is not None]
    if not rows:
        return BLANK
    agents = sorted({row.agent.name for row in rows})
    lines = [
        f"# From {', '.join(row.ref for row in rows)}. Read every line before you propose it.",
        "apiVersion: guardrails.io/v1",
        "kind: AgentPolicy",
        f"metadata: {{name: from-{rows[0].ref.lower()}}}",
        "spec:",
        f"  agents: {json.dumps(agents)}",
        "  actions:",
    ]
    for action in sorted({row.action for row in rows}):
        targets = json.dumps(sorted({row.target for row in rows if row.action == action}))
        lines += [
            f"    - name: {json.dumps(action)}",
            "      approval: auto",
            f"      when: {json.dumps(f'target in {targets}')}",
            "      because: People approved it every time.",
        ]
    return "\n".join(lines) + "\n"


def _found(ref: str) -> ApprovalRequest | None:
    try:
        return queries.request(ref)
    except errors.NotFound:
        return None


def _shown(case: Case) -> Case:
    """A test case is named after what an agent asked."""
    misses = tuple(values.safe(each) for each in case.misses)
    return Case(values.safe(case.name), misses)


def _answered(
    request: HttpRequest, person: Person, facts: dict[str, Any], files: Mapping[str, str]
) -> HttpResponse:
    """Checked or proposed; whatever is wrong is said beside the text, which is kept."""
    try:
        if len(facts["text"]) > LONGEST:
            raise errors.Invalid(
                "The file is longer than 256 KiB. Nothing was checked or proposed."
            )
        if not facts["name"].endswith((".yaml", ".yml")):
            raise errors.Invalid("The file's name ends in .yaml. Nothing was checked or proposed.")
        tried = pinned.tried(documents.load(files), facts["cases"])
        facts["tried"] = [_shown(case) for case in tried]
        if "propose" in request.POST:
            return _proposed(request, person, files, facts)
        facts |= _looked_at(files, facts["now"])
        status = 200
    except PolicyInvalid as error:
        facts["problems"], status = [str(problem) for problem in error.problems], 422
    except Refusal as refusal:
        facts["refusal"], status = refusal.words, refusal.status
    return render(request, "policies_draft.html", facts, status=status)


def _proposed(
    request: HttpRequest, person: Person, files: Mapping[str, str], facts: dict[str, Any]
) -> HttpResponse:
    if person.role not in MAY_CHANGE:
        raise MayNotChange(
            "Managers and operators propose policies; your role is neither. Nothing was proposed."
        )
    if missed := [case.name for case in facts["tried"] if case.misses]:
        raise errors.Invalid(
            f"{len(missed)} of {len(facts['tried'])} test cases would not hold. Nothing was proposed."
        )
    proving.wanted(request)
    reason = facts["reason"].strip()
    if facts["tried"]:
        reason = f"{reason} ({len(facts['tried'])} pinned test cases hold.)".strip()
    proposal = Proposal(files=files, author=person.email, reason=reason, asked_by=person)
    answer = policy_changes.offer(proposal, actor=actors.person(person), at=facts["now"])
    if answer.request is not None:
        return HttpResponseRedirect(f"/r/{answer.request.ref}")
    return HttpResponseRedirect(f"/policies?{urlencode({'said': answer.status})}")


def _looked_at(files: Mapping[str, str], now: datetime) -> dict[str, Any]:
    """What the change would do, before anybody is asked: warnings, weaker and stricter, the past again."""
    policy = documents.load(files)
    before, found = policy_changes.compared(files)
    lines = policy_changes.differences(before.files if before else {}, files)
    facts: dict[str, Any] = {
        "checked": True,
        "warnings": lint.warnings(policy, policy_facts.gathered() or policy_facts.here_and_now()),
        "weaker": [str(each) for each in found.weaker],
        "stricter": [str(each) for each in found.stricter],
        "lines": list(pages.marked(lines[: pages.MOST_LINES])),
        "left": max(0, len(lines) - pages.MOST_LINES),
    }
    if before is not None and lines:
        facts["replayed"] = simulator.replayed(policies.current(), policy, now)
    return facts
