"""Between a request's row and the state its rules need; nothing is decided here."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache

from approvals.domain import plan as plans
from approvals.domain.plan import Plan
from approvals.domain.state import Approver, Grant, RequestState, Seat
from approvals.domain.terms import Basis, Status, Verdict
from approvals.models import absences
from approvals.models.agents import Agent
from approvals.models.people import Person
from approvals.models.requests import ApprovalRequest, Decision

# Own requests whose target is an agent that would be trusted more.
TRUST_EFFECTS = frozenset({"change_stage", "stand"})


def approver(someone: Person) -> Approver:
    """The person as the rules see them now, with whatever absent people lend them."""
    if not someone.is_active:
        return Approver(someone.pk, str(someone), frozenset())
    return _as_seen(someone, absences.membership([someone.pk]))


def of(row: ApprovalRequest, *, decisions: Iterable[Decision] | None = None) -> RequestState:
    """The state of a row, with every earlier approver's teams looked up now."""
    given = list(row.decisions.select_related("person") if decisions is None else decisions)
    return RequestState(
        status=Status(row.status),
        plan=_plan(json.dumps(row.plan, sort_keys=True)),
        action_sha256=row.action_sha256,
        version=row.version,
        window_opened_at=row.window_opened_at,
        decide_by=row.decide_by,
        expires_at=row.expires_at,
        pause_left=row.pause_left,
        stage=row.stage,
        rung=row.rung,
        reminded=row.reminded,
        paused_at=row.paused_at,
        investigator=row.investigator_id,
        approvals=_seats(given),
        conflicted=_conflicted(row),
        asked_by=row.owner_at_submission_id if row.effect else None,
        basis=Basis(row.basis) if row.basis else None,
        reason_code=row.reason_code,
        closed_at=row.closed_at,
        closed_by=row.closed_by,
        grant=_grant(row),
        outcome=row.outcome,
        outcome_at=row.outcome_at,
    )


def write(row: ApprovalRequest, state: RequestState) -> None:
    """Put a state back into its row; saving is the ledger's."""
    row.status = state.status.value
    row.version = state.version
    row.window_opened_at = state.window_opened_at
    row.decide_by = state.decide_by
    row.expires_at = state.expires_at
    row.pause_left = state.pause_left
    row.stage = state.stage
    row.rung = state.rung
    row.reminded = state.reminded
    row.paused_at = state.paused_at
    row.investigator_id = state.investigator
    row.basis = state.basis.value if state.basis else ""
    row.reason_code = state.reason_code
    row.closed_at = state.closed_at
    row.closed_by = state.closed_by[:200]
    _write_outcome(row, state)
    if state.grant is not None:
        row.grant_expires_at = state.grant.expires_at
        row.grant_lapsed = state.grant.lapsed
        row.consumed_at = state.grant.consumed_at
        row.consumed_key = state.grant.consumed_key


def _write_outcome(row: ApprovalRequest, state: RequestState) -> None:
    row.outcome = dict(state.outcome) if state.outcome is not None else None
    row.outcome_at = state.outcome_at
    if state.outcome is not None:
        cost = state.outcome.get("cost")
        row.outcome_status = str(state.outcome["status"])
        row.cost = float(cost) if isinstance(cost, (int, float)) else row.cost


@lru_cache(maxsize=256)
def _plan(body: str) -> Plan:
    return plans.from_json(json.loads(body))


def _seats(decisions: list[Decision]) -> tuple[Seat, ...]:
    given = [decision for decision in decisions if decision.verdict == Verdict.APPROVE]
    if not given:
        return ()
    known = absences.membership({decision.person_id for decision in given})
    return tuple(
        Seat(_as_seen(decision.person, known), decision.stage, decision.at) for decision in given
    )


def _as_seen(someone: Person, known: absences.Membership) -> Approver:
    return Approver(someone.pk, str(someone), known.teams[someone.pk], known.lent[someone.pk])


def _conflicted(row: ApprovalRequest) -> frozenset[int]:
    """The agent's owner then and now, and whoever made the key it asked with."""
    key_maker = row.agent_key.created_by_id if row.agent_key else None
    people = {row.owner_at_submission_id, row.agent.owner_id, key_maker, _trusted_owner(row)}
    return frozenset(person for person in people if person is not None)


def _trusted_owner(row: ApprovalRequest) -> int | None:
    """The owner of the agent that the service itself asks to trust more."""
    if row.effect not in TRUST_EFFECTS:
        return None
    return Agent.objects.filter(name=row.target).values_list("owner", flat=True).first()


def _grant(row: ApprovalRequest) -> Grant | None:
    if row.grant_expires_at is None:
        return None
    return Grant(row.grant_expires_at, row.consumed_at, row.consumed_key, row.grant_lapsed)
