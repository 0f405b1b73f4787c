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
