"""Valid clicks that come again: each has its one effect, however often Slack or a thief repeats it.

`COUNTERSIGN_REPLAYS=500` makes it the long form.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import Any

import pytest

from approvals.domain.terms import Status
from approvals.models import ApprovalRequest, AuditEvent, Decision
from approvals.services import deliveries
from tests.fakes.knocks import Knock
from tests.fakes.slack import FakeSlack, Posted
from tests.support import cast
from tests.support.slack import knock, linked

pytestmark = [pytest.mark.urls("integrations.slack.urls"), pytest.mark.django_db]

PAYLOADS = int(os.environ.get("COUNTERSIGN_REPLAYS", "50"))
REPEATS = 3
SEED = 20261123
WISHES = ("approve", "deny", "investigate")
BECOMES = {
    "approve": Status.APPROVED,
    "deny": Status.DENIED,
    "investigate": Status.INVESTIGATING,
}


def message_of(slack: FakeSlack, row: ApprovalRequest) -> Posted:
    """Found from the newest backwards: the channel grows long."""
    return next(m for m in reversed(slack.posted) if f"{row.ref}." in f"{m.text}.")


def valid(slack: FakeSlack, row: ApprovalRequest, wish: str) -> Knock:
    """The payload that decides: the click itself, or the window it opened."""
    click = slack.click(message_of(slack, row), wish)
    if wish == "approve":
        return click
    assert knock(click).status_code == 200
    return slack.submit(slack.views[-1], f"{row.ref}, because.")


@pytest.mark.timeout(900)
def test_valid_payloads_sent_three_times_have_one_effect_each(slack: FakeSlack) -> None:
    linked("lin")
    dice = random.Random(SEED)
    again: list[Knock] = []
    wanted: dict[str, str] = {}
    answers: Counter[int] = Counter()
    for number in range(PAYLOADS):
        row = cast.request(target=f"service-{number}")
        deliveries.send_due()
        wish = WISHES[number % 3]
        payload = valid(slack, row, wish)
        wanted[row.ref] = wish
        again += [payload] * (REPEATS - 1)
        answers[knock(payload).status_code] += 1
    windows = len(slack.views)
    dice.shuffle(again)
    for payload in again:
        answers[knock(payload, **{"X-Slack-Retry-Num": "1"}).status_code] += 1
    assert answers == {200: PAYLOADS * REPEATS}
    assert len(slack.views) == windows
    for row in ApprovalRequest.objects.all():
        assert row.status == BECOMES[wanted[row.ref]]
    assert Decision.objects.count() == PAYLOADS
    assert not AuditEvent.objects.filter(type="decision.refused").exists()
    counted = Counter(Decision.objects.values_list("verdict", flat=True))
    assert counted == Counter(wanted.values())


def test_the_same_click_under_other_headers_is_the_same_click(slack: FakeSlack) -> None:
    linked("lin")
    row = cast.request()
    deliveries.send_due()
    payload = valid(slack, row, "approve")
    others: list[dict[str, Any]] = [
        {},
        {"X-Slack-Retry-Num": "1"},
        {"X-Forwarded-For": "203.0.113.7"},
    ]
    for headers in others:
        assert knock(payload, **headers).status_code == 200
    assert Decision.objects.filter(request=row).count() == 1
