"""Where somebody is signed in: each of their sessions, and an end to any one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac

from approvals.domain import errors
from approvals.models import Person
from approvals.services import sign_in

# Sessions are kept sealed, so each that lives is opened to find somebody's; the page must not take long.
MOST_OPENED = 3_000
MARK_LENGTH = 24


class NoSuchSession(errors.NotFound):
    """No session of this person that lives has this mark."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One session. `mark` names it to its owner and opens nothing; `facts` are what the door kept in it."""

    mark: str
    is_here: bool
    ends_at: datetime
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """`is_whole` unless so many people are signed in that only the newest sessions were opened."""

    sessions: tuple[Kept, ...]
    is_whole: bool


def of(*, person: Person, here: str, at: datetime, most: int = MOST_OPENED) -> Found:
    """This person's sessions, this one first, then by when they end; `here` is the key of this one."""
    living = list(_living(at)[: most + 1])
    mine = [
        Kept(mark_of(row.session_key), row.session_key == here, row.expire_date, facts)
        for row, facts in _of(person, living[:most])
    ]
    mine.sort(key=lambda one: (not one.is_here, -one.ends_at.timestamp()))
    return Found(tuple(mine), len(living) <= most)


def end(*, person: Person, mark: str, at: datetime) -> None:
    """Sign out there: pages and live lines of that session end within seconds. Raises NoSuchSession."""
    theirs = (row for row, _ in _of(person, _living(at).iterator(chunk_size=500)))
    found = next(
        (row for row in theirs if constant_time_compare(mark_of(row.session_key), mark)), None
    )
    with transaction.atomic():
        gone = Session.objects.filter(session_key=found.session_key).delete()[0] if found else 0
        if not gone:
            raise NoSuchSession(
                "That sign-in is not yours, or has ended already. Nothing was changed."
            )
        sign_in.note(person, {"signed_out": 1}, at=at)


def mark_of(key: str) -> str:
    """A name for a session from which nobody can make its key."""
    return salted_hmac("approvals.session", key, algorithm="sha256").hexdigest()[:MARK_LENGTH]


def _living(at: datetime) -> Any:
    """Those that have not ended, the one that lasts longest first."""
    return Session.objects.filter(expire_date__gt=at).order_by("-expire_date")


def _of(person: Person, rows: Any) -> Iterator[tuple[Session, dict[str, Any]]]:
    """Those made for this person as they are now: a changed password ends the others by itself."""
    marks = [person.get_session_auth_hash(), *person.get_session_auth_fallback_hash()]
    for row in rows:
        facts = row.get_decoded()
        made_with = str(facts.get(HASH_SESSION_KEY, ""))
        if facts.get(SESSION_KEY) == str(person.pk) and any(
            constant_time_compare(made_with, mark) for mark in marks
        ):
            yield row, facts
