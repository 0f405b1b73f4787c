"""Policy as it was applied; a version is never changed."""

from __future__ import annotations

from django.db import models


class PolicyVersion(models.Model):
    """The policy files that were in force from `applied_at` until the next version."""

    number = models.PositiveIntegerField(primary_key=True)
    files = models.JSONField()
    sha256 = models.CharField(max_length=64)
    author = models.CharField(max_length=200)
    commit = models.CharField(max_length=80, blank=True)
    applied_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"version {self.number}"


class PolicyDraft(models.Model):
    """Policy files that would weaken what is in force, until a second person has said yes.

    `based_on` is the version they were compared with; `weakens` says in words what would be lost.
    """

    files = models.JSONField()
    sha256 = models.CharField(max_length=64)
    author = models.CharField(max_length=200)
    commit = models.CharField(max_length=80, blank=True)
    based_on = models.PositiveIntegerField()
    weakens = models.JSONField(default=list)
    proposed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"draft {self.pk} on version {self.based_on}"
