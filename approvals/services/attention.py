"""People's attention: budgets of questions, counted exactly, and what was denied lately."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil

from django.db import transaction
from django.db.models import Q

from approvals.domain import canonical, errors
from approvals.domain.plan import seated
from approvals.domain.policy import attention
from approvals.domain.policy.attention import Attention
from approvals.domain.policy.circumstances import Denial
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.subject import Subject
from approvals.domain.state import RequestState, clock
from approvals.domain.terms import Basis, EventKind, Status
from approvals.models import (
    Agent,
    ApprovalRequest,
    AuditEvent,
    Team,
    TeamMember,
    TeamQuestion,
    states,
)
from approvals.services import actors, audit

HOUR = timedelta(hours=1)


def rules_for(agent: str, policy: PolicySet) -> list[Attention]:
    """The sections that concern an agent."""
    return [each.attention for each in policy.concerning(agent) if each.attention]


def denied_lately(
    agent: Agent | None, subject: Subject, policy: PolicySet, *, at: datetime
) -> Denial | None:
    """The last time a person denied exactly this, within the cool-down; not looked for without one."""
    if agent is None:
        return None
    rest = attention.longest_cooldown(rules_for(agent.name, policy))
    if rest is None:
        return None
    row = (
        ApprovalRequest.objects.filter(
            agent=agent,
            action_sha256=canonical.action_sha256(
                action=subject.action, target=subject.target, parameters=subject.parameters
            ),
            status=Status.DENIED.value,
            basis=Basis.PERSON.value,
            closed_at__gt=at - rest,
        )
        .order_by("-closed_at")
        .first()
    )
    return Denial(row.ref, row.closed_by, row.closed_at) if row and row.closed_at else None


def refuse_beyond_budget(agent: Agent, policy: PolicySet, *, at: datetime) -> None:
    """Raises AttentionBudgetExceeded when the agent has asked people as often as it may.

    The caller holds the agent (`circumstances.hold`), so that what is counted here stays true.
    """
    budget = attention.questions_per_hour(rules_for(agent.name, policy))
    if budget is None:
        return
    asked = ApprovalRequest.objects.filter(agent=agent, created_at__gt=at - HOUR, asked=True)
    times = list(asked.order_by("-created_at").values_list("created_at", flat=True)[:budget])
    if len(times) < budget:
        return
    raise _exceeded(
        f"This agent has asked people {_times(budget)} within the last hour, which is its budget.",
        room_at=attention.room_at(times, budget=budget, window=HOUR),
        at=at,
        budget=budget,
        of="agent",
    )


def refuse_tired_approvers(
    row: ApprovalRequest, state: RequestState, policy: PolicySet, *, at: datetime
) -> None:
    """Raises AttentionBudgetExceeded when a seat of the first stage could be filled only by people
    who were asked as often as they may be. Where nobody could fill it anyway, that is said elsewhere.

    Holds the teams it counts until the transaction ends, in one fixed order.
    """
    budget = attention.questions_per_approver(rules_for(row.agent.name, policy))
    if budget is None:
        return
    seats = state.current.seat_teams(state.rung)
    able = _able(row, state)
    teams = frozenset(team for names in able.values() for team in names)
    list(Team.objects.select_for_update(no_key=True).filter(name__in=teams).order_by("pk"))
    free_at = _free_at(able, teams, budget=budget, at=at)
    fresh = [able[person] for person, moment in free_at.items() if moment <= at]
    wanted = seated(seats, list(able.values()))
    if seated(seats, fresh) == wanted:
        return
    later = sorted((moment, able[person]) for person, moment in free_at.items() if moment > at)
    while later and seated(seats, fresh) < wanted:
        room_at, names = later.pop(0)
        fresh.append(names)
    raise _exceeded(
        f"Everybody who could decide this was asked {_times(budget)} within the last hour, which is "
        "the budget of one person.",
        room_at=room_at,
        at=at,
        budget=budget,
        of="approvers",
    )


def remember(row: ApprovalRequest, state: RequestState, *, at: datetime) -> None:
    """Write down whom a card asks; needs the transaction that promises the card."""
    TeamQuestion.objects.bulk_create(
        [TeamQuestion(request=row, team=team, at=at) for team in state.teams_asked],
        ignore_conflicts=True,
    )


def note_refusal(agent: Agent, refusal: AttentionBudgetExceeded, *, at: datetime) -> None:
    """Leave one line of history for each agent and hour: a flood must not flood history as well."""
    if _is_noted(agent, at=at):
        return
    with transaction.atomic():
        Agent.objects.select_for_update(no_key=True).get(pk=agent.pk)
        if not _is_noted(agent, at=at):
            detail = {"agent": agent.name, "words": refusal.words, **refusal.facts}
            audit.append_service(
                EventKind.QUESTION_REFUSED, actor=actors.agent(agent), at=at, detail=detail
            )


class AttentionBudgetExceeded(errors.TooMany):
    """The agent asks more than people can answer; this is never a denial."""

    code = "attention_budget_exceeded"


def _exceeded(
    why: str, *, room_at: datetime, at: datetime, budget: int, of: str
) -> AttentionBudgetExceeded:
    return AttentionBudgetExceeded(
        f"{why} Nothing was recorded and nobody was asked. Ask again after {clock(room_at)}.",
        retry_after=max(1, ceil((room_at - at).total_seconds())),
        budget=budget,
        of=of,
    )


def _able(row: ApprovalRequest, state: RequestState) -> dict[int, frozenset[str]]:
    """Whoever could fill a seat now, with all teams they belong to: each of those tires them."""
    found = TeamMember.objects.filter(
        Q(person__memberships__team__name__in=state.teams_asked), person__is_active=True
    )
    teams: dict[int, set[str]] = {}
    for person, team in found.values_list("person_id", "team__name").distinct():
        teams.setdefault(person, set()).add(team)
    states.write(row, state)
    close = frozenset() if state.plan.owner_may_decide else states.of(row, decisions=()).conflicted
    return {person: frozenset(names) for person, names in teams.items() if person not in close}


def _free_at(
    able: dict[int, frozenset[str]], teams: frozenset[str], *, budget: int, at: datetime
) -> dict[int, datetime]:
    """When each person may be asked once more; `at` for whoever may be asked now.

    A card that asks two teams of one person asks that person once.
    """
    questions = TeamQuestion.objects.filter(team__in=teams, at__gt=at - HOUR)
    asked = list(questions.values_list("team", "request_id", "at"))
    found = {}
    for person, names in able.items():
        times = list({request: moment for team, request, moment in asked if team in names}.values())
        is_tired = len(times) >= budget
        found[person] = attention.room_at(times, budget=budget, window=HOUR) if is_tired else at
    return found


def _is_noted(agent: Agent, *, at: datetime) -> bool:
    return AuditEvent.objects.filter(
        type=EventKind.QUESTION_REFUSED.value, agent=agent.name, at__gt=at - HOUR
    ).exists()


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
