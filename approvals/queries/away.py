"""Who is away now that somebody should know of: the people they manage, and those of their teams."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from approvals.models import Absence, Person, absences

MOST = 20


def managed(person: Person, at: datetime) -> tuple[list[Absence], bool]:
    """Of the people this person manages, who is away at this moment; and whether more are left out."""
    found = _told(Q(person__manager=person), person, at)
    return found[:MOST], len(found) > MOST


def near(person: Person, at: datetime) -> tuple[list[Absence], bool]:
    """Of those and of everybody in a team of this person's, who is away; and whether more are left out."""
    found = _told(Q(person__manager=person) | Q(person__teams__people=person), person, at)
    return found[:MOST], len(found) > MOST


def words(row: Absence) -> str:
    """Who is away until when, and who stands in; the year only where it is another."""
    form = "%a %-d %b, %H:%M" if row.ends_at.year == row.starts_at.year else "%-d %b %Y, %H:%M"
    stands_in = f"{row.stand_in} stands in" if row.stand_in else "nobody stands in"
    return f"{row.person} is away until {row.ends_at.strftime(form)} UTC; {stands_in}."


def _told(whom: Q, person: Person, at: datetime) -> list[Absence]:
    """One more than are told of, so that whoever tells of them knows whether that is all."""
    rows = absences.in_force(at).filter(whom, person__is_active=True).exclude(person=person)
    return list(rows.distinct().order_by("ends_at", "pk")[: MOST + 1])
