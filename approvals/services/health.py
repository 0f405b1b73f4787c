"""Whether everything does what it should, in the words that pages, the command line and the doctor share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

from django.conf import settings
from django.db import connection

from approvals.domain.channels import when
from approvals.models import Passkey, Person
from approvals.ports import Grouping
from approvals.queries import channels as reads
from approvals.queries import reach
from approvals.queries.channels import Health
from approvals.queries.endpoints import Endpoint
from approvals.queries.endpoints import endpoints as receivers
from approvals.services import adapters, audit, clock, deliveries, pulse, timers
from approvals.services.watch import LATE

SKEW = 2.0  # seconds that this machine and the database may be apart
SLOW = 0.5


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the service itself. `is_well` None: it cannot be told yet."""

    name: str
    title: str
    state: str
    words: str
    is_well: bool | None = True
    fix: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "state": self.state,
            "words": self.words,
            "well": self.is_well,
            "fix": self.fix or None,
        }


def channels(*, at: datetime) -> list[Health]:
    """Every known channel, those in use first."""
    used = adapters.enabled()
    resting = [name for name, adapter in used.items() if isinstance(adapter, Grouping)]
    return reads.health(enabled=used, resting=resting, now=at)


def endpoints() -> list[Endpoint]:
    """Every receiver of webhooks that was written to lately."""
    found = [each for each in adapters.enabled().values() if isinstance(each, Grouping)]
    return [end for each in found for end in receivers(each.endpoint, adapter=each.name)]


def parts(*, at: datetime) -> list[Part]:
    """What every channel stands on: database, clock, workers, promises, sign-in."""
    return [_database(), _clock(), worker(at=at), *promises(at=at), _sign_in(at)]


def worker(*, at: datetime) -> Part:
    """Whether a process lives that sends messages and fires timers."""
    alive, heard = pulse.alive(at=at)
    name, title = "worker", "Queue worker"
    fix = "Start one: countersign up on one machine, or the worker process beside the web."
    if alive:
        words = f"{alive} process{'es' if alive > 1 else ''}, last heard {when(heard or at, at)}."
        return Part(name, title, "Working", words)
    if heard is None:
        return Part(name, title, "No data yet", "No worker was heard in three days.", None, fix)
    words = f"Last heard {when(heard, at)}. Nothing is sent and no deadline is kept meanwhile."
    return Part(name, title, f"Silent since {when(heard, at)}", words, False, fix)


def promises(*, at: datetime) -> list[Part]:
    """How late the oldest due timer and delivery are."""
    fix = "Start the service or its workers; none keeps up."
    return [
        _promise("timers", "Timers", timers.oldest_due(at=at), fix),
        _promise("deliveries", "Deliveries", deliveries.oldest_due(at=at), fix),
    ]


def told(health: Health, *, at: datetime) -> dict[str, Any]:
    """One channel as programs read it. Moments are null where nothing is known, counts 0 where it is 0."""
    failure = health.last_failure
    return {
        "channel": health.name,
        "title": health.title,
        "stands": health.stands.value,
        "state": health.state(at),
        "since": _stamp(health.since),
        "last_success": _stamp(health.last_success),
        "last_failure": None
        if failure is None
        else {
            "at": _stamp(failure.at),
            "to": failure.to,
            "why": failure.why,
            "fix": failure.fix,
            "mended": failure.mended,
        },
        "amiss": [
            {"since": _stamp(each.since), "words": each.words, "fix": each.fix}
            for each in health.amiss
        ],
        "p95_seconds": None if health.p95 is None else round(health.p95, 3),
        "delivered_24h": health.arrived,
        "waiting": health.waiting,
        "dead": health.dead,
        "last_click": _stamp(health.last_click),
        "people_not_linked": health.unlinked,
    }


def _stamp(at: datetime | None) -> str | None:
    return audit.stamp(at) if at else None


def _promise(name: str, title: str, age: float, fix: str) -> Part:
    if age > LATE:
        return Part(name, title, "Late", f"The oldest due is {age:.0f} s late.", False, fix)
    words = "None is late." if age == 0 else f"The oldest due is {age:.1f} s late."
    return Part(name, title, "Working", words)


def _database() -> Part:
    began = perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    took = perf_counter() - began
    words = f"{connection.display_name} answers in {max(took * 1000, 0.1):.1f} ms."
    if took > SLOW:
        fix = "Look at the load of the database and at the way to it."
        return Part("database", "Database", "Slow", words, False, fix)
    return Part("database", "Database", "Working", words)


def _clock() -> Part:
    before = datetime.now(UTC)
    theirs = clock.now()
    after = datetime.now(UTC)
    apart = max((before - theirs).total_seconds(), (theirs - after).total_seconds(), 0.0)
    words = f"This machine and the database are {apart:.1f} s apart."
    if apart > SKEW:
        fix = "Let both machines keep time by the same server (NTP)."
        return Part("clock", "Clock", "Off", words, False, fix)
    return Part("clock", "Clock", "Working", words)


def _sign_in(at: datetime) -> Part:
    people = Person.objects.filter(is_active=True).count()
    keys = Passkey.objects.filter(person__is_active=True).values("person").distinct().count()
    last = reach.last_sign_in()
    seen = f"last sign-in {when(last, at)}" if last else "nobody signed in yet"
    words = f"{people} people, {keys} with a passkey; {seen}."
    if not settings.SECURE and "127.0.0.1" not in settings.PUBLIC_URL:
        fix = "Put it behind https and set PUBLIC_URL to that address."
        return Part("sign_in", "Sign-in", "Not encrypted", words, False, fix)
    return Part(
        "sign_in", "Sign-in", "Working" if last else "No data yet", words, True if last else None
    )
