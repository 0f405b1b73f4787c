"""How far one agent is trusted: a ladder for each class of action, and the evidence for going up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from approvals.domain import search
from approvals.domain.autonomy import Evidence, one_down, rank
from approvals.domain.policy.autonomy import EVERY_CLASS
from approvals.domain.search import Term
from approvals.domain.stage_dates import THEN, kept, words
from approvals.domain.stage_words import MEANS
from approvals.domain.terms import Stage
from approvals.models import Agent, AgentStage, ApprovalRequest, StageStart
from approvals.services import autonomy, own, promotions, record
from approvals.services.stage_rows import bottom
from approvals.web import moments

NO_STAGE = "No stage is set, so the rules and the risk matrix decide alone."
MOST_CLASSES = 12
MOST_PAST = 10
MOST_DROPPED = 5


@dataclass(frozen=True, slots=True)
class Rung:
    """One stage of a ladder, drawn from the lowest."""

    name: str
    means: str
    is_here: bool
    is_reached: bool


@dataclass(frozen=True, slots=True)
class Coming:
    """A stage that people agreed to for later, or why it did not begin."""

    number: int
    action_class: str
    stage: str
    means: str
    starts_at: datetime
    ends_at: datetime | None
    then: str
    ref: str
    by: str
    dropped_at: datetime | None
    why_not: str


@dataclass(frozen=True, slots=True)
class Ladder:
    """One class of action: where it stands, and what could be asked or done about it."""

    key: str
    title: str
    rungs: tuple[Rung, ...]
    stage: str
    means: str
    since: datetime | None
    by: str
    reason: str
    ends_at: datetime | None
    then: str
    up: str
    down: str
    pauses: bool
    falls_to: str
    coming: tuple[Coming, ...]
    is_chosen: bool


def ladder(stage: Stage | None) -> tuple[Rung, ...]:
    """All stages; without one, none is reached."""
    here = -1 if stage is None else stage.rank
    return tuple(
        Rung(each.value, MEANS[each], each.rank == here, each.rank <= here) for each in Stage
    )


def of(agent: Agent, classes: Counter[str], *, wanted: str, at: datetime) -> dict[str, Any]:
    """Every class with a stage or a request, and the evidence of the one wanted."""
    history = autonomy.history(agent, at=at)
    starts, planned_cut = promotions.planned(agent)
    planned = [_coming(start) for start in starts]
    dropped = [each for each in planned if each.dropped_at is not None]
    past = [row for row in history if row.until is not None]
    coming = [each for each in reversed(planned) if each.dropped_at is None]
    held = {row.action_class: row for row in history if row.until is None}
    names = _names(held, coming, classes)
    chosen = wanted if wanted in names else names[0]
    governing = held.get(chosen) or held.get(EVERY_CLASS)
    return {
        "ladders": [_ladder(name, held, coming, is_chosen=name == chosen) for name in names],
        "chosen": _ladder(chosen, held, coming, is_chosen=True),
        "evidence": _evidence(
            record.evidence(agent, chosen, stage=governing, at=at), agent=agent, action_class=chosen
        ),
        "more_classes": sum(bool(name) and name not in names for name in classes),
        "dropped": dropped[:MOST_DROPPED],
        "planned_cut": planned_cut or len(dropped) > MOST_DROPPED,
        "past": past[:MOST_PAST],
        "all_past": len(past),
        "asked": [
            _asked(row) for row in own.waiting("change_stage")
            if row.submission["parameters"].get("agent") == agent.name
        ],
    }  # fmt: skip


def _names(held: Iterable[str], coming: Iterable[Coming], classes: Counter[str]) -> list[str]:
    """The classes that are listed: all with a stage or a plan, then those that it asked most."""
    named = [
        *sorted(held, key=lambda n: (n == EVERY_CLASS, n)),
        *(each.action_class for each in coming),
        *(name for name, _ in classes.most_common(MOST_CLASSES) if name),
        EVERY_CLASS,
    ]
    return list(dict.fromkeys(named))


def _asked(row: ApprovalRequest) -> dict[str, str]:
    """A request that waits for people, in words."""
    asked = row.submission["parameters"]
    dates, then = kept(asked), asked.get(THEN)
    said = words(dates, Stage(then) if then else None)
    return {"ref": row.ref, "stage": asked["to"], "action_class": asked["class"], "dates": said}


def _coming(start: StageStart) -> Coming:
    asked = start.request.submission["parameters"]
    return Coming(
        number=start.pk,
        action_class=start.action_class,
        stage=start.stage,
        means=MEANS[Stage(start.stage)],
        starts_at=start.starts_at,
        ends_at=start.ends_at,
        then=str(asked.get(THEN, "")),
        ref=start.request.ref,
        by=promotions.agreed_by(start.request.decisions.all()),
        dropped_at=start.dropped_at,
        why_not=start.why_not,
    )


def _ladder(
    name: str, held: dict[str, AgentStage], coming: list[Coming], *, is_chosen: bool
) -> Ladder:
    row = held.get(name) or held.get(EVERY_CLASS)
    stage = Stage(row.stage) if row else None
    above = list(Stage)[rank(stage) + 1 :]
    return Ladder(
        key=name,
        title=titled(name),
        rungs=ladder(stage),
        stage=stage.value if stage else "",
        means=MEANS[stage] if stage else NO_STAGE,
        since=row.since if row else None,
        by=row.changed_by if row else "",
        reason=row.reason if row else "",
        ends_at=row.ends_at if row else None,
        then=row.falls_to if row else "",
        up=above[0].value if above else "",
        down=_down(stage),
        pauses=_down(stage) not in ("", Stage.SHADOW),
        falls_to=bottom(row).value,
        coming=tuple(each for each in coming if each.action_class == name),
        is_chosen=is_chosen,
    )


def titled(action_class: str) -> str:
    """A class of action as people read it."""
    return "Every other class" if action_class == EVERY_CLASS else action_class.replace("_", " ")


def _down(stage: Stage | None) -> str:
    """One stage less; without a stage the rules decide alone, below which is being supervised."""
    if stage is None:
        return one_down(Stage.AUTONOMOUS).value
    return "" if stage is Stage.SHADOW else one_down(stage).value


def _evidence(found: Evidence, *, agent: Agent, action_class: str) -> dict[str, Any]:
    """The figures as a person reads them, each with its list; None stays what it is: no data."""
    failed = None if found.success_rate is None else 1 - found.success_rate
    return {
        "since": found.since,
        "requests": found.requests,
        "asked": found.asked,
        "decided": found.decided,
        "agreed": _share(found.agreement),
        "denied": denied(found),
        "denials": found.denials,
        "median": _span(found.decision_seconds),
        "failed": _share(failed),
        "incidents": _share(found.incident_coverage),
        "escalated": _share(found.escalation_rate),
        "taken_back": "no data" if found.taken_back is None else found.taken_back,
        "warnings": found.warnings,
        "is_cut": found.requests >= record.MOST,
        "most": record.MOST,
        "lists": _lists(found, agent, action_class),
    }


def denied(found: Evidence) -> int:
    """How many people denied: all of them, where the reasons are those of the newest alone."""
    if not found.denials or found.agreement is None:
        return 0
    return found.decided - round(found.decided * found.agreement)


def _lists(found: Evidence, agent: Agent, action_class: str) -> dict[str, str]:
    """The search of history behind each figure that has one."""
    terms = [Term("agent", agent.name), Term("evidence", action_class)]
    if found.since is not None:
        terms.append(Term("after", f"{found.since.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"))
    said = "is:marked" if found.stage is Stage.SHADOW else "is:decided"
    more = {
        "requests": "", "decided": said, "denied": "verdict:deny", "escalated": "is:escalated",
        "incidents": "is:names-incident", "failed": "ran:failed ran:rolled-back",
        "taken_back": "verdict:investigate outcome:cancelled",
    }  # fmt: skip
    whole = search.written(terms)
    return {
        name: f"/history?{urlencode({'q': f'{whole} {tokens}'.strip()})}"
        for name, tokens in more.items()
    }


def _share(value: float | None) -> str:
    return "no data" if value is None else f"{value:.0%}"


def _span(seconds: float | None) -> str:
    return "no data" if seconds is None else moments.span(timedelta(seconds=seconds))
