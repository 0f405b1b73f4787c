"""The page behind an alert on which more scope is asked for: granted, asked, the change, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from approvals.domain.errors import Refusal
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.scope import Scope
from approvals.models import ApprovalRequest, Person
from approvals.queries import guardrail_lists as lists
from approvals.services import clock, more_scope
from approvals.services.more_scope import Added, Wanted
from approvals.web import guardrail_tries, proving
from approvals.web import policies as pages
from approvals.web.access import signed_in
from approvals.web.policy_draft import MAY_CHANGE
from approvals.web.values import safe

MOST_SHOWN = 40


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@proving.holds_back
def ask(request: HttpRequest, person: Person, number: int) -> HttpResponse:
    """What would let it in, for everybody; asked for by managers, operators and the owner."""
    if request.method != "POST":
        return _draw(request, person, number)
    proving.wanted(request)
    reason = request.POST.get("reason", "")
    try:
        row = more_scope.ask(
            number=number,
            person=person,
            reason=reason,
            shown=request.POST.get("shown", ""),
            at=clock.now(),
        )
    except Refusal as refusal:
        return _draw(request, person, number, refusal=refusal, kept=reason)
    return HttpResponseRedirect(f"/r/{row.ref}")


def _draw(
    request: HttpRequest,
    person: Person,
    number: int,
    *,
    refusal: Refusal | None = None,
    kept: str = "",
) -> HttpResponse:
    facts = {"section": "guardrails", "now": clock.now(), "number": number, "kept": kept}
    try:
        found = more_scope.wanted(number=number)
    except Refusal as gone:
        refused = refusal or gone
        facts |= {"refusal": refused.words}
        return render(request, "guardrails_scope.html", facts, status=refused.status)
    facts |= {"refusal": refusal.words if refusal else "", **_facts(found, person)}
    status = refusal.status if refusal else 200
    return render(request, "guardrails_scope.html", facts, status=status)


def _facts(found: Wanted, person: Person) -> dict[str, Any]:
    alert, row = found.alert, found.alert.request
    known = lists.tries(guardrail_tries.asked_in(alert))
    changed = {each.file for each in found.edited.added}
    is_editor = person.role in MAY_CHANGE
    has_one = len(changed) == 1 and not found.obstacle
    return {
        "alert": alert,
        "agent": row.agent.name if row else alert.agent,
        "ref": row.ref if row else "",
        "version": found.version.number,
        "granted": _granted(found.policy, row.agent.name) if row else [],
        "asked": _asked(row, found) if row else [],
        "obstacle": found.obstacle,
        "added": [_added(each) for each in found.edited.added],
        "weaker": [safe(str(each)) for each in found.found.weaker],
        "lines": list(pages.marked(list(found.lines[: pages.MOST_LINES]))),
        "left": max(0, len(found.lines) - pages.MOST_LINES),
        "shown": found.sha256,
        "may_ask": more_scope.may_ask(person, alert),
        "is_closed": alert.closed_at is not None,
        "before": guardrail_tries.asked(alert, known),
        "may_edit": is_editor,
        "editor": _editor(found.edited.files, changed) if is_editor and has_one else None,
    }


def _granted(policy: PolicySet, agent: str) -> list[tuple[str, str, str]]:
    """What every scope that concerns the agent allows and excludes, with the policy's name."""
    return [
        (each.name, label, ", ".join(safe(value) for value in values[:MOST_SHOWN]))
        for each in policy.concerning(agent)
        if each.scope
        for label, values in _listed(each.scope)
        if values
    ]


def _listed(scope: Scope) -> list[tuple[str, tuple[str, ...]]]:
    return [
        ("Namespaces", scope.namespaces.globs if scope.namespaces else ()),
        ("Targets", scope.targets.globs if scope.targets else ()),
        ("Kinds of resource", tuple(map(str, scope.types))),
        ("Excluded", tuple(each.words for each in scope.excluded)),
    ]


def _asked(row: ApprovalRequest, found: Wanted) -> list[tuple[str, str, bool]]:
    """What the request named, and whether it would be let in by what is added."""
    resource: Mapping[str, Any] = row.submission.get("resource") or {}
    named = [
        ("action", row.action),
        ("target", row.target),
        ("namespace", resource.get("namespace") or ""),
        ("resource type", resource.get("type") or ""),
    ]
    outside = {(each.kind, each.name) for each in found.edited.added}
    rows = [(kind, name) for kind, name in named if name]
    rows += sorted(outside.difference(rows))  # named in the parameters alone
    return [(kind, safe(name), (kind, name) in outside) for kind, name in rows]


def _added(added: Added) -> dict[str, str]:
    return {
        "kind": added.kind,
        "name": safe(added.name),
        "policy": added.policy,
        "file": added.file,
        "agents": safe(more_scope.concerned(added)),
    }


def _editor(files: Mapping[str, str], changed: set[str]) -> dict[str, str]:
    """The changed file as the policy editor takes it, to go on there."""
    name = next(iter(changed))
    return {"file": name, "text": files[name]}
