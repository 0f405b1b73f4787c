"""Identical open requests share a card: one click, and one decision and one record for each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from approvals import queries
from approvals.domain import errors
from approvals.domain.sharing import MOST_ON_A_CARD
from approvals.domain.terms import EventKind, Verdict
from approvals.models import Agent, ApprovalRequest, AuditEvent, Decision, Person, TeamQuestion
from approvals.services import deliveries, grants, ledger, lifecycle, policies, timers
from tests.domain.scene import NOON, SECOND, minutes
from tests.fakes.adapter import FakeAdapter
from tests.support import cast

History = Callable[[ApprovalRequest], list[str]]
A_MINUTE_LATER = minutes(1)


@pytest.fixture
def robo(db: None) -> Agent:
    for name in cast.TEAMS:
        cast.person(name)
    return cast.agent()[0]


@pytest.fixture
def lin(robo: Agent) -> Person:
    return cast.person("lin")


def ask(robo: Agent, count: int = 3, **changes: Any) -> list[ApprovalRequest]:
    rows = [cast.request(robo, at=NOON + n * SECOND, **changes) for n in range(count)]
    return [fresh(row) for row in rows]


def fresh(row: ApprovalRequest) -> ApprovalRequest:
    return queries.request(row.ref)


def statuses(*rows: ApprovalRequest) -> list[str]:
    return [fresh(row).status for row in rows]


def click(
    row: ApprovalRequest,
    person: Person,
    verdict: Verdict = Verdict.APPROVE,
    *,
    version: int | None,
    comment: str = "",
    at: datetime = A_MINUTE_LATER,
) -> ApprovalRequest:
    return lifecycle.decide(
        ref=row.ref, person=person, verdict=verdict, version=version, comment=comment, at=at
    )


def cards(channel: FakeAdapter, row: ApprovalRequest) -> list[str]:
    """The headlines this request's card was drawn with."""
    deliveries.send_due(now=lambda: minutes(1))
    return [m.card.headline for m in channel.told if m.card and m.card.ref == row.ref]


# --- joining ---------------------------------------------------------------------------------


def test_identical_requests_join_the_card_of_the_first(robo: Agent, channel: FakeAdapter) -> None:
    first, second, third = ask(robo)
    assert (first.joined, second.joined, third.joined) == (None, first, first)
    assert first.version == 3
    assert queries.beside(first) == [second.ref, third.ref]
    assert queries.beside(third) == [first.ref, second.ref]
    card = queries.card(first)
    assert card.headline == "Scale deployment · production-api ×3"
    assert card.counts_for == (first.ref, second.ref, third.ref)
    assert "A decision here counts for each of 3 identical requests." in card.state_line
    told = {fact.name: fact.value for fact in card.facts}
    assert told["Identical requests"] == f"×3: {first.ref}, {second.ref}, {third.ref}"


def test_people_are_asked_once_and_the_card_is_redrawn(robo: Agent, channel: FakeAdapter) -> None:
    first, second, _ = ask(robo, callback_url="https://93.184.216.34/hooks")
    assert cards(channel, first) == ["Scale deployment · production-api ×3"]
    assert cards(channel, second) == []
    told = [m.event["data"]["request"] for m in channel.told if m.event]
    assert set(told) == {str(row.public_id) for row in ApprovalRequest.objects.all()}
    assert TeamQuestion.objects.count() == 1


def test_each_keeps_its_own_deadline_and_history(robo: Agent, kinds: History) -> None:
    first, second = ask(robo, 2)
    assert second.decide_by == first.decide_by + SECOND
    assert kinds(first) == ["request.submitted", "request.card_shared"]
    assert kinds(second) == ["request.submitted"]
    submitted = AuditEvent.objects.get(request=second)
    assert submitted.entry["detail"] == {"card": first.ref}


@pytest.mark.parametrize(
    "changes",
    [
        {"parameters": {"from_replicas": 5, "to_replicas": 9}},
        {"target": "staging-api"},
        {"risk": "critical"},
        {"impact": {"summary": "More than I said", "pods": 3}},
        {"rollback": {"available": False}},
    ],
)
def test_what_differs_in_anything_people_weigh_has_its_own_card(
    robo: Agent, changes: dict[str, Any]
) -> None:
    first = cast.request(robo, at=NOON)
    assert cast.request(robo, at=NOON, **changes).joined is None
    assert fresh(first).version == 1


def test_another_reason_or_session_is_still_the_same_question(robo: Agent) -> None:
    first = cast.request(robo, at=NOON)
    again = cast.request(robo, at=NOON, reasoning="Still slow.", session="another")
    assert again.joined == first


def test_agents_do_not_share_cards(robo: Agent) -> None:
    cast.request(robo, at=NOON)
    assert cast.request(cast.agent("digger")[0], at=NOON).joined is None


def test_a_card_that_somebody_acted_on_is_not_joined(robo: Agent, lin: Person) -> None:
    asked, spoken = cast.request(robo, at=NOON), cast.request(robo, at=NOON, **cast.HIGH)
    click(asked, lin, Verdict.INVESTIGATE, version=1, comment="Why?")
    click(spoken, cast.person("ada"), version=1)
    assert cast.request(robo, at=minutes(2)).joined is None
    assert cast.request(robo, at=minutes(2), **cast.HIGH).joined is None


def test_an_escalated_card_is_not_joined(robo: Agent) -> None:
    cast.request(robo, at=NOON)
    assert cast.request(robo, at=minutes(6)).joined is None
    timers.fire_due(at=minutes(6))
    first = ApprovalRequest.objects.order_by("number").first()
    assert first is not None
    assert first.rung == 1
    assert cast.request(robo, at=minutes(6)).joined != first


def test_a_card_holds_so_many_and_the_next_gets_its_own(robo: Agent) -> None:
    rows = ask(robo, MOST_ON_A_CARD + 2)
    assert {row.joined_id for row in rows[1:MOST_ON_A_CARD]} == {rows[0].pk}
    assert rows[MOST_ON_A_CARD].joined is None
    assert rows[MOST_ON_A_CARD + 1].joined == rows[MOST_ON_A_CARD]


def test_a_policy_may_keep_cards_apart(robo: Agent) -> None:
    files = policies.read_directory(cast.POLICIES) | {
        "calm.yaml": "attention: {share_cards: false}"
    }
    policies.apply(files=files, author="tests", actor=cast.OPERATOR, at=NOON)
    assert [row.joined for row in ask(robo)] == [None, None, None]


# --- deciding --------------------------------------------------------------------------------


def test_one_click_decides_each_by_its_own_record(robo: Agent, lin: Person, kinds: History) -> None:
    rows = ask(robo)
    click(rows[0], lin, version=3)
    assert statuses(*rows) == ["approved"] * 3
    given = Decision.objects.order_by("request")
    assert [(one.request_id, one.person, one.is_final) for one in given] == [
        (row.pk, lin, True) for row in rows
    ]
    assert kinds(rows[2]) == ["request.submitted", "request.approved"]
    first, second = (
        AuditEvent.objects.get(request=row, type="request.approved") for row in rows[:2]
    )
    assert first.entry["detail"]["together_with"] == [rows[1].ref, rows[2].ref]
    assert second.entry["detail"]["card"] == rows[0].ref
    assert queries.beside(fresh(rows[0])) == [rows[1].ref, rows[2].ref]
    assert {f.name for f in queries.card(fresh(rows[0])).facts} >= {"Decided together with"}


def test_each_has_its_own_grant_to_use_once(robo: Agent, lin: Person) -> None:
    rows = ask(robo, 2)
    click(rows[0], lin, version=2)
    grants.consume(ref=rows[1].ref, agent=robo, key="k", parameters=None, at=minutes(2))
    assert [fresh(row).consumed_at is None for row in rows] == [True, False]


def test_a_denial_reaches_each_with_its_reason(robo: Agent, lin: Person) -> None:
    rows = ask(robo)
    click(rows[0], lin, Verdict.DENY, version=3, comment="Not now.")
    assert statuses(*rows) == ["denied"] * 3
    assert set(Decision.objects.values_list("comment", flat=True)) == {"Not now."}


def test_an_older_drawing_decides_only_what_it_showed(
    robo: Agent, lin: Person, channel: FakeAdapter
) -> None:
    """Drawn at ×2; two more joined before the click."""
    first, second, third, fourth = ask(robo, 4)
    click(first, lin, version=2)
    assert statuses(first, second, third, fourth) == ["approved", "approved", "pending", "pending"]
    assert fresh(third).joined is None
    assert fresh(fourth).joined == third
    assert cards(channel, third) == ["Scale deployment · production-api ×2"]
    click(third, lin, version=fresh(third).version, at=minutes(2))
    assert statuses(third, fourth) == ["approved", "approved"]


def test_a_click_that_cannot_say_what_it_saw_decides_one(robo: Agent, lin: Person) -> None:
    rows = ask(robo)
    click(rows[0], lin, version=None)
    assert statuses(*rows) == ["approved", "pending", "pending"]


def test_an_older_drawing_is_refused_when_more_than_the_count_changed(
    robo: Agent, lin: Person
) -> None:
    first, second = ask(robo, 2)
    lifecycle.add_message(ref=first.ref, text="By the way", agent=robo, at=minutes(1))
    with pytest.raises(errors.Changed):
        click(first, lin, version=1)
    with pytest.raises(errors.Changed):
        click(first, lin, version=2)
    click(first, lin, version=3)
    assert statuses(first, second) == ["approved", "approved"]


def test_a_version_that_never_was_is_refused(robo: Agent, lin: Person) -> None:
    first, second = ask(robo, 2)
    for version in (0, 3, 9, -1):
        with pytest.raises(errors.Changed):
            click(first, lin, version=version)
    assert statuses(first, second) == ["pending", "pending"]


def test_two_seats_fill_on_each(robo: Agent) -> None:
    first, second = ask(robo, 2, **cast.HIGH)
    click(first, cast.person("ada"), version=2)
    assert statuses(first, second) == ["pending", "pending"]
    click(first, cast.person("grace"), version=2)
    assert statuses(first, second) == ["approved", "approved"]
    assert Decision.objects.count() == 4


def test_a_joiner_decided_alone_leaves_the_card(robo: Agent, lin: Person, kinds: History) -> None:
    first, second, third = ask(robo)
    click(second, lin, Verdict.DENY, version=1, comment="This one not.")
    assert statuses(first, second, third) == ["pending", "denied", "pending"]
    assert kinds(first)[-1] == "request.card_shared"
    assert queries.card(fresh(first)).headline.endswith("×2")
    click(first, lin, version=3)
    assert statuses(first, second, third) == ["approved", "denied", "approved"]


def test_a_joiner_somebody_acts_on_alone_gets_a_card_of_its_own(
    robo: Agent, lin: Person, channel: FakeAdapter
) -> None:
    first, second, third = ask(robo)
    click(second, lin, Verdict.INVESTIGATE, version=1, comment="Why again?")
    assert fresh(second).joined is None
    assert cards(channel, second) == ["Scale deployment · production-api"]
    assert queries.beside(fresh(first)) == [third.ref]
    assert TeamQuestion.objects.count() == 2


def test_who_may_not_decide_one_of_them_leaves_it_open(
    robo: Agent, lin: Person, channel: FakeAdapter
) -> None:
    """Lin made the key that the second was asked with, so somebody else must decide that one."""
    first, second = ask(robo, 2)
    ApprovalRequest.objects.filter(pk=second.pk).update(owner_at_submission=lin)
    click(first, lin, version=2)
    assert statuses(first, second) == ["approved", "pending"]
    refused = AuditEvent.objects.get(request=second, type="decision.refused")
    assert refused.entry["detail"]["refused_because"] == "own_agent"
    assert fresh(second).joined is None
    assert cards(channel, second) == ["Scale deployment · production-api"]


# --- questions -------------------------------------------------------------------------------


def test_a_question_pauses_each_and_one_answer_lets_each_run_again(
    robo: Agent, lin: Person
) -> None:
    rows = ask(robo)
    click(rows[0], lin, Verdict.INVESTIGATE, version=3, comment="Why three times?")
    assert statuses(*rows) == ["investigating"] * 3
    lifecycle.add_message(ref=rows[1].ref, text="A retry loop.", agent=robo, at=minutes(2))
    assert statuses(*rows) == ["pending"] * 3
    assert [[m.text for m in fresh(row).messages.all()] for row in rows] == [["A retry loop."]] * 3
    leader = fresh(rows[0])
    click(leader, lin, version=leader.version, at=minutes(3))
    assert statuses(*rows) == ["approved"] * 3


# --- leaving ---------------------------------------------------------------------------------


def test_a_cancelled_joiner_leaves_and_the_count_falls(robo: Agent) -> None:
    first, second, third = ask(robo)
    lifecycle.cancel(ref=second.ref, agent=robo, at=minutes(1))
    assert queries.beside(fresh(first)) == [third.ref]
    assert fresh(first).version == 3
    left = AuditEvent.objects.filter(request=first, type=EventKind.CARD_SHARED).last()
    assert left is not None
    assert left.entry["detail"]["left"] == [second.ref]


def test_a_cancelled_leader_hands_its_card_to_the_oldest(
    robo: Agent, lin: Person, channel: FakeAdapter
) -> None:
    first, second, third = ask(robo)
    lifecycle.cancel(ref=first.ref, agent=robo, at=minutes(1))
    assert (fresh(second).joined, fresh(third).joined) == (None, second)
    assert cards(channel, second) == ["Scale deployment · production-api ×2"]
    click(second, lin, version=1)  # its own page, as it was before: it alone
    assert statuses(second, third) == ["approved", "pending"]
    assert fresh(third).joined is None


def test_an_expired_leader_hands_its_card_on_in_the_same_moment(
    robo: Agent, channel: FakeAdapter
) -> None:
    hurried = cast.request(robo, at=NOON, expires_in="1m")
    second, third = ask(robo, 2)
    assert second.joined == hurried
    timers.fire_due(at=minutes(1))
    assert statuses(hurried, second, third) == ["expired", "pending", "pending"]
    assert (fresh(second).joined, fresh(third).joined) == (None, second)
    assert second.deliveries.filter(kind="card").count() == 1


def test_a_joiner_that_expires_first_leaves_by_itself(robo: Agent) -> None:
    first = cast.request(robo, at=NOON)
    hurried = cast.request(robo, at=NOON, expires_in="1m")
    timers.fire_due(at=minutes(1))
    assert statuses(first, hurried) == ["pending", "expired"]
    assert queries.beside(fresh(first)) == []


def test_all_of_a_card_due_at_once_are_written_once(robo: Agent, kinds: History) -> None:
    rows = ask(robo, 5)
    timers.fire_due(at=minutes(60))
    assert statuses(*rows) == ["expired"] * 5
    for row in rows:
        assert kinds(row).count("request.expired") == 1


def test_a_reminder_is_sent_for_the_card_alone(robo: Agent, channel: FakeAdapter) -> None:
    first, second = ask(robo, 2)
    timers.fire_due(at=minutes(3))
    assert first.deliveries.filter(kind="note").count() == 1
    assert second.deliveries.count() == 0
    assert second.reminded == 0
    assert fresh(second).reminded == 1


# --- all or nothing --------------------------------------------------------------------------


def test_a_click_that_breaks_in_the_middle_decides_none(
    robo: Agent, lin: Person, tampering: None
) -> None:
    rows = ask(robo)
    AuditEvent.objects.create(
        chain=rows[2].ref, seq=1, type="x", at=NOON, actor="tests", entry={}, hash="0" * 64
    )
    with pytest.raises(Exception, match=r"audit_chain_position_once|UNIQUE"):
        click(rows[0], lin, version=3)
    assert statuses(*rows) == ["pending"] * 3
    assert Decision.objects.count() == 0


def test_the_queue_shows_a_card_once_and_each_request_can_be_found(robo: Agent) -> None:
    rows = ask(robo)
    assert [row.ref for row in queries.waiting()] == [rows[0].ref]
    assert queries.requests().count() == 3
    assert ledger.locked(rows[0].ref) == rows[0]
