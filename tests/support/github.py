"""How a test stands between the service and its fake GitHub."""

from __future__ import annotations

from django.http import HttpResponse
from django.test import RequestFactory

from approvals.models import Agent, ApprovalRequest, AuditEvent
from approvals.services import clock, deliveries, looking, people
from integrations.github import door
from tests.fakes.github import AGENT, CheckRun, FakeGitHub
from tests.fakes.github_events import Body, Delivered, signed
from tests.support import cast


def agent() -> Agent:
    """The agent in whose name GitHub asks."""
    return cast.agent(AGENT)[0]


def knock(delivered: Delivered) -> HttpResponse:
    """Straight to the door, without the walk through the middleware."""
    extra = {f"HTTP_{k.upper().replace('-', '_')}": v for k, v in delivered.headers.items()}
    made = RequestFactory().post(
        "/webhook",
        delivered.body,
        content_type="application/json",
        **extra,  # type: ignore[arg-type]
    )
    return door.webhook(made)


def send(event: str, body: Body) -> HttpResponse:
    return knock(signed(event, body))


def linked(name: str, account: int) -> None:
    """Bind a GitHub account to somebody of the cast."""
    people.link(
        person=cast.person(name),
        kind="github",
        external_id=str(account),
        verified_by="tests",
        actor=cast.OPERATOR,
        at=clock.now(),
    )


def asked(fake: FakeGitHub, number: int = 7) -> tuple[ApprovalRequest, CheckRun]:
    """The request for a pull request that changes policy, and its check run as it stands."""
    agent()
    if number not in fake.pulls:
        fake.add_pull(number)
    look()
    row = ApprovalRequest.objects.filter(target__endswith=f"#{number}").latest("number")
    return row, shown(fake, row)


def look() -> None:
    """Let the adapter look now."""
    looking.soon("github", at=clock.now())
    looking.look_due()


def shown(fake: FakeGitHub, row: ApprovalRequest) -> CheckRun:
    """The check run of a request, after everything due was delivered."""
    deliveries.send_due()
    return next(c for c in fake.checks.values() if c.body["external_id"] == str(row.public_id))


def refusals(row: ApprovalRequest) -> list[str]:
    """Why clicks on this request were refused, as history tells it."""
    events = AuditEvent.objects.filter(request=row, type="decision.refused").order_by("id")
    return [str(event.entry["detail"]["refused_because"]) for event in events]
