"""Receivers of webhooks: how each does, until when it rests, and a new secret for an agent's."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST, require_safe

from approvals.domain import channels
from approvals.domain.errors import Refusal
from approvals.models import Agent, Person
from approvals.services import actors, agents, clock, health, people, roles
from approvals.web.access import signed_in
from approvals.web.settings_frame import draw, forbidden

MOST_AGENTS = 500
MOST = 100
NOT_YOURS = "Managers, auditors and operators see the receivers of webhooks."


@require_safe
@signed_in
def show(request: HttpRequest, person: Person) -> HttpResponse:
    if not people.may_read_audit(person):
        return forbidden(request, NOT_YOURS)
    return draw(request, person, "settings_webhooks.html", _facts(), tab="webhooks")


@require_POST
@signed_in
@sensitive_variables("secret")
def rotate(request: HttpRequest, person: Person) -> HttpResponse:
    """Make a new secret and show it this once; the old one signs beside it for a day."""
    try:
        roles.refuse_unless_operator(person, doing="Changing a secret")
        agent = agents.by_name(request.POST.get("agent", "")[:80])
        secret = agents.rotate_webhook_secret(
            agent=agent, actor=actors.person(person), at=clock.now()
        )
    except Refusal as refusal:
        if not people.may_read_audit(person):
            return forbidden(request, refusal.words)
        return draw(
            request, person, "settings_webhooks.html", _facts(), tab="webhooks", refusal=refusal
        )
    facts = _facts() | {"secret": secret, "secret_of": agent.name}
    return draw(request, person, "settings_webhooks.html", facts, tab="webhooks")


def _facts() -> dict[str, Any]:
    now = clock.now()
    endpoints = health.endpoints()
    asking = Agent.objects.exclude(name=agents.ITSELF).filter(is_enabled=True)
    names = list(asking.order_by("name").values_list("name", flat=True)[: MOST_AGENTS + 1])
    return {
        "endpoints": [
            {
                "state": each.state(now),
                "to": channels.place(each.prefix, limit=120),
                "of": each,
                "list": f"/settings/messages?{urlencode({'channel': 'webhook', 'receiver': each.prefix})}",
            }
            for each in endpoints[:MOST]
        ],
        "left": max(0, len(endpoints) - MOST),
        "agents": names[:MOST_AGENTS],
        "agents_cut": len(names) > MOST_AGENTS,
    }
