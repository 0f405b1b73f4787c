"""History. Rows are only ever added; the database itself refuses to change them."""

from __future__ import annotations

from django.db import models

from approvals.models.fields import ExactJSON
from approvals.models.requests import ApprovalRequest


class AuditEvent(models.Model):
    """One line of history. `entry` is what was hashed; the columns repeat it for searching."""

    id = models.BigAutoField(primary_key=True)
    chain = models.CharField(max_length=40)
    seq = models.PositiveIntegerField()
    request = models.ForeignKey(
        ApprovalRequest, null=True, on_delete=models.PROTECT, related_name="events"
    )
    type = models.CharField(max_length=40)
    at = models.DateTimeField()
    actor = models.CharField(max_length=240)
    agent = models.CharField(max_length=80, blank=True)
    action = models.CharField(max_length=200, blank=True)
    target = models.CharField(max_length=500, blank=True)
    session = models.CharField(max_length=200, blank=True)
    entry = ExactJSON()
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("chain", "seq"), name="audit_chain_position_once"),
        )
        indexes = (
            models.Index(fields=("request", "seq"), name="audit_by_request"),
            models.Index(fields=("agent", "-id"), name="audit_by_agent"),
            models.Index(fields=("actor", "-id"), name="audit_by_actor"),
            models.Index(fields=("type", "-id"), name="audit_by_type"),
            models.Index(fields=("target", "-id"), name="audit_by_target"),
            models.Index(fields=("at", "id"), name="audit_by_time"),
        )

    def __str__(self) -> str:
        return f"{self.chain}#{self.seq} {self.type}"


class ChainHead(models.Model):
    """Length and last hash of a chain that belongs to no request."""

    chain = models.CharField(max_length=40, primary_key=True)
    position = models.PositiveIntegerField(default=0)
    head = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.chain}#{self.position}"
