"""What each channel may see of a request, address by address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST, require_safe

from approvals.domain import channels, errors
from approvals.domain.channels import CHANNELS
from approvals.domain.errors import Refusal
from approvals.models import Person, Place
from approvals.models.workspaces import Shows
from approvals.queries import reach
from approvals.services import actors, clock, policies, showing
from approvals.web.access import signed_in
from approvals.web.settings_frame import draw

LIMITABLE = ("slack", "teams", "teams_workflow", "email", "pagerduty", "servicenow")
WORDS = {
    Shows.VALUES: "Everything",
    Shows.NAMES: "Names of parameters, no values",
    Shows.NOTHING: "Only that something waits",
}
MOST = 200


@dataclass(frozen=True, slots=True)
class Line:
    """An address that is known, and what it sees. `raw` goes back with the form as it is."""

    adapter: str
    title: str
    raw: str
    to: str
    known_from: str
    shows: Shows
    changed_by: str = ""
    changed_at: datetime | None = None


@require_safe
@signed_in
def show(request: HttpRequest, person: Person) -> HttpResponse:
    return draw(request, person, "settings_showing.html", _facts(), tab="showing")


@require_POST
@signed_in
def change(request: HttpRequest, person: Person) -> HttpResponse:
    """Say what one address may see."""
    adapter, address = request.POST.get("adapter", ""), request.POST.get("address", "").strip()
    try:
        if not showing.may_change(person):
            raise errors.NotAllowed(
                "Managers and operators say what channels see. Nothing was changed."
            )
        if adapter not in LIMITABLE or not address.isprintable():
            raise errors.Invalid("Choose a channel and write its address. Nothing was changed.")
        try:
            wanted = Shows(request.POST.get("shows", ""))
        except ValueError:
            raise errors.Invalid("Choose what it may see. Nothing was changed.") from None
        showing.change(
            adapter=adapter,
            address=address,
            shows=wanted,
            actor=actors.person(person),
            at=clock.now(),
        )
    except Refusal as refusal:
        facts = _facts() | {"typed": {"adapter": adapter, "address": address[:400]}}
        return draw(request, person, "settings_showing.html", facts, tab="showing", refusal=refusal)
    return HttpResponseRedirect("/settings/showing?done=showing")


def _facts() -> dict[str, Any]:
    lines, left, is_exact = _lines()
    return {
        "lines": lines,
        "left": left,
        "left_is_exact": is_exact,
        "choices": [(word.value, WORDS[word]) for word in Shows],
        "limitable": [(name, channels.title(name)) for name in LIMITABLE],
        "typed": {},
    }


def _lines() -> tuple[list[Line], int, bool]:
    """Everything limited, then what settings, policy, places and deliveries name; how many of them are
    left out, and whether that is all there are."""
    limited = {(row.adapter, row.address): row for row in showing.limited()}
    known: dict[tuple[str, str], str] = dict.fromkeys(limited, "Set here")
    places = _places()
    for adapter, address, source in (*_set(), *_named(), *places, *_used()):
        if adapter in LIMITABLE and address:
            known.setdefault((adapter, address), source)
    found = []
    for (adapter, address), source in list(known.items())[:MOST]:
        row = limited.get((adapter, address))
        found.append(
            Line(
                adapter=adapter,
                title=CHANNELS[adapter].title if adapter in CHANNELS else adapter,
                raw=address,
                to=channels.place(address),
                known_from=source,
                shows=Shows(row.shows) if row else Shows.VALUES,
                changed_by=row.changed_by.partition(":")[2] if row else "",
                changed_at=row.changed_at if row else None,
            )
        )
    found.sort(key=lambda line: (line.shows is Shows.VALUES, line.title, line.to))
    return found, len(known) - len(found), len(places) <= MOST


def _set() -> list[tuple[str, str, str]]:
    """The default addresses of the settings."""
    teams = settings.TEAMS_CHANNEL.removeprefix("teams:")
    return [
        ("slack", settings.SLACK_CHANNEL, "Default channel"),
        ("teams", f"teams:{teams}" if teams else "", "Default channel"),
        *(("email", to, "Default recipient") for to in settings.EMAIL_TO),
    ]


def _named() -> list[tuple[str, str, str]]:
    """What the policy in force names."""
    try:
        policy = policies.current()
    except policies.NoPolicy:
        return []
    plans = [row.plan for row in policy.matrix.values()]
    return [
        (*_read(name), "Named by the policy")
        for plan in plans
        for name in dict.fromkeys(plan.channels)
    ]


def _read(name: str) -> tuple[str, str]:
    """The adapter and the address that a policy's channel means."""
    kind, mark, rest = name.partition(":")
    if name in {"pagerduty", "servicenow"}:
        return name, ""
    if mark and kind == "teams":
        return kind, name
    if mark and kind in LIMITABLE:
        return kind, rest.strip()
    return "slack", name


def _places() -> list[tuple[str, str, str]]:
    rows = Place.objects.filter(left_at=None, adapter="teams").order_by("name", "pk")[: MOST + 1]
    return [("teams", f"teams:{row.name or row.external_id}", "Let in there") for row in rows]


def _used() -> list[tuple[str, str, str]]:
    return [(adapter, address, "Used lately") for adapter, address, _ in reach.addresses()]
