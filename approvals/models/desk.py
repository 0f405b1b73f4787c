"""What people keep at the dashboard: their views, their ways, their exports, what they looked at."""

from __future__ import annotations

from enum import StrEnum

from django.db import models
from django.db.models import Q

from approvals.domain.terms import Verdict
from approvals.models.fields import ExactJSON, choices, one_of, uuid7
from approvals.models.people import Person
from approvals.models.requests import ApprovalRequest


class SavedView(models.Model):
    """A named address of a page's list: `query` is what stands behind its question mark."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="views")
    page = models.CharField(max_length=20)
    name = models.CharField(max_length=80)
    query = models.CharField(max_length=2000)
    is_shared = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("person", "page", "name"), name="view_name_once"),
        )

    def __str__(self) -> str:
        return f"{self.page}: {self.name}"


class Preferences(models.Model):
    """How one person wants the dashboard: `chosen` holds only what differs from the usual."""

    person = models.OneToOneField(Person, on_delete=models.CASCADE, related_name="preferences")
    chosen = models.JSONField(default=dict)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"preferences of {self.person}"


class ExportState(StrEnum):
    """Where an export stands."""

    WAITING = "waiting"
    WRITING = "writing"
    READY = "ready"
    FAILED = "failed"


class Export(models.Model):
    """A file somebody asked for, written in the background; `done` of `total` rows are in it."""

    public_id = models.UUIDField(unique=True, default=uuid7, editable=False)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="exports")
    form = models.CharField(max_length=12)
    query = models.CharField(max_length=2000, blank=True)
    state = models.CharField(
        max_length=10, choices=choices(ExportState), default=ExportState.WAITING.value
    )
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    why_failed = models.TextField(blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    kept_until = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=one_of("state", ExportState), name="export_state_known"
            ),
        )
        indexes = (models.Index(fields=("person", "-id"), name="export_of_person"),)

    def __str__(self) -> str:
        return f"{self.form} for {self.person}"


class ExportPart(models.Model):
    """A piece of an export's file, in order."""

    export = models.ForeignKey(Export, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("export", "number"), name="export_part_once"),
        )

    def __str__(self) -> str:
        return f"part {self.number} of {self.export_id}"


class RequestLook(models.Model):
    """Who opened a request's page, when first and when last, and which version they saw last."""

    request = models.ForeignKey(ApprovalRequest, on_delete=models.CASCADE, related_name="looks")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="looks")
    version = models.PositiveIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("request", "person"), name="look_once_per_person"),
        )

    def __str__(self) -> str:
        return f"{self.person} at {self.request_id}"


class Assignment(models.Model):
    """Somebody who was asked by name to look at a request; it gives no right to decide."""

    request = models.ForeignKey(
        ApprovalRequest, on_delete=models.PROTECT, related_name="assignments"
    )
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="assignments")
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("request", "person"), name="assigned_once"),)

    def __str__(self) -> str:
        return f"{self.request_id} for {self.person}"


class ReminderMute(models.Model):
    """Somebody who wants no more reminders of one request; it takes no right to decide, and hides nothing."""

    request = models.ForeignKey(ApprovalRequest, on_delete=models.CASCADE, related_name="mutes")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("request", "person"), name="muted_once_per_person"),
        )

    def __str__(self) -> str:
        return f"{self.person} on {self.request_id}"


class HeldDecision(models.Model):
    """A decision that is recorded but not yet given to the agent: until then it can be undone.

    At `release_at` it takes effect by the ordinary way, as of the moment `at`; `undone_at` or
    `released_at` ends it. `why_not` says why it took no effect when its time came.
    """

    request = models.ForeignKey(ApprovalRequest, on_delete=models.PROTECT, related_name="held")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    verdict = models.CharField(max_length=16, choices=choices(Verdict))
    comment = models.TextField(blank=True)
    version = models.PositiveIntegerField()
    shown_sha256 = models.CharField(max_length=64)
    channel = models.CharField(max_length=20)
    authenticated_by = models.CharField(max_length=40, blank=True)
    detail = ExactJSON(null=True, blank=True)
    at = models.DateTimeField()
    release_at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True, blank=True)
    released_at = models.DateTimeField(null=True, blank=True)
    why_not = models.TextField(blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("request", "person"),
                condition=Q(undone_at=None, released_at=None),
                name="held_once_per_person",
            ),
        )
        indexes = (
            models.Index(
                fields=("release_at", "id"),
                condition=Q(undone_at=None, released_at=None),
                name="held_due",
            ),
        )

    def __str__(self) -> str:
        return f"{self.verdict} by {self.person}, held"
