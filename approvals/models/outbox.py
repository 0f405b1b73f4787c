"""Promises as rows: what must be told, what must happen later, and the handles to edit by."""

from __future__ import annotations

import uuid
from enum import StrEnum

from django.db import models
from django.db.models import Q

from approvals.domain.terms import TimerKind
from approvals.models.audit import AuditEvent
from approvals.models.fields import choices, one_of
from approvals.models.requests import ApprovalRequest


class DeliveryState(StrEnum):
    """`superseded`: a later card of the same lane already shows a newer present."""

    WAITING = "waiting"
    SENT = "sent"
    SUPERSEDED = "superseded"
    DEAD = "dead"


_WAITING = Q(state=DeliveryState.WAITING.value)


class Delivery(models.Model):
    """A promise to tell one address one thing. A lane is (adapter, address, request); it is kept in order."""

    id = models.BigAutoField(primary_key=True)
    message_id = models.UUIDField(default=uuid.uuid4, unique=True)
    adapter = models.CharField(max_length=20)
    address = models.CharField(max_length=2000)
    kind = models.CharField(max_length=8)
    request = models.ForeignKey(
        ApprovalRequest, on_delete=models.PROTECT, related_name="deliveries"
    )
    event = models.ForeignKey(AuditEvent, null=True, on_delete=models.PROTECT, related_name="+")
    words = models.TextField(blank=True)
    state = models.CharField(
        max_length=12, choices=choices(DeliveryState), default=DeliveryState.WAITING.value
    )
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField()
    leased_until = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=one_of("state", DeliveryState), name="delivery_state_known"
            ),
        )
        indexes = (
            models.Index(fields=("due_at", "id"), condition=_WAITING, name="delivery_due"),
            models.Index(fields=("request", "adapter", "id"), name="delivery_lane"),
            models.Index(
                fields=("-id",), condition=Q(state=DeliveryState.DEAD.value), name="delivery_dead"
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} to {self.adapter} {self.address}"


class Receipt(models.Model):
    """The handle of a card that was shown, to edit it by. One card per request and address."""

    request = models.ForeignKey(ApprovalRequest, on_delete=models.PROTECT, related_name="receipts")
    adapter = models.CharField(max_length=20)
    address = models.CharField(max_length=2000)
    handle = models.JSONField()
    position = models.PositiveIntegerField()
    shown_sha256 = models.CharField(max_length=64)
    updated_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("request", "adapter", "address"), name="receipt_one_per_address"
            ),
        )

    def __str__(self) -> str:
        return f"{self.adapter} {self.address}"


class Timer(models.Model):
    """Something that must happen to a request at a moment. Fired rows are kept as proof."""

    id = models.BigAutoField(primary_key=True)
    request = models.ForeignKey(ApprovalRequest, on_delete=models.PROTECT, related_name="timers")
    kind = models.CharField(max_length=16, choices=choices(TimerKind))
    due_at = models.DateTimeField()
    fired_at = models.DateTimeField(null=True, blank=True)
    dropped_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("request", "kind"),
                condition=Q(fired_at=None, dropped_at=None),
                name="timer_one_open_per_kind",
            ),
        )
        indexes = (
            models.Index(
                fields=("due_at", "id"),
                condition=Q(fired_at=None, dropped_at=None),
                name="timer_due",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} at {self.due_at}"
