"""What people may do to agents: register, give keys, stop, start, and say how far each is trusted.

Whoever owns an agent may make it do less at once. Everything that lets an agent do more is for managers
and operators, and more trust is asked of people as a request of its own.
"""

from __future__ import annotations

from datetime import datetime

from approvals.domain import errors
from approvals.domain.stage_dates import Dates
from approvals.domain.terms import Stage
from approvals.models import Agent, AgentStage, ApprovalRequest, Person
from approvals.models.people import Role
from approvals.services import actors, agents, promotions, proposals

STEWARDS = frozenset({Role.MANAGER, Role.OPERATOR})
LONGEST_REASON = 2_000
LONGEST_KEY_DAYS = 366


def is_steward(person: Person) -> bool:
    """Managers and operators, who register agents and give them keys."""
    return person.is_active and Role(person.role) in STEWARDS


def may_hold_back(person: Person, agent: Agent) -> bool:
    """Whether this person may stop an agent or lower its stage: its owner, too."""
    return is_steward(person) or (person.is_active and person.pk == agent.owner_id)


def register(
    *, name: str, owner: Person | None, by: Person, at: datetime, time_zone: str = ""
) -> tuple[Agent, str]:
    """A new agent and its first key, which is shown once. Raises NotAllowed, Invalid or Conflict."""
    _refuse_member(by, "register an agent")
    who = actors.person(by)
    return agents.add(name=name, owner=owner, at=at, actor=who, time_zone=time_zone)


def issue_key(*, agent: Agent, name: str, days: int, by: Person, at: datetime) -> str:
    """Another key, shown once. Whoever made it can decide nothing that is asked with it.

    Raises NotAllowed, or Invalid without a name or for too many days.
    """
    _refuse_member(by, "give an agent a key")
    if not 1 <= len(name.strip()) <= 80:
        raise errors.Invalid(
            "Give the key a name of 1 to 80 letters. Nothing was made.", field="name"
        )
    if not 1 <= days <= LONGEST_KEY_DAYS:
        words = f"A key lives for 1 to {LONGEST_KEY_DAYS} days. Nothing was made."
        raise errors.Invalid(words, field="days")
    who = actors.person(by)
    return agents.issue_key(agent=agent, name=name.strip(), by=by, at=at, actor=who, days=days)


def revoke_key(*, agent: Agent, prefix: str, by: Person, at: datetime) -> None:
    """End a key at once; the owner may, too. Raises NotAllowed or NotFound."""
    _refuse_outsider(by, agent, "take a key away")
    agents.revoke_key(agent=agent, prefix=prefix, at=at, actor=actors.person(by))


def stop(*, agent: Agent, reason: str, by: Person, at: datetime) -> None:
    """Its keys open nothing from now on; what waits is left to people.

    Raises NotAllowed, Invalid without a reason, or Conflict when it is stopped already.
    """
    _refuse_outsider(by, agent, f"stop {agent}")
    refuse_wordless(reason)
    if not agent.is_enabled:
        raise errors.Conflict(f"{agent} is stopped already. Nothing was changed.")
    agents.stop(agent=agent, at=at, actor=actors.person(by), reason=reason.strip())


def start(*, agent: Agent, reason: str, by: Person, at: datetime) -> None:
    """Let a stopped agent ask again. Raises NotAllowed, Invalid without a reason, or Conflict."""
    _refuse_member(by, f"start {agent} again")
    refuse_wordless(reason)
    if agent.is_enabled:
        raise errors.Conflict(f"{agent} is not stopped. Nothing was changed.")
    agents.start(agent=agent, at=at, actor=actors.person(by), reason=reason.strip())


def change_stage(
    *,
    agent: Agent,
    action_class: str,
    stage: Stage,
    reason: str,
    by: Person,
    at: datetime,
    dates: Dates = proposals.ALWAYS,
    says_why_later: bool = False,
) -> AgentStage | ApprovalRequest:
    """Lower a stage at once, or ask others to raise it. Raises NotAllowed, Invalid or Conflict.

    With `says_why_later` a stage is lowered without a word, and nothing is raised.
    """
    proposals.refuse_outsider(by, agent)
    if not says_why_later or reason.strip():
        refuse_wordless(reason)
    return proposals.change_stage(
        agent=agent,
        action_class=action_class,
        stage=stage,
        reason=reason,
        by=by,
        actor=actors.person(by),
        at=at,
        dates=dates,
        says_why_later=says_why_later,
    )


def call_off(*, agent: Agent, number: int, by: Person, at: datetime) -> None:
    """A stage people agreed to for later begins no more; the owner may say so, too.

    Raises NotAllowed, or Conflict when it has begun or was dropped already.
    """
    _refuse_outsider(by, agent, "call off what is planned")
    promotions.call_off(agent=agent, pk=number, actor=actors.person(by), at=at)


def _refuse_member(by: Person, what: str) -> None:
    if not is_steward(by):
        raise errors.NotAllowed(f"Only a manager or an operator can {what}. Nothing was changed.")


def _refuse_outsider(by: Person, agent: Agent, what: str) -> None:
    if not may_hold_back(by, agent):
        raise errors.NotAllowed(
            f"Only a manager, an operator or the owner of {agent} can {what}. Nothing was changed."
        )


def refuse_wordless(reason: str) -> None:
    """Raise Invalid for a reason without words, or one too long to keep."""
    if not reason.strip():
        raise errors.Invalid(
            "Write a reason; history keeps it. Nothing was changed.", field="reason"
        )
    if len(reason) > LONGEST_REASON:
        words = f"A reason has at most {LONGEST_REASON} characters. Nothing was changed."
        raise errors.Invalid(words, field="reason")
