"""Where Slack let us in, and what each channel of any adapter may see."""

from __future__ import annotations

from enum import StrEnum

from django.db import models

from approvals.models.fields import choices, one_of


class SlackWorkspace(models.Model):
    """One installation of our Slack app. The token is kept encrypted, never as it came."""

    team_id = models.CharField(max_length=40, blank=True)
    enterprise_id = models.CharField(max_length=40, blank=True)
    name = models.CharField(max_length=200, blank=True)
    bot_user_id = models.CharField(max_length=40, blank=True)
    sealed_token = models.TextField()
    scopes = models.JSONField(default=list)
    installed_by = models.CharField(max_length=240)
    installed_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    why_revoked = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("team_id", "enterprise_id"),
                condition=models.Q(revoked_at=None),
                name="workspace_once",
            ),
        )

    def __str__(self) -> str:
        return self.name or self.team_id


class Shows(StrEnum):
    """How much of a request a channel may see; without the values nobody can approve there."""

    VALUES = "values"
    NAMES = "names"
    NOTHING = "nothing"


class ChannelShowing(models.Model):
    """What one address of one adapter may see, where that is less than everything."""

    adapter = models.CharField(max_length=20)
    address = models.CharField(max_length=400)
    shows = models.CharField(max_length=8, choices=choices(Shows))
    changed_by = models.CharField(max_length=240)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("adapter", "address"), name="showing_once"),
            models.CheckConstraint(condition=one_of("shows", Shows), name="showing_known"),
        )

    def __str__(self) -> str:
        return f"{self.adapter} {self.address}: {self.shows}"


class ChannelFinding(models.Model):
    """What a look at a vendor found amiss before anything failed: in words, with what mends it.

    `subject` says what it is about (a scope, a channel, a workspace); a look that finds it mended takes
    the row away.
    """

    adapter = models.CharField(max_length=20)
    subject = models.CharField(max_length=400)
    words = models.TextField()
    fix = models.TextField(blank=True)
    found_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("adapter", "subject"), name="finding_once"),)

    def __str__(self) -> str:
        return f"{self.adapter} {self.subject}"
