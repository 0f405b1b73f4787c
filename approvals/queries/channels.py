"""How each channel does, told from its deliveries and clicks: always the same few, bounded statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import Count

from approvals.domain import channels
from approvals.domain.channels import CHANNELS, Channel, seconds, when
from approvals.models import ChannelFinding, Decision, Identity, Person, Replay
from approvals.queries import channel_rows
from approvals.queries.channel_rows import MOST, Failure, Seen

WINDOW = timedelta(hours=24)
CLICKS = 2_000  # decisions looked through for the newest of each channel
ENOUGH_TO_REST = 5
UNSPOKEN = frozenset({"console"})  # nobody looks for it where it is off
SHOWN = 5  # failures of a channel, each of another address or for another reason


class Stands(StrEnum):
    """How a channel stands, from best to worst to read."""

    WORKING = "working"
    NO_DATA = "no_data"
    RESTING = "resting"
    FAILING = "failing"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Amiss:
    """What a look found that must be mended, whether or not anything failed yet."""

    words: str
    fix: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Health:
    """One channel now. `p95` in seconds over `arrived` deliveries of the last 24 hours, None without any.

    `failing` are a day's failures at addresses nothing reached since, `more_fails` those left out of them;
    others may work.
    `amiss` is what the last look at the vendor found, before or besides what fails.
    `since` is when it began to fail, or until when it rests, or when it last did anything. `dead` and
    `waiting` are counts; `last_click` the newest decision made there; `unlinked` how many people it does
    not know, None where it needs no account.
    """

    name: str
    title: str
    stands: Stands
    since: datetime | None = None
    last_success: datetime | None = None
    last_failure: Failure | None = None
    failing: tuple[Failure, ...] = ()
    more_fails: int = 0
    amiss: tuple[Amiss, ...] = ()
    p95: float | None = None
    arrived: int = 0
    waiting: int = 0
    dead: int = 0
    last_click: datetime | None = None
    last_look: datetime | None = None
    unlinked: int | None = None

    def state(self, now: datetime) -> str:
        """The word people read."""
        told = when(self.since, now) if self.since else ""
        return {
            Stands.WORKING: "Working",
            Stands.NO_DATA: f"No data since {told}" if told else "No data yet",
            Stands.RESTING: f"Resting until {told}",
            Stands.FAILING: f"Failing since {told}",
            Stands.OFF: "Not set up",
        }[self.stands]

    @property
    def delay(self) -> str:
        """The slowest twentieth, in words."""
        if self.p95 is None:
            return "No deliveries in 24 h"
        return f"{seconds(self.p95)} at p95 · {self.arrived:,} sent"


def health(*, enabled: Collection[str], resting: Collection[str], now: datetime) -> list[Health]:
    """Every known channel, those that are set up first.

    `enabled` are the adapters in use, `resting` those that let endpoints rest. Eight statements.
    """
    told = channel_rows.seen(now=now)
    clicks = _clicks()
    looks = dict(
        Replay.objects.filter(provider="look", key__startswith="well:").values_list(
            "key", "seen_at"
        )
    )
    unlinked = _unlinked()
    amiss = _amiss()
    found = [
        _one(
            channel,
            told.get(channel.name, Seen()),
            is_on=channel.name in enabled,
            may_rest=channel.name in resting,
            last_click=clicks.get(channel.name),
            last_look=looks.get(f"well:{channel.name}"),
            unlinked=unlinked.get(channel.identity),
            amiss=tuple(amiss.get(channel.name, ())),
            now=now,
        )
        for channel in dict.fromkeys(map(channels.known, (*CHANNELS, *enabled)))
        if channel.name not in UNSPOKEN or channel.name in enabled
    ]
    return sorted(found, key=lambda each: each.stands is Stands.OFF)


def _one(
    channel: Channel,
    seen: Seen,
    *,
    is_on: bool,
    may_rest: bool,
    last_click: datetime | None,
    last_look: datetime | None,
    unlinked: int | None,
    amiss: tuple[Amiss, ...],
    now: datetime,
) -> Health:
    last_success = max((finished for _, finished in seen.sent), default=None)
    unmended = [
        (began, failure)
        for began, _, failure in seen.failing
        if last_success is None or failure.at > last_success
    ]
    stands, since = _stands(seen, unmended, last_success, is_on=is_on, may_rest=may_rest, now=now)
    lately = _lately(seen, now=now)
    failing = _different(seen, last_success, now=now)
    return Health(
        name=channel.name,
        title=channel.title,
        stands=stands,
        since=since,
        last_success=last_success,
        last_failure=_last_failure(seen, last_success),
        failing=failing[:SHOWN],
        more_fails=max(0, len(failing) - SHOWN),
        amiss=amiss if is_on else (),
        p95=_p95(lately),
        arrived=len(lately),
        waiting=seen.waiting,
        dead=seen.dead,
        last_click=last_click,
        last_look=last_look,
        unlinked=unlinked if is_on else None,
    )


def _lately(seen: Seen, *, now: datetime) -> list[float]:
    """How many seconds each delivery of the last 24 hours took."""
    done = ((created, finished) for created, finished in seen.sent if finished > now - WINDOW)
    return [(finished - created).total_seconds() for created, finished in done]


def _stands(
    seen: Seen,
    unmended: Sequence[tuple[datetime, Failure]],
    last_success: datetime | None,
    *,
    is_on: bool,
    may_rest: bool,
    now: datetime,
) -> tuple[Stands, datetime | None]:
    if not is_on:
        return Stands.OFF, None
    if unmended:
        again = min(seen.due_again, default=None)
        if may_rest and again and again > now and len(seen.due_again) >= ENOUGH_TO_REST:
            return Stands.RESTING, again
        return Stands.FAILING, min(began for began, _ in unmended)
    if (until := min(seen.put_off, default=None)) and until > now:
        return Stands.RESTING, until
    if last_success is None or last_success <= now - WINDOW:
        return Stands.NO_DATA, last_success
    return Stands.WORKING, None


def _last_failure(seen: Seen, last_success: datetime | None) -> Failure | None:
    known = [failure for _, _, failure in seen.failing] + seen.mended
    if not known:
        return None
    last = max(known, key=lambda failure: failure.at)
    is_mended = last.mended or (last_success is not None and last_success >= last.at)
    return Failure(last.at, last.to, last.why, last.fix, is_mended)


def _different(seen: Seen, last_success: datetime | None, *, now: datetime) -> tuple[Failure, ...]:
    """The newest failure of each address and reason where nothing arrived since: a day's, but all of
    them while nothing arrives anywhere."""
    lasting = [
        failure
        for _, address, failure in seen.failing
        if (last_success is None or failure.at > min(last_success, now - WINDOW))
        and (address not in seen.reached or failure.at > seen.reached[address])
    ]
    newest = sorted(lasting, key=lambda failure: failure.at, reverse=True)
    found: dict[tuple[str, str], Failure] = {}
    for failure in newest:
        found.setdefault((failure.to, failure.why), failure)
    return tuple(found.values())


def _p95(values: Sequence[float]) -> float | None:
    """By nearest rank."""
    return sorted(values)[-(-95 * len(values) // 100) - 1] if values else None


def _clicks() -> dict[str, datetime]:
    """When the newest decision came from each channel, among the newest of all."""
    found: dict[str, datetime] = {}
    for channel, at in Decision.objects.order_by("-pk").values_list("channel", "at")[:CLICKS]:
        found.setdefault(channel, at)
    return found


def _amiss() -> dict[str, list[Amiss]]:
    """What looks at the vendors found, oldest first; few, and bounded all the same."""
    found: dict[str, list[Amiss]] = defaultdict(list)
    rows = ChannelFinding.objects.order_by("found_at", "pk")[:MOST]
    for row in rows:
        found[row.adapter].append(Amiss(row.words, row.fix, row.found_at))
    return found


def _unlinked() -> dict[str, int]:
    """How many active people have no account of each kind; two statements for all kinds."""
    people = Person.objects.filter(is_active=True).count()
    rows = Identity.objects.filter(person__is_active=True).order_by().values_list("kind")
    linked = dict(rows.annotate(Count("person", distinct=True)))
    kinds = {channel.identity for channel in CHANNELS.values() if channel.identity}
    return {kind: people - linked.get(kind, 0) for kind in kinds}
