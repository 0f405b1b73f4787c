"""What the queue's filters know: names to choose from, and names that nothing waiting has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from approvals.domain import display
from approvals.models import Person
from approvals.queries import queue_filters
from approvals.queries.queue import Waiting
from approvals.queries.queue_filters import Findable
from approvals.services import clock
from approvals.web import boards
from approvals.web.access import signed_in
from approvals.web.boards import Reader
from approvals.web.queue_lists import Wish, shown_word

MOST_OFFERED = 200
MISSING = {
    "agent": "No agent called “{}” has anything waiting.",
    "team": "No team called “{}” is asked now.",
    "policy": "No policy or rule called “{}” asks for anything that waits.",
    "rule": "No rule called “{}” judged anything that waits.",
    "namespace": "Nothing that waits names the namespace “{}”.",
}


@dataclass(frozen=True, slots=True)
class Known:
    """What may be typed into the two filters that read whole requests."""

    policies: Sequence[str]
    namespaces: Sequence[str]


@require_safe
@signed_in
def names(request: HttpRequest, person: Person) -> HttpResponse:
    """Asked for when somebody opens the filters, so that no other page reads whole requests for it."""
    reader = boards.reader(person, now=clock.now())
    return render(request, "parts/queue_known.html", {"known": known(reader)})


def known(reader: Reader) -> Known:
    """The names in all that waits which can be typed: what hides something in its name is not offered."""
    found = queue_filters.of(card.row for card in _cards(reader)).values()
    return Known(_plain(queue_filters.policies(found)), _plain(queue_filters.namespaces(found)))


def missing(reader: Reader, wanted: Wish) -> list[str]:
    """What is looked for that nothing waiting has, in words; one statement at most."""
    cards = _cards(reader)
    read: dict[int, Findable] = {}
    if wanted.policy or wanted.rule or wanted.namespace:
        read = queue_filters.of(card.row for card in cards)
    has: dict[str, Callable[[Waiting], bool]] = {
        "agent": lambda card: wanted.agent == card.row.agent.name,
        "team": lambda card: wanted.team in card.state.teams_asked,
        "policy": lambda card: read[card.row.pk].is_asked_by(wanted.policy),
        "rule": lambda card: wanted.rule in read[card.row.pk].judging,
        "namespace": lambda card: read[card.row.pk].names(wanted.namespace),
    }
    return [
        MISSING[name].format(shown_word(value))
        for name, value in wanted.filters.items()
        if name in has and not any(map(has[name], cards))
    ]


def _cards(reader: Reader) -> list[Waiting]:
    return [card for card in reader.board.cards if not reader.is_hidden(card)]


def _plain(names: Sequence[str]) -> list[str]:
    plain = (name for name in names if display.show_identifier(name, limit=len(name)).text == name)
    return list(plain)[:MOST_OFFERED]
