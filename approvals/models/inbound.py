"""What came in already, so that it has an effect once."""

from __future__ import annotations

from django.db import models


class Replay(models.Model):
    """The hash of a signed callback that was accepted."""

    provider = models.CharField(max_length=16)
    key = models.CharField(max_length=64)
    seen_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("provider", "key"), name="replay_once"),)
        indexes = (models.Index(fields=("seen_at",), name="replay_by_time"),)

    def __str__(self) -> str:
        return f"{self.provider} {self.key[:12]}"
