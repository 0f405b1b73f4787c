"""Say in a line why a click changed nothing, to somebody who looks at a message and not at a page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import DatabaseError

from approvals.domain import errors
from approvals.domain.errors import Refusal
from approvals.domain.terms import Status, Verdict
from approvals.models import AuditEvent, Decision, Person, Team
from approvals.models.people import Role
from approvals.models.requests import lookup

MOST_TEAMS = 3
JUST_NOW = timedelta(minutes=1)
LATELY = timedelta(hours=1)
DID = {
    Status.APPROVED: "approved",
    Status.DENIED: "denied",
    Status.CANCELLED: "withdrew",
    Status.REVOKED: "revoked",
}
ORDINALS = {1: "second", 2: "third", 3: "fourth"}


def of(refusal: Refusal, *, ref: str, at: datetime) -> str:
    """The words for a refused click on this request at this moment; the refusal's own for the rest."""
    say = _SAID.get(type(refusal))
    if say is None or not ref:
        return refusal.words
    try:
        return say(refusal, ref, at) or refusal.words
    except (DatabaseError, KeyError, TypeError, ValueError):
        return refusal.words


def _not_an_approver(refusal: Refusal, ref: str, at: datetime) -> str:
    del ref, at
    named = refusal.facts.get("teams")
    asked = [str(team) for team in named] if isinstance(named, list) else []
    titles = dict(Team.objects.filter(name__in=asked).values_list("name", "title"))
    told = [titles.get(team, team) for team in asked][:MOST_TEAMS]
    if not told:
        return ""
    giver = Person.objects.filter(role=Role.OPERATOR.value, is_active=True).order_by("pk").first()
    access = f" Ask {giver} for access." if giver else ""
    return f"Not counted. {' or '.join(told)} can decide this. You are not one of them.{access}"


def _own_agent(refusal: Refusal, ref: str, at: datetime) -> str:
    del refusal, ref, at
    return "Not counted. You own this agent, so someone else must decide."


def _same_person(refusal: Refusal, ref: str, at: datetime) -> str:
    del at
    given = Decision.objects.filter(
        **{f"request__{name}": value for name, value in lookup(ref).items()},
        verdict=Verdict.APPROVE.value,
    ).count()
    which = ORDINALS.get(given, "next")
    return (
        f"You already approved this at {_moment(refusal):%H:%M} UTC. "
        f"A different person must give the {which} approval."
    )


def _already_decided(refusal: Refusal, ref: str, at: datetime) -> str:
    del ref
    did = DID.get(Status(str(refusal.facts["status"])))
    if did is None:
        return ""
    by = str(refusal.facts["by"])
    return f"{by} {did} this {_before(_moment(refusal), at)}. Your click changed nothing."


def _changed(refusal: Refusal, ref: str, at: datetime) -> str:
    del at
    last = (
        AuditEvent.objects.filter(
            **{f"request__{name}": value for name, value in lookup(ref).items()}
        )
        .exclude(type="decision.refused")
        .order_by("-seq")
        .first()
    )
    by_agent = last is not None and last.actor.startswith("agent:")
    what = "The agent changed this request" if by_agent else "This request changed"
    return (
        f"Not counted. {what} after this message was drawn. "
        f"Read version {refusal.facts['version']}."
    )


def _expired(refusal: Refusal, ref: str, at: datetime) -> str:
    """Silence is no denial, and is never called one."""
    del ref, at
    return f"Too late. It expired at {_moment(refusal):%H:%M} UTC: nobody decided. Nothing ran."


def _moment(refusal: Refusal) -> datetime:
    return datetime.fromisoformat(str(refusal.facts["at"]))


def _before(moment: datetime, at: datetime) -> str:
    gone = max(at - moment, timedelta(0))
    if gone < JUST_NOW:
        seconds = max(int(gone.total_seconds()), 1)
        return f"{seconds} second{'s' if seconds > 1 else ''} before you"
    if gone < LATELY:
        minutes = int(gone.total_seconds() // 60)
        return f"{minutes} minute{'s' if minutes > 1 else ''} before you"
    return f"at {moment:%H:%M} UTC on {moment.day} {moment:%b}"


_SAID: dict[type[Refusal], Callable[[Refusal, str, datetime], str]] = {
    errors.NotAnApprover: _not_an_approver,
    errors.OwnAgent: _own_agent,
    errors.SamePerson: _same_person,
    errors.AlreadyDecided: _already_decided,
    errors.Changed: _changed,
    errors.Expired: _expired,
}
