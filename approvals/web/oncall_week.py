"""A team's week as a grid: who is there on which day, and a row of the hours when nobody is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from approvals.domain.policy import duty
from approvals.domain.policy.teams import TeamDocument
from approvals.models import Absence, Person, ShiftOverride, Team

DAYS = 7
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Cell:
    """One person on one day: a word, and which of the kinds `there gone hand stands` it is."""

    words: str
    kind: str
    day: datetime


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    is_you: bool
    cells: tuple[Cell, ...]

    @property
    def is_plain(self) -> bool:
        return all(cell.kind == "there" for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Week:
    """One team. `gaps` has words for each day, empty where somebody is there all day."""

    name: str
    title: str
    lines: tuple[Line, ...]
    gaps: tuple[Cell, ...]
    hours: str
    may_set: bool
    people: tuple[Person, ...]

    @property
    def has_gaps(self) -> bool:
        return any(gap.words for gap in self.gaps)


def days(start: datetime) -> list[datetime]:
    """The first moments, in UTC, of the days the grid shows."""
    first = start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return [first + DAY * number for number in range(DAYS)]


def of(
    team: Team,
    document: TeamDocument | None,
    *,
    week: Sequence[datetime],
    away: Sequence[Absence],
    shifts: Iterable[ShiftOverride],
    you: Person,
    may_set: bool,
    at: datetime,
) -> Week:
    """The grid of one team. Absences and shifts may be those of everybody."""
    people = tuple(team.people.all())
    members = {person.pk for person in people}
    away = [row for row in away if row.person_id in members]
    mine = [shift for shift in shifts if shift.team_id == team.pk]
    lines = tuple(
        Line(
            str(person),
            person.pk == you.pk,
            tuple(_cell(person, day, away, mine) for day in week),
        )
        for person in people
    )
    duties = document.on_duty if document else ()
    zone, free = duty.gaps(duties, at=at) if duties else (duty.UTC, ())
    gaps = tuple(Cell(_gap(day, people, away, free), "gap", day) for day in week)
    hours = f"Hours are {zone}." if free else ""
    return Week(team.name, team.title, lines, gaps, hours, may_set, people)


def sleeps(documents: Iterable[TeamDocument], at: datetime) -> list[str]:
    """Teams whose hours end today: what is asked later waits for nobody until they return."""
    found = []
    for document in documents:
        if not document.on_duty:
            continue
        zone, free = duty.gaps(document.on_duty, at=at)
        if today := _outside(at, free):
            start = max(today)[0]
            found.append(
                f"{document.title}: no one on call at night. Requests after "
                f"{start // 60:02}:{start % 60:02} {zone} will time out."
            )
    return found


def _cell(
    person: Person, day: datetime, away: Sequence[Absence], shifts: Sequence[ShiftOverride]
) -> Cell:
    gone = [row for row in away if row.person_id == person.pk and _touches(row, day)]
    if gone:
        return Cell(_when("Away", gone[0].starts_at, gone[0].ends_at, day), "gone", day)
    hand = [row for row in shifts if row.person_id == person.pk and _touches(row, day)]
    if hand:
        return Cell(_when("On call", hand[0].starts_at, hand[0].ends_at, day), "hand", day)
    lent = [row for row in away if row.stand_in_id == person.pk and _touches(row, day)]
    if lent:
        return Cell(f"For {lent[0].person}", "stands", day)
    return Cell("There", "there", day)


def _gap(
    day: datetime, people: Sequence[Person], away: Sequence[Absence], free: Sequence[duty.Gap]
) -> str:
    """Hours outside the team's duty, and stretches in which every member is away."""
    if not people:
        return "Nobody in the team"
    words = [_hours(start, end) for start, end in sorted(_outside(day, free))]
    if _everybody_away(day, people, away):
        words.append("Everybody away")
    return ", ".join(words)


def _outside(day: datetime, free: Sequence[duty.Gap]) -> list[tuple[int, int]]:
    """The part of each weekly gap that falls on this day, in minutes after midnight."""
    first = day.weekday() * duty.DAY
    found = []
    for gap in free:
        for start in (gap.start, gap.start - duty.WEEK):
            begins, ends = max(start, first), min(start + gap.length, first + duty.DAY)
            if begins < ends:
                found.append((begins - first, ends - first))
    return found


def _everybody_away(day: datetime, people: Sequence[Person], away: Sequence[Absence]) -> bool:
    """Whether there is a moment on this day at which nobody of the team is there."""
    members = {person.pk for person in people}
    mine = [row for row in away if row.person_id in members and _touches(row, day)]
    moments = [day, *(row.starts_at for row in mine if row.starts_at > day)]
    return any(
        members <= {row.person_id for row in mine if row.starts_at <= moment < row.ends_at}
        for moment in moments
    )


def _touches(row: Absence | ShiftOverride, day: datetime) -> bool:
    return row.starts_at < day + DAY and row.ends_at > day


def _when(word: str, starts: datetime, ends: datetime, day: datetime) -> str:
    """`Away`, `Away from 14:00`, or `Away until 09:00`, as this day has it."""
    begins = f" from {starts:%H:%M}" if starts > day else ""
    ended = f" until {ends:%H:%M}" if ends < day + DAY else ""
    return f"{word}{begins}{ended}"


def _hours(start: int, end: int) -> str:
    if (start, end) == (0, duty.DAY):
        return "All day"
    return f"{start // 60:02}:{start % 60:02}–{end // 60:02}:{end % 60:02}"
