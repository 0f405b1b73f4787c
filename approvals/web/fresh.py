"""How long ago this session's person proved who they are; some decisions ask for it again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from approvals.domain import errors
from approvals.models import Person
from approvals.services import clock, freshness, sign_in
from approvals.web import throttle

SIGNED_IN_AT = freshness.SIGNED_IN_AT
BY_PASSWORD_AGAIN = "password_again"
NOTHING = "Nothing was decided."


@receiver(user_logged_in, dispatch_uid="approvals.web.fresh")
def remember(sender: object, request: HttpRequest, **named: Any) -> None:
    """Every way of signing in ends here."""
    del sender, named
    request.session[SIGNED_IN_AT] = clock.now().isoformat()


def renew(request: HttpRequest, *, at: datetime) -> None:
    """They proved it, at this moment."""
    request.session[SIGNED_IN_AT] = at.isoformat()


def is_fresh(request: HttpRequest, *, at: datetime) -> bool:
    return freshness.is_fresh(request.session, at=at)


def confirm(request: HttpRequest, person: Person, password: str, *, at: datetime) -> None:
    """Take a password as a fresh sign-in. Raises Invalid for the field `password`."""
    if not person.has_usable_password():
        raise errors.Invalid(
            f"You have no password here. Prove it another way, then decide within 5 minutes. {NOTHING}",
            field="password",
        )
    if not throttle.may_try(email=person.email, address=request.META.get("REMOTE_ADDR", ""), at=at):
        until = throttle.window_ends(at)
        raise errors.Invalid(
            f"Too many tries. Wait until {until:%H:%M} UTC, or ask {sign_in.contact()}. {NOTHING}",
            field="password",
        )
    if not password or not person.check_password(password):
        raise errors.Invalid(f"This is not your password. {NOTHING}", field="password")
    renew(request, at=at)
