"""The tests that only operators send, since somebody is paged or a change opened: the whole way round."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from approvals.domain.terms import Status
from approvals.models import ApprovalRequest, Decision, Person
from approvals.models.people import Role
from approvals.queries.trials import progress
from approvals.services import clock, deliveries, trials
from tests.fakes.pagerduty import FakePagerDuty
from tests.fakes.servicenow import FakeServiceNow
from tests.support import cast
from tests.support import pagerduty as in_pagerduty
from tests.support import servicenow as in_servicenow

pytestmark = pytest.mark.django_db


@pytest.fixture
def olga(db: None) -> Person:
    return cast.person("olga", role=Role.OPERATOR)


@pytest.fixture
def servicenow(settings: Any) -> Iterator[FakeServiceNow]:
    with in_servicenow.pointed(settings) as fake:
        yield fake


def stands(row: ApprovalRequest) -> list[str]:
    row.refresh_from_db()
    return [step.stands.value for step in progress(row, now=clock.now()).steps]


@pytest.mark.urls("integrations.pagerduty.urls")
def test_pagerduty_is_tried_from_the_page_to_the_resolved_incident(
    pagerduty: FakePagerDuty, olga: Person
) -> None:
    pagerduty.add_user("POLGA", "olga@example.com")
    in_pagerduty.linked("olga", "POLGA")
    row = trials.send(person=olga, adapter="pagerduty", at=clock.now())
    incident = in_pagerduty.paged(pagerduty, row)
    assert stands(row) == ["done", "now", "later", "later"]
    in_pagerduty.knock("/action/approve", pagerduty.press(incident, "POLGA", shape="v3"))
    deliveries.send_due()
    assert stands(row) == ["done"] * 4
    assert not incident.is_open
    assert Decision.objects.get(request=row).channel == "pagerduty"


def test_servicenow_is_tried_from_the_change_to_what_is_written_there(
    servicenow: FakeServiceNow, olga: Person
) -> None:
    in_servicenow.with_board(servicenow, "olga")
    row = trials.send(person=olga, adapter="servicenow", at=clock.now())
    in_servicenow.opened(servicenow, row)
    assert stands(row) == ["done", "now", "later", "later"]
    servicenow.says("olga", "approved")
    in_servicenow.look()
    deliveries.send_due()
    assert row.status == Status.PENDING  # as it was read before
    assert stands(row) == ["done"] * 4
    assert row.status == Status.APPROVED
