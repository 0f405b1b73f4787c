"""One agent: how far it is trusted, its keys, limits, scope and record."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from approvals.domain import cards, display
from approvals.domain.errors import NotFound, Refusal
from approvals.domain.policy.documents import PolicySet
from approvals.domain.terms import OutcomeStatus, RiskLevel, Status
from approvals.models import Agent, AgentKey, ApprovalRequest, Person, StandingGrant
from approvals.queries import agents as reads
from approvals.queries import used_rates
from approvals.queries.used_rates import Used
from approvals.services import clock, policies, reasons_after, standing, stewards
from approvals.web import agents, agents_trust, moments
from approvals.web.access import signed_in
from approvals.web.bounded import bounded

LIMIT_NEAR = 80
MOST_NAMED = 12
MOST_GRANTS = 50
SOON = 14  # days before a key's end at which the page says so


@require_safe
@signed_in
@bounded
def show(request: HttpRequest, person: Person, name: str) -> HttpResponse:
    """One agent; `?class=` is the class of action whose evidence is shown."""
    return draw(request, person, name)


def draw(
    request: HttpRequest,
    person: Person,
    name: str,
    *,
    refusal: Refusal | None = None,
    typed: dict[str, str] | None = None,
    key: str = "",
) -> HttpResponse:
    """One agent's page; with a refusal and what was typed, or with a key that was just made."""
    try:
        agent = reads.by_name(agents.plain(name))
    except NotFound:
        raise Http404 from None
    now = clock.now()
    facts = {
        "section": "agents",
        "now": now,
        "refusal": refusal,
        "typed": typed or {},
        "new_key": key,
        **_facts(request, person, agent, wanted=_wanted(request, typed), at=now),
    }
    response = render(request, "agent.html", facts, status=refusal.status if refusal else 200)
    response.headers["X-Server-Time"] = now.isoformat()
    if key:
        response.headers["Cache-Control"] = "no-store"
    return response


def _wanted(request: HttpRequest, typed: dict[str, str] | None) -> str:
    """The class of action that was chosen, also by a form that comes back with what was refused."""
    return request.GET.get("class", "") or (typed or {}).get("class", "")


def _facts(
    request: HttpRequest, person: Person, agent: Agent, *, wanted: str, at: datetime
) -> dict[str, Any]:
    """What the page says of an agent to this person."""
    classes, targets, actions = reads.touched(agent)
    policy = _policy()
    keys, keys_cut = reads.keys_of(agent, at=at)
    return {
        "agent": agent,
        **_troubles(agent),
        "trust": agents_trust.of(agent, classes, wanted=wanted, at=at),
        "keys": [_key(each, at) for each in keys],
        "keys_cut": keys_cut,
        "limits": [_limit(each) for each in used_rates.of([agent], policy, at=at)] if policy else [],
        "scope": _scope(policy, agent, targets, actions),
        **_grants(agent, at),
        "recent": [_request(each) for each in reads.lately(agent)],
        "fate": reads.fate(agent),
        "may": {
            "steward": stewards.is_steward(person),
            "hold_back": stewards.may_hold_back(person, agent),
        },
        "unexplained": _unexplained(agent, person),
        "is_owner": person.pk == agent.owner_id,
        "here": _here(request, agent),
    }  # fmt: skip


def _troubles(agent: Agent) -> dict[str, Any]:
    """Its open breakers and alerts, and whether more of them stand open."""
    breakers, breakers_cut = reads.breakers_of(agent)
    alerts, alerts_cut = reads.alerts_of(agent)
    return {
        "breakers": breakers,
        "breakers_cut": breakers_cut,
        "alerts": alerts,
        "alerts_cut": alerts_cut,
    }


def _grants(agent: Agent, at: datetime) -> dict[str, Any]:
    """The standing grants it could use now, the newest first, and whether there are more."""
    found = list(standing.grants(agent=agent.name, in_force_at=at)[: MOST_GRANTS + 1])
    return {
        "grants": [_grant(each) for each in found[:MOST_GRANTS]],
        "grants_cut": len(found) > MOST_GRANTS,
    }


def _unexplained(agent: Agent, person: Person) -> list[dict[str, Any]]:
    """Changes that wait for their reason, and whether this person can give it."""
    return [
        {
            "seq": each.seq,
            "action_class": each.action_class,
            "title": agents_trust.titled(each.action_class),
            "stage": each.stage,
            "at": each.at,
            "by": display.show_identifier(each.by, limit=120).text,
            "may": reasons_after.may_explain(person, each.actor),
            "act": f"why-{each.seq}",
        }
        for each in reasons_after.of(agent)
    ]


def _here(request: HttpRequest, agent: Agent) -> str:
    """The page's own address, also where a form was sent from it."""
    chosen = {"class": request.GET["class"][:200]} if request.GET.get("class") else {}
    return f"/agents/{quote(agent.name, safe='')}?{urlencode(chosen)}"


def _policy() -> PolicySet | None:
    try:
        return policies.current()
    except policies.NoPolicy:
        return None


def _key(key: AgentKey, now: datetime) -> dict[str, Any]:
    state = "Revoked" if key.revoked_at else "Expired" if key.expires_at <= now else "Live"
    left = key.expires_at - now
    return {
        "name": display.show_identifier(key.name, limit=80).text,
        "prefix": key.prefix,
        "state": state,
        "is_live": state == "Live",
        "last_used_at": key.last_used_at,
        "expires_at": key.expires_at,
        "ends_soon": moments.span(left) if state == "Live" and left.days < SOON else "",
        "by": str(key.created_by or "the command line"),
    }


def _limit(limit: Used) -> dict[str, Any]:
    share = 100 * limit.share
    return {
        "rule": limit.rule,
        "actions": limit.what,
        "words": f"{limit.used} of {limit.limit} this {limit.window}",
        "href": f"/history?{urlencode({'q': limit.listed_by})}"
        if limit.used and limit.listed_by
        else "",
        "filled": min(100, round(share)),
        "mark": "At the limit" if share >= 100 else "Near the limit" if share >= LIMIT_NEAR else "",
    }


def _scope(
    policy: PolicySet | None, agent: Agent, targets: Counter[str], actions: Counter[str]
) -> dict[str, Any]:
    scopes = [each.scope for each in policy.concerning(agent.name) if each.scope] if policy else []
    return {
        "granted": [
            (scope.policy, label, ", ".join(values))
            for scope in scopes
            for label, values in (
                ("Namespaces", scope.namespaces.globs if scope.namespaces else ()),
                ("Targets", scope.targets.globs if scope.targets else ()),
                ("Kinds of resource", [str(each) for each in scope.types]),
                ("Never", [each.words for each in scope.excluded]),
            )
            if values
        ],
        "targets": _named(targets),
        "more_targets": max(0, len(targets) - MOST_NAMED),
        "actions": _named(actions),
        "more_actions": max(0, len(actions) - MOST_NAMED),
        "looked_back": reads.LOOKED_BACK,
    }


def _named(counts: Counter[str]) -> list[tuple[str, int]]:
    return [
        (display.show_identifier(name, limit=80).text, count)
        for name, count in counts.most_common(MOST_NAMED)
    ]


def _grant(grant: StandingGrant) -> dict[str, Any]:
    return {
        "ref": standing.ref_of(grant),
        "words": f"{display.show_identifier(grant.action, limit=60).text} on "
        f"{display.show_identifier(grant.target, limit=80).text}",
        "used": f"{grant.uses} of {grant.most_uses} used",
        "expires_at": grant.expires_at,
        "from": grant.made_from,
    }


ENDED = {
    Status.PENDING: ("◷ Waiting", "status-open"),
    Status.INVESTIGATING: ("? Question open", "status-open"),
    Status.DENIED: ("✖ Denied", "status-denied"),
    Status.EXPIRED: ("⌛ Not decided in time", "status-closed"),
    Status.CANCELLED: ("⊘ Withdrawn", "status-closed"),
    Status.REVOKED: ("⊘ Revoked before use", "status-closed"),
}
RAN = {
    OutcomeStatus.SUCCESS.value: ("✔▷ Ran", "status-closed"),
    OutcomeStatus.FAILURE.value: ("! Approved but failed", "status-failed"),
    OutcomeStatus.ROLLED_BACK.value: ("! Ran, rolled back", "status-failed"),
}


def _request(row: ApprovalRequest) -> dict[str, Any]:
    words, css = ENDED.get(Status(row.status)) or RAN.get(row.outcome_status) or (
        ("▷ Running", "status-closed") if row.consumed_at else ("✔ Approved", "status-closed")
    )  # fmt: skip
    return {
        "ref": row.ref,
        "risk": row.risk,
        "shape": cards.RISK_SHAPE[RiskLevel(row.risk)],
        "headline": agents.headline(row),
        "words": words,
        "css": css,
        "at": row.created_at,
    }
