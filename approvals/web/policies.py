"""The policies in force in plain sentences, the versions before, and proposals that wait."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from approvals.domain import search
from approvals.domain.cards import RISK_SHAPE
from approvals.domain.policy import lint, sentences
from approvals.domain.policy.agent_policy import EVERY_AGENT, AgentPolicy
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.reading import PolicyInvalid
from approvals.domain.policy.remarks import Warning
from approvals.domain.policy.rules import ActionRule
from approvals.domain.search import Term
from approvals.domain.terms import Approval, RiskLevel, Status
from approvals.models import Person
from approvals.queries import policies as reads
from approvals.queries.policies import Met, Tally
from approvals.services import clock, own, policies, policy_changes, policy_facts
from approvals.web import policy_drafted, request_links
from approvals.web.access import signed_in
from approvals.web.paging import whole

SPAN = timedelta(days=30)
STATES = {
    Approval.FORBIDDEN: ("✖ Refuses", "status-denied"),
    Approval.REQUIRED: ("◷ Asks", "status-open"),
    Approval.AUTO: ("✔ Lets through", "status-closed"),
}
MOST_LINES = 2_000
ASKED = (Term("is", "asked"),)
BLOCKED = (Term("is", "automatic"), Term("outcome", Status.DENIED.value))
ALLOWED = (
    Term("is", "automatic"),
    *(Term("outcome", each.value) for each in Status if each is not Status.DENIED),
)


@require_safe
@signed_in
def show(request: HttpRequest, person: Person) -> HttpResponse:
    """What is in force now, with what each rule met in thirty days, and what to look at again."""
    del person
    now = clock.now()
    facts: dict[str, Any] = {
        "section": "policies",
        "now": now,
        "version": policies.newest(),
        "waiting": list(own.waiting(policy_changes.EFFECT)),
    }
    try:
        policy = policies.current()
    except policies.NoPolicy:
        return render(request, "policies.html", facts)
    except PolicyInvalid as error:
        facts["unreadable"] = [str(problem) for problem in error.problems]
        return render(request, "policies.html", facts)
    tally = reads.met(policy, since=now - SPAN)
    warnings = lint.warnings(policy, policy_facts.gathered() or policy_facts.here_and_now())
    facts |= {
        "policies": [_policy(policy, each, tally, warnings, now) for each in policy.policies],
        "rows": [
            {"risk": level, "shape": RISK_SHAPE[level], "words": sentences.of_row(policy, level)}
            for level in reversed(RiskLevel)
        ],
        "drafted": policy_drafted.rules(policy, facts["waiting"]),
        "warnings": warnings,
        "tally": tally,
        "most": reads.MOST,
    }
    return render(request, "policies.html", facts)


def _policy(
    whole: PolicySet,
    policy: AgentPolicy,
    tally: Tally,
    warnings: tuple[Warning, ...],
    now: datetime,
) -> dict[str, Any]:
    return {
        "name": policy.name,
        "concerns": sentences.concerns(policy),
        "file": policy.place.file,
        "limits": list(sentences.of_limits(policy)),
        "rules": [_rule(whole, policy, rule, tally, warnings, now) for rule in policy.rules],
    }


def _rule(
    whole: PolicySet,
    policy: AgentPolicy,
    rule: ActionRule,
    tally: Tally,
    warnings: tuple[Warning, ...],
    now: datetime,
) -> dict[str, Any]:
    plan = whole.matrix[rule.risk].plan if rule.risk else None
    leads = rule.approval or (plan.approval if plan else Approval.REQUIRED)
    words, css = STATES[leads]
    met = tally.by_rule.get(rule.name, Met())
    return {
        "pattern": rule.pattern,
        "anchor": request_links.anchor(rule.name) if _leads(policy, rule) else "",
        "words": sentences.of_rule(whole, rule),
        "because": rule.because,
        "state": words,
        "css": css,
        "met": met,
        "href": _listed(policy, met, now),
        "counts": [
            {"count": count, "words": words, "href": _listed(policy, met, now, *ways)}
            for count, words, ways in (
                (met.asked, "asked", ASKED),
                (met.blocked, "blocked", BLOCKED),
                (met.allowed, "allowed", ALLOWED),
            )
            if count
        ],
        "place": f"{rule.place.file}:{rule.place.line}",
        "warnings": [each.words for each in warnings if each.place == rule.place],
        "simulate": f"/policies/simulate?{urlencode({'action': rule.pattern.replace('*', 'x')})}",
    }


def _leads(policy: AgentPolicy, rule: ActionRule) -> bool:
    """Whether it is the first of its name: rules of one pattern share it, and links lead to the first."""
    return next(each for each in policy.rules if each.name == rule.name) is rule


def _listed(policy: AgentPolicy, met: Met, now: datetime, *ways: Term) -> str:
    """The address of history with exactly the requests a rule met; nothing where no search can say it.

    The policy concerns every agent it met and the rule names every action, so any pair of them counts.
    """
    agents = () if policy.agents == EVERY_AGENT else sorted(met.agents)
    terms = [
        Term("from", "agents"),
        *(Term("agent", name) for name in agents),
        *(Term("action", name) for name in sorted(met.actions)),
        *ways,
        Term("after", (now - SPAN).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")),
    ]
    text = search.written(terms)
    understood = search.parse(text)
    if not met.all or understood.problems or understood.terms != tuple(terms):
        return ""
    return f"/history?{urlencode({'q': text})}"


@require_safe
@signed_in
def versions(request: HttpRequest, person: Person) -> HttpResponse:
    """Every version that was ever in force, the newest first."""
    del person
    before = whole(request.GET.get("before", ""))
    found, following = reads.versions(before=before)
    newest = policies.newest()
    facts = {
        "section": "policies",
        "now": clock.now(),
        "versions": found,
        "in_force": newest.number if newest else 0,
        "following": following,
        "is_later": before is not None,
    }
    return render(request, "policies_versions.html", facts)


@require_safe
@signed_in
def version(request: HttpRequest, person: Person, number: int) -> HttpResponse:
    """One version: who applied it, what it changed against the one before, and its files."""
    del person
    found = reads.version(number)
    if found is None:
        words = f"There is no policy version {number}. The versions are listed under Policies."
        return render(
            request, "problem.html", {"title": "No such version", "words": words}, status=404
        )
    before = reads.version(number - 1)
    lines = policy_changes.differences(before.files if before else {}, found.files)
    facts = {
        "section": "policies",
        "now": clock.now(),
        "version": found,
        "before": before,
        "after": reads.version(number + 1),
        "lines": list(marked(lines[:MOST_LINES])),
        "left": max(0, len(lines) - MOST_LINES),
        "files": sorted(found.files.items()),
    }
    return render(request, "policies_version.html", facts)


def marked(lines: list[str]) -> Iterator[dict[str, str]]:
    """A diff's lines with what they mean, in a word for who cannot see colours."""
    for line in lines:
        if line.startswith(("+++", "---", "@@")):
            yield {"css": "where", "word": "", "text": line}
        elif line.startswith("+"):
            yield {"css": "added", "word": "added", "text": line}
        elif line.startswith("-"):
            yield {"css": "removed", "word": "removed", "text": line}
        else:
            yield {"css": "", "word": "", "text": line}
