"""The stage of each agent and class of action: set, lowered by rule, raised once people agreed.

Nothing here asks for anything; `proposals` does, since a higher stage is a request of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from difflib import get_close_matches

from django.db import IntegrityError, transaction

from approvals.domain import errors
from approvals.domain.autonomy import EVIDENCE_LIFE, fallen_below, one_down, rank
from approvals.domain.policy.autonomy import EVERY_CLASS, Demotion, demotions
from approvals.domain.policy.classes import CLASSES, class_of
from approvals.domain.terms import Basis, EventKind, OutcomeStatus, Stage, Verdict
from approvals.models import Agent, AgentStage, ApprovalRequest
from approvals.services import actors, agents, audit, policies, record
from approvals.services.actors import Actor

NONE = "none"
LOOKED_BACK = 50
_DECIDED = frozenset({EventKind.APPROVED, EventKind.DENIED})
_WENT_WRONG = frozenset({OutcomeStatus.FAILURE.value, OutcomeStatus.ROLLED_BACK.value})
_CLASS = re.compile(r"[a-z][a-z0-9_]{0,99}")


def stages_of(agent: Agent) -> dict[str, Stage]:
    """The stages in force, by class of action."""
    found = AgentStage.objects.filter(agent=agent, until=None)
    return {name: Stage(stage) for name, stage in found.values_list("action_class", "stage")}


def governing(agent: Agent, action_class: str) -> AgentStage | None:
    """The row that says how far this class is trusted: its own, else the one for every class."""
    found = AgentStage.objects.filter(
        agent=agent, until=None, action_class__in={action_class, EVERY_CLASS}
    )
    return max(found, key=lambda row: row.action_class != EVERY_CLASS, default=None)


def history(agent: Agent) -> list[AgentStage]:
    """Every stage the agent has or had, newest first."""
    return list(AgentStage.objects.filter(agent=agent).order_by("-since", "-pk"))


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
    *, agent: Agent, action_class: str, stage: Stage, reason: str, actor: Actor, at: datetime
) -> AgentStage:
    """Trust an agent as much as now, or less, at once.

    Raises Invalid without a reason or for no class, Conflict when nothing would change or when the
    stage is higher: that is for people to approve.
    """
    checked_class(action_class)
    refuse_itself(agent)
    if not reason.strip():
        raise errors.Invalid("A stage changes for a reason; write it.", field="reason")
    with transaction.atomic():
        before = _held(agent, action_class)
        was = Stage(before.stage) if before else None
        if rank(stage) > rank(was):
            raise errors.Conflict(
                f"{stage} is higher than {was or 'no stage at all'}; people must approve that. "
                "Nothing was changed."
            )
        if before and before.action_class == action_class and was is stage:
            raise errors.Conflict(f"{agent} is at stage {stage} for {action_class} already.")
        return _change(agent, action_class, before, stage, reason=reason, actor=actor, at=at)


def take_effect(row: ApprovalRequest, *, at: datetime) -> None:
    """Raise the stage that people have just agreed to. Raises Conflict when the request no longer
    says how it is: the stage has changed since, or what went wrong since is not in its evidence."""
    asked = row.submission["parameters"]
    agent, action_class = agents.by_name(asked["agent"]), asked["class"]
    before = _held(agent, action_class)
    stands = before.stage if before else NONE
    if stands != asked["from"] or (before and before.since > row.created_at):
        raise _overtaken(f"The stage of {agent} has changed since {row.ref} was asked")
    if at - row.created_at > EVIDENCE_LIFE:
        raise _overtaken(f"The evidence of {row.ref} is older than {EVIDENCE_LIFE.days} days")
    if worse := record.went_wrong_since(agent, action_class, since=row.created_at):
        raise _overtaken(f"Since {row.ref} was asked, {worse}")
    by = " and ".join(_approved_by(row))
    actor = Actor(actors.POLICY.kind, row.ref, f"{by} ({row.ref})")
    reason = str(row.submission.get("reasoning", ""))
    _change(agent, action_class, before, Stage(asked["to"]), reason=reason, actor=actor, at=at)


def demote_by_rule(
    *, agent: Agent, action_class: str | None, reason: str, at: datetime
) -> list[AgentStage]:
    """One stage down, at once: for a class of action, or for all that have a stage. Needs no leave.

    What has no stage is left to the rules, and below shadow there is nothing; returns the new rows.
    """
    with transaction.atomic():
        if action_class is None:
            names = list(stages_of(agent))
        else:
            names = [action_class] if governing(agent, action_class) else []
        held = [(name, _held(agent, name)) for name in sorted(names)]
        return [
            _change(
                agent, name, row, one_down(Stage(row.stage)), reason=reason, actor=actors.POLICY, at=at
            )
            for name, row in held
            if row is not None and row.stage != Stage.SHADOW
        ]  # fmt: skip


def breaker_opened(*, agent: Agent, words: str, at: datetime) -> list[AgentStage]:
    """A circuit breaker opened: that costs a stage, unless every policy says it does not."""
    if not any(rule.on_breaker for rule in _demotions(agent)):
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
    return demote_by_rule(agent=agent, action_class=action_class, reason=words, at=at)


def look_after(row: ApprovalRequest, kind: EventKind, *, at: datetime) -> None:
    """Lower trust where a decision or an outcome says so. Called with every change of a request."""
    decided = kind in _DECIDED and row.basis == Basis.PERSON
    wrong = kind is EventKind.OUTCOME_REPORTED and row.outcome_status in _WENT_WRONG
    if not decided and not (wrong and record.incidents(row)):
        return
    held = governing(row.agent, row.action_class)
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


def _held(agent: Agent, action_class: str) -> AgentStage | None:
    """The governing row, locked until the transaction ends."""
    while (found := governing(agent, action_class)) is not None:
        held = AgentStage.objects.select_for_update().filter(pk=found.pk, until=None).first()
        if held is not None:
            return held
    return None


def _change(
    agent: Agent,
    action_class: str,
    before: AgentStage | None,
    stage: Stage,
    *,
    reason: str,
    actor: Actor,
    at: datetime,
) -> AgentStage:
    if before is not None and before.action_class == action_class:
        AgentStage.objects.filter(pk=before.pk).update(until=at)
    try:
        with transaction.atomic():
            row = AgentStage.objects.create(
                agent=agent,
                action_class=action_class,
                stage=stage.value,
                since=at,
                changed_by=actor.title[:240],
                reason=reason.strip(),
            )
    except IntegrityError:
        raise errors.Conflict(f"Somebody else changes the stage of {agent} just now.") from None
    detail = {
        "agent": agent.name,
        "class": action_class,
        "from": before.stage if before else NONE,
        "to": stage.value,
        "reason": row.reason,
        "by": row.changed_by,
    }
    audit.append_service(EventKind.STAGE_CHANGED, actor=actor, at=at, detail=detail)
    return row


def _approved_by(row: ApprovalRequest) -> list[str]:
    given = row.decisions.filter(verdict=Verdict.APPROVE.value).select_related("person")
    return [str(decision.person) for decision in given.order_by("pk")]


def _overtaken(words: str) -> errors.Conflict:
    return errors.Conflict(
        f"{words}. Nothing was decided and nothing was raised. Deny this request; "
        "a new one can be asked with today's evidence."
    )
