"""What proves at sign-in that somebody is who they say, beside a password."""

from __future__ import annotations

from django.db import models

from approvals.models.people import Person


class Passkey(models.Model):
    """A WebAuthn credential of one person; only the public key is ours."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=80)
    credential_id = models.CharField(max_length=400, unique=True)
    public_key = models.BinaryField()
    sign_count = models.PositiveBigIntegerField(default=0)
    transports = models.JSONField(default=list)
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} of {self.person}"


class OneTimeSecret(models.Model):
    """The shared secret of an authenticator app (RFC 6238), kept encrypted.

    `last_step` is the newest time step that was used, so that no code counts twice.
    """

    person = models.OneToOneField(Person, on_delete=models.CASCADE, related_name="one_time_secret")
    sealed_secret = models.TextField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    last_step = models.PositiveBigIntegerField(default=0)
    recovery_digests = models.JSONField(default=list)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"one-time codes of {self.person}"
