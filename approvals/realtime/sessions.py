"""Who is behind browsers' sessions, asked again and again while their connections stay open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.http import parse_cookie
from django.utils.crypto import constant_time_compare

from approvals.models import Person
from approvals.services import clock

REMEMBERED = 4_096


def session_key(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The session's key in the cookies of a handshake, or nothing."""
    cookies = next((value for name, value in headers if name == b"cookie"), b"")
    return parse_cookie(cookies.decode("latin-1")).get(settings.SESSION_COOKIE_NAME, "")


@database_sync_to_async
def people_behind(keys: Iterable[str]) -> dict[str, int]:
    """The numbers of the signed-in, active people of these sessions now; two statements for them all.

    Whoever signed out, was disabled or changed the password since is missing.
    """
    wanted = {key for key in keys if key}
    if not wanted:
        return {}
    rows = Session.objects.filter(session_key__in=wanted, expire_date__gt=clock.now())
    held = rows.values_list("session_key", "session_data")
    told = {key: _facts(session_data) for key, session_data in held}
    numbers = {str(facts.get(SESSION_KEY, "")) for facts in told.values()}
    active = Person.objects.filter(
        pk__in=[number for number in numbers if number.isdecimal()], is_active=True
    ).only("password")
    people = {str(person.pk): person for person in active}
    return {
        key: people[str(facts[SESSION_KEY])].pk
        for key, facts in told.items()
        if _is_of(facts, people.get(str(facts.get(SESSION_KEY, ""))))
    }


@lru_cache(maxsize=REMEMBERED)
def _facts(session_data: str) -> Mapping[str, object]:
    """What a session holds; the same text is looked into once, however often it is read."""
    found: Mapping[str, object] = Session(session_data=session_data).get_decoded()
    return MappingProxyType(found)


def _is_of(facts: Mapping[str, object], person: Person | None) -> bool:
    """Whether a session was made for this person as they are now, by a way in that still stands."""
    if person is None or facts.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return False
    made_with = str(facts.get(HASH_SESSION_KEY, ""))
    marks = [person.get_session_auth_hash(), *person.get_session_auth_fallback_hash()]
    return any(constant_time_compare(made_with, mark) for mark in marks)
