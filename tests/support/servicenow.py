"""How a test stands between the service and its fake ServiceNow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpResponse
from django.test import Client

from approvals.models import ApprovalRequest, AuditEvent
from approvals.services import clock, deliveries, looking, people, policies
from tests.fakes.servicenow import FakeServiceNow, Knock, Record
from tests.support import cast


@contextmanager
def pointed(settings: Any) -> Iterator[FakeServiceNow]:
    """A ServiceNow with the service's settings pointing at it, and no other channel."""
    with FakeServiceNow() as servicenow:
        for name, value in servicenow.settings.items():
            setattr(settings, name, value)
        settings.ADAPTERS = ["integrations.servicenow.adapter.ServiceNowAdapter"]
        yield servicenow
        assert servicenow.wrong == []


def change_requests() -> None:
    """Let the row for critical requests say that each is a change request, and nothing else of it."""
    files = policies.read_directory(cast.POLICIES)
    board = "approvers: [{team: change-board, quorum: 2}]\n"
    assert files["default.yaml"].count(board) == 1
    asks = f"{board}    change_request: servicenow\n"
    files["default.yaml"] = files["default.yaml"].replace(board, asks)
    policies.apply(files=files, author="tests", actor=cast.OPERATOR, at=clock.now())


def linked(name: str, account: str | None = None) -> None:
    """Bind a ServiceNow account, by the same name unless said otherwise, to somebody of the cast."""
    people.link(
        person=cast.person(name),
        kind="servicenow",
        external_id=account or name,
        verified_by="tests",
        actor=cast.OPERATOR,
        at=clock.now(),
    )


def with_board(servicenow: FakeServiceNow, *names: str) -> None:
    """People on the board there, each bound to the person of the same name here."""
    for name in names:
        servicenow.add_user(name)
        linked(name)


def opened(servicenow: FakeServiceNow, row: ApprovalRequest) -> Record:
    """The change request of a request, after everything due was delivered."""
    deliveries.send_due()
    return next(one for one in servicenow.changes if one["correlation_id"] == str(row.public_id))


def look(*, after: timedelta = timedelta(minutes=1)) -> int:
    """What a worker does within the next minute."""
    at = clock.now() + after
    looking.soon("servicenow", at=at)
    return looking.look_due(now=lambda: at)


def knock(knocked: Knock, **headers: str) -> HttpResponse:
    """Deliver a push to ServiceNow's door."""
    answer = Client().post(
        "/callback",
        knocked.body,
        content_type="application/json",
        headers={**knocked.headers, **headers},
    )
    assert isinstance(answer, HttpResponse)
    return answer


def refusals(row: ApprovalRequest) -> list[str]:
    """Why decisions about this request were refused, as history tells it."""
    events = AuditEvent.objects.filter(request=row, type="decision.refused").order_by("id")
    return [str(event.entry["detail"]["refused_because"]) for event in events]


def moment(record: Record) -> datetime:
    return datetime.fromisoformat(f"{record['sys_updated_on']}+00:00")
