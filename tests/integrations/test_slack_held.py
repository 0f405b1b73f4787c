"""A verdict of the dashboard that may still be undone: Slack shows what holds, and others decide."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from approvals.domain.terms import Status, Verdict
from approvals.models import HeldDecision
from approvals.services import clock, deliveries, holding, ledger
from approvals.services.clicks import Said
from tests.fakes.slack import FakeSlack
from tests.support import cast
from tests.support.slack import knock, linked, shown

pytestmark = [pytest.mark.urls("integrations.slack.urls"), pytest.mark.django_db]


def test_while_a_verdict_is_held_the_card_waits_and_a_click_of_another_counts_at_once(
    slack: FakeSlack, settings: Any
) -> None:
    settings.UNDO_SECONDS = 10
    row = cast.request()
    linked("lin")
    before = shown(slack, row).text
    at = clock.now()
    said = Said(
        cast.person("kim", teams=("team-leads",)), Verdict.APPROVE, version=1, channel="web"
    )
    holding.decide(said, ref=row.ref, at=at)
    assert HeldDecision.objects.get().released_at is None
    message = shown(slack, row)
    assert message.text == before
    assert "Kim" not in json.dumps(message.blocks)
    assert message.button("approve") is not None
    knock(slack.click(message, "approve"))
    row.refresh_from_db()
    assert (row.status, row.closed_by) == (Status.APPROVED, "Lin")
    ledger.let_time_pass(row.pk, at=at + timedelta(minutes=1))
    deliveries.send_due()
    assert "Lin" in json.dumps(shown(slack, row).blocks)
    assert HeldDecision.objects.get().why_not
