"""What people do to agents at the dashboard: forms that come back to the page with what was refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from urllib.parse import quote

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from approvals.domain import stage_dates
from approvals.domain.errors import Invalid, NotFound, Refusal
from approvals.domain.stage_dates import Dates
from approvals.domain.terms import Stage
from approvals.models import Agent, ApprovalRequest, Person
from approvals.queries import agents as reads
from approvals.services import agent_zones, clock, people, proposals, reasons_after, stewards
from approvals.web import agent_page, proving
from approvals.web.access import signed_in

MOST_TYPED = 4_000
LEFT = ("reason", "name", "days", "class", "stage", "act", "owner", "time_zone", "starts", "ends")


@require_POST
@signed_in
@proving.holds_back
def change_stage(request: HttpRequest, person: Person, name: str) -> HttpResponse:
    """Step down at once, or ask others to go up: then the request that waits is shown."""
    agent, typed = _agent(name), _typed(request)

    def change(at: datetime) -> str:
        if typed["stage"] not in list(Stage):
            raise Invalid("Choose a stage. Nothing was changed.", field="stage")
        stage, of_class = Stage(typed["stage"]), typed["class"]
        if proposals.would_raise(agent=agent, action_class=of_class, stage=stage, at=at):
            proving.wanted(request)
        done = stewards.change_stage(
            agent=agent, action_class=of_class, stage=stage,
            reason=typed["reason"], by=person, at=at, says_why_later=typed["act"] == "down",
            dates=Dates(*(stage_dates.read(typed[name], field=name) for name in ("starts", "ends"))),
        )  # fmt: skip
        if isinstance(done, ApprovalRequest):
            return f"/r/{done.ref}"
        anchor = "why" if typed["act"] == "down" and not typed["reason"].strip() else "trust"
        return f"{_page(agent)}?class={quote(typed['class'], safe='')}#{anchor}"

    return _do(request, person, agent, typed, change)


@require_POST
@signed_in
def say_why(request: HttpRequest, person: Person, name: str, number: int) -> HttpResponse:
    """The reason of a change that came without one."""
    agent, typed = _agent(name), _typed(request)

    def say(at: datetime) -> str:
        reasons_after.explain(agent=agent, seq=number, reason=typed["reason"], by=person, at=at)
        return f"{_page(agent)}?class={quote(typed['class'], safe='')}#trust"

    return _do(request, person, agent, typed | {"act": f"why-{number}"}, say)


@require_POST
@signed_in
def call_off(request: HttpRequest, person: Person, name: str, number: int) -> HttpResponse:
    """A stage that was planned begins no more."""
    agent, typed = _agent(name), _typed(request)

    def drop(at: datetime) -> str:
        stewards.call_off(agent=agent, number=number, by=person, at=at)
        return f"{_page(agent)}?class={quote(typed['class'], safe='')}#trust"

    return _do(request, person, agent, typed, drop)


@require_POST
@signed_in
def start(request: HttpRequest, person: Person, name: str) -> HttpResponse:
    """Let a stopped agent ask again."""
    agent, typed = _agent(name), _typed(request)

    def begin(at: datetime) -> str:
        stewards.start(agent=agent, reason=typed["reason"], by=person, at=at)
        return _page(agent)

    return _do(request, person, agent, typed, begin)


@require_POST
@signed_in
def issue_key(request: HttpRequest, person: Person, name: str) -> HttpResponse:
    """A new key, on the page that answers and nowhere after."""
    agent, typed = _agent(name), _typed(request)
    days = int(typed["days"]) if typed["days"].isdecimal() and len(typed["days"]) < 5 else 0
    try:
        raw = stewards.issue_key(
            agent=agent, name=typed["name"], days=days, by=person, at=clock.now()
        )
    except Refusal as refusal:
        return agent_page.draw(request, person, agent.name, refusal=refusal, typed=typed)
    return agent_page.draw(request, person, agent.name, key=raw)


@require_POST
@signed_in
def revoke_key(request: HttpRequest, person: Person, name: str, prefix: str) -> HttpResponse:
    """End a key at once."""
    agent, typed = _agent(name), _typed(request)

    def end(at: datetime) -> str:
        stewards.revoke_key(agent=agent, prefix=prefix, by=person, at=at)
        return f"{_page(agent)}#keys"

    return _do(request, person, agent, typed, end)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def register(request: HttpRequest, person: Person) -> HttpResponse:
    """A form for a new agent; its key stands on the page that answers."""
    typed = _typed(request)
    facts: dict[str, object] = {
        "section": "agents",
        "now": clock.now(),
        "typed": typed,
        "person": person,
        "is_steward": stewards.is_steward(person),
    }
    if request.method != "POST":
        return render(request, "agent_new.html", facts)
    try:
        owner = _owner(typed["owner"])
        zone = agent_zones.sound(typed["time_zone"], otherwise="Nothing was made.")
        agent, raw = stewards.register(
            name=typed["name"], owner=owner, by=person, at=clock.now(), time_zone=zone
        )
    except Refusal as refusal:
        return render(
            request, "agent_new.html", facts | {"refusal": refusal}, status=refusal.status
        )
    return agent_page.draw(request, person, agent.name, key=raw)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def stop(request: HttpRequest, person: Person) -> HttpResponse:
    """Choose an agent, read what stopping it does, and stop it: two clicks from every page."""
    typed = _typed(request)
    wanted = (request.POST if request.method == "POST" else request.GET).get("agent", "")[:80]
    everyone, everyone_cut = reads.everyone()
    facts: dict[str, object] = {
        "section": "agents",
        "now": clock.now(),
        "typed": typed,
        "everyone": everyone,
        "everyone_cut": everyone_cut,
    }
    try:
        agent = reads.by_name(wanted.replace("\x00", "")) if wanted else None
    except NotFound as unknown:
        return render(request, "agents_stop.html", facts | {"refusal": unknown}, status=404)
    if agent is None:
        return render(request, "agents_stop.html", facts)
    facts |= {
        "agent": agent,
        "fate": reads.fate(agent),
        "may": stewards.may_hold_back(person, agent),
    }
    if request.method != "POST":
        return render(request, "agents_stop.html", facts)
    try:
        stewards.stop(agent=agent, reason=typed["reason"], by=person, at=clock.now())
    except Refusal as refusal:
        return render(
            request, "agents_stop.html", facts | {"refusal": refusal}, status=refusal.status
        )
    return HttpResponseRedirect(_page(agent))


def _agent(name: str) -> Agent:
    try:
        return reads.by_name(name.replace("\x00", ""))
    except NotFound:
        raise Http404 from None


def _typed(request: HttpRequest) -> dict[str, str]:
    return {name: request.POST.get(name, "")[:MOST_TYPED] for name in LEFT}


def _owner(email: str) -> Person | None:
    if not email.strip():
        return None
    found = people.by_email(email)
    if found is None:
        raise Invalid("Nobody here has this address. Nothing was made.", field="owner")
    return found


def _page(agent: Agent) -> str:
    return f"/agents/{quote(agent.name, safe='')}"


def _do(
    request: HttpRequest,
    person: Person,
    agent: Agent,
    typed: dict[str, str],
    verb: Callable[[datetime], str],
) -> HttpResponse:
    try:
        address = verb(clock.now())
    except Refusal as refusal:
        return agent_page.draw(request, person, agent.name, refusal=refusal, typed=typed)
    return HttpResponseRedirect(address)
