"""What each team lead is owed: once a day a list of what expired undecided that their teams were asked about.

Where somebody's last list ended is remembered beside the replays, for each way lists are sent by; the next
begins there, so that nothing is told twice or left out, whatever zone or hour is set meanwhile.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.conf import settings

from approvals.domain import cards_words
from approvals.domain.policy import on_call, superiors
from approvals.domain.showing import HEADLINE
from approvals.domain.state import clock
from approvals.models import ApprovalRequest, Person, Replay
from approvals.models.workspaces import Shows
from approvals.ports import BEHIND
from approvals.queries import expired, leads
from approvals.services import quiet, replays, showing

MOST_LISTED = 20
MOST_AT_ONCE = 50  # lists of one look; the others follow with the next
DAY = timedelta(days=1)
# What closes a request bears a moment from before it was written: by then all of it is.
SETTLED = timedelta(minutes=2)
# Who moves to another zone has no second list that day. The shortest day has 23 hours.
APART = timedelta(hours=12)
NEWCOMERS_WITHIN = timedelta(minutes=15)
Addresses = Callable[[Mapping[int, Person]], Mapping[int, str]]


@dataclass(frozen=True, slots=True)
class Owed:
    """One list for one person: what expired from `since` to before `until`, the newest first.

    `to` is where the way said that they are reached. `url` opens exactly these in history, but where
    `names_teams` is false: then it opens what expired undecided before anybody.
    """

    way: str
    person: Person
    to: str
    since: datetime
    until: datetime
    requests: tuple[expired.Expired, ...]
    is_cut: bool
    url: str
    names_teams: bool

    @property
    def key(self) -> str:
        """The same at every attempt, whatever is set meanwhile."""
        return key_of(self.person.pk, self.since)

    @property
    def count(self) -> str:
        of = len(self.requests)
        return f"{of:,}{' or more' if self.is_cut else ''} request{'' if of == 1 else 's'}"

    @property
    def span(self) -> str:
        return f"from {clock(self.since)} to {clock(self.until)}"

    @property
    def left_out(self) -> int:
        """How many have no line of their own."""
        return max(0, len(self.requests) - MOST_LISTED)


@dataclass(frozen=True, slots=True)
class Line:
    """One request as a list names it."""

    ref: str
    url: str
    words: str


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be told now, and when there is more once that is told."""

    lists: tuple[Owed, ...]
    is_all: bool
    then: datetime


def key_of(person: int, since: datetime) -> str:
    """Of the list that begins there for this person."""
    return f"{person}:{since.astimezone(UTC):%Y%m%dT%H%M%S}"


def due(way: str, addresses: Addresses, *, at: datetime) -> Due:
    """What each lead who can be reached is owed by now. A constant count of statements, however many they
    are, but for spans too full to be read with the others; to whom nothing expired, nothing is owed
    until their next list."""
    led = leads.teams_by_lead()
    people = {one.pk: one for one in Person.objects.filter(pk__in=led, is_active=True)}
    reached = addresses(people)
    zones = _zones(reached)
    marks = _marks(way, zones, at=at)
    ends = _ends(way, marks, zones)
    then = min((end + SETTLED for end in ends.values() if end + SETTLED > at), default=at + DAY)
    spans = {pk: (marks[pk], end) for pk, end in ends.items() if end + SETTLED <= at}
    found = expired.Spans(spans.values()) if spans else None
    lists: list[Owed] = []
    nothing: dict[tuple[datetime, datetime], list[int]] = defaultdict(list)
    for pk, (since, until) in sorted(spans.items(), key=lambda span: (span[1][1], span[0])):
        ours = found.before(led[pk], (since, until)) if found else ()
        if not ours:
            nothing[since, until].append(pk)
            continue
        url, names_teams = _address(since, until, {t for one in ours for t in one.teams & led[pk]})
        is_cut = len(ours) >= expired.MOST_READ
        lists.append(
            Owed(way, people[pk], reached[pk], since, until, ours, is_cut, url, names_teams)
        )
    for (since, until), numbers in nothing.items():
        _move(way, numbers, since, until)
    # Whoever had nothing may be owed the next list already, after days in which nobody looked.
    is_all = not nothing and len(lists) <= MOST_AT_ONCE
    return Due(_some(lists, at=at), is_all, min(then, at + NEWCOMERS_WITHIN))


def _some(lists: list[Owed], *, at: datetime) -> tuple[Owed, ...]:
    """As many as one look sends. Each look begins further on, so that many who cannot be written to keep
    nobody else waiting."""
    if len(lists) <= MOST_AT_ONCE:
        return tuple(lists)
    start = int(at.timestamp()) // 60 * MOST_AT_ONCE % len(lists)
    return tuple([*lists[start:], *lists[:start]][:MOST_AT_ONCE])


def kept(one: Owed) -> None:
    """It was taken, or will never be: their next list begins where this ended."""
    _move(one.way, [one.person.pk], one.since, one.until)


def lines(one: Owed, *, address: str) -> list[Line]:
    """The first of them in words, as this address may see them; three statements.

    A line tells no more than the request did at any address of its teams, or where it was told: whoever
    reads a limited one is not told by the list what was kept from them there.
    """
    listed = one.requests[:MOST_LISTED]
    numbers = [each.number for each in listed]
    rows, told = expired.drawn(numbers), expired.told_at(one.way, numbers)
    places = {each.number: {address, *_of(each.teams, told[each.number])} for each in listed}
    shows = showing.strictest_of_each(adapter=one.way, places=places)
    return [
        _line(rows[each.number], each.at, hides=shows[each.number] is Shows.NOTHING)
        for each in listed
    ]


def provider(way: str) -> str:
    """Where the replays keep what was told this way."""
    return f"{replays.LISTS}{way}"


def _of(teams: frozenset[str], told: set[str]) -> set[str]:
    """The addresses of these teams and their seats, and where it was told, also to one behind them."""
    seats = {seat(name) for name in teams for seat in (on_call.seat, superiors.seat)}
    return {*teams, *seats, *told, *(address.partition(BEHIND)[0] for address in told)}


def _line(row: ApprovalRequest, at: datetime, *, hides: bool) -> Line:
    asked = (
        HEADLINE if hides else cards_words.headline({"action": row.action, "target": row.target})
    )
    words = f"{asked} · {row.risk} risk · expired at {clock(at)}"
    return Line(row.ref, f"{settings.PUBLIC_URL}/r/{row.ref}", words)


def _marks(way: str, zones: Mapping[int, tzinfo], *, at: datetime) -> dict[int, datetime]:
    """Where the last list of each ended. Who is new begins where the list before would have ended."""
    keys = [str(pk) for pk in zones]
    rows = Replay.objects.filter(provider=provider(way), key__in=keys)
    marks = {int(key): seen for key, seen in rows.values_list("key", "seen_at")}
    new = {pk: _last(at - SETTLED, zone) for pk, zone in zones.items() if pk not in marks}
    Replay.objects.bulk_create(
        [Replay(provider=provider(way), key=str(pk), seen_at=end) for pk, end in new.items()],
        ignore_conflicts=True,
    )
    # Who leads nobody for days, or is not reached, begins anew when they are back.
    others = Replay.objects.filter(provider=provider(way), seen_at__lt=at - replays.KEPT)
    others.exclude(key__in=keys).exclude(key__contains=":").delete()
    return marks | new


def _ends(
    way: str, marks: Mapping[int, datetime], zones: Mapping[int, tzinfo]
) -> dict[int, datetime]:
    """Where each list ends: where an attempt at it said, whatever is set meanwhile, else at the hour."""
    keys = {pk: _pin(key_of(pk, since)) for pk, since in marks.items()}
    rows = Replay.objects.filter(provider=provider(way), key__in=keys.values())
    pinned = dict(rows.values_list("key", "seen_at"))
    return {pk: pinned.get(keys[pk]) or _following(since, zones[pk]) for pk, since in marks.items()}


def pinned(one: Owed) -> bool:
    """Write down where this list ends, before anybody tries to send it: what a reader may have seen is
    the same at every attempt. False where somebody else wrote another end; the next look reads theirs."""
    key, way = _pin(one.key), provider(one.way)
    if replays.first_time(provider=way, key=key, at=one.until):
        return True
    return Replay.objects.filter(provider=way, key=key, seen_at=one.until).exists()


def _pin(key: str) -> str:
    return f"until:{key}"


def _move(way: str, people: list[int], since: datetime, until: datetime) -> None:
    """In one statement, so that whoever is late moves nothing."""
    keys = [str(pk) for pk in people]
    Replay.objects.filter(provider=provider(way), key__in=keys, seen_at=since).update(seen_at=until)


def _zones(people: Mapping[int, str]) -> dict[int, tzinfo]:
    usual = ZoneInfo(settings.DIGEST_ZONE)
    own = quiet.zones(people)
    return {pk: own.get(pk, usual) for pk in people}


def _following(since: datetime, zone: tzinfo) -> datetime:
    """When the list that begins there ends."""
    day = since.astimezone(zone).date()
    return next(end for days in range(4) if (end := _on(day + days * DAY, zone)) >= since + APART)


def _last(at: datetime, zone: tzinfo) -> datetime:
    """The latest end of a list by now."""
    day = at.astimezone(zone).date()
    return next(end for days in range(3) if (end := _on(day - days * DAY, zone)) <= at)


def _on(day: date, zone: tzinfo) -> datetime:
    wanted = time.fromisoformat(settings.EXPIRED_LIST_AT)
    return datetime.combine(day, wanted, tzinfo=zone).astimezone(UTC)


def _address(since: datetime, until: datetime, teams: set[str]) -> tuple[str, bool]:
    text, names_teams = expired.search(since, until, teams)
    return f"{settings.PUBLIC_URL}/history?{urlencode({'q': text})}", names_teams
