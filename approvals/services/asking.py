"""An agent asks: its submission is judged and written down, decided or waiting."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, OperationalError, transaction

from approvals.domain import canonical, chain, errors, timing, workflow
from approvals.domain import plan as plans
from approvals.domain.policy.classes import class_of
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.evaluate import Evaluation, evaluate
from approvals.domain.policy.subject import Subject, subject_of
from approvals.domain.state import RequestState
from approvals.domain.terms import Approval, Status
from approvals.models import Agent, AgentKey, ApprovalRequest, Person
from approvals.ports import OURS
from approvals.services import (
    actors,
    attention,
    circumstances,
    covering,
    ledger,
    policies,
    sharing,
)
from approvals.services.attention import AttentionBudgetExceeded


def submit(
    *,
    agent: Agent,
    key: AgentKey | None,
    submission: dict[str, Any],
    idempotency_key: str | None,
    at: datetime,
    effect: str = "",
    asked_by: Person | None = None,
    by_door: bool = False,
) -> tuple[ApprovalRequest, bool]:
    """Judge an action and write it down, decided or waiting; returns the request and whether it is new.

    `submission` is the validated body as the agent sent it. The same idempotency key with the same
    body is the same request. `effect` is for the service's own requests; `asked_by`, who cannot
    approve it, and `by_door` for what a vendor asks through an adapter: labels of ours may then be set.
    Raises `KeyReused` for another body, `InFlight` while the first is being written, `Invalid` for a
    label that is not the agent's to set, and `AttentionBudgetExceeded` when people were asked too
    often; then nothing is written.
    """
    _refuse_our_labels(submission, by_door=by_door)
    body_sha256 = canonical.digest(submission)
    if idempotency_key and (earlier := _earlier(agent, idempotency_key, body_sha256)):
        return earlier, False
    columns = {
        "agent_key": key,
        "idempotency_key": idempotency_key or None,
        "body_sha256": body_sha256,
        "effect": effect,
        "owner_at_submission": asked_by or agent.owner,
    }
    try:
        return _judged(agent, submission, columns, at=at), True
    except (AttentionBudgetExceeded, IntegrityError) as error:
        if repeated := _earlier(agent, idempotency_key or "", body_sha256):
            return repeated, False
        if isinstance(error, AttentionBudgetExceeded):
            attention.note_refusal(agent, error, at=at)
        raise


def _judged(
    agent: Agent, submission: dict[str, Any], columns: Mapping[str, Any], *, at: datetime
) -> ApprovalRequest:
    """Judged and written in one transaction. Raises InFlight where the same key is being written."""
    try:
        with transaction.atomic():
            policy = policies.current()
            circumstances.hold(agent, policy)
            subject = subject_of(agent.name, submission)
            known = circumstances.gather(agent, subject, policy, at=at)
            evaluation, grant = covering.settle(policy, subject, known, at=at)
            row = _row(agent, submission, evaluation, {**columns, "standing_grant": grant}, at=at)
            return _written(row, subject, evaluation, policy, at=at)
    except OperationalError as error:
        if columns["idempotency_key"] and "lock timeout" in str(error):
            raise InFlight(
                "The first request with this Idempotency-Key is still being written."
            ) from None
        raise


def _refuse_our_labels(submission: Mapping[str, Any], *, by_door: bool) -> None:
    """What adapters believe of a label must not be an agent's to say."""
    for name in submission.get("labels") or {}:
        if not by_door and str(name).startswith(OURS):
            raise errors.Invalid(
                f"Labels that begin with {OURS} are kept for the service. Nothing was recorded.",
                field="labels",
            )


class KeyReused(errors.Invalid):
    """The same Idempotency-Key came with another body."""

    code = "idempotency_key_reused"


class InFlight(errors.Conflict):
    """Another request with the same Idempotency-Key is being written at this moment."""

    code = "request_in_flight"


def judge(*, agent: str, submission: Mapping[str, Any], at: datetime) -> Evaluation:
    """What policy says of a submission at this moment; writes nothing and holds nothing."""
    policy = policies.current()
    subject = subject_of(agent, submission)
    known = Agent.objects.filter(name=agent).first()
    return evaluate(policy, subject, circumstances.gather(known, subject, policy, at=at))


def _written(
    row: ApprovalRequest,
    subject: Subject,
    evaluation: Evaluation,
    policy: PolicySet,
    *,
    at: datetime,
) -> ApprovalRequest:
    state = _first_state(row, evaluation, row.submission, at=at)
    leader = None
    if row.asked and not row.effect:
        attention.refuse_beyond_budget(row.agent, policy, at=at)
        leader = sharing.leader_for(row, state, policy, at=at)
        if leader is None:
            attention.refuse_tired_approvers(row, state, policy, at=at)
    ledger.open_request(row, state, actor=actors.agent(row.agent), at=at, leader=leader)
    circumstances.remember(row, subject, evaluation, at=at)
    return row


def _earlier(agent: Agent, key: str, body_sha256: str) -> ApprovalRequest | None:
    """The request this key stands for. Nearly every key is new, so that is asked first and narrowly."""
    same = ApprovalRequest.objects.filter(agent=agent, idempotency_key=key)
    if not key or not same.exists():
        return None
    earlier = same.select_related("agent", "agent_key").get()
    if earlier.body_sha256 != body_sha256:
        raise KeyReused(
            "This Idempotency-Key was used with another body. Nothing was recorded; use a new key.",
            request=str(earlier.public_id),
        )
    return earlier


def _row(
    agent: Agent,
    submission: dict[str, Any],
    evaluation: Evaluation,
    columns: Mapping[str, Any],
    *,
    at: datetime,
) -> ApprovalRequest:
    parameters = submission["parameters"]
    return ApprovalRequest(
        agent=agent,
        action=submission["action"],
        action_class=class_of(submission["action"]),
        target=submission["target"],
        session=submission.get("session") or "",
        submission=submission,
        parameters_sha256=canonical.parameters_sha256(parameters),
        action_sha256=canonical.action_sha256(
            action=submission["action"], target=submission["target"], parameters=parameters
        ),
        callback_url=submission.get("callback_url") or "",
        risk_claimed=evaluation.claimed.value if evaluation.claimed else "",
        risk_computed=evaluation.computed.value,
        risk=evaluation.effective.value,
        because=list(evaluation.because),
        evaluation=evaluation.to_json(),
        policy_version=evaluation.policy_version,
        asked=evaluation.verdict is Approval.REQUIRED,
        would_be=evaluation.would_be.value if evaluation.would_be else "",
        created_at=at,
        updated_at=at,
        chain_head=chain.GENESIS,
        **columns,
    )


def _first_state(
    row: ApprovalRequest, evaluation: Evaluation, submission: Mapping[str, Any], *, at: datetime
) -> RequestState:
    plan = evaluation.plan or plans.Plan(evaluation.effective, Approval.FORBIDDEN)
    row.plan = plans.to_json(plan)
    if evaluation.verdict is Approval.REQUIRED:
        wish = submission.get("expires_in")
        limit = timing.span(wish) if wish else None
        return workflow.opened(plan, action_sha256=row.action_sha256, at=at, limit=limit)
    status = Status.APPROVED if evaluation.verdict is Approval.AUTO else Status.DENIED
    return workflow.settled(
        plan,
        status,
        action_sha256=row.action_sha256,
        reason_code=evaluation.reason_code,
        at=at,
        basis=evaluation.basis,
        closed_by=f"standing grant {evaluation.standing}" if evaluation.standing else "policy",
    )
