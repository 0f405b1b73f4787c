"""Several denials at once, each with the moment to think again that a single one has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest

from approvals.domain.errors import Refusal
from approvals.domain.terms import Status, Verdict
from approvals.models import HeldDecision, Person
from approvals.queries.held import last_said
from approvals.queries.queue import Waiting
from approvals.services import clock, holding
from approvals.services.clicks import Said
from approvals.web import fresh, moments, undoing
from approvals.web.access import proven_by

LONGEST_NUMBER = 18
TAKEN_BACK = "You took your denial back before it counted."


@dataclass(frozen=True, slots=True)
class Denial:
    """How one denial stands. `undo` names it while it can be taken back, until `until`; `lost` says why it
    does not stand."""

    stands: bool = False
    undo: str = ""
    left: str = ""
    until: datetime | None = None
    lost: str = ""


NO_DENIAL = Denial()


def deny_each(
    request: HttpRequest, person: Person, marked: Iterable[Sequence[str]], *, reason: str
) -> dict[str, str]:
    """Deny each as it was shown (ref, version, what would run); returns why not, by ref."""
    wrong = {}
    for ref, version, shown in marked:
        now = clock.now()
        said = Said(
            person=person,
            verdict=Verdict.DENY,
            comment=reason,
            version=int(version),
            shown=shown,
            channel="web",
            authenticated_by=proven_by(request),
            is_fresh=fresh.is_fresh(request, at=now),
        )
        try:
            holding.decide(said, ref=ref, at=now)
        except Refusal as no:
            wrong[ref] = no.words
    return wrong


def undo_each(person: Person, wanted: Iterable[str]) -> dict[str, str]:
    """Take back each denial that is named with its number ("REQ-1~7"), and nothing said after it."""
    wrong = {}
    for ref, _, number in (part.partition("~") for part in wanted):
        if not number.isdecimal() or len(number) > LONGEST_NUMBER:
            wrong[ref] = "The form was incomplete, so nothing was undone. Open the request instead."
            continue
        try:
            holding.undo(ref=ref, person=person, at=clock.now(), newest=int(number))
        except Refusal as no:
            wrong[ref] = no.words
    return wrong


def of(cards: Sequence[Waiting], person: Person, *, now: datetime) -> dict[int, Denial]:
    """What came of this person's denials of these requests, by number; one statement."""
    said = last_said(person, [card.row.pk for card in cards])
    return {card.row.pk: _drawn(card, said.get(card.row.pk), person, now=now) for card in cards}


def _drawn(card: Waiting, said: HeldDecision | None, person: Person, *, now: datetime) -> Denial:
    if card.state.status is Status.DENIED:
        return Denial(stands=True)
    if said is None or said.verdict != Verdict.DENY:
        return NO_DENIAL
    if not undoing.is_open(said):
        is_undone = said.undone_at is not None
        return Denial(lost=TAKEN_BACK if is_undone else undoing.lost([said], person))
    left = moments.left_in_words(said.release_at - now)
    return Denial(True, f"{card.row.ref}~{said.pk}", left, said.release_at)
