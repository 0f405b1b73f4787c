"""Whether every channel works, one channel alone, and test approvals that go the whole way round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST, require_safe

from approvals.domain import channels
from approvals.domain.channels import CHANNELS
from approvals.domain.errors import NotFound, Refusal
from approvals.models import Person
from approvals.queries import reach
from approvals.queries import trials as rounds
from approvals.queries.channels import Health, Stands
from approvals.services import clock, health, people, roles, trials
from approvals.services.trials import Way
from approvals.web.access import signed_in
from approvals.web.settings_frame import draw, not_found

BADGES = {
    Stands.WORKING: ("✔", "status-closed"),
    Stands.NO_DATA: ("○", "status-closed"),
    Stands.RESTING: ("◷", "status-failed"),
    Stands.FAILING: ("✖", "status-denied"),
    Stands.OFF: ("–", "status-closed"),
}
PARTS = {
    True: ("✔", "status-closed"),
    False: ("✖", "status-denied"),
    None: ("○", "status-failed"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A channel as the page draws it."""

    health: Health
    state: str
    mark: str
    css: str
    way: Way | None

    @property
    def is_two_way(self) -> bool:
        return channels.known(self.health.name).is_two_way


@require_safe
@signed_in
def show(request: HttpRequest, person: Person) -> HttpResponse:
    """Every channel, and what they stand on."""
    return draw(request, person, "settings.html", _overview(person), tab="channels")


@require_safe
@signed_in
def live(request: HttpRequest, person: Person) -> HttpResponse:
    """The parts of the page that change while it is open."""
    return draw(request, person, "settings_live.html", _overview(person), tab="channels")


@require_safe
@signed_in
def channel(request: HttpRequest, person: Person, name: str) -> HttpResponse:
    """One channel: how it does, what is set, whom it does not know."""
    return _channel(request, person, name)


@require_POST
@signed_in
def send(request: HttpRequest, person: Person) -> HttpResponse:
    """Send the person a test approval, and lead to where it is followed."""
    name = request.POST.get("channel", "")
    try:
        row = trials.send(person=person, adapter=name, at=clock.now())
    except Refusal as refusal:
        if name not in CHANNELS:
            return draw(
                request, person, "settings.html", _overview(person), tab="channels", refusal=refusal
            )
        return _channel(request, person, name, refusal=refusal)
    return HttpResponseRedirect(f"/settings/tests/{row.pk}")


@require_safe
@signed_in
def test(request: HttpRequest, person: Person, number: int) -> HttpResponse:
    """The four steps of a test, as far as they have come."""
    template = "settings_test_live.html" if request.GET.get("live") else "settings_test.html"
    try:
        row = trials.sent_by(person, number=number)
    except NotFound:
        return not_found(request, "No test of yours has this number. Other people's stay theirs.")
    now = clock.now()
    facts = {"test": rounds.progress(row, now=now), "public_id": row.public_id, "number": row.pk}
    return draw(request, person, template, facts, tab="channels")


def _overview(person: Person) -> dict[str, Any]:
    now = clock.now()
    ways = {way.adapter: way for way in trials.ways(person)}
    rows = [_row(each, ways, now) for each in health.channels(at=now)]
    return {
        "used": [row for row in rows if row.health.stands is not Stands.OFF],
        "unused": [row for row in rows if row.health.stands is Stands.OFF],
        "parts": _parts(now),
        "reads_all": people.may_read_audit(person),
    }


def _row(found: Health, ways: dict[str, Way], now: Any) -> Row:
    mark, css = BADGES[found.stands]
    return Row(found, found.state(now), mark, css, ways.get(found.name))


def _parts(now: Any) -> list[dict[str, Any]]:
    return [
        {"part": part, "mark": PARTS[part.is_well][0], "css": PARTS[part.is_well][1]}
        for part in health.parts(at=now)
    ]


def _channel(
    request: HttpRequest, person: Person, name: str, *, refusal: Refusal | None = None
) -> HttpResponse:
    known, now = channels.known(name), clock.now()
    found = next((each for each in health.channels(at=now) if each.name == name), None)
    if found is None:
        return not_found(request, "There is no such channel.")
    ways = {way.adapter: way for way in trials.ways(person)}
    runs = roles.runs_the_place(person)
    facts = {
        "row": _row(found, ways, now),
        "channel": known,
        "settings": _settings(known.settings) if runs else (),
        "strangers": reach.people_without(known.identity)
        if known.identity and people.may_read_audit(person) and found.stands is not Stands.OFF
        else (),
        "reads_all": people.may_read_audit(person),
    }
    return draw(request, person, "settings_channel.html", facts, tab="channels", refusal=refusal)


def _settings(names: tuple[str, ...]) -> list[tuple[str, bool]]:
    """Whether each is set, and never what it is."""
    kept = {"EMAIL_URL": "EMAIL_SERVER"}
    return [(name, bool(getattr(settings, kept.get(name, name), ""))) for name in names]
