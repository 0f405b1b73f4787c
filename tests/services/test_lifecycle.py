"""The verbs about a request, on the real database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from approvals import queries
from approvals.domain import errors
from approvals.domain.terms import Status, Verdict
from approvals.models import ApprovalRequest, AuditEvent, Decision, Timer
from approvals.services import actors, asking, lifecycle, people
from approvals.services.asking import KeyReused
from tests.domain.scene import MINUTE, NOON, minutes
from tests.fakes.adapter import FakeAdapter
from tests.support import cast

History = Callable[[ApprovalRequest], list[str]]


# --- submit ----------------------------------------------------------------------------------


def test_low_risk_is_approved_at_once_by_policy(kinds: History, channel: FakeAdapter) -> None:
    row = cast.request(at=NOON, **cast.LOW)
    assert (row.status, row.basis, row.closed_by) == ("approved", "policy", "policy")
    assert row.grant_expires_at == minutes(15)
    assert kinds(row) == ["request.submitted", "request.approved"]
    assert row.deliveries.count() == 0


def test_a_forbidden_action_is_denied_at_once_by_policy(kinds: History) -> None:
    row = cast.request(at=NOON, **cast.FORBIDDEN)
    assert (row.status, row.basis, row.reason_code) == ("denied", "policy", "action_forbidden")
    assert kinds(row) == ["request.submitted", "request.denied"]
    assert row.timers.count() == 0


def test_medium_risk_waits_with_its_promises_written_down(
    kinds: History, channel: FakeAdapter
) -> None:
    row = cast.request(at=NOON)
    assert (row.status, row.decide_by, row.expires_at) == ("pending", minutes(5), minutes(25))
    assert kinds(row) == ["request.submitted"]
    due = Timer.objects.filter(request=row).values_list("kind", "due_at")
    assert dict(due) == {"remind": minutes(2.5), "deadline": minutes(5)}
    assert [delivery.kind for delivery in row.deliveries.all()] == ["card"]


def test_an_agent_may_give_up_earlier() -> None:
    assert cast.request(at=NOON, expires_in="2m").expires_at == minutes(2)


def test_the_same_idempotency_key_is_the_same_request() -> None:
    first = cast.request(at=NOON, idempotency_key="k")
    again = cast.request(at=minutes(1), idempotency_key="k")
    assert again.pk == first.pk
    assert ApprovalRequest.objects.count() == 1


def test_the_same_key_with_another_body_is_refused() -> None:
    first = cast.request(at=NOON, idempotency_key="k")
    with pytest.raises(KeyReused) as refused:
        cast.request(at=NOON, idempotency_key="k", target="elsewhere")
    assert refused.value.facts == {"request": str(first.public_id)}
    assert ApprovalRequest.objects.count() == 1


def test_another_agents_same_key_is_another_request() -> None:
    digger, _ = cast.agent("digger")
    assert cast.request(idempotency_key="k").pk != cast.request(digger, idempotency_key="k").pk


def test_requests_without_a_key_are_never_taken_for_one_another() -> None:
    assert cast.request().pk != cast.request().pk


# --- decide ----------------------------------------------------------------------------------


def test_a_click_is_written_down_with_all_its_circumstances(kinds: History) -> None:
    row = cast.request(at=NOON)
    lifecycle.decide(
        ref=str(row.public_id),
        person=cast.person("lin"),
        verdict=Verdict.APPROVE,
        comment=" Go. ",
        version=1,
        channel="slack",
        authenticated_by="slack signature",
        at=minutes(1),
    )
    decision = Decision.objects.get()
    assert (decision.comment, decision.stage, decision.version) == ("Go.", 0, 1)
    assert (decision.channel, decision.authenticated_by) == ("slack", "slack signature")
    assert decision.shown_sha256 == row.action_sha256
    assert decision.is_final
    event = AuditEvent.objects.get(type="request.approved")
    assert event.actor == "person:lin@example.com"
    assert event.entry["detail"]["by"] == "Lin"
    assert event.entry["timestamp"] == "2026-03-02T12:01:00.000000Z"


def test_a_refused_click_changes_nothing_and_is_history(kinds: History) -> None:
    row = cast.request(at=NOON)
    with pytest.raises(errors.NotAnApprover):
        cast.decide(row, cast.person("mallory"), at=minutes(1))
    assert kinds(row) == ["request.submitted", "decision.refused"]
    detail = AuditEvent.objects.get(type="decision.refused").entry["detail"]
    assert detail["refused_because"] == "not_an_approver"
    assert (detail["verdict"], detail["channel"]) == ("approve", "test")
    assert queries.request(row.ref).status == "pending"
    assert Decision.objects.count() == 0


def test_every_kind_of_refusal_is_history() -> None:
    row = cast.request(at=NOON, **cast.HIGH)
    ada = cast.person("ada")
    cast.decide(row, ada, at=minutes(1))
    for person, wanted in (
        ("ada", "same_person"),
        ("sam", "own_agent"),
        ("lin", "not_an_approver"),
    ):
        with pytest.raises(errors.Refusal) as refused:
            cast.decide(row, cast.person(person), at=minutes(2))
        assert refused.value.code == wanted
    with pytest.raises(errors.Changed):
        lifecycle.decide(
            ref=row.ref,
            person=cast.person("grace"),
            verdict=Verdict.APPROVE,
            version=9,
            at=minutes(2),
        )
    cast.decide(row, cast.person("grace"), at=minutes(3))
    with pytest.raises(errors.AlreadyDecided) as late:
        cast.decide(row, cast.person("grace"), at=minutes(4))
    assert late.value.facts["by"] == "Ada and Grace"
    refusals = AuditEvent.objects.filter(type="decision.refused").order_by("id")
    assert [event.entry["detail"]["refused_because"] for event in refusals] == [
        "same_person",
        "own_agent",
        "not_an_approver",
        "changed",
        "already_decided",
    ]


def test_a_denial_without_a_reason_is_sent_back_unrecorded(kinds: History) -> None:
    row = cast.request(at=NOON)
    with pytest.raises(errors.Invalid):
        cast.decide(row, cast.person("lin"), Verdict.DENY, at=minutes(1))
    assert kinds(row) == ["request.submitted"]


def test_a_late_click_finds_what_time_has_done_already(kinds: History) -> None:
    row = cast.request(at=NOON)
    decided = cast.decide(row, cast.person("ada"), at=minutes(6))
    assert decided.status == "approved"
    assert kinds(row) == ["request.submitted", "request.escalated", "request.approved"]
    other = cast.request(at=NOON)
    with pytest.raises(errors.Expired):
        cast.decide(other, cast.person("ada"), at=minutes(60))
    assert kinds(other) == ["request.submitted", "request.expired", "decision.refused"]


def test_a_member_who_left_no_longer_counts() -> None:
    row = cast.request(at=NOON, **cast.CRITICAL)
    cast.decide(row, cast.person("chen"), at=minutes(1))
    people.leave(
        person=cast.person("chen"), team="change-board", actor=cast.OPERATOR, at=minutes(2)
    )
    assert cast.decide(row, cast.person("dana"), at=minutes(3)).status == "pending"


def test_who_made_the_key_counts_as_too_close() -> None:
    agent, _ = cast.agent()
    lin = cast.person("lin")
    key = agent.keys.get()
    key.created_by = lin
    key.save()
    row, _ = asking.submit(
        agent=agent, key=key, submission=cast.submission(), idempotency_key=None, at=NOON
    )
    with pytest.raises(errors.OwnAgent):
        cast.decide(row, lin, at=minutes(1))


def test_a_disabled_person_decides_nothing() -> None:
    lin = cast.person("lin")
    lin.is_active = False
    lin.save()
    with pytest.raises(errors.NotAnApprover):
        cast.decide(cast.request(at=NOON), lin, at=minutes(1))


def test_an_unknown_reference_is_not_found() -> None:
    for ref in ("REQ-999", "REQ-x", "nonsense", "0198f3a2-7c55-7d6e-9c1f-3f0a5b1c2d3e"):
        with pytest.raises(errors.NotFound):
            lifecycle.decide(ref=ref, person=cast.person("lin"), verdict=Verdict.APPROVE, at=NOON)


def test_a_click_of_somebody_unknown_is_history(kinds: History) -> None:
    row = cast.request(at=NOON)
    lifecycle.refuse_stranger(
        ref=row.ref,
        who="U404",
        verdict=Verdict.APPROVE,
        channel="slack",
        words="Not linked.",
        at=minutes(1),
    )
    event = AuditEvent.objects.get(type="decision.refused")
    assert event.actor == "system:unknown:U404"
    assert event.entry["detail"]["refused_because"] == "unknown_person"


def test_a_click_is_refused_before_words_are_asked_for_and_else_leaves_no_trace(
    kinds: History,
) -> None:
    row = cast.request(at=NOON)

    def foresee(name: str) -> None:
        lifecycle.foresee(
            ref=row.ref, person=cast.person(name), verdict=Verdict.DENY, version=None,
            channel="slack", at=minutes(1),
        )  # fmt: skip

    foresee("lin")
    assert kinds(row) == ["request.submitted"]
    with pytest.raises(errors.NotAnApprover):
        foresee("mallory")
    assert kinds(row) == ["request.submitted", "decision.refused"]


# --- question and answer ---------------------------------------------------------------------


def test_a_question_pauses_and_the_answer_resumes(kinds: History) -> None:
    row = cast.request(at=NOON)
    asked = cast.decide(row, cast.person("lin"), Verdict.INVESTIGATE, "Why 8?", at=minutes(1))
    assert (asked.status, asked.decide_by, asked.investigator) == (
        "investigating",
        minutes(20),
        cast.person("lin"),
    )
    answered = lifecycle.add_message(
        ref=row.ref, agent=row.agent, text="Load.", evidence={"cpu": 0.97}, at=minutes(3)
    )
    assert (answered.status, answered.decide_by) == ("pending", minutes(7))
    assert kinds(row)[1:] == ["request.investigating", "request.resumed"]
    [message] = queries.request(row.ref).messages.all()
    assert (message.text, message.from_agent, message.evidence) == ("Load.", True, {"cpu": 0.97})


def test_a_person_may_add_to_the_question_and_go_on() -> None:
    row = cast.request(at=NOON)
    lin = cast.person("lin")
    cast.decide(row, lin, Verdict.INVESTIGATE, "Why 8?", at=minutes(1))
    more = lifecycle.add_message(ref=row.ref, person=lin, text="And why now?", at=minutes(2))
    assert more.status == "investigating"
    on = lifecycle.add_message(
        ref=row.ref, person=lin, text="Never mind.", go_on=True, at=minutes(3)
    )
    assert on.status == "pending"


def test_only_who_asked_or_may_decide_lets_the_clock_run_again() -> None:
    row = cast.request(at=NOON)
    cast.decide(row, cast.person("lin"), Verdict.INVESTIGATE, "Why 8?", at=minutes(1))
    with pytest.raises(errors.NotAnApprover):
        lifecycle.add_message(
            ref=row.ref, person=cast.person("mallory"), text="Go!", go_on=True, at=minutes(2)
        )
    dan = people.add(
        email="dan@example.com", name="Dan", teams=["team-leads"], actor=cast.OPERATOR, at=NOON
    )
    on = lifecycle.add_message(ref=row.ref, person=dan, text="Go on.", go_on=True, at=minutes(2))
    assert on.status == "pending"


def test_an_empty_message_is_refused() -> None:
    row = cast.request(at=NOON)
    with pytest.raises(errors.Invalid):
        lifecycle.add_message(ref=row.ref, agent=row.agent, text=" \n", at=NOON)


def test_a_closed_request_takes_no_message() -> None:
    row = cast.request(at=NOON, **cast.FORBIDDEN)
    with pytest.raises(errors.AlreadyDecided):
        lifecycle.add_message(ref=row.ref, agent=row.agent, text="But why?", at=NOON)
    assert row.messages.count() == 0


# --- taking back -----------------------------------------------------------------------------


def test_an_agent_withdraws_its_own_request() -> None:
    row = cast.request(at=NOON)
    assert lifecycle.cancel(ref=row.ref, agent=row.agent, at=minutes(1)).status == "cancelled"
    assert row.timers.filter(fired_at=None, dropped_at=None).count() == 0


def test_the_owner_withdraws_it_too_and_nobody_else() -> None:
    row = cast.request(at=NOON)
    with pytest.raises(errors.NotAllowed):
        lifecycle.cancel(ref=row.ref, person=cast.person("lin"), at=minutes(1))
    assert (
        lifecycle.cancel(ref=row.ref, person=cast.person("sam"), at=minutes(1)).closed_by == "Sam"
    )
    with pytest.raises(errors.NotFound):
        lifecycle.cancel(ref="REQ-999", person=cast.person("sam"), at=minutes(1))


def test_another_agent_can_neither_withdraw_nor_answer() -> None:
    row = cast.request(at=NOON)
    digger, _ = cast.agent("digger")
    cast.decide(row, cast.person("lin"), Verdict.INVESTIGATE, "Why 8?", at=minutes(1))
    with pytest.raises(errors.NotFound):
        lifecycle.cancel(ref=row.ref, agent=digger, at=minutes(2))
    with pytest.raises(errors.NotFound):
        lifecycle.add_message(ref=row.ref, agent=digger, text="Because.", at=minutes(2))
    assert queries.request(row.ref).status == "investigating"


def test_somebody_must_act() -> None:
    with pytest.raises(TypeError):
        lifecycle.cancel(ref=cast.request().ref, at=NOON)


@pytest.mark.parametrize("who", ["lin", "ada", "sam"])
def test_an_approver_or_the_owner_revokes_before_use(who: str) -> None:
    row = cast.request(at=NOON)
    cast.decide(row, cast.person("lin"), at=minutes(1))
    assert lifecycle.revoke(ref=row.ref, person=cast.person(who), at=minutes(2)).status == "revoked"


def test_a_stranger_revokes_nothing_and_the_attempt_is_history(kinds: History) -> None:
    row = cast.request(at=NOON)
    cast.decide(row, cast.person("lin"), at=minutes(1))
    with pytest.raises(errors.NotAnApprover):
        lifecycle.revoke(ref=row.ref, person=cast.person("mallory"), at=minutes(2))
    assert kinds(row)[-1] == "decision.refused"
    assert queries.request(row.ref).status == "approved"


def test_what_policy_approved_only_the_owner_revokes() -> None:
    row = cast.request(at=NOON, **cast.LOW)
    with pytest.raises(errors.NotAnApprover):
        lifecycle.revoke(ref=row.ref, person=cast.person("lin"), at=minutes(1))
    assert (
        lifecycle.revoke(ref=row.ref, person=cast.person("sam"), at=minutes(1)).status == "revoked"
    )


def test_judging_writes_nothing() -> None:
    cast.policy()
    evaluation = asking.judge(agent="robo", submission=cast.submission(risk="critical"), at=NOON)
    assert evaluation.effective == "critical"
    assert ApprovalRequest.objects.count() == 0


def test_actors_are_named_as_history_names_them() -> None:
    assert str(actors.agent(cast.agent()[0])) == "agent:robo"
    assert str(cast.OPERATOR) == "operator:the tests"
    assert Status.EXPIRED.is_final
    assert timedelta(minutes=1) == MINUTE
