"""Who calls: an agent by its key, a person by a token or by the browser's session."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from approvals.api.problems import CHALLENGE, NotAuthenticated
from approvals.models import Agent, AgentKey, Person
from approvals.services import agents, clock, people

AGENT_PREFIX, PERSON_PREFIX = "cs_agent_", "cs_person_"


@dataclass(frozen=True, slots=True)
class Caller:
    """Either an agent with the key it used, or a person; `how` says how they were recognised."""

    scopes: frozenset[str]
    how: str
    agent: Agent | None = None
    key: AgentKey | None = None
    person: Person | None = None


class Bearer(BaseAuthentication):
    """`Authorization: Bearer cs_agent_…` or `cs_person_…`."""

    def authenticate(self, request: Request) -> tuple[Person | AnonymousUser, Caller] | None:
        """None without the header. Raises NotAuthenticated or agents.KeyRefused."""
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if not header:
            return None
        scheme, _, raw = header.partition(" ")
        if scheme.lower() != "bearer" or not raw.strip():
            raise NotAuthenticated(
                "The Authorization header must read: Bearer, a space, and a key or token."
            )
        return _recognised(raw.strip())

    def authenticate_header(self, request: Request) -> str:
        del request
        return CHALLENGE


class Session(SessionAuthentication):
    """The dashboard's own session; every writing call must carry its form token."""

    def authenticate(self, request: HttpRequest | Request) -> tuple[Person, Caller] | None:
        found = super().authenticate(request)  # type: ignore[arg-type]  # the stubs ask for one of the two
        if found is None:
            return None
        person = found[0]
        assert isinstance(person, Person)  # noqa: S101  # AUTH_USER_MODEL
        return person, Caller(frozenset(people.SCOPES), "session", person=person)

    def enforce_csrf(self, request: HttpRequest | Request) -> None:
        """On the plain request: REST framework's would read the body to look for a form."""
        plain = request._request if isinstance(request, Request) else request
        super().enforce_csrf(plain)  # type: ignore[arg-type]  # it needs headers and cookies only


def _recognised(raw: str) -> tuple[Person | AnonymousUser, Caller]:
    if raw.startswith(AGENT_PREFIX):
        key = agents.authenticate(raw, at=clock.now())
        return AnonymousUser(), Caller(frozenset(key.scopes), "agent key", agent=key.agent, key=key)
    if raw.startswith(PERSON_PREFIX):
        token = people.authenticate_token(raw, at=clock.now())
        return token.person, Caller(frozenset(token.scopes), "personal token", person=token.person)
    raise NotAuthenticated(
        "This is no key of an agent (cs_agent_…) and no token of a person (cs_person_…). "
        "Nothing was done."
    )
