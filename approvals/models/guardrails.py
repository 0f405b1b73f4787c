"""What guardrails remember: recipients, questions asked, open breakers, marks and alerts."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from approvals.domain.terms import AlertKind, BreakerAction, BreakerKind
from approvals.models.agents import Agent
from approvals.models.fields import ExactJSON, choices, one_of
from approvals.models.people import Person
from approvals.models.requests import ApprovalRequest


class Recipient(models.Model):
    """Somebody a request would send something to, in small letters."""

    request = models.ForeignKey(
        ApprovalRequest, on_delete=models.PROTECT, related_name="recipients"
    )
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="+")
    address = models.CharField(max_length=500)
    at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("request", "address"), name="recipient_once"),
        )
        indexes = (models.Index(fields=("agent", "address", "at"), name="recipient_by_time"),)

    def __str__(self) -> str:
        return self.address


class TeamQuestion(models.Model):
    """One request asked this team: what the budget of questions is counted by."""

    request = models.ForeignKey(ApprovalRequest, on_delete=models.PROTECT, related_name="questions")
    team = models.CharField(max_length=80)
    at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("request", "team"), name="question_once_per_team"),
        )
        indexes = (models.Index(fields=("team", "at"), name="question_by_time"),)

    def __str__(self) -> str:
        return f"{self.request} asks {self.team}"


class BreakerTrip(models.Model):
    """One time a circuit breaker opened. It is half-open from `half_open_at` on: one trial may pass.

    `policy` and `kind` name the breaker. A failed trial moves `half_open_at` on.
    """

    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="breaker_trips")
    policy = models.CharField(max_length=200)
    kind = models.CharField(max_length=20, choices=choices(BreakerKind))
    does = models.CharField(max_length=24, choices=choices(BreakerAction))
    words = models.TextField()
    values = ExactJSON(default=dict)
    opened_at = models.DateTimeField()
    half_open_at = models.DateTimeField()
    trial = models.ForeignKey(
        ApprovalRequest, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=240, blank=True)
    close_reason = models.TextField(blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("agent", "policy", "kind"),
                condition=Q(closed_at=None),
                name="breaker_open_once",
            ),
            models.CheckConstraint(condition=one_of("kind", BreakerKind), name="breaker_known"),
        )

    def __str__(self) -> str:
        return f"{self.agent}: {self.kind}"


class SuggestionMark(models.Model):
    """One person's view of what an agent suggested in shadow mode."""

    request = models.ForeignKey(ApprovalRequest, on_delete=models.PROTECT, related_name="marks")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    is_right = models.BooleanField()
    comment = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("request", "person"), name="mark_once_per_person"),
        )

    def __str__(self) -> str:
        return f"{self.request}: {'right' if self.is_right else 'wrong'}"


class Alert(models.Model):
    """Something operators should look at, told once per `key`.

    Whoever takes it says that they look into it; that wears off, so nothing is forgotten.
    """

    kind = models.CharField(max_length=40, choices=choices(AlertKind))
    agent = models.ForeignKey(Agent, null=True, on_delete=models.PROTECT, related_name="alerts")
    key = models.CharField(max_length=200)
    words = models.TextField()
    values = ExactJSON(default=dict)
    request = models.ForeignKey(
        ApprovalRequest, null=True, blank=True, on_delete=models.PROTECT, related_name="alerts"
    )
    at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True, blank=True)
    taken_by = models.CharField(max_length=240, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=240, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("kind", "key"), name="alert_told_once"),
            models.CheckConstraint(condition=one_of("kind", AlertKind), name="alert_kind_known"),
        )
        indexes = (
            models.Index(fields=("kind", "-at"), name="alert_by_time"),
            models.Index(
                fields=("kind", "-id"), condition=models.Q(closed_at=None), name="alert_open"
            ),
        )

    def __str__(self) -> str:
        return self.words


class AlertMute(models.Model):
    """Alerts of this kind about this agent are not raised until then; scope violations always are."""

    kind = models.CharField(max_length=40, choices=choices(AlertKind))
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="mutes")
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    at = models.DateTimeField()
    until = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=~Q(kind=AlertKind.SCOPE_VIOLATION.value),
                name="scope_is_never_muted",
            ),
        )
        indexes = (models.Index(fields=("agent", "kind", "until"), name="mute_now"),)

    def __str__(self) -> str:
        return f"{self.kind} of {self.agent} until {self.until}"
