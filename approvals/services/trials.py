"""Send somebody a test approval: posted, clicked, recorded, updated, by the ways real ones take.

It is a real request of the service itself, but one that asks one person over one channel and lets
nothing happen. It counts as asked of nobody, so no budget, figure or evidence knows of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from approvals.domain import canonical, chain, errors, trial, workflow
from approvals.domain import plan as plans
from approvals.domain.channels import CHANNELS, Channel
from approvals.domain.terms import OPEN, EventKind
from approvals.models import (
    ApprovalRequest,
    Identity,
    Person,
    PolicyVersion,
    Team,
    TeamMember,
)
from approvals.models.people import Role
from approvals.services import actors, adapters, audit, ledger, own

MOST = 6  # of one person within LIFE, so that a stuck finger floods no channel
OPERATORS = frozenset({Role.OPERATOR.value})
MANAGERS = frozenset({Role.OPERATOR.value, Role.MANAGER.value})


class NoWay(errors.Invalid):
    """Nothing can be tested there: the channel is off, or only its vendor can begin."""


class TooManyTrials(errors.TooMany):
    """Somebody has sent themselves enough tests for now."""


@dataclass(frozen=True, slots=True)
class Way:
    """A test that somebody could send: to which address, and how a plan names it.

    `to` says in words where it lands; `beware` whom else it would reach. `why_not` says why this
    person may not, or cannot; then `channel` may be empty.
    """

    adapter: str
    title: str
    channel: str
    to: str
    is_two_way: bool
    beware: str = ""
    why_not: str = ""


def ways(person: Person) -> list[Way]:
    """One for each channel that is set up, whether or not this person may use it."""
    linked = set(Identity.objects.filter(person=person).values_list("kind", flat=True))
    return [_way(CHANNELS[name], person, linked) for name in adapters.enabled() if name in CHANNELS]


def send(*, person: Person, adapter: str, at: datetime) -> ApprovalRequest:
    """Post a test approval, or return the one that still waits there.

    Raises NoWay, NotAllowed or TooManyTrials; then nothing was sent.
    """
    way = next((way for way in ways(person) if way.adapter == adapter), None)
    if way is None:
        raise NoWay("This channel is not set up, so there is nothing to test. Nothing was sent.")
    if way.why_not:
        raise NoWay(f"{way.why_not} Nothing was sent.")
    with transaction.atomic():
        Person.objects.select_for_update(no_key=True).get(pk=person.pk)  # one click at a time
        there = _lately(at=at).filter(target=_target(way, person))
        waiting = there.filter(status__in=[status.value for status in OPEN], decide_by__gt=at)
        if (found := _of(person, waiting)) is not None:
            return found
        _refuse_too_many(person, at=at)
        row = _ask(way, person, at=at)
        detail = {"channel": adapter, "person": person.email, "request": row.ref}
        audit.append_service(
            EventKind.CHANNEL_TRIED, actor=actors.person(person), at=at, detail=detail
        )
    return row


def sent_by(person: Person, *, number: int) -> ApprovalRequest:
    """A test this person sent. Raises NoSuchRequest for anything else."""
    rows = ApprovalRequest.objects.filter(pk=number, effect=trial.EFFECT)
    row = rows.select_related("agent").first()
    if row is None or row.submission["parameters"].get("person") != person.email:
        raise errors.NoSuchRequest(f"REQ-{number}")
    return row


def take_effect(row: ApprovalRequest, *, at: datetime) -> None:
    """Nothing: that it was recorded is all a test is for."""
    del row, at


def _ask(way: Way, person: Person, *, at: datetime) -> ApprovalRequest:
    plan = trial.plan(person.pk, channel=way.channel)
    _seat(person)
    submission = _submission(way, person)
    parameters = submission["parameters"]
    digest = canonical.action_sha256(
        action=submission["action"], target=submission["target"], parameters=parameters
    )
    row = ApprovalRequest(
        agent=own.itself(at=at),
        effect=trial.EFFECT,
        action=submission["action"],
        action_class=submission["action"],
        target=submission["target"],
        submission=submission,
        parameters_sha256=canonical.parameters_sha256(parameters),
        action_sha256=digest,
        body_sha256=canonical.digest(submission),
        risk_computed=plan.risk.value,
        risk=plan.risk.value,
        because=[f"{person} asked for a test of {way.title}."],
        plan=plans.to_json(plan),
        policy_version=PolicyVersion.objects.order_by("-pk").values_list("pk", flat=True).first()
        or 0,
        created_at=at,
        updated_at=at,
        chain_head=chain.GENESIS,
    )
    state = workflow.opened(plan, action_sha256=digest, at=at)
    return ledger.open_request(row, state, actor=actors.person(person), at=at)


def _submission(way: Way, person: Person) -> dict[str, Any]:
    pressed = "Press Approve or Deny there" if way.is_two_way else "Open the link, and decide there"
    body: Mapping[str, Any] = {
        "action": trial.ACTION,
        "target": _target(way, person),
        "parameters": {"channel": way.title, "to": way.to, "person": person.email},
        "reasoning": f"A test approval. {pressed}: nothing runs, whatever you press.",
        "risk": "low",
        "impact": {"summary": "Nothing happens. This only tries the way there and back."},
        "labels": {trial.ONLY: way.adapter},
        "context": {},
    }
    return dict(body)


def _target(way: Way, person: Person) -> str:
    return f"{way.title} for {person}"[:500]


def _seat(person: Person) -> None:
    """A team of one, under a name no policy can use, so that nobody else is asked or may answer."""
    title = f"{person}, who sent this test"[:120]
    team, _ = Team.objects.update_or_create(name=trial.seat(person.pk), defaults={"title": title})
    TeamMember.objects.filter(team=team).exclude(person=person).delete()
    TeamMember.objects.get_or_create(team=team, person=person)


def _lately(*, at: datetime) -> QuerySet[ApprovalRequest]:
    return ApprovalRequest.objects.filter(
        agent=own.itself(at=at), effect=trial.EFFECT, created_at__gt=at - trial.LIFE
    ).order_by("-number")


def _of(person: Person, rows: QuerySet[ApprovalRequest]) -> ApprovalRequest | None:
    return next((r for r in rows if r.submission["parameters"]["person"] == person.email), None)


def _refuse_too_many(person: Person, *, at: datetime) -> None:
    lately = _lately(at=at).values_list("submission", "created_at")
    sent = sorted(made for body, made in lately if body["parameters"]["person"] == person.email)
    if len(sent) >= MOST:
        room = sent[-MOST] + trial.LIFE - at + timedelta(seconds=1)
        raise TooManyTrials(
            f"You sent {len(sent)} tests within ten minutes. Nothing was sent; wait a little.",
            retry_after=int(room.total_seconds()),
        )


def _way(known: Channel, person: Person, linked: set[str]) -> Way:
    """Whether and where a test of this channel reaches somebody."""
    channel, to = _address(known, person)
    beware = known.beware
    if not channel:
        return Way(known.name, known.title, "", "", known.is_two_way, why_not=known.no_test)
    why_not = ""
    if known.beware or (known.name != "email" and known.identity not in linked):
        why_not = _may_not(known, person)
    return Way(known.name, known.title, channel, to, known.is_two_way, beware, why_not)


def _may_not(known: Channel, person: Person) -> str:
    if known.beware and person.role not in OPERATORS:
        return f"A test there reaches others: {known.beware} Only operators send it."
    if person.role in MANAGERS:
        return ""
    if known.identity:
        return f"Your {known.title} account is not linked, so the card could not know you."
    return "Only managers and operators send tests to a channel that many read."


def _address(known: Channel, person: Person) -> tuple[str, str]:
    """How a plan names the address a test goes to, and the same for people; empty where none is."""
    if known.name == "email":
        return f"email:{person.email}", person.email
    if known.name == "slack":
        return settings.SLACK_CHANNEL, settings.SLACK_CHANNEL
    if known.name == "teams":
        name = settings.TEAMS_CHANNEL.removeprefix("teams:")
        return (f"teams:{name}", name) if name else ("", "")
    if known.name == "pagerduty":
        return "pagerduty", "the default service"
    if known.name == "servicenow":
        return "servicenow", "a new change request"
    if known.name in {"teams_workflow", "console"}:
        return known.name, known.title
    return "", ""
