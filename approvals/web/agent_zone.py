"""Where an agent works, changed from its page."""

from __future__ import annotations

from urllib.parse import quote

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from approvals.domain.errors import NotFound, Refusal
from approvals.models import Person
from approvals.queries import agents as reads
from approvals.services import agent_zones, clock
from approvals.web import agent_page
from approvals.web.access import signed_in


@require_POST
@signed_in
def change(request: HttpRequest, person: Person, name: str) -> HttpResponse:
    """Say where it works, by the name of a time zone; with nothing, that nobody knows."""
    try:
        agent = reads.by_name(name.replace("\x00", ""))
    except NotFound:
        raise Http404 from None
    wanted = request.POST.get("time_zone", "")[:200]
    try:
        agent_zones.change_by(person, agent=agent, name=wanted, at=clock.now())
    except Refusal as refusal:
        typed = {"time_zone": wanted}
        return agent_page.draw(request, person, agent.name, refusal=refusal, typed=typed)
    return HttpResponseRedirect(f"/agents/{quote(agent.name, safe='')}")
