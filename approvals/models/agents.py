"""Agents and their keys."""

from __future__ import annotations

import uuid

from django.db import models

from approvals.models.people import Person


class Agent(models.Model):
    """A program that asks. It has an owner, and its keys can never decide anything.

    `time_zone` is where it works, by its name in the zone database; empty where nobody said.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=80, unique=True)
    owner = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.SET_NULL, related_name="agents"
    )
    is_enabled = models.BooleanField(default=True)
    webhook_secret = models.CharField(max_length=80)
    time_zone = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class AgentKey(models.Model):
    """One key of an agent: prefixed so people can tell keys apart, hashed, named, expiring."""

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="keys")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=16, unique=True)
    digest = models.CharField(max_length=64)
    scopes = models.JSONField(default=list)
    created_by = models.ForeignKey(Person, null=True, blank=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.prefix}…"
