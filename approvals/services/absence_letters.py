"""Who is owed a letter because somebody is away, or back sooner: each owed until it was kept, and kept once.

The absence itself is the promise, so a letter is never lost with a process; what was kept is remembered
beside the replays for longer than anything stays owed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F, Q

from approvals.domain import display
from approvals.models import Absence, Person, Replay
from approvals.services import replays

OWED_FOR = timedelta(days=2)  # less than replays are kept
PROVIDER = "absence-letter"
MOST_READ = 500
PAGE = "/oncall"


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter to one person. `key` is the same at every attempt; `note` are somebody's own words."""

    key: str
    to: str
    subject: str
    opening: str
    facts: tuple[str, ...]
    note: str
    url: str
    at: datetime


def owed(*, at: datetime) -> list[Letter]:
    """What is to be written now, oldest first; two statements, whatever is owed."""
    since = at - OWED_FOR
    recent = Q(made_at__gt=since, ended_at=None) | Q(ended_at__gt=since, ended_at__lt=F("ends_at"))
    rows = (
        Absence.objects.filter(recent, ends_at__gt=since)
        .select_related("person", "person__manager", "stand_in", "made_by")
        .order_by("pk")[:MOST_READ]
    )
    found = [letter for row in rows for letter in _of(row, at=at)]
    done = set(
        Replay.objects.filter(
            provider=PROVIDER, key__in=[one.key for one in found] + [_went(one) for one in found]
        ).values_list("key", flat=True)
    )
    # Whoever never heard that somebody goes away need not hear that they are back.
    return [
        one
        for one in found
        if one.key not in done and (one.key.startswith("away") or _went(one) in done)
    ]


def kept(letter: Letter, *, at: datetime) -> None:
    """It was taken, or will never be: it is not owed any more."""
    replays.first_time(provider=PROVIDER, key=letter.key, at=at)


def _of(row: Absence, *, at: datetime) -> Iterator[Letter]:
    """A letter to each who should know and did not say it themselves."""
    if row.ended_at is None and row.ends_at <= at:
        return
    manager, stand_in = row.person.manager, row.stand_in
    told = {person.pk: person for person in (manager, stand_in, row.person) if person is not None}
    for person in told.values():
        if person.pk != row.made_by_id and person.is_active:
            yield _back(row, person) if row.ended_at else _away(row, person)


def _away(row: Absence, to: Person) -> Letter:
    span = f"from {_moment(row.starts_at)} until {_moment(row.ends_at)}"
    who = _name(row.person)
    subject = f"{who} is away until {_moment(row.ends_at)}"
    if to == row.stand_in:
        opening = (
            f"You stand in for {who} {span}. You may decide what {who} could, in your own name."
        )
    elif to == row.person:
        subject = f"You are marked away until {_moment(row.ends_at)}"
        opening = f"{_name(row.made_by)} marked you as away {span}."
    else:
        opening = f"{who} is away {span}."
    facts = [
        f"Stands in: {_name(row.stand_in) if row.stand_in else 'nobody'}",
        f"Set by: {_name(row.made_by)}",
    ]
    return _letter("away", row, to, subject, opening, facts, row.note)


def _back(row: Absence, to: Person) -> Letter:
    who, ended = _name(row.person), _moment(row.ended_at or row.ends_at)
    opening = f"{who} is not away any more since {ended}. Nobody stands in for {who} now."
    if to == row.stand_in:
        opening = f"{who} is not away any more since {ended}. You no longer stand in for {who}."
    facts = [f"It was said to last until: {_moment(row.ends_at)}"]
    return _letter("back", row, to, f"{who} is back", opening, facts, "")


def _letter(
    kind: str, row: Absence, to: Person, subject: str, opening: str, facts: list[str], note: str
) -> Letter:
    return Letter(
        key=f"{kind}:{row.pk}:{to.pk}",
        to=to.email,
        subject=subject,
        opening=opening,
        facts=tuple(facts),
        note=display.show(note, limit=300).text if note else "",
        url=settings.PUBLIC_URL + PAGE,
        at=row.ended_at or row.made_at,
    )


def _went(letter: Letter) -> str:
    return f"away:{letter.key.partition(':')[2]}"


def _moment(at: datetime) -> str:
    return f"{at:%a} {at.day} {at:%b %Y, %H:%M} UTC"


def _name(person: Person) -> str:
    return display.show_identifier(str(person), limit=80).text
