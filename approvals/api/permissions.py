"""Which kind of caller a door opens to. Whether a person may decide is the domain's business."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NoReturn

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from approvals.api import problems
from approvals.api.authentication import Caller
from approvals.models import Agent, AgentKey, Person
from approvals.services import clock, freshness, people

if TYPE_CHECKING:  # the views import their permissions: the name alone must do
    from rest_framework.views import APIView


class Somebody(BasePermission):
    """Any agent or person; nobody else."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        del view
        caller(request)
        return True


def caller(request: Request) -> Caller:
    """Raises NotAuthenticated."""
    if not isinstance(request.auth, Caller):
        raise problems.NotAuthenticated(
            "Nobody is named. Send Authorization: Bearer with an agent's key or a person's token. "
            "Nothing was done."
        )
    return request.auth


def agent(request: Request, *, scope: str) -> tuple[Agent, AgentKey]:
    """The calling agent and its key. Raises AgentsOnly or MissingScope."""
    known = caller(request)
    if known.agent is None or known.key is None:
        raise problems.AgentsOnly("Only an agent's own key can do this. Nothing was done.")
    _refuse_without(scope, known)
    return known.agent, known.key


def person(request: Request, *, scope: str, deciding: bool = False) -> Person:
    """The calling person. Raises AgentsCannotDecide, PeopleOnly or MissingScope."""
    known = caller(request)
    if known.person is None:
        _refuse_agent(deciding=deciding)
    _refuse_without(scope, known)
    return known.person


def refuse_stale_session(request: Request) -> None:
    """What the dashboard asks of its reader, the dashboard's session asks here. Raises FreshSignInNeeded."""
    if by_session(request):
        freshness.refuse_stale(request._request.session, at=clock.now())


def by_session(request: Request) -> bool:
    """Whether the caller is known by the dashboard's session rather than by a token."""
    return caller(request).how == "session"


def is_fresh(request: Request, *, at: datetime) -> bool:
    """Whether that session saw its person sign in just now. A token never did."""
    return by_session(request) and freshness.is_fresh(request._request.session, at=at)


def anybody(request: Request, *, scope: str = "requests:read") -> Caller:
    """The caller, whoever it is. Raises MissingScope."""
    known = caller(request)
    _refuse_without(scope, known)
    return known


def auditor(request: Request) -> Person:
    """A person who may read the whole history. Raises PeopleOnly or MissingScope."""
    someone = person(request, scope="audit:read")
    if not people.may_read_audit(someone):
        raise problems.MissingScope(
            "The whole history is for managers, auditors and operators; your role is not one of "
            "them. A request's own evidence is open to you."
        )
    return someone


def _refuse_agent(*, deciding: bool) -> NoReturn:
    if deciding:
        raise problems.AgentsCannotDecide(
            "An agent's key can never decide. A person must. Nothing was decided."
        )
    raise problems.PeopleOnly(
        "Only a person can do this, with a session or a personal token. Nothing was done."
    )


def _refuse_without(scope: str, known: Caller) -> None:
    if scope not in known.scopes:
        raise problems.MissingScope(
            f"This key lacks the scope {scope}. Nothing was done. Use one that has it.", scope=scope
        )
