"""How a test stands between the service and its fake PagerDuty."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponse
from django.test import Client

from approvals.models import ApprovalRequest, AuditEvent
from approvals.services import clock, deliveries, people
from tests.fakes.pagerduty import FakePagerDuty, Incident, Knock
from tests.support import cast


def knock(path: str, knocked: Knock, **headers: str | None) -> HttpResponse:
    """Deliver what PagerDuty sends; a header set to None is left away."""
    sent = {**knocked.headers, **headers}
    kind = sent.pop("Content-Type") or ""
    given = {name: value for name, value in sent.items() if value is not None}
    answer = Client().post(path, knocked.body, content_type=kind, headers=given)
    assert isinstance(answer, HttpResponse)
    return answer


def paged(pagerduty: FakePagerDuty, row: ApprovalRequest) -> Incident:
    """The incident of a request, after everything due was delivered."""
    deliveries.send_due()
    return next(one for one in pagerduty.incidents if str(row.public_id) in one.key)


def linked(name: str, account: str) -> None:
    """Bind a PagerDuty user to somebody of the cast."""
    people.link(
        person=cast.person(name),
        kind="pagerduty",
        external_id=account,
        verified_by="tests",
        actor=cast.OPERATOR,
        at=clock.now(),
    )


def said(answer: HttpResponse) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.content)
    return found


def status(row: ApprovalRequest) -> str:
    row.refresh_from_db()
    return row.status


def refusals(row: ApprovalRequest) -> list[str]:
    """Why presses on this request were refused, as history tells it."""
    events = AuditEvent.objects.filter(request=row, type="decision.refused").order_by("id")
    return [str(event.entry["detail"]["refused_because"]) for event in events]
