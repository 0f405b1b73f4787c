"""People's attention is counted: budgets of questions, and the rest of a denied action."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connections

from approvals.domain.terms import Verdict
from approvals.models import Agent, ApprovalRequest, AuditEvent, Person, TeamQuestion
from approvals.services import asking, clock, policies
from approvals.services.attention import AttentionBudgetExceeded
from tests.domain.scene import MINUTE, NOON, SECOND, minutes
from tests.support import cast

HOUR = timedelta(hours=1)


def calm(**says: object) -> None:
    """Put the default policies and one with these words about attention in force."""
    words = ", ".join(f"{name}: {value}" for name, value in says.items())
    files = policies.read_directory(cast.POLICIES) | {"calm.yaml": f"attention: {{{words}}}\n"}
    policies.apply(files=files, author="tests", actor=cast.OPERATOR, at=clock.now())


@pytest.fixture
def robo(db: None) -> Agent:
    for name in cast.TEAMS:
        cast.person(name)
    return cast.agent()[0]


def ask(by: Agent, number: int = 0, at: datetime = NOON, **changes: Any) -> ApprovalRequest:
    """One of many questions that differ."""
    return cast.request(by, at=at, **({"target": f"service-{number}"} | changes))


def refusal(ask_again: Callable[[], object]) -> AttentionBudgetExceeded:
    with pytest.raises(AttentionBudgetExceeded) as refused:
        ask_again()
    return refused.value


# --- denied lately ---------------------------------------------------------------------------


def test_what_a_person_denied_is_denied_by_policy_until_it_rested(robo: Agent) -> None:
    calm(denied_cooldown="30m")
    first = ask(robo)
    cast.decide(first, cast_lin(), Verdict.DENY, "Not during the sale.", at=minutes(2))
    again = ask(robo, at=minutes(3))
    assert (again.status, again.basis, again.reason_code) == ("denied", "policy", "denied_lately")
    (said,) = [check for check in again.evaluation if check["leads_to"] == "forbidden"]
    assert said["words"].startswith(f"Lin denied exactly this ({first.ref}) at 12:02:00 UTC")
    assert "12:32:00 UTC" in said["words"]
    assert not again.asked
    assert ask(robo, at=minutes(32)).status == "pending"


def test_another_action_and_another_agent_may_still_ask(robo: Agent) -> None:
    digger = cast.agent("digger")[0]
    calm(denied_cooldown="30m")
    cast.decide(ask(robo), cast_lin(), Verdict.DENY, "No.", at=minutes(1))
    assert ask(robo, 1, at=minutes(2)).status == "pending"
    assert ask(digger, at=minutes(2)).status == "pending"


def test_only_a_persons_denial_counts(robo: Agent) -> None:
    calm(denied_cooldown="30m")
    forbidden = cast.request(robo, at=NOON, **cast.FORBIDDEN)
    again = cast.request(robo, at=minutes(1), **cast.FORBIDDEN)
    assert forbidden.reason_code == again.reason_code == "action_forbidden"
    assert all(
        "denied_cooldown" not in check["rule"]
        for check in again.evaluation
        if check["leads_to"] == "forbidden"
    )


def test_a_preflight_says_so_too(robo: Agent) -> None:
    calm(denied_cooldown="30m")
    row = ask(robo)
    cast.decide(row, cast_lin(), Verdict.DENY, "No.", at=minutes(1))
    judged = asking.judge(agent="robo", submission=row.submission, at=minutes(2))
    assert judged.reason_code == "denied_lately"


# --- the budget of an agent ------------------------------------------------------------------


def test_over_its_budget_an_agent_is_told_when_to_ask_again_and_nothing_is_written(
    robo: Agent,
) -> None:
    calm(questions_per_hour=3)
    for number in range(3):
        ask(robo, number, at=minutes(number * 10))
    refused = refusal(lambda: ask(robo, 3, at=minutes(30)))
    assert refused.words == (
        "This agent has asked people 3 times within the last hour, which is its budget. "
        "Nothing was recorded and nobody was asked. Ask again after 13:00:00 UTC on 2 Mar 2026."
    )
    assert refused.facts["retry_after"] == 30 * 60
    assert ApprovalRequest.objects.count() == 3
    refusal(lambda: ask(robo, 3, at=NOON + HOUR - SECOND))
    assert ask(robo, 3, at=NOON + HOUR).status == "pending"


def test_what_asks_nobody_is_never_refused(robo: Agent) -> None:
    calm(questions_per_hour=1)
    ask(robo)
    assert cast.request(robo, at=minutes(1), **cast.LOW).status == "approved"
    assert cast.request(robo, at=minutes(1), **cast.FORBIDDEN).reason_code == "action_forbidden"
    assert TeamQuestion.objects.count() == 1


def test_budgets_are_each_agents_own(robo: Agent) -> None:
    digger = cast.agent("digger")[0]
    calm(questions_per_hour=1)
    ask(robo)
    assert ask(digger).status == "pending"


def test_a_repeated_submission_is_its_request_whatever_the_budget(robo: Agent) -> None:
    calm(questions_per_hour=1)
    first = ask(robo, idempotency_key="k")
    assert ask(robo, at=minutes(1), idempotency_key="k").pk == first.pk


def test_a_flood_leaves_one_line_of_history_in_an_hour(robo: Agent) -> None:
    calm(questions_per_hour=1)
    ask(robo)
    for second in range(1, 30):
        refusal(partial(ask, robo, 1, at=NOON + second * SECOND))
    (noted,) = AuditEvent.objects.filter(type="agent.question_refused")
    assert (noted.chain, noted.agent) == ("service", "robo")
    assert noted.entry["detail"]["budget"] == 1
    ask(robo, 1, at=NOON + HOUR)
    refusal(lambda: ask(robo, 2, at=NOON + HOUR + MINUTE))
    assert AuditEvent.objects.filter(type="agent.question_refused").count() == 2


# --- the budget of an approver ---------------------------------------------------------------


def test_the_teams_that_are_asked_are_written_down(robo: Agent) -> None:
    row = cast.request(robo, at=NOON, **cast.HIGH)
    assert set(row.questions.values_list("team", "at")) == {("managers", NOON), ("security", NOON)}


def test_people_who_were_asked_enough_are_left_alone_by_every_agent(robo: Agent) -> None:
    digger = cast.agent("digger")[0]
    calm(questions_per_approver_per_hour=2)
    ask(robo, 0)
    ask(digger, 0, at=minutes(10))
    refused = refusal(lambda: ask(digger, 1, at=minutes(20)))
    assert refused.facts["of"] == "approvers"
    assert refused.facts["retry_after"] == 40 * 60
    assert "Everybody who could decide this was asked 2 times" in refused.words
    assert ask(digger, 1, at=NOON + HOUR).status == "pending"


def test_somebody_who_is_fresh_is_enough_for_a_seat(robo: Agent) -> None:
    """Ada is tired by what managers are asked; Grace of security is not, but both are needed."""
    calm(questions_per_approver_per_hour=1)
    cast.request(robo, at=NOON, **cast.HIGH)
    refusal(lambda: cast.request(robo, at=minutes(1), **(cast.HIGH | {"target": "other"})))
    assert cast.request(robo, at=minutes(1), **cast.CRITICAL).status == "pending"


def test_a_person_of_two_teams_is_asked_by_both(robo: Agent) -> None:
    """Sam leads and manages but owns Robo; for Ada's Digger he could decide."""
    digger = cast.agent("digger", owner=cast.person("ada"))[0]
    calm(questions_per_approver_per_hour=1)
    cast.request(robo, at=NOON, **cast.HIGH)  # managers and security: Sam was asked as a manager
    leave(cast_lin())
    refused = refusal(lambda: ask(digger, at=minutes(1)))
    assert refused.facts["of"] == "approvers"


def test_where_nobody_could_decide_anyway_the_budget_is_not_to_blame(robo: Agent) -> None:
    for name in ("chen", "dana"):
        leave(cast.person(name))
    calm(questions_per_approver_per_hour=1)
    assert cast.request(robo, at=NOON, **cast.CRITICAL).status == "pending"
    again = cast.request(robo, at=minutes(1), **(cast.CRITICAL | {"target": "other"}))
    assert again.status == "pending"


def leave(someone: Person) -> None:
    someone.is_active = False
    someone.save()


def cast_lin() -> Person:
    return Person.objects.get(email="lin@example.com")


# --- counted exactly -------------------------------------------------------------------------


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("budget", ["questions_per_hour", "questions_per_approver_per_hour"])
def test_forty_questions_at_once_meet_a_budget_of_five_exactly(budget: str) -> None:
    for name in cast.TEAMS:
        cast.person(name)
    agents = [cast.agent()[0], cast.agent("digger")[0]]
    if budget == "questions_per_hour":
        agents = agents[:1]
    calm(**{budget: 5})
    heard: list[str] = []
    together = threading.Barrier(8)

    def asks(number: int) -> None:
        try:
            together.wait(30)
            for turn in range(5):
                try:
                    heard.append(ask(agents[number % len(agents)], number * 10 + turn).status)
                except AttentionBudgetExceeded as error:
                    heard.append(error.code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=asks, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(heard) == 40
    assert heard.count("pending") == 5
    assert ApprovalRequest.objects.count() == 5
    assert AuditEvent.objects.filter(type="agent.question_refused").count() == len(agents)
