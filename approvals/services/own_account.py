"""What people do with their own account: unlink, make and revoke tokens, sign out wherever they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.contrib.sessions.models import Session
from django.db import transaction

from approvals.domain import errors
from approvals.domain.terms import EventKind
from approvals.models import Identity, Person, PersonToken
from approvals.models.people import Role
from approvals.services import actors, audit, people

MOST_TOKENS = 20
DAYS = (7, 30, 90, 365)
WRITES_POLICIES = (Role.MANAGER.value, Role.OPERATOR.value)


class NoSuchAccount(errors.NotFound):
    """No linked account of this person has this number."""


class NoSuchToken(errors.NotFound):
    """No token of this person that still counts has this prefix."""


def scopes(person: Person) -> tuple[str, ...]:
    """What a token of this person may be for."""
    return (*people.SCOPES, *([people.POLICY_SCOPE] if person.role in WRITES_POLICIES else []))


def make_token(*, person: Person, name: str, wanted: Sequence[str], days: int, at: datetime) -> str:
    """A token of one's own; the raw form is returned once. Raises Invalid."""
    if not wanted:
        raise errors.Invalid("Choose what the token is for. Nothing was made.", field="scopes")
    beyond = sorted(set(wanted) - set(scopes(person)))
    if beyond:
        raise errors.Invalid(
            f"A token of yours cannot be for {beyond[0][:60]!r}. Nothing was made.", field="scopes"
        )
    if "\x00" in name:
        raise errors.Invalid(
            "A name cannot hold the character U+0000. Nothing was made.", field="name"
        )
    if days not in DAYS:
        raise errors.Invalid("Choose how long it counts. Nothing was made.", field="days")
    with transaction.atomic():
        Person.objects.select_for_update(no_key=True).get(pk=person.pk)
        if live_tokens(person, at=at) >= MOST_TOKENS:
            raise errors.Conflict(
                f"You have {MOST_TOKENS} tokens that still count. Revoke one first; nothing was made."
            )
        return people.issue_token(
            person=person, scopes=wanted, name=name.strip()[:80], days=days,
            actor=actors.person(person), at=at,
        )  # fmt: skip


def live_tokens(person: Person, *, at: datetime) -> int:
    return PersonToken.objects.filter(person=person, revoked_at=None, expires_at__gt=at).count()


def revoke_token(*, person: Person, prefix: str, at: datetime) -> None:
    """End a token at once. Raises NoSuchToken for one of somebody else, or one that is over."""
    with transaction.atomic():
        ended = PersonToken.objects.filter(person=person, prefix=prefix[:16], revoked_at=None)
        if not ended.update(revoked_at=at):
            raise NoSuchToken("No token of yours that counts is called so. Nothing was changed.")
        _note(person, EventKind.PERSON_CHANGED, {"token_revoked": prefix[:16]}, at=at)


def unlink(*, person: Person, number: int, at: datetime) -> Identity:
    """Forget an account elsewhere; from then on a click of it counts for nobody. Raises NoSuchAccount."""
    with transaction.atomic():
        account = (
            Identity.objects.select_for_update().filter(person=person, pk=min(number, 2**63 - 1))
        ).first()
        if account is None:
            raise NoSuchAccount("No linked account of yours is that one. Nothing was changed.")
        account.delete()
        detail = {"unlinked": account.kind, "id": account.external_id}
        _note(person, EventKind.PERSON_CHANGED, detail, at=at)
    return account


def sign_out_everywhere(*, person: Person, but: str, at: datetime) -> int:
    """End every session of this person except the one named; returns how many. Tokens go on counting.

    Sessions are kept sealed, so all that still live are opened to find theirs: thousands take a second.
    """
    mine = [
        session.session_key
        for session in Session.objects.filter(expire_date__gt=at).iterator(chunk_size=500)
        if session.session_key != but
        and session.get_decoded().get("_auth_user_id") == str(person.pk)
    ]
    with transaction.atomic():
        ended, _ = Session.objects.filter(session_key__in=mine).delete()
        _note(person, EventKind.SIGN_IN_CHANGED, {"signed_out": ended}, at=at)
    return ended


def _note(person: Person, kind: EventKind, detail: Mapping[str, object], *, at: datetime) -> None:
    by = actors.person(person)
    audit.append_service(kind, actor=by, at=at, detail={"person": person.email, **detail})
