"""The section `attention`: what it may say, and that a denied action rests."""

from __future__ import annotations

from datetime import timedelta

import pytest

from approvals.domain.policy import attention
from approvals.domain.policy.attention import Attention
from approvals.domain.policy.checks import Check, Layer, Result
from approvals.domain.policy.circumstances import Circumstances, Denial
from approvals.domain.policy.documents import load
from approvals.domain.policy.evaluate import evaluate
from approvals.domain.policy.reading import Place, PolicyInvalid
from approvals.domain.policy.subject import Subject
from approvals.domain.terms import Approval
from tests.domain.scene import MINUTE, NOON, SECOND, minutes
from tests.domain.test_policy import TEAM, matrix

SCALING = Subject("robo", "scale", "production", {"to": 8})
HERE = Place("p.yaml", 3, 1)
DENIED = Circumstances(now=NOON, denied=Denial("REQ-7", "Lin", minutes(-10)))


def written(body: str) -> Attention:
    files = {"p.yaml": f"{TEAM}---\n{matrix()}", "calm.yaml": f"attention: {body}\n"}
    (policy,) = load(files).policies
    assert policy.attention is not None
    return policy.attention


def section(policy: str = "calm", **says: object) -> Attention:
    return Attention(policy, HERE, **says)  # type: ignore[arg-type]


def checked(*found: Attention, now: Circumstances = DENIED) -> list[Check]:
    return attention.check(found, SCALING, now)


def test_a_section_says_budgets_a_cool_down_and_whether_cards_are_shared() -> None:
    found = written(
        "{questions_per_hour: 20, questions_per_approver_per_hour: 30,"
        " denied_cooldown: 30m, share_cards: false}"
    )
    assert (found.questions_per_hour, found.questions_per_approver) == (20, 30)
    assert (found.denied_cooldown, found.share_cards) == (30 * MINUTE, False)


def test_what_is_left_out_restricts_nothing() -> None:
    found = written("{questions_per_hour: 20}")
    assert found.questions_per_approver is None
    assert found.denied_cooldown is None
    assert found.share_cards


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{questions_per_hour: 0}", "at least 1"),
        ("{questions_per_hour: true}", "at least 1"),
        ("{questions_per_approver_per_hour: -3}", "at least 1"),
        ("{denied_cooldown: soon}", "span of time"),
        ("{share_cards: maybe}", "true or false"),
        ("{questions_per_hours: 20}", "did you mean 'questions_per_hour'"),
        ("{}", "empty"),
        ("[]", "mapping"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(body: str, words: str) -> None:
    with pytest.raises(PolicyInvalid) as refused:
        written(body)
    assert words in str(refused.value)
    assert str(refused.value).startswith("calm.yaml:1:")


def test_of_several_policies_the_strictest_counts_in_any_order() -> None:
    found = [
        section("a", questions_per_hour=20, denied_cooldown=MINUTE),
        section("b", questions_per_hour=5, questions_per_approver=9, share_cards=False),
        section("c", denied_cooldown=30 * MINUTE),
    ]
    for order in (found, found[::-1]):
        assert attention.questions_per_hour(order) == 5
        assert attention.questions_per_approver(order) == 9
        assert attention.longest_cooldown(order) == 30 * MINUTE
        assert not attention.shares_cards(order)


def test_without_any_policy_cards_are_shared_and_nothing_is_bounded() -> None:
    assert attention.shares_cards([])
    assert attention.questions_per_hour([]) is None
    assert attention.questions_per_approver([]) is None
    assert attention.longest_cooldown([]) is None
    assert checked() == []


def test_an_action_denied_lately_is_refused_with_who_and_when() -> None:
    (refused,) = checked(section(denied_cooldown=30 * MINUTE))
    assert refused.name is Layer.RATE
    assert refused.leads_to is Approval.FORBIDDEN
    assert refused.reason == "denied_lately"
    assert refused.words == (
        "Lin denied exactly this (REQ-7) at 11:50:00 UTC on 2 Mar 2026. "
        "It may be asked again after 12:20:00 UTC on 2 Mar 2026."
    )
    assert refused.rule == "calm.attention.denied_cooldown"
    assert (refused.file, refused.line) == ("p.yaml", 3)
    assert refused.values["denied_by"] == "Lin"


@pytest.mark.parametrize(
    ("ago", "leads_to"),
    [
        (29 * MINUTE, Approval.FORBIDDEN),
        (30 * MINUTE - SECOND, Approval.FORBIDDEN),
        (30 * MINUTE, Approval.AUTO),
        (timedelta(days=2), Approval.AUTO),
    ],
)
def test_the_rest_ends_exactly_at_its_end(ago: timedelta, leads_to: Approval) -> None:
    now = Circumstances(now=NOON, denied=Denial("REQ-7", "Lin", NOON - ago))
    (made,) = checked(section(denied_cooldown=30 * MINUTE), now=now)
    assert made.leads_to is leads_to


def test_an_action_nobody_denied_passes_and_the_step_is_recorded() -> None:
    (made,) = checked(section(denied_cooldown=30 * MINUTE), now=Circumstances(now=NOON))
    assert made.result is Result.PASS
    assert made.words == "Nobody denied exactly this within the last 30 minutes."


def test_no_cool_down_means_no_step() -> None:
    assert checked(section(questions_per_hour=3)) == []


def test_the_whole_evaluation_is_denied_by_it() -> None:
    files = {"p.yaml": f"{TEAM}---\n{matrix()}", "calm.yaml": "attention: {denied_cooldown: 1h}\n"}
    policy = load(files)
    assert evaluate(policy, SCALING, Circumstances(now=NOON)).verdict is Approval.REQUIRED
    judged = evaluate(policy, SCALING, DENIED)
    assert judged.verdict is Approval.FORBIDDEN
    assert judged.reason_code == "denied_lately"


def test_room_is_there_again_when_the_oldest_that_counts_leaves_the_window() -> None:
    asked = [minutes(-50), minutes(-10), minutes(-30)]
    hour = timedelta(hours=1)
    assert attention.room_at(asked, budget=3, window=hour) == minutes(10)
    assert attention.room_at(asked, budget=2, window=hour) == minutes(30)
