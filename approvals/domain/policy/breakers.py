"""Circuit breakers: when an agent is stopped by what came of its earlier actions.

Pure: what was reported in, whether it trips out. An error rate trips when at least `minimum` outcomes
were reported in the window and the share of failures and roll-backs among them is at or above the
threshold. A rollback count trips at or above the threshold: outcomes reported as rolled back, or
rollback actions that succeeded, whichever are more, since one rollback is often told both ways. A cost
spike trips when the cost reported in the last day is at or above the threshold, in percent of the
average day of the seven days before; days without cost count as nothing, days before the agent's first
reported cost do not count, and without any day to compare with it could not be told and never trips.
What was reported before the breaker last closed no longer counts.

Opened, a breaker stays so for its rest. Then one request goes its usual way, on trial; all others are
treated as while it was open. The trial's success closes the breaker, any other outcome opens it anew. A
trial that will never run gives its place to another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import ceil
from typing import Any

from approvals.domain.policy import checks
from approvals.domain.policy.breaker_sections import BASELINE_DAYS, Breaker, read
from approvals.domain.policy.checks import Check, Layer
from approvals.domain.policy.circumstances import Circumstances, Tripped
from approvals.domain.policy.classes import SCALING, class_of, matches, reads_only
from approvals.domain.policy.subject import Subject
from approvals.domain.terms import BreakerAction, BreakerKind, OutcomeStatus, Phase

__all__ = [
    "Breaker", "Counted", "Spent", "Trip", "affects", "check", "cost", "days_known", "outcomes",
    "phase_of", "read", "tried",
]  # fmt: skip
DAY = timedelta(days=1)
ROLLBACKS = ("rollback", "rollback_*", "*_rollback", "roll_back*", "revert_*")
NAMES = {
    BreakerKind.ERROR_RATE: "error rate",
    BreakerKind.ROLLBACK_COUNT: "rollback count",
    BreakerKind.COST_SPIKE: "cost spike",
}
EFFECTS = {
    BreakerAction.PAUSE_AND_ALERT: "the agent is paused",
    BreakerAction.REQUIRE_HUMAN_REVIEW: "a person is asked about everything",
    BreakerAction.FREEZE_SCALING: "scaling is frozen",
}


@dataclass(frozen=True, slots=True)
class Counted:
    """How many outcomes of one action and status were reported since a moment."""

    action: str
    status: OutcomeStatus
    number: int


@dataclass(frozen=True, slots=True)
class Spent:
    """Cost reported: in the last day, and in the `days` before it that can be compared (0 to 7)."""

    last_day: float
    before: float
    days: int


@dataclass(frozen=True, slots=True)
class Trip:
    """Why a breaker opens: one sentence, and the figures behind it as JSON."""

    words: str
    values: dict[str, Any]


def outcomes(breaker: Breaker, counted: Sequence[Counted]) -> Trip | None:
    """Whether what was reported within its window trips an error rate or a rollback count."""
    if breaker.kind is BreakerKind.ERROR_RATE:
        return _error_rate(breaker, counted)
    return _rollbacks(breaker, counted)


def cost(breaker: Breaker, spent: Spent) -> Trip | None:
    """Whether the last day cost too much; None also when there is nothing to compare it with."""
    if spent.days < 1 or spent.before <= 0:
        return None
    average = Fraction(spent.before) / spent.days
    if Fraction(spent.last_day) < average * breaker.threshold:
        return None
    percent = float(Fraction(spent.last_day) / average * 100)
    words = (
        f"Cost spike: {spent.last_day:g} in the last day is {percent:.0f} % of the average day "
        f"of the {spent.days} before ({float(average):g}); it trips at {_percent(breaker)}."
    )
    return Trip(words, {
        "cost": spent.last_day, "average": float(average), "days": spent.days,
        "percent": percent, "threshold_percent": float(breaker.threshold * 100),
    })  # fmt: skip


def days_known(first: datetime | None, *, at: datetime) -> int:
    """How many days before the last one can be compared: from the first cost on, at most seven."""
    if first is None or first >= at - DAY:
        return 0
    return min(BASELINE_DAYS, ceil((at - DAY - first) / DAY))


def phase_of(half_open_at: datetime, closed_at: datetime | None, *, at: datetime) -> Phase:
    """Where a tripped breaker stands at a moment; nothing needs to happen for it to change."""
    if closed_at is not None:
        return Phase.CLOSED
    return Phase.HALF_OPEN if at >= half_open_at else Phase.OPEN


def affects(does: BreakerAction, action: str) -> bool:
    """Whether an open breaker that does this has anything to say about an action."""
    return does is not BreakerAction.FREEZE_SCALING or class_of(action) == SCALING


def tried(made: Sequence[Check]) -> set[tuple[str, str]]:
    """The breakers, by policy and kind, whose one trial the checked request is."""
    return {
        (str(each.values["policy"]), str(each.values["kind"]))
        for each in made
        if each.name is Layer.BREAKER and each.values.get("on_trial")
    }


def check(found: Sequence[Breaker], subject: Subject, now: Circumstances) -> list[Check]:
    """The steps of this layer: what is open speaks, whatever else the policy says; then the closed."""
    return [*_open(found, subject, now), *_closed(found, now)]


def _error_rate(breaker: Breaker, counted: Sequence[Counted]) -> Trip | None:
    total = sum(each.number for each in counted)
    bad = sum(each.number for each in counted if each.status is not OutcomeStatus.SUCCESS)
    if total < breaker.minimum or bad < total * breaker.threshold:
        return None
    span = _span(breaker.window)
    words = (
        f"Error rate: {bad} of {total} outcomes reported within {span} were failures or "
        f"roll-backs ({bad * 100 / total:.0f} %); it trips at {_percent(breaker)}."
    )
    return Trip(words, {
        "failures": bad, "outcomes": total, "percent": bad * 100 / total,
        "threshold_percent": float(breaker.threshold * 100), "window_s": _seconds(breaker),
    })  # fmt: skip


def _rollbacks(breaker: Breaker, counted: Sequence[Counted]) -> Trip | None:
    back = sum(each.number for each in counted if each.status is OutcomeStatus.ROLLED_BACK)
    done = sum(
        each.number
        for each in counted
        if each.status is OutcomeStatus.SUCCESS and matches(each.action, ROLLBACKS)
    )
    number = max(back, done)
    if number < breaker.threshold:
        return None
    words = (
        f"Rollback count: {number} rollbacks were reported within {_span(breaker.window)}; "
        f"it trips at {breaker.threshold}."
    )
    return Trip(words, {
        "rollbacks": number, "rolled_back": back, "rollback_actions": done,
        "threshold": int(breaker.threshold), "window_s": _seconds(breaker),
    })  # fmt: skip


def _open(found: Sequence[Breaker], subject: Subject, now: Circumstances) -> Iterator[Check]:
    places = {(each.policy, each.kind): each for each in reversed(found)}
    for trip in sorted(now.tripped, key=lambda each: (each.policy, each.kind.value)):
        if trip.phase is not Phase.CLOSED:
            yield _tripped(trip, places.get((trip.policy, trip.kind)), subject)


def _tripped(trip: Tripped, breaker: Breaker | None, subject: Subject) -> Check:
    name = NAMES[trip.kind]
    where: dict[str, Any] = {
        "rule": f"{trip.policy}.breakers.{trip.kind.value}",
        "place": breaker.place if breaker else None,
        "policy": trip.policy,
        "kind": trip.kind.value,
        "phase": trip.phase.value,
        "since": _stamp(trip.since),
        "half_open_at": _stamp(trip.half_open_at) if trip.half_open_at else None,
        "trial": trip.trial or None,
    }
    since = f"The circuit breaker {name} is {trip.phase.value.replace('_', '-')}"
    if not affects(trip.does, subject.action):
        words = f"{since}: {EFFECTS[trip.does]}, and {subject.action} does not scale."
        return checks.passed(Layer.BREAKER, words, **where)
    # A success that changed nothing says nothing about what went wrong.
    if trip.phase is Phase.HALF_OPEN and not trip.trial and not reads_only(subject.action):
        words = f"{since}: this request goes its usual way, on trial."
        return checks.passed(Layer.BREAKER, words, on_trial=True, **where)
    words = f"{since}: {EFFECTS[trip.does]} since {_clock(trip.since)}. {trip.words} {_next(trip)}"
    if trip.does is BreakerAction.REQUIRE_HUMAN_REVIEW:
        return checks.asks(Layer.BREAKER, words, **where)
    return checks.refuses(Layer.BREAKER, words, reason="breaker_open", **where)


def _closed(found: Sequence[Breaker], now: Circumstances) -> Iterator[Check]:
    standing = {(each.policy, each.kind) for each in now.tripped if each.phase is not Phase.CLOSED}
    for breaker in found:
        if (breaker.policy, breaker.kind) not in standing:
            yield checks.passed(
                Layer.BREAKER, f"The circuit breaker {NAMES[breaker.kind]} is closed.",
                rule=f"{breaker.policy}.breakers.{breaker.kind.value}", place=breaker.place,
                kind=breaker.kind.value, phase=Phase.CLOSED.value,
            )  # fmt: skip


def _next(trip: Tripped) -> str:
    if trip.phase is Phase.HALF_OPEN:
        return f"{trip.trial} is on trial: when it succeeds, the breaker closes."
    if trip.half_open_at is None:
        return "A manager can close it."
    return f"One request may be tried from {_clock(trip.half_open_at)} on; a manager can close it."


def _percent(breaker: Breaker) -> str:
    return f"{float(breaker.threshold * 100):g} %"


def _seconds(breaker: Breaker) -> int:
    return int(breaker.window.total_seconds())


def _span(window: timedelta) -> str:
    minutes = window.total_seconds() / 60
    return f"{minutes:g} min" if minutes % 60 else f"{minutes / 60:g} h"


def _clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%H:%M:%S} UTC on {at.astimezone(UTC).day} {at.astimezone(UTC):%b}"


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
