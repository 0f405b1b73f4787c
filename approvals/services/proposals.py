"""Ask people to trust an agent more: a higher stage, or a grant that stands for a while."""

from __future__ import annotations

from datetime import datetime
from difflib import get_close_matches
from typing import Any

from approvals.domain import errors
from approvals.domain.autonomy import rank
from approvals.domain.policy.autonomy import EVERY_CLASS
from approvals.domain.policy.classes import CLASSES, is_literal, matches
from approvals.domain.terms import Stage
from approvals.models import Agent, AgentStage, ApprovalRequest, Person
from approvals.models.people import Role
from approvals.services import agents, autonomy, own, policies, record, standing
from approvals.services.actors import Actor

CHANGE_STAGE, STAND = "change_agent_stage", "grant_standing_permission"
MAY_CHANGE = frozenset({Role.MANAGER, Role.OPERATOR})


def refuse_outsider(person: Person, agent: Agent) -> None:
    """Raises NotAllowed unless the person manages, operates, or owns the agent."""
    if person.pk != agent.owner_id and Role(person.role) not in MAY_CHANGE:
        raise errors.NotAllowed(
            f"Only a manager, an operator or the owner of {agent} can change how far it is trusted. "
            "Nothing was changed."
        )


def change_stage(
    *,
    agent: Agent,
    action_class: str,
    stage: Stage,
    reason: str,
    by: Person | None,
    actor: Actor,
    at: datetime,
) -> AgentStage | ApprovalRequest:
    """Lower trust at once, or ask people to raise it; the new row, or the request that waits.

    `by` and the agent's owner cannot approve a raise. Raises Invalid without a reason, for no class
    or for a stage that would be skipped, Conflict when nothing would change.
    """
    autonomy.checked_class(action_class)
    _refuse_unheard(action_class)
    autonomy.refuse_itself(agent)
    held = autonomy.governing(agent, action_class)
    was = Stage(held.stage) if held else None
    if rank(stage) <= rank(was) or not reason.strip():
        return autonomy.set_stage(
            agent=agent, action_class=action_class, stage=stage, reason=reason, actor=actor, at=at
        )
    if rank(stage) > rank(was) + 1:
        following = list(Stage)[rank(was) + 1]
        raise errors.Invalid(
            f"Trust grows one stage at a time: the next for {action_class} is {following}, "
            f"not {stage}. Nothing was asked.",
            field="stage",
        )
    return _ask(agent, action_class, held, stage, reason=reason, by=by, at=at)


def _refuse_unheard(action_class: str) -> None:
    """A stage for a class that nothing counts in would hold nobody. Raises Invalid with what was meant."""
    if action_class in {EVERY_CLASS, *CLASSES}:
        return
    named = {rule.pattern for rule in policies.current().rules} - {"*"}
    heard = set(
        ApprovalRequest.objects.order_by().values_list("action_class", flat=True).distinct()
    )
    held = AgentStage.objects.filter(action_class=action_class, until=None)
    if action_class in heard or matches(action_class, tuple(named)) or held.exists():
        return
    near = get_close_matches(
        action_class, sorted({*CLASSES, *heard, *filter(is_literal, named)}), n=1
    )
    meant = f"; did you mean {near[0]!r}?" if near else "."
    raise errors.Invalid(
        f"Nothing was ever asked that counts in {action_class!r}, and no rule names it{meant} "
        "Nothing was changed.",
        field="class",
    )


def _ask(
    agent: Agent,
    action_class: str,
    held: AgentStage | None,
    stage: Stage,
    *,
    reason: str,
    by: Person | None,
    at: datetime,
) -> ApprovalRequest:
    found = record.evidence(agent, action_class, stage=held, at=at)
    was = held.stage if held else autonomy.NONE
    return own.ask(
        effect="change_stage",
        action=CHANGE_STAGE,
        target=agent.name,
        parameters={"agent": agent.name, "class": action_class, "from": was, "to": stage.value},
        reasoning=reason.strip(),
        context={"evidence": found.to_json()},
        impact=f"{agent} would be at stage {stage} for {action_class}, now {was}.",
        asked_by=by,
        at=at,
    )


def standing_grant(
    *, draft: standing.Draft, reason: str, by: Person | None, at: datetime
) -> ApprovalRequest:
    """Ask people for a standing grant. Raises Invalid for a draft that is wider than any may be, or
    without a reason."""
    standing.refuse_wide(until=draft.until, most_uses=draft.most_uses, bounds=draft.bounds, at=at)
    agent = agents.by_name(draft.agent)
    autonomy.refuse_itself(agent)
    if not reason.strip():
        raise errors.Invalid("A standing grant has a reason; write it.", field="reason")
    parameters: dict[str, Any] = draft.to_json()
    return own.ask(
        effect="stand",
        action=STAND,
        target=agent.name,
        parameters=parameters,
        reasoning=reason.strip(),
        impact=f"{agent} may {draft.action} on {draft.target} up to {draft.most_uses} times "
        f"until {draft.until:%d %b %Y %H:%M} UTC without anybody being asked.",
        asked_by=by,
        at=at,
    )
