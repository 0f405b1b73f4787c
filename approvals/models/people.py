"""People, their teams, their accounts elsewhere, and their tokens."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower

from approvals.models.fields import choices, one_of


class Role(StrEnum):
    """What a person may do besides deciding, which only team membership allows."""

    MEMBER = "member"
    MANAGER = "manager"
    AUDITOR = "auditor"
    OPERATOR = "operator"


class People(BaseUserManager["Person"]):
    """Creates and finds people by e-mail address, whatever its case."""

    def get_by_natural_key(self, username: str | None) -> Person:
        return self.get(email=(username or "").strip().lower())


class Person(AbstractBaseUser):
    """Somebody who may decide, review or operate. Signs in with an e-mail address."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)
    role = models.CharField(max_length=16, choices=choices(Role), default=Role.MEMBER.value)
    manager = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="reports"
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    objects: ClassVar[People] = People()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        constraints = (
            models.CheckConstraint(condition=one_of("role", Role), name="person_role_known"),
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")),
                name="person_email_lower_case",
            ),
        )

    def __str__(self) -> str:
        return self.name or self.email


class Team(models.Model):
    """People who are asked together."""

    name = models.CharField(max_length=80, unique=True)
    title = models.CharField(max_length=120)
    people = models.ManyToManyField(Person, through="TeamMember", related_name="teams")

    def __str__(self) -> str:
        return self.title


class TeamMember(models.Model):
    """One person in one team."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="memberships")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("team", "person"), name="team_member_once"),)

    def __str__(self) -> str:
        return f"{self.person} in {self.team}"


class Identity(models.Model):
    """A person's account at a vendor, e.g. kind `slack`, external id `T1:U9` or `U9`."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="identities")
    kind = models.CharField(max_length=16)
    external_id = models.CharField(max_length=200)
    verified_by = models.CharField(max_length=40)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("kind", "external_id"), name="identity_belongs_to_one_person"
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.external_id}"


class PersonToken(models.Model):
    """A person's token for the API. Only its hash is kept."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=80, blank=True)
    prefix = models.CharField(max_length=16, unique=True)
    digest = models.CharField(max_length=64)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.prefix}…"
