"""Ask people to trust an agent more: a higher stage, or a grant that stands for a while."""

from __future__ import annotations

from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Any

from django.db import transaction

from approvals.domain import errors, stage_dates
from approvals.domain.autonomy import rank
from approvals.domain.policy.autonomy import EVERY_CLASS
from approvals.domain.policy.classes import CLASSES, is_literal, matches
from approvals.domain.stage_dates import Dates
from approvals.domain.terms import Stage
from approvals.models import Agent, AgentStage, ApprovalRequest, Person
from approvals.models.people import Role
from approvals.services import (
    agents,
    autonomy,
    lapsing,
    own,
    policies,
    promotions,
    record,
    stage_rows,
    standing,
)
from approvals.services.actors import Actor

CHANGE_STAGE, STAND = "change_agent_stage", "grant_standing_permission"
ALWAYS = Dates()
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
    dates: Dates = ALWAYS,
    says_why_later: bool = False,
) -> AgentStage | ApprovalRequest:
    """Lower trust at once, or ask people to raise it; the new row, or the request that waits.

    `by` and the agent's owner cannot approve a raise. With `says_why_later` a lower stage needs no reason
    yet; a raise always does. Raises Invalid without a reason, for no class,
    for a stage that would be skipped or odd dates, Conflict when nothing would change or another raise of
    this class waits. Asked twice by the same person, it is the one request that waits.
    """
    _refuse_unfit(agent, action_class)
    with transaction.atomic():
        # One at a time for an agent: of two clicks the second finds what the first asked.
        stage_rows.hold_agent(agent)
        waiting = _still_waiting(agent, action_class, at=at)
        held = stage_rows.hold(agent, action_class, at=at).standing
        was = Stage(held.stage) if held else None
        if rank(stage) <= rank(was):
            _refuse_any_dates(dates)
        if rank(stage) <= rank(was) or not reason.strip():
            return autonomy.set_stage(
                agent=agent, action_class=action_class, stage=stage, reason=reason, actor=actor, at=at,
                says_why_later=says_why_later,
            )  # fmt: skip
        _refuse_jump(action_class, stage, was)
        if waiting is not None:
            return _same(waiting, stage, dates, by=by)
        _refuse_dates(dates, held, at=at)
        return _ask(agent, action_class, held, stage, dates, reason=reason, by=by, at=at)


def _refuse_unfit(agent: Agent, action_class: str) -> None:
    """For no class that anybody asks in, and for this service itself."""
    autonomy.checked_class(action_class)
    _refuse_unheard(action_class)
    autonomy.refuse_itself(agent)


def _refuse_any_dates(dates: Dates) -> None:
    if dates:
        words = "A stage that is not higher holds at once and for good; leave the dates out."
        field = stage_dates.STARTS if dates.starts else stage_dates.ENDS
        raise errors.Invalid(f"{words} {stage_dates.NOTHING}", field=field)


def _refuse_jump(action_class: str, stage: Stage, was: Stage | None) -> None:
    if rank(stage) > rank(was) + 1:
        following = list(Stage)[rank(was) + 1]
        raise errors.Invalid(
            f"Trust grows one stage at a time: the next for {action_class} is {following}, "
            f"not {stage}. Nothing was asked.",
            field="stage",
        )


def _still_waiting(agent: Agent, action_class: str, *, at: datetime) -> ApprovalRequest | None:
    """The raise that is asked for a class already; one that can take effect no more is withdrawn."""
    asked = [row for row in lapsing.waiting(agent) if lapsing.kind_of(row) == action_class]
    for row in asked:
        held = stage_rows.hold(agent, action_class, at=at)
        lapsing.settle(row, promotions.lapsed(row, held), at=at)
    found = (row for row in lapsing.waiting(agent) if lapsing.kind_of(row) == action_class)
    return next(found, None)


def _same(
    row: ApprovalRequest, stage: Stage, dates: Dates, *, by: Person | None
) -> ApprovalRequest:
    """The request that waits, where it asks for just this. Raises Conflict where it asks for another
    thing, and for another person: a request keeps one asker away from deciding it, not two."""
    asked = row.submission["parameters"]
    is_same = asked["to"] == stage and stage_dates.kept(asked) == dates
    if is_same and (by is None or by == row.owner_at_submission):
        return row
    what = "exactly that" if is_same else f"stage {asked['to']} for {asked['class']}"
    raise errors.Conflict(
        f"{row.ref} asks for {what} already and still waits. Nothing was asked. "
        "Let somebody decide it, or withdraw it first.",
        request=row.ref,
    )


def would_raise(*, agent: Agent, action_class: str, stage: Stage, at: datetime) -> bool:
    """Whether this stage is above the one that holds now, so that people would be asked."""
    held = autonomy.governing(agent, action_class, at=at)
    return rank(stage) > rank(Stage(held.stage) if held else None)


def _refuse_dates(dates: Dates, held: AgentStage | None, *, at: datetime) -> None:
    """Raises Invalid for odd dates, and for a start after the stage to rise from has ended."""
    stage_dates.refuse_odd(dates, at=at)
    ends_at = held.ends_at if held else None
    if dates.starts is not None and ends_at is not None and dates.starts >= ends_at:
        raise errors.Invalid(
            f"The stage it would rise from ends at {stage_dates.moment(ends_at)}, before this begins. "
            f"{stage_dates.NOTHING}",
            field=stage_dates.STARTS,
        )


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
    dates: Dates,
    *,
    reason: str,
    by: Person | None,
    at: datetime,
) -> ApprovalRequest:
    found = record.evidence(agent, action_class, stage=held, at=at)
    was, then = held.stage if held else stage_rows.NONE, stage_rows.bottom(held)
    until = f" until {stage_dates.moment(held.ends_at)}" if held and held.ends_at else ""
    parameters = {"agent": agent.name, "class": action_class, "from": was, "to": stage.value}
    parameters |= dates.to_json() | ({stage_dates.THEN: then.value} if dates.ends else {})
    return own.ask(
        effect="change_stage",
        action=CHANGE_STAGE,
        target=agent.name,
        parameters=parameters,
        reasoning=reason.strip(),
        context={"evidence": found.to_json()},
        impact=f"{agent} would be at stage {stage} for {action_class}"
        f"{stage_dates.words(dates, then)}{'; ' if dates else ', '}now {was}{until}."
        f"{_age(dates, at=at)}",
        asked_by=by,
        at=at,
    )


def _age(dates: Dates, *, at: datetime) -> str:
    """How old the evidence will be when it begins: the one thing nobody looks at again on that day."""
    if dates.starts is None:
        return ""
    days = -((at - dates.starts) // timedelta(days=1))  # rounded up
    return f" Its evidence will be {days} {'day' if days == 1 else 'days'} old when it begins."


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
