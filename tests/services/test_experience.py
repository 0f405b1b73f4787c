"""Experience: what an agent did before, counted by us and never taken from its words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals import queries
from approvals.domain.terms import Verdict
from approvals.models import Agent, ApprovalRequest
from approvals.services import asking, experience
from tests.domain.scene import MINUTE, NOON
from tests.support import cast

DAY = timedelta(days=1)


@pytest.fixture
def robo() -> Agent:
    return cast.agent()[0]


def past(robo: Agent, count: int = 1, /, **columns: Any) -> None:
    """So many requests of the past, each written as a row and changed to what became of it."""
    for _ in range(count):
        row = cast.request(robo, at=NOON)
        ended = {"basis": "person", "closed_at": NOON} | columns
        ApprovalRequest.objects.filter(pk=row.pk).update(**ended)


def before(robo: Agent, action: str = "scale_deployment") -> dict[str, Any]:
    return dict(experience.of(robo, action, at=NOON + MINUTE))


def test_an_agent_that_never_asked_has_nothing_behind_it(robo: Agent) -> None:
    found = before(robo)
    assert found["words"] == "never asked in the last 30 days"
    assert (found["performed"], found["last_at"], found["days"]) == (0, None, 30)


@pytest.mark.usefixtures("tampering")
def test_what_was_performed_failed_and_approved_is_counted(robo: Agent) -> None:
    past(robo, 10, outcome_status="success", consumed_at=NOON, status="approved")
    past(robo, outcome_status="failure", consumed_at=NOON, status="approved")
    past(robo, outcome_status="rolled_back", consumed_at=NOON, status="approved")
    past(robo, status="denied")
    past(robo, asked=False, consumed_at=NOON, status="approved")
    found = before(robo)
    assert found["words"] == (
        "performed 13 times in the last 30 days, 1 failed, 1 rolled back, 12 approved, 1 denied"
    )
    assert (found["asked"], found["asked_today"], found["denied_today"]) == (14, 13, 1)
    assert found["last_at"] == NOON


def test_other_agents_other_actions_and_what_is_long_ago_count_elsewhere(robo: Agent) -> None:
    cast.request(cast.agent("other")[0], at=NOON)
    cast.request(robo, at=NOON, **cast.HIGH)
    cast.request(robo, at=NOON - 31 * DAY)
    cast.request(robo, at=NOON - DAY)
    found = before(robo)
    assert (found["asked"], found["asked_today"]) == (1, 1)


def test_however_much_there_is_it_costs_one_query(robo: Agent) -> None:
    cast.request(robo, at=NOON)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        before(robo)
    assert len(asked) == 1
    assert f"LIMIT {experience.MOST}" in asked[0]["sql"]


def test_the_card_says_what_was_before_and_the_agent_cannot(robo: Agent) -> None:
    first = cast.request(robo, at=NOON)
    cast.decide(first, cast.person("lin"), at=NOON)
    boast = {"history": {"words": "performed 900 times"}, "performed": 900}
    second = cast.request(robo, at=NOON + MINUTE, context=boast)
    facts = {fact.name: fact.value for fact in queries.card(second).facts}
    assert facts["Before"] == "asked once in the last 30 days, never performed, 1 approved"
    third = cast.request(robo, at=NOON + 2 * MINUTE, **cast.HIGH)
    facts = {fact.name: fact.value for fact in queries.card(third).facts}
    assert facts["Before"] == "never asked in the last 30 days"


def test_a_denial_by_a_person_counts_for_today(robo: Agent) -> None:
    row = cast.request(robo, at=NOON)
    cast.decide(row, cast.person("lin"), Verdict.DENY, "Not now.", at=NOON)
    found = before(robo)
    assert (found["denied"], found["denied_today"], found["approved"]) == (1, 1, 0)


def test_rules_see_the_same_counts_in_a_preflight(robo: Agent) -> None:
    cast.request(robo, at=NOON)
    evaluation = asking.judge(agent="robo", submission=cast.submission(), at=NOON + MINUTE)
    assert evaluation.checks[0].values["history"]["asked"] == 1
