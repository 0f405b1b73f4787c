"""Replay past requests against policy files that are not in force, and write nothing.

Each request is judged twice, by the policy in force now and by the draft, under the same circumstances:
the moment it was asked, the agent's stages as they were then, and the history of that moment unknown.
Counts that depend on other requests (rates, cooldowns, breakers, standing grants, budgets of attention and
late denials) are not replayed: both sides are judged as if nothing had been counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db import connection, transaction

from approvals.domain.policy.checks import Check
from approvals.domain.policy.circumstances import Circumstances
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.evaluate import Evaluation, evaluate
from approvals.domain.policy.subject import subject_of
from approvals.domain.terms import Approval, Stage
from approvals.models import AgentStage, ApprovalRequest
from approvals.models.stages import stage_at
from approvals.services import audit

BATCH = 200
KEPT = 200  # examples of each kind; all are counted
EVERY = 500
NOT_REPLAYED = (
    "rates and cooldowns",
    "circuit breakers",
    "standing grants",
    "budgets of attention and late denials",
    "`history` in conditions",
)
Progress = Callable[[int], None]


class Effect(StrEnum):
    """What a draft would do to one past request; the most dangerous first."""

    STOPS_ASKING = "stops_asking"
    ASKS_INSTEAD = "asks_instead_of_refusing"
    NEWLY_ASKS = "newly_asks"
    NEWLY_REFUSES = "newly_refuses"
    ASKS_OTHERS = "asks_others"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Change:
    """One request that the draft would treat otherwise, and the sentence that makes the difference."""

    ref: str
    agent: str
    action: str
    target: str
    asked_at: datetime
    effect: Effect
    before: Approval
    after: Approval
    because: str

    def to_json(self) -> dict[str, Any]:
        return {
            "request": self.ref,
            "agent": self.agent,
            "action": self.action,
            "target": self.target,
            "asked_at": audit.stamp(self.asked_at),
            "effect": self.effect.value,
            "before": self.before.value,
            "after": self.after.value,
            "because": self.because,
        }


@dataclass(slots=True)
class Replay:
    """What came of it. `changes` holds the newest of each kind, at most `KEPT`; `counts` all."""

    days: int
    requests: int = 0
    cut_off: bool = False
    counts: dict[Effect, int] = field(default_factory=lambda: dict.fromkeys(Effect, 0))
    changes: dict[Effect, list[Change]] = field(
        default_factory=lambda: {effect: [] for effect in Effect if effect is not Effect.SAME}
    )

    @property
    def sentence(self) -> str:
        """The result in one sentence."""
        told = [f"{self.counts[Effect.SAME]} same"]
        told += [
            f"{self.counts[effect]} would {words}"
            for effect, words in _WORDS.items()
            if self.counts[effect] or effect in _ALWAYS
        ]
        days = "day" if self.days == 1 else f"{self.days} days"
        many = "request" if self.requests == 1 else "requests"
        return f"Last {days}, {self.requests} {many}: {', '.join(told)}."

    def to_json(self) -> dict[str, Any]:
        return {
            "days": self.days,
            "requests": self.requests,
            "cut_off": self.cut_off,
            "sentence": self.sentence,
            "counts": {effect.value: number for effect, number in self.counts.items()},
            "not_replayed": list(NOT_REPLAYED),
            "changes": [each.to_json() for listed in self.changes.values() for each in listed],
        }


_ALWAYS = (Effect.NEWLY_ASKS, Effect.STOPS_ASKING)
_WORDS = {
    Effect.NEWLY_ASKS: "now ask",
    Effect.NEWLY_REFUSES: "now be refused",
    Effect.ASKS_OTHERS: "ask other people",
    Effect.ASKS_INSTEAD: "ask instead of being refused",
    Effect.STOPS_ASKING: "stop asking",
}


def simulate(
    *,
    before: PolicySet,
    after: PolicySet,
    days: int,
    at: datetime,
    most: int | None = None,
    progress: Progress = lambda _: None,
) -> Replay:
    """Judge the requests of the last `days` by both, the newest first; at most `most` of them.

    Memory does not grow with their number. The database refuses to be written to meanwhile, where it can.
    """
    found = Replay(days)
    with transaction.atomic():
        _only_read()
        stages = _Stages()
        for row in _asked_since(at - timedelta(days=days)):
            if found.requests == most:
                found.cut_off = True
                break
            _count(found, row, stages, before, after)
            if found.requests % EVERY == 0:
                progress(found.requests)
    return found


def _only_read() -> None:
    """PostgreSQL holds us to it when we are the whole transaction."""
    if connection.vendor == "postgresql" and len(connection.savepoint_ids) == 0:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def _asked_since(since: datetime) -> Iterator[ApprovalRequest]:
    """What agents asked, page by page below the last one; the service's own requests are not theirs."""
    rows = ApprovalRequest.objects.filter(created_at__gte=since, effect="")
    rows = rows.only("number", "agent__name", "submission", "created_at").select_related("agent")
    last: int | None = None
    while batch := list(
        (rows if last is None else rows.filter(number__lt=last)).order_by("-number")[:BATCH]
    ):
        yield from batch
        last = batch[-1].number


class _Stages:
    """Every stage there ever was, to ask which an agent had at a moment; there are few."""

    def __init__(self) -> None:
        self._by_agent: dict[Any, list[AgentStage]] = {}
        for row in AgentStage.objects.order_by("since"):
            self._by_agent.setdefault(row.agent_id, []).append(row)

    def of(self, agent: Any, at: datetime) -> dict[str, Stage]:
        return {
            row.action_class: stage_at(row, at=at)
            for row in self._by_agent.get(agent, ())
            if row.since <= at and (row.until is None or at < row.until)
        }


def _count(
    found: Replay, row: ApprovalRequest, stages: _Stages, before: PolicySet, after: PolicySet
) -> None:
    subject = subject_of(row.agent.name, row.submission)
    known = Circumstances(now=row.created_at, stages=stages.of(row.agent_id, row.created_at))
    was, now = evaluate(before, subject, known), evaluate(after, subject, known)
    effect = _effect(was, now)
    found.requests += 1
    found.counts[effect] += 1
    if effect is Effect.SAME or len(found.changes[effect]) >= KEPT:
        return
    change = Change(
        ref=row.ref,
        agent=row.agent.name,
        action=subject.action,
        target=subject.target,
        asked_at=row.created_at,
        effect=effect,
        before=was.verdict,
        after=now.verdict,
        because=_because(was, now),
    )
    found.changes[effect].append(change)


def _effect(was: Evaluation, now: Evaluation) -> Effect:
    if was.verdict is now.verdict:
        return Effect.SAME if _people(was) == _people(now) else Effect.ASKS_OTHERS
    if now.verdict is Approval.AUTO:
        return Effect.STOPS_ASKING
    if now.verdict is Approval.FORBIDDEN:
        return Effect.NEWLY_REFUSES
    return Effect.NEWLY_ASKS if was.verdict is Approval.AUTO else Effect.ASKS_INSTEAD


def _people(judged: Evaluation) -> list[dict[str, int]]:
    stages = judged.plan.stages if judged.plan else ()
    return [{each.team: each.quorum for each in stage.requirements} for stage in stages]


def _because(was: Evaluation, now: Evaluation) -> str:
    """What the stricter side says: the reason that is gone, or the one that is new."""
    gone = now.verdict.rank < was.verdict.rank
    said = _strictest(was if gone else now)
    if said is None or was.verdict is now.verdict:
        return "Other people are asked."
    where = f" ({said.file}:{said.line}{' in force' if gone else ''})" if said.file else ""
    return f"{'No longer: ' if gone else ''}{said.words}{where}"


def _strictest(judged: Evaluation) -> Check | None:
    return next((each for each in judged.checks if each.leads_to is judged.verdict), None)
