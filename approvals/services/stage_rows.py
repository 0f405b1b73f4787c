"""Rows of stages: held under their locks, changed with history, and ended when their end has come.

Locks are taken in one order: the agent, what is planned for it, its stages, and the service's chain last.
So whatever costs trust and whatever would raise it cannot pass each other by. Requests for more trust are
never waited for here: a click holds its request first, and then comes for the agent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.module_loading import import_string

from approvals.domain import errors, stage_dates
from approvals.domain.autonomy import rank
from approvals.domain.policy.autonomy import EVERY_CLASS
from approvals.domain.terms import EventKind, Stage
from approvals.models import Agent, AgentStage, StageStart, stages
from approvals.services import actors, audit
from approvals.services.actors import Actor

NONE = "none"
OPEN = {"began_at": None, "dropped_at": None}
# Found by dotted path: it writes requests, and whatever writes a request may lower a stage.
LAPSE = "approvals.services.lapsing.lapse"


@dataclass(frozen=True, slots=True)
class End:
    """From when on a stage counts as another one."""

    at: datetime
    falls_to: Stage


@dataclass(frozen=True, slots=True)
class Held:
    """What governs a class of action at a moment, and what is planned for the agent; all locked."""

    agent: Agent
    action_class: str
    row: AgentStage | None
    planned: tuple[StageStart, ...]
    at: datetime

    @property
    def standing(self) -> AgentStage | None:
        """The governing row as it counts now."""
        return stages.as_of(self.row, at=self.at) if self.row else None

    @property
    def stage(self) -> Stage | None:
        return Stage(self.standing.stage) if self.standing else None

    @property
    def is_own(self) -> bool:
        """Whether the class has a row of its own."""
        return self.row is not None and self.row.action_class == self.action_class


def governing(agent: Agent, action_class: str) -> AgentStage | None:
    """The row of a class, else the one for every class, whether or not its end has come."""
    found = AgentStage.objects.filter(
        agent=agent, until=None, action_class__in={action_class, EVERY_CLASS}
    )
    return max(found, key=lambda row: row.action_class != EVERY_CLASS, default=None)


def hold(agent: Agent, action_class: str, *, at: datetime) -> Held:
    """Everything about a class, locked until the transaction ends."""
    agent = hold_agent(agent)
    planned = _planned(agent)
    return Held(agent, action_class, _locked(agent, action_class), planned, at)


def hold_all(agent: Agent, *, at: datetime) -> tuple[tuple[StageStart, ...], list[Held]]:
    """What is planned for an agent, and every class it has a stage for; locked likewise."""
    planned = hold_planned(agent)
    rows = AgentStage.objects.filter(agent=agent, until=None)
    names = sorted(rows.values_list("action_class", flat=True))
    return planned, [Held(agent, name, _locked(agent, name), planned, at) for name in names]


def hold_agent(agent: Agent) -> Agent:
    """The agent as it is now, locked: one at a time of whatever changes how far it is trusted."""
    agents = Agent.objects.select_related("owner").select_for_update(of=("self",), no_key=True)
    return agents.get(pk=agent.pk)


def hold_planned(agent: Agent) -> tuple[StageStart, ...]:
    """What is planned for an agent and has neither begun nor been dropped, locked behind the agent."""
    hold_agent(agent)
    return _planned(agent)


def _planned(agent: Agent) -> tuple[StageStart, ...]:
    rows = StageStart.objects.filter(agent=agent, **OPEN).select_related("agent", "request")
    return tuple(rows.select_for_update(of=("self",)).order_by("pk"))


def change(
    held: Held, stage: Stage, *, reason: str, actor: Actor, end: End | None = None
) -> AgentStage:
    """End the class's own row, if it has one, and begin another. What was planned from there is dropped.

    Raises Conflict when somebody else does so at the same moment.
    """
    before, at = _written(held), held.at
    if held.is_own and before is not None:
        AgentStage.objects.filter(pk=before.pk).update(until=at)
    row = AgentStage(
        agent=held.agent,
        action_class=held.action_class,
        stage=stage.value,
        since=at,
        ends_at=end.at if end else None,
        falls_to=end.falls_to.value if end else "",
        changed_by=actor.title[:240],
        reason=reason.strip(),
    )
    _insert(row, was=before.stage if before else NONE, actor=actor, at=at)
    is_lower = rank(stage) < rank(Stage(before.stage) if before else None)
    why = f": {row.reason}" if row.reason else "; why is still to be said."
    words = f"The stage for {held.action_class} became {stage}{why}"
    drop(concerned(held, also_inherited=is_lower), why=words, actor=actor, at=at)
    if is_lower:
        lapse(held.agent, concerns(held, also_inherited=True), why=words, at=at)
    return row


def kept_end(held: Held, stage: Stage) -> End | None:
    """The end a lower stage takes over: what people gave until a day is not kept past it by lowering it."""
    row = held.standing
    if row is None or row.ends_at is None or Stage(row.falls_to).rank >= stage.rank:
        return None
    return End(row.ends_at, Stage(row.falls_to))


def bottom(row: AgentStage | None) -> Stage:
    """What a raise for a while falls back to; no stage at all is what autonomous means."""
    if row is None:
        return Stage.AUTONOMOUS
    stage = Stage(row.stage)
    return stage_dates.lower(stage, Stage(row.falls_to)) if row.falls_to else stage


def concerned(held: Held, *, also_inherited: bool) -> list[StageStart]:
    """What is planned for a class; with `also_inherited` what its record was evidence for, too."""
    is_meant = concerns(held, also_inherited=also_inherited)
    return [start for start in held.planned if is_meant(start.action_class)]


def concerns(held: Held, *, also_inherited: bool) -> Callable[[str], bool]:
    """Whether something about a class is meant; with `also_inherited`, its record as evidence, too."""
    names = {held.action_class}
    if also_inherited and not held.is_own:
        names.add(EVERY_CLASS)
    if not also_inherited or held.action_class != EVERY_CLASS:
        return names.__contains__
    own = AgentStage.objects.filter(agent=held.agent, until=None).exclude(action_class=EVERY_CLASS)
    has_own = set(own.values_list("action_class", flat=True))
    return lambda name: name not in has_own


def lapse(agent: Agent, is_meant: Callable[[str], bool], *, why: str, at: datetime) -> None:
    """Requests for more trust in these classes can take effect no more, so they wait no longer."""
    import_string(LAPSE)(agent, is_meant, why=why.strip(), at=at)


def drop(planned: Iterable[StageStart], *, why: str, actor: Actor, at: datetime) -> None:
    """What was planned begins no more. The caller holds it; what has ended already is left alone."""
    for start in planned:
        if start.began_at is not None or start.dropped_at is not None:
            continue
        start.dropped_at, start.why_not = at, why.strip()
        start.save(update_fields=["dropped_at", "why_not"])
        detail = {**facts(start), "reason": start.why_not, "by": actor.title[:240]}
        audit.append_service(EventKind.STAGE_DROPPED, actor=actor, at=at, detail=detail)


def facts(start: StageStart) -> dict[str, str]:
    """What history says of a planned stage."""
    dates = stage_dates.Dates(start.starts_at, start.ends_at)
    told = {"agent": start.agent.name, "class": start.action_class, "to": start.stage}
    return {**told, **dates.to_json(), "request": start.request.ref}


def end_now(pk: int, *, at: datetime) -> None:
    """Write down that a stage has ended, once; nothing when it has not, or somebody else was quicker."""
    with transaction.atomic():
        found = AgentStage.objects.select_related("agent").filter(pk=pk, until=None).first()
        if found is not None:
            _written(hold(found.agent, found.action_class, at=at))


def _locked(agent: Agent, action_class: str) -> AgentStage | None:
    while (found := governing(agent, action_class)) is not None:
        held = AgentStage.objects.select_for_update().filter(pk=found.pk, until=None).first()
        if held is not None:
            return held
    return None


def _written(held: Held) -> AgentStage | None:
    """The row as it counts; where its own end has come, that is written down."""
    before, standing = held.row, held.standing
    if before is None or standing is None or standing is before or not held.is_own:
        return standing
    AgentStage.objects.filter(pk=before.pk).update(until=before.ends_at)
    _insert(standing, was=before.stage, actor=actors.SYSTEM, at=held.at)
    words = f"The stage for {held.action_class} ended and became {standing.stage}."
    fell = concerned(held, also_inherited=True)
    drop(fell, why=words, actor=actors.SYSTEM, at=held.at)
    return standing


def _insert(row: AgentStage, *, was: str, actor: Actor, at: datetime) -> None:
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        raise errors.Conflict(f"Somebody else changes the stage of {row.agent} just now.") from None
    detail = {
        "agent": row.agent.name,
        "class": row.action_class,
        "from": was,
        "to": row.stage,
        "reason": row.reason,
        "by": row.changed_by,
    }
    if row.ends_at is not None:
        detail |= {"ends": audit.stamp(row.ends_at), "then": row.falls_to}
    audit.append_service(EventKind.STAGE_CHANGED, actor=actor, at=at, detail=detail)
