"""How a test stands between the service and its fake Slack."""

from __future__ import annotations

import json

from django.http import HttpResponse
from django.test import Client

from approvals.models import ApprovalRequest, AuditEvent
from approvals.services import clock, deliveries, people
from tests.fakes import block_kit
from tests.fakes.knocks import Body, Knock
from tests.fakes.slack import FakeSlack, Posted
from tests.support import cast


def knock(knocked: Knock, **headers: str) -> HttpResponse:
    """Deliver what Slack sends to Slack's door."""
    sent = {**knocked.headers, **headers}
    kind = sent.pop("Content-Type")
    answer = Client().post("/events", knocked.body, content_type=kind, headers=sent)
    assert isinstance(answer, HttpResponse)
    assert answered_faults(answer) == []
    return answer


def answered_faults(answer: HttpResponse) -> list[str]:
    """What Slack would not draw of the windows and blocks that we answer it with."""
    if not answer.headers.get("Content-Type", "").startswith("application/json"):
        return []
    said = json.loads(answer.content or b"{}")
    windows = [said["view"]] if said.get("view") else []
    drawn = [said["blocks"]] if said.get("blocks") else []
    found = [fault for view in windows for fault in block_kit.view_faults(view)]
    return found + [fault for blocks in drawn for fault in block_kit.faults(blocks)]


def shown(slack: FakeSlack, row: ApprovalRequest) -> Posted:
    """The message of a request, after everything due was delivered."""
    deliveries.send_due()
    return next(message for message in slack.posted if row.ref in message.text)


def linked(name: str, account: str = "U1") -> None:
    """Bind a Slack account to somebody of the cast."""
    people.link(
        person=cast.person(name),
        kind="slack",
        external_id=account,
        verified_by="tests",
        actor=cast.OPERATOR,
        at=clock.now(),
    )


def words_of(view: Body) -> str:
    """The first sentence or two of a window."""
    return str(view["blocks"][0]["text"]["text"])


def refusals(row: ApprovalRequest) -> list[str]:
    """Why clicks on this request were refused, as history tells it."""
    events = AuditEvent.objects.filter(request=row, type="decision.refused").order_by("id")
    return [str(event.entry["detail"]["refused_because"]) for event in events]
