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


class Knock(models.Model):
    """A signed callback kept before it is answered, until it has had its effect.

    Whoever works on it holds it until `leased_until`; `done_at` ends it. `body` is as it came, `facts`
    what is needed beside it to do its work. A key seen before is the same callback again.
    """

    id = models.BigAutoField(primary_key=True)
    provider = models.CharField(max_length=16)
    key = models.CharField(max_length=64)
    body = models.BinaryField()
    facts = models.JSONField(default=dict)
    received_at = models.DateTimeField()
    leased_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    done_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("provider", "key"), name="knock_once"),)
        indexes = (
            models.Index(fields=("id",), condition=models.Q(done_at=None), name="knock_to_do"),
            models.Index(fields=("received_at",), name="knock_by_time"),
        )

    def __str__(self) -> str:
        return f"{self.provider} {self.key[:12]}"
