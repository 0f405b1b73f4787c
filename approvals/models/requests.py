"""Requests for approval, the decisions about them, and the questions asked meanwhile."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import models
from django.db.models import Q

from approvals.domain import errors
from approvals.domain.terms import (
    OPEN,
    Approval,
    Basis,
    OutcomeStatus,
    RiskLevel,
    Status,
    Verdict,
)
from approvals.models.agents import Agent, AgentKey
from approvals.models.fields import ExactJSON, choices, one_of, uuid7
from approvals.models.people import Person
from approvals.models.trust import StandingGrant

REF_PREFIX = "REQ-"
_OPEN = Q(status__in=[status.value for status in OPEN])


def lookup(ref: str) -> dict[str, Any]:
    """The filter for a reference people say (`REQ-12`) or a public id."""
    text = ref.strip()
    if text.upper().startswith(REF_PREFIX):
        digits = text[len(REF_PREFIX) :]
        if digits.isascii() and digits.isdigit() and len(digits) < 19:
            return {"number": int(digits)}
    try:
        return {"public_id": UUID(text)}
    except ValueError:
        raise errors.NoSuchRequest(text) from None


class ApprovalRequest(models.Model):
    """One action waiting to be allowed: the aggregate. Only the ledger writes it.

    `submission` is the body as the agent sent it; `plan` is frozen at submission; `position` and
    `chain_head` are the length and the last hash of its chain of events. `asked` says that people
    were asked; `would_be` what would have become of it but for shadow mode; `joined` names the
    request whose card it shares; `effect` what the service itself does once it is approved.
    `outcome_status`, `outcome_at` and `cost` repeat the outcome for counting.
    """

    number = models.BigAutoField(primary_key=True)
    public_id = models.UUIDField(unique=True, default=uuid7, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="requests")
    agent_key = models.ForeignKey(AgentKey, null=True, on_delete=models.SET_NULL, related_name="+")
    owner_at_submission = models.ForeignKey(
        Person, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    effect = models.CharField(max_length=40, blank=True)
    action = models.CharField(max_length=200)
    action_class = models.CharField(max_length=200, blank=True)
    target = models.CharField(max_length=500)
    session = models.CharField(max_length=200, blank=True)
    submission = ExactJSON()
    parameters_sha256 = models.CharField(max_length=64)
    action_sha256 = models.CharField(max_length=64)
    body_sha256 = models.CharField(max_length=64)
    idempotency_key = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001  # null: no key, and many of them
    callback_url = models.CharField(max_length=2000, blank=True)

    risk_claimed = models.CharField(max_length=8, choices=choices(RiskLevel), blank=True)
    risk_computed = models.CharField(max_length=8, choices=choices(RiskLevel))
    risk = models.CharField(max_length=8, choices=choices(RiskLevel))
    because = ExactJSON(default=list)
    evaluation = ExactJSON(default=list)
    plan = ExactJSON()
    policy_version = models.PositiveIntegerField()
    asked = models.BooleanField(default=False)
    would_be = models.CharField(max_length=16, choices=choices(Approval), blank=True)
    standing_grant = models.ForeignKey(
        StandingGrant, null=True, blank=True, on_delete=models.PROTECT, related_name="requests"
    )
    joined = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="joiners"
    )

    status = models.CharField(max_length=16, choices=choices(Status))
    basis = models.CharField(max_length=16, choices=choices(Basis), blank=True)
    reason_code = models.CharField(max_length=64, blank=True)
    version = models.PositiveIntegerField(default=1)
    stage = models.PositiveSmallIntegerField(default=0)
    rung = models.PositiveSmallIntegerField(default=0)
    reminded = models.PositiveSmallIntegerField(default=0)
    window_opened_at = models.DateTimeField()
    decide_by = models.DateTimeField()
    expires_at = models.DateTimeField()
    paused_at = models.DateTimeField(null=True, blank=True)
    pause_left = models.DurationField()
    investigator = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=200, blank=True)

    grant_expires_at = models.DateTimeField(null=True, blank=True)
    grant_lapsed = models.BooleanField(default=False)
    consumed_at = models.DateTimeField(null=True, blank=True)
    consumed_key = models.CharField(max_length=255, blank=True)
    outcome = ExactJSON(null=True, blank=True)
    outcome_status = models.CharField(max_length=16, choices=choices(OutcomeStatus), blank=True)
    outcome_at = models.DateTimeField(null=True, blank=True)
    cost = models.FloatField(null=True, blank=True)

    position = models.PositiveIntegerField(default=0)
    chain_head = models.CharField(max_length=64)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("agent", "idempotency_key"), name="request_idempotency_key_once"
            ),
            models.CheckConstraint(condition=one_of("status", Status), name="request_status_known"),
            models.CheckConstraint(
                condition=(_OPEN & Q(closed_at=None)) | (~_OPEN & Q(closed_at__isnull=False)),
                name="request_closed_at_iff_final",
            ),
            models.CheckConstraint(condition=_OPEN | ~Q(basis=""), name="request_basis_when_final"),
            models.CheckConstraint(
                condition=Q(consumed_at=None) | Q(status=Status.APPROVED.value),
                name="request_consumed_only_approved",
            ),
        )
        indexes = (
            models.Index(fields=("decide_by", "number"), condition=_OPEN, name="request_open"),
            models.Index(fields=("agent", "-number"), name="request_by_agent"),
            models.Index(fields=("agent", "status", "-number"), name="request_by_agent_status"),
            models.Index(fields=("status", "-number"), name="request_by_status"),
            models.Index(fields=("action", "-number"), name="request_by_action"),
            models.Index(fields=("target", "-number"), name="request_by_target"),
            models.Index(fields=("agent", "created_at"), name="request_by_agent_time"),
            models.Index(fields=("agent", "action_sha256"), name="request_same_again"),
            models.Index(
                fields=("agent", "outcome_at"),
                condition=Q(outcome_at__isnull=False),
                name="request_by_outcome_time",
            ),
        )

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        """The reference people say aloud."""
        return f"{REF_PREFIX}{self.number}"


class Decision(models.Model):
    """One person's verdict. Never edited; refused clicks are audit events, not decisions."""

    request = models.ForeignKey(ApprovalRequest, on_delete=models.PROTECT, related_name="decisions")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="decisions")
    verdict = models.CharField(max_length=16, choices=choices(Verdict))
    comment = models.TextField(blank=True)
    stage = models.PositiveSmallIntegerField()
    version = models.PositiveIntegerField()
    shown_sha256 = models.CharField(max_length=64)
    channel = models.CharField(max_length=20)
    authenticated_by = models.CharField(max_length=40, blank=True)
    is_final = models.BooleanField(default=False)
    at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("request", "person"),
                condition=Q(verdict=Verdict.APPROVE.value),
                name="decision_one_seat_per_person",
            ),
            models.UniqueConstraint(
                fields=("request",),
                condition=Q(is_final=True),
                name="decision_one_final_per_request",
            ),
            models.CheckConstraint(
                condition=~Q(verdict=Verdict.DENY.value) | ~Q(comment=""),
                name="decision_denial_has_reason",
            ),
        )

    def __str__(self) -> str:
        return f"{self.verdict} by {self.person}"


class RequestMessage(models.Model):
    """A question, an answer, or evidence added while the request was open."""

    request = models.ForeignKey(ApprovalRequest, on_delete=models.PROTECT, related_name="messages")
    person = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    from_agent = models.BooleanField()
    text = models.TextField()
    evidence = ExactJSON(null=True, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(from_agent=True, person=None)
                | Q(from_agent=False, person__isnull=False),
                name="message_has_one_author",
            ),
        )

    def __str__(self) -> str:
        return self.text[:60]
