"""The stage of each agent and class of action: as it stands at a moment, set, and lowered by rule.

Nothing here raises one: `proposals` asks people for it, and `promotions` does what they agreed to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from difflib import get_close_matches

from django.db import transaction

from approvals.domain import errors
from approvals.domain.autonomy import fallen_below, one_down, rank
from approvals.domain.policy.autonomy import EVERY_CLASS, Demotion, demotions
from approvals.domain.policy.classes import CLASSES, class_of
from approvals.domain.terms import Basis, EventKind, OutcomeStatus, Stage
from approvals.models import Agent, AgentStage, ApprovalRequest, StageStart, stages
from approvals.services import actors, agents, audit, policies, record, stage_rows
from approvals.services.actors import Actor
from approvals.services.stage_rows import Held

LOOKED_BACK = 50
_DECIDED = frozenset({EventKind.APPROVED, EventKind.DENIED})
_WENT_WRONG = frozenset({OutcomeStatus.FAILURE.value, OutcomeStatus.ROLLED_BACK.value})
_LOWEST = (None, Stage.SHADOW)  # from these nothing can fall
_COUNTING = ("action_class", "stage", "falls_to", "ends_at")
_WORDLESS = "A stage changes for a reason; write it."
_CLASS = re.compile(r"[a-z][a-z0-9_]{0,99}")


def stages_of(agent: Agent, *, at: datetime) -> dict[str, Stage]:
    """The stages in force at a moment, by class of action."""
    found = AgentStage.objects.filter(agent=agent, until=None)
    return {row.action_class: stages.stage_at(row, at=at) for row in found.only(*_COUNTING)}


def governing(agent: Agent, action_class: str, *, at: datetime) -> AgentStage | None:
    """How far this class is trusted at a moment: its own row, else the one for every class; to read."""
    found = stage_rows.governing(agent, action_class)
    return stages.as_of(found, at=at) if found else None


def history(agent: Agent, *, at: datetime) -> list[AgentStage]:
    """Every stage the agent has or had, newest first; to read."""
    rows = AgentStage.objects.filter(agent=agent).order_by("-since", "-pk")
    return sorted(stages.unrolled(rows, at=at), key=lambda row: row.since, reverse=True)


def checked_class(name: str) -> str:
    """The class of action, if requests could ever count in it. Raises Invalid."""
    if name in {EVERY_CLASS, *CLASSES}:
        return name
    if not _CLASS.fullmatch(name):
        known = ", ".join(CLASSES)
        words = f"{name[:60]!r} is no class of action. Known: {known}, an action's name, or '*'."
        raise errors.Invalid(f"{words} Nothing was changed.", field="class")
    if class_of(name) != name:
        words = f"{name} counts in {class_of(name)}; say that. Nothing was changed."
        raise errors.Invalid(words, field="class")
    if near := get_close_matches(name, CLASSES, n=1, cutoff=0.85):
        words = f"{name!r} is no class of action; did you mean {near[0]!r}? Nothing was changed."
        raise errors.Invalid(words, field="class")
    return name


def refuse_itself(agent: Agent) -> None:
    """What weakens guardrails is asked for by the service, and always decided by people. Raises Invalid."""
    if agent.name == agents.ITSELF:
        words = "The service itself is never trusted more or less. Nothing was changed."
        raise errors.Invalid(words, field="agent")


def set_stage(
    *,
    agent: Agent,
    action_class: str,
    stage: Stage,
    reason: str,
    actor: Actor,
    at: datetime,
    says_why_later: bool = False,
) -> AgentStage:
    """Trust an agent as much as now, or less, at once. Less may be explained after it.

    Raises Invalid without a reason or for no class, Conflict when nothing would change or when the
    stage is higher: that is for people to approve.
    """
    checked_class(action_class)
    refuse_itself(agent)
    if not reason.strip() and not says_why_later:
        raise errors.Invalid(_WORDLESS, field="reason")
    with transaction.atomic():
        held = stage_rows.hold(agent, action_class, at=at)
        was = held.stage
        if rank(stage) > rank(was):
            raise errors.Conflict(
                f"{stage} is higher than {was or 'no stage at all'}; people must approve that. "
                "Nothing was changed."
            )
        if held.is_own and was is stage:
            raise errors.Conflict(f"{agent} is at stage {stage} for {action_class} already.")
        if not reason.strip() and rank(stage) == rank(was):
            raise errors.Invalid(_WORDLESS, field="reason")
        end = stage_rows.kept_end(held, stage)
        return stage_rows.change(held, stage, reason=reason, actor=actor, end=end)


def demote_by_rule(
    *, agent: Agent, action_class: str | None, reason: str, at: datetime
) -> list[AgentStage]:
    """One stage down, at once: for a class of action, or for all that have a stage. Needs no leave.

    What has no stage is left to the rules, and below shadow there is nothing; returns the new rows.
    What was planned for those classes is dropped in any case, and what was asked for them is withdrawn.
    """
    return _fall(agent, action_class, reason=reason, at=at)


def _fall(
    agent: Agent,
    action_class: str | None,
    *,
    reason: str,
    at: datetime,
    report: Mapping[str, str] | None = None,
    actor: Actor = actors.POLICY,
) -> list[AgentStage]:
    """`report` is written down before any request is touched, so that none is agreed to in spite of it."""
    with transaction.atomic():
        planned, found, is_meant = _concerned(agent, action_class, at=at)
        if report is not None:
            audit.append_service(EventKind.INCIDENT_REPORTED, actor=actor, at=at, detail=report)
        lost = [start for start in planned if is_meant(start.action_class)]
        stage_rows.drop(lost, why=reason, actor=actors.POLICY, at=at)
        rows = [_lowered(held, reason) for held in found if held.stage not in _LOWEST]
        stage_rows.lapse(agent, is_meant, why=reason, at=at)
        return rows


def _concerned(
    agent: Agent, action_class: str | None, *, at: datetime
) -> tuple[tuple[StageStart, ...], list[Held], Callable[[str], bool]]:
    """What is planned, the classes that may fall, and which classes are meant at all; all held."""
    if action_class is None:
        return *stage_rows.hold_all(agent, at=at), _any
    held = stage_rows.hold(agent, action_class, at=at)
    return held.planned, [held], stage_rows.concerns(held, also_inherited=True)


def _any(action_class: str) -> bool:
    del action_class
    return True


def _lowered(held: Held, reason: str) -> AgentStage:
    stage = one_down(held.stage or Stage.SHADOW)
    end = stage_rows.kept_end(held, stage)
    return stage_rows.change(held, stage, reason=reason, actor=actors.POLICY, end=end)


def breaker_opened(*, agent: Agent, words: str, at: datetime) -> list[AgentStage]:
    """A circuit breaker opened: that costs a stage, unless every policy says it does not, and in any
    case whatever was planned."""
    if not any(rule.on_breaker for rule in _demotions(agent)):
        drop_planned(agent=agent, why=words, actor=actors.POLICY, at=at)
        return []
    return demote_by_rule(agent=agent, action_class=None, reason=words, at=at)


def incident(
    *, agent: Agent, action_class: str | None, reason: str, actor: Actor, at: datetime
) -> list[AgentStage]:
    """Somebody reports an incident by hand: one stage down at once. Raises Invalid without a reason."""
    if not reason.strip():
        raise errors.Invalid("An incident has a reason; write it.", field="reason")
    if action_class is not None:
        checked_class(action_class)
    words = f"Incident reported by {actor.title}: {reason.strip()}"
    report = {"agent": agent.name, "class": action_class or "", "reason": reason.strip()}
    return _fall(agent, action_class, reason=words, at=at, report=report, actor=actor)


def drop_planned(*, agent: Agent, why: str, actor: Actor, at: datetime) -> None:
    """Nothing that is planned for this agent begins any more, and no raise waits to be agreed to."""
    with transaction.atomic():
        stage_rows.drop(stage_rows.hold_planned(agent), why=why, actor=actor, at=at)
        stage_rows.lapse(agent, _any, why=why, at=at)


def look_after(row: ApprovalRequest, kind: EventKind, *, at: datetime) -> None:
    """Lower trust where a decision or an outcome says so. Called with every change of a request."""
    decided = kind in _DECIDED and row.basis == Basis.PERSON
    wrong = kind is EventKind.OUTCOME_REPORTED and row.outcome_status in _WENT_WRONG
    if not decided and not (wrong and record.incidents(row)):
        return
    held = governing(row.agent, row.action_class, at=at)
    if held is None or held.stage == Stage.SHADOW:
        return
    rules = _demotions(row.agent)
    reason = _disagreement(row, held, rules) if decided else _incident(row, rules)
    if reason:
        demote_by_rule(agent=row.agent, action_class=row.action_class, reason=reason, at=at)


def _disagreement(row: ApprovalRequest, held: AgentStage, rules: Iterable[Demotion]) -> str:
    for rule in rules:
        answers = record.answers(
            row.agent,
            row.action_class,
            since=held.since,
            most=max(rule.minimum, LOOKED_BACK),
        )
        agreement = fallen_below(answers, rule)
        if agreement is not None:
            return (
                f"People agreed with {agreement:.0%} of the last {len(answers)} requests they "
                f"decided; the policy wants {rule.agreement_below:.0%}."
            )
    return ""


def _incident(row: ApprovalRequest, rules: Iterable[Demotion]) -> str:
    if not any(rule.on_incident for rule in rules):
        return ""
    names = ", ".join(record.incidents(row))[:500]
    return f"{row.ref} ended as {row.outcome_status} in {names}."


def _demotions(agent: Agent) -> tuple[Demotion, ...]:
    mine = policies.current().concerning(agent.name)
    return demotions([policy.autonomy for policy in mine if policy.autonomy])
