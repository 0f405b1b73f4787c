"""Stop several agents at once: each is listed before, and each has its own line of history after."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from approvals.domain.errors import Refusal
from approvals.models import Person
from approvals.queries import agents as reads
from approvals.queries import several_agents
from approvals.services import clock, stewards
from approvals.web.access import signed_in

MOST = 50
LONGEST = 4_000


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def stop(request: HttpRequest, person: Person) -> HttpResponse:
    """The chosen ones with what waits of each; POST stops them all, for one reason."""
    sent = request.POST if request.method == "POST" else request.GET
    names = [name[:80] for name in sent.getlist("agent")[:MOST]]
    lines = several_agents.named(names)
    reason = request.POST.get("reason", "")[:LONGEST]
    facts: dict[str, object] = {
        "section": "agents",
        "now": clock.now(),
        "lines": lines,
        "reason": reason,
        "kept_out": [
            line.agent.name for line in lines if not stewards.may_hold_back(person, line.agent)
        ],
    }
    if request.method != "POST" or not lines:
        return render(request, "agents_several.html", facts)
    done, refused = [], []
    for line in lines:
        try:
            agent = reads.by_name(line.agent.name)
            stewards.stop(agent=agent, reason=reason, by=person, at=clock.now())
            done.append(line.agent.name)
        except Refusal as refusal:
            refused.append(refusal)
    if not refused:
        return HttpResponseRedirect("/agents?state=stopped")
    facts |= {
        "lines": several_agents.named(names),
        "done": done,
        "refused": list(dict.fromkeys(refusal.words for refusal in refused)),
    }
    return render(request, "agents_several.html", facts, status=refused[0].status)
