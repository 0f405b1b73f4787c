"""How far agents are trusted: their stages, and grants that stand for a while."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from approvals.domain.terms import Stage
from approvals.models.agents import Agent
from approvals.models.fields import ExactJSON, choices, one_of, uuid7


class AgentStage(models.Model):
    """The stage an agent has, or had, for one class of action (`*`: every class without one of its own).

    A change ends the row and adds another, so the past stays readable. From `ends_at` on it counts as
    `falls_to`, whether or not somebody has written that down yet.
    """

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="stages")
    action_class = models.CharField(max_length=200)
    stage = models.CharField(max_length=16, choices=choices(Stage))
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    falls_to = models.CharField(max_length=16, choices=choices(Stage), blank=True)
    changed_by = models.CharField(max_length=240)
    reason = models.TextField(blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("agent", "action_class"),
                condition=Q(until=None),
                name="stage_one_at_a_time",
            ),
            models.CheckConstraint(condition=one_of("stage", Stage), name="stage_known"),
            models.CheckConstraint(
                condition=Q(ends_at=None, falls_to="")
                | (Q(ends_at__gt=F("since")) & one_of("falls_to", Stage)),
                name="stage_falls_to_another",
            ),
        )
        indexes = (
            models.Index(
                fields=("ends_at",),
                condition=Q(until=None, ends_at__isnull=False),
                name="stage_ending",
            ),
        )

    def __str__(self) -> str:
        return f"{self.agent} {self.action_class}: {self.stage}"


class StageStart(models.Model):
    """A stage people agreed to that begins later. `request` is where they did; it ends by beginning, or
    by whatever `why_not` says."""

    request = models.OneToOneField(
        "approvals.ApprovalRequest", on_delete=models.PROTECT, related_name="stage_start"
    )
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="stage_starts")
    action_class = models.CharField(max_length=200)
    stage = models.CharField(max_length=16, choices=choices(Stage))
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    began_at = models.DateTimeField(null=True, blank=True)
    dropped_at = models.DateTimeField(null=True, blank=True)
    why_not = models.TextField(blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=one_of("stage", Stage), name="stage_start_known"),
            models.CheckConstraint(
                condition=Q(began_at=None) | Q(dropped_at=None), name="stage_start_ends_once"
            ),
        )
        indexes = (
            models.Index(
                fields=("starts_at", "id"),
                condition=Q(began_at=None, dropped_at=None),
                name="stage_start_due",
            ),
        )

    def __str__(self) -> str:
        return f"{self.agent} {self.action_class}: {self.stage} from {self.starts_at}"


class StandingGrant(models.Model):
    """This agent may do this action within these bounds, so often, until then.

    `bounds` maps a parameter's name to `{"equals": value}` or `{"least": n, "most": n}`.
    """

    public_id = models.UUIDField(unique=True, default=uuid7, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="standing_grants")
    action = models.CharField(max_length=200)
    target = models.CharField(max_length=500)
    bounds = ExactJSON()
    most_uses = models.PositiveIntegerField()
    uses = models.PositiveIntegerField(default=0)
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=240)
    made_from = models.CharField(max_length=24)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.CharField(max_length=240, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(uses__lte=F("most_uses")), name="standing_grant_used_within_bound"
            ),
            models.CheckConstraint(condition=Q(most_uses__gte=1), name="standing_grant_has_uses"),
        )
        indexes = (
            models.Index(
                fields=("agent", "action", "expires_at"),
                condition=Q(revoked_at=None),
                name="standing_grant_in_force",
            ),
        )

    def __str__(self) -> str:
        return f"{self.agent} may {self.action} on {self.target}"
