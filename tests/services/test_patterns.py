"""What is noticed: repeated denials, attempts beyond the scope, and what is not like an agent's past."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from approvals.domain.policy import checks
from approvals.domain.policy.checks import Check, Layer
from approvals.domain.policy.evaluate import Evaluation
from approvals.domain.policy.subject import subject_of
from approvals.domain.terms import Approval, RiskLevel, Verdict
from approvals.models import Alert, ApprovalRequest
from approvals.services import patterns, policies
from tests.domain.scene import NOON, minutes
from tests.support import cast


def judged(*made: Check, reason: str = "risk_medium_required") -> Evaluation:
    return Evaluation(
        checks=made,
        verdict=Approval.strictest(*(check.leads_to for check in made), Approval.AUTO),
        claimed=None,
        computed=RiskLevel.MEDIUM,
        effective=RiskLevel.MEDIUM,
        because=(),
        reason_code=reason,
        plan=None,
        policy_version=1,
    )


def looked(row: ApprovalRequest, evaluation: Evaluation | None = None) -> list[Alert]:
    """The alerts a request raised when it was written, or does when it is judged like this."""
    if evaluation is not None:
        with transaction.atomic():
            subject = subject_of(row.agent.name, row.submission)
            patterns.look(row, subject, evaluation, at=row.created_at)
    return list(Alert.objects.filter(request=row).order_by("pk"))


def a_past(count: int, *, apart: float = 60, **changes: Any) -> None:
    """So many requests before noon, so many minutes apart."""
    for number in range(count, 0, -1):
        cast.request(at=minutes(-apart * number), **{**cast.LOW, **changes})
    Alert.objects.all().delete()


def patterns_of(alerts: list[Alert]) -> list[str]:
    return [alert.values["pattern"] for alert in alerts]


# --- attempts beyond the scope ---------------------------------------------------------------


@pytest.mark.parametrize("reason", ["out_of_scope", "excluded", "read_only"])
def test_asking_for_what_lies_out_of_scope_is_told(reason: str) -> None:
    refused = checks.refuses(Layer.SCOPE, "orders is excluded.", reason=reason, rule="bot.scope")

    (alert,) = looked(cast.request(at=NOON), judged(refused, reason=reason))

    assert alert.kind == "scope_violation_attempts"
    assert alert.words.endswith("was denied. orders is excluded.")
    assert alert.values["reason"] == reason
    assert alert.values["rule"] == "bot.scope"


def test_another_denial_by_policy_is_no_violation_of_scope() -> None:
    refused = checks.refuses(Layer.FORBIDDEN, "No.", reason="action_forbidden")

    assert looked(cast.request(at=NOON), judged(refused, reason="action_forbidden")) == []


def test_many_attempts_in_one_hour_are_told_once() -> None:
    refused = checks.refuses(Layer.SCOPE, "orders is excluded.", reason="excluded")
    told = [
        looked(cast.request(at=minutes(after)), judged(refused, reason="excluded"))
        for after in (0, 20, 59, 60)
    ]

    assert [len(alerts) for alerts in told] == [1, 0, 0, 1]


# --- near a limit ----------------------------------------------------------------------------


@pytest.mark.parametrize(("used", "told"), [(2, 0), (3, 1), (4, 1)])
def test_four_of_five_used_is_near_the_limit_and_three_are_not(used: int, told: int) -> None:
    rate = checks.passed(Layer.RATE, "So far.", rule="bot.rates.hour", limit=5, used=used)

    alerts = looked(cast.request(at=NOON), judged(rate))

    assert len(alerts) == told
    assert all(alert.values["used"] == used + 1 for alert in alerts)


def test_a_request_refused_by_the_rate_uses_none_of_it() -> None:
    rate = checks.refuses(Layer.RATE, "Over.", reason="rate_limited", limit=5, used=5, rule="r")

    (alert,) = looked(cast.request(at=NOON), judged(rate, reason="rate_limited"))

    assert alert.words == "robo has used 5 of 5: r."


# --- repeated denials ------------------------------------------------------------------------


def deny(times: int, *, apart: float = 10) -> None:
    for number in range(times):
        at = minutes(number * apart)
        row = cast.request(at=at, parameters={"to_replicas": number})
        cast.decide(row, cast.person("lin"), Verdict.DENY, "Not now, please.", at)


def test_three_denials_by_people_within_an_hour_are_told_and_two_are_not() -> None:
    deny(2)
    assert not Alert.objects.exists()

    deny(1)

    alert = Alert.objects.get()
    assert alert.kind == "repeated_approval_denials"
    assert alert.values["limit"] == 3


def test_three_denials_over_a_longer_time_are_not_told() -> None:
    deny(3, apart=40)

    assert not Alert.objects.exists()


# --- not like usual --------------------------------------------------------------------------


def test_an_agent_without_a_past_has_no_habits() -> None:
    a_past(19)

    assert looked(cast.request(at=NOON, **{**cast.LOW, "target": "tickets/security"})) == []


def test_a_first_target_is_told_once_there_is_a_past() -> None:
    a_past(20)

    (alert,) = looked(cast.request(at=NOON, **{**cast.LOW, "target": "tickets/security"}))

    assert alert.kind == "unusual_action_patterns"
    assert alert.words == "robo never named tickets/security before. Is that meant?"
    assert alert.values["usual"] == ["tickets/ops"]


def test_an_agent_that_names_new_targets_all_the_time_is_as_usual() -> None:
    for number in range(20, 0, -1):
        cast.request(at=minutes(-60 * number), **{**cast.LOW, "target": f"tickets/{number}"})
    Alert.objects.all().delete()

    assert looked(cast.request(at=NOON, **{**cast.LOW, "target": "tickets/new"})) == []


def test_parameters_of_a_new_shape_are_told_and_other_values_are_not() -> None:
    a_past(20)
    other = {**cast.LOW, "parameters": {"title": "Disk is full"}}
    longer = {**cast.LOW, "parameters": {"title": "Disk is full", "urgent": True}}

    assert looked(cast.request(at=NOON, **other)) == []
    (alert,) = looked(cast.request(at=NOON, **longer))

    assert patterns_of([alert]) == ["new_parameter_shape"]
    assert alert.values["shape"] == "title: text, urgent: truth"
    assert alert.values["usual"] == ["title: text"]


def test_a_shape_tells_kinds_apart_and_a_truth_from_a_number() -> None:
    sent = {"a": True, "b": 1, "c": 1.5, "d": "x", "e": [], "f": {}, "g": None}

    assert patterns.shape(sent) == (
        "a: truth, b: number, c: number, d: text, e: list, f: object, g: null"
    )


def test_far_more_than_usual_within_the_hour_is_told_with_the_usual_number() -> None:
    a_past(20, apart=30)  # two an hour
    rows = [cast.request(at=minutes(number / 60), **cast.LOW) for number in range(32)]

    alert = Alert.objects.get()
    assert alert.request == rows[30]
    assert alert.values == {"pattern": "rate", "usual": 2.0, "now": 31, "limit": 30}
    assert "usually asks 2 times an hour, now more than 30 times since 12:00 UTC" in alert.words


def test_thirty_an_hour_are_not_too_many() -> None:
    a_past(20, apart=30)

    for number in range(30):
        cast.request(at=minutes(number / 60), **cast.LOW)

    assert not Alert.objects.exists()


def test_three_times_as_much_as_usual_is_not_told_and_more_is() -> None:
    a_past(40, apart=3)  # twenty an hour
    rows = [cast.request(at=minutes(number / 60), **cast.LOW) for number in range(61)]

    assert looked(rows[59]) == []
    assert patterns_of(looked(rows[60])) == ["rate"]


def test_a_look_at_a_usual_request_asks_few_questions() -> None:
    a_past(20)
    row = cast.request(at=NOON, **cast.LOW)
    looked(row)

    with CaptureQueriesContext(connection) as asked:
        patterns.look(row, subject_of("robo", row.submission), judged(), at=NOON)

    assert len(asked) <= 4


def test_the_services_own_requests_are_not_looked_at() -> None:
    row = cast.request(at=NOON)
    row.effect = "apply_policy"
    rate = checks.passed(Layer.RATE, "So far.", rule="r", limit=5, used=5)

    assert looked(row, judged(rate)) == []


# --- as a policy in force has it -------------------------------------------------------------

GUARDED = """
agent: robo
scope: {namespaces: [shop-*], excluded: ["-database-"]}
rate_limits:
  scaling_events: {max_per_hour: 5}
"""


def test_a_policy_in_force_raises_both_as_requests_come() -> None:
    agent, _ = cast.agent()
    policies.apply(
        files=cast.frame() | {"guarded.yaml": GUARDED},
        author="tests",
        actor=cast.OPERATOR,
        at=NOON,
    )
    here: dict[str, Any] = {"resource": {"namespace": "shop-web", "type": "deployments"}}

    rows = [cast.request(agent, at=minutes(number), **here) for number in range(4)]
    assert looked(rows[2]) == []
    (near,) = looked(rows[3])
    assert (near.kind, near.values["used"]) == ("rate_limit_approaches", 4)

    (beyond,) = looked(cast.request(agent, at=minutes(5), **here, target="orders-database-1"))
    assert (beyond.kind, beyond.values["reason"]) == ("scope_violation_attempts", "excluded")
