"""The life of a request, one rule a sentence."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from approvals.domain import errors, pausing, running, workflow
from approvals.domain.state import Grant, clock
from approvals.domain.terms import Basis, EventKind, Status, Verdict
from tests.domain.scene import (
    ADA,
    CHEN,
    CRITICAL,
    DANA,
    DIGEST,
    GRACE,
    HIGH,
    LIN,
    MALLORY,
    MEDIUM,
    MINUTE,
    NOON,
    SAM,
    SECOND,
    SILENT_YES,
    TWO_STAGES,
    a_request,
    a_stage,
    an_approved_request,
    approve,
    click,
    deny,
    investigate,
    known_as,
    minutes,
    time_passes,
)

NOBODY = frozenset[str]()


# --- deciding --------------------------------------------------------------------------------


def test_one_lead_approves_a_medium_risk() -> None:
    change = click(a_request(), LIN, Verdict.APPROVE, minutes(1), channel="slack")
    assert change.kind is EventKind.APPROVED
    assert (change.after.status, change.after.basis) == (Status.APPROVED, Basis.PERSON)
    assert (change.after.closed_by, change.after.closed_at) == ("Lin", minutes(1))
    assert change.after.grant == Grant(minutes(16))
    assert change.click is not None
    assert change.click.channel == "slack"


def test_high_risk_needs_a_manager_and_security_in_any_order() -> None:
    for first, second in ((ADA, GRACE), (GRACE, ADA)):
        half = click(a_request(HIGH), first, Verdict.APPROVE, NOON)
        assert half.kind is EventKind.SEAT_FILLED
        assert half.after.status is Status.PENDING
        assert approve(half.after, second).status is Status.APPROVED


def test_two_managers_do_not_replace_security() -> None:
    half = approve(a_request(HIGH), ADA)
    with pytest.raises(errors.SeatTaken):
        approve(half, SAM)


def test_whoever_belongs_to_both_teams_leaves_the_other_seat_open() -> None:
    both = replace(ADA, teams=frozenset({"managers", "security"}))
    assert approve(approve(a_request(HIGH), both), SAM).status is Status.APPROVED
    assert approve(approve(a_request(HIGH), both), GRACE).status is Status.APPROVED


def test_whoever_approved_may_still_deny_while_it_is_open() -> None:
    half = approve(a_request(HIGH), ADA)
    assert deny(half, ADA).status is Status.DENIED


def test_a_person_fills_one_seat_only() -> None:
    both = replace(ADA, teams=frozenset({"managers", "security"}))
    half = approve(a_request(HIGH), both)
    with pytest.raises(errors.SamePerson, match="different person"):
        approve(half, both)


def test_a_quorum_of_two_wants_two_people() -> None:
    half = approve(a_request(CRITICAL), CHEN)
    assert half.status is Status.PENDING
    assert approve(half, DANA).closed_by == "Chen and Dana"


def test_one_denial_is_enough_and_names_its_author() -> None:
    half = approve(a_request(HIGH), ADA)
    denied = deny(half, GRACE, minutes(2))
    assert (denied.status, denied.basis, denied.closed_by) == (Status.DENIED, Basis.PERSON, "Grace")
    assert denied.grant is None


@pytest.mark.parametrize("verdict", [Verdict.DENY, Verdict.INVESTIGATE])
def test_a_denial_or_a_question_needs_words(verdict: Verdict) -> None:
    with pytest.raises(errors.Invalid) as refused:
        click(a_request(), LIN, verdict, NOON, "  ")
    assert refused.value.facts == {"field": "comment"}


def test_a_plan_may_want_a_reason_to_approve() -> None:
    strict = a_request(replace(MEDIUM, approve_reason_required=True))
    with pytest.raises(errors.Invalid):
        approve(strict, LIN)
    assert click(strict, LIN, Verdict.APPROVE, NOON, "Load is real.").kind is EventKind.APPROVED


def test_a_plan_may_want_a_fresh_sign_in_to_approve_and_never_to_say_no() -> None:
    strict = a_request(replace(MEDIUM, step_up=True))
    with pytest.raises(errors.FreshSignInNeeded) as refused:
        approve(strict, LIN)
    assert "Approve it on the web: this needs a fresh sign-in." in refused.value.words
    assert approve(strict, LIN, is_fresh=True).status is Status.APPROVED
    assert deny(strict, LIN).status is Status.DENIED
    assert investigate(strict, LIN).status is Status.INVESTIGATING


def test_only_who_may_decide_is_sent_to_sign_in_afresh() -> None:
    strict = a_request(replace(MEDIUM, step_up=True), conflicted=frozenset({SAM.id}))
    with pytest.raises(errors.OwnAgent):
        approve(strict, SAM)
    with pytest.raises(errors.NotAnApprover):
        approve(strict, MALLORY)


def test_a_stranger_decides_nothing() -> None:
    for verdict in Verdict:
        with pytest.raises(errors.NotAnApprover) as refused:
            click(a_request(), MALLORY, verdict, NOON, "please")
        assert refused.value.facts == {"teams": ["team-leads"]}


def test_the_owner_decides_nothing_above_low_risk() -> None:
    own = a_request(conflicted=frozenset({SAM.id}))
    for verdict in Verdict:
        with pytest.raises(errors.OwnAgent):
            click(own, SAM, verdict, NOON, "mine")
    lenient = a_request(replace(MEDIUM, owner_may_decide=True), conflicted=frozenset({SAM.id}))
    assert approve(lenient, SAM).status is Status.APPROVED


def test_the_loser_of_a_race_is_told_who_won_and_when() -> None:
    with pytest.raises(errors.AlreadyDecided) as refused:
        deny(an_approved_request(), LIN, minutes(1))
    assert refused.value.facts == {"status": "approved", "by": "Lin", "at": NOON.isoformat()}
    assert "Your click changed nothing." in refused.value.words


def test_a_stale_version_or_another_action_is_not_counted() -> None:
    state = a_request(version=3)
    for seen in ({"version": 2}, {"shown": "b" * 64}):
        with pytest.raises(errors.Changed) as refused:
            approve(state, LIN, **seen)
        assert refused.value.facts == {"version": 3}
    assert approve(state, LIN, version=3, shown=DIGEST).status is Status.APPROVED


# --- stages ----------------------------------------------------------------------------------


def test_a_filled_stage_opens_the_next_with_a_window_of_its_own() -> None:
    change = click(a_request(TWO_STAGES), LIN, Verdict.APPROVE, minutes(2))
    assert change.kind is EventKind.STAGE_PASSED
    after = change.after
    assert (after.stage, after.rung, after.reminded, after.version) == (1, 0, 0, 2)
    assert (after.window_opened_at, after.decide_by) == (minutes(2), minutes(9))
    assert after.teams_asked == ("managers",)
    assert approve(after, ADA, minutes(3)).status is Status.APPROVED


def test_who_filled_a_seat_of_one_stage_cannot_fill_one_of_the_next() -> None:
    passed = approve(a_request(TWO_STAGES), SAM)
    with pytest.raises(errors.SamePerson):
        approve(passed, SAM)


def test_a_stage_that_passes_during_a_question_closes_it() -> None:
    asked = investigate(a_request(TWO_STAGES), LIN, minutes(1))
    passed = approve(asked, LIN, minutes(4))
    assert (passed.status, passed.paused_at, passed.investigator) == (Status.PENDING, None, None)
    assert passed.pause_left == 7 * MINUTE


# --- memberships are looked up at the click --------------------------------------------------


def test_an_approver_who_left_the_team_no_longer_counts() -> None:
    half = approve(a_request(CRITICAL), CHEN)
    without = known_as(half, replace(CHEN, teams=NOBODY))
    assert without.filled == 0
    assert approve(without, DANA).status is Status.PENDING


def test_an_approver_who_became_the_owner_no_longer_counts() -> None:
    half = approve(a_request(CRITICAL), CHEN)
    owned = replace(half, conflicted=frozenset({CHEN.id}))
    assert owned.filled == 0


def test_seats_filled_by_a_returning_approver_are_closed_by_the_next_click() -> None:
    half = approve(a_request(CRITICAL), CHEN)
    gone = known_as(half, replace(CHEN, teams=NOBODY))
    other_half = approve(gone, DANA)
    full = known_as(other_half, CHEN)
    assert full.filled == 2
    third = replace(LIN, teams=frozenset({"change-board"}))
    assert approve(full, third).status is Status.APPROVED


# --- questions -------------------------------------------------------------------------------


def test_a_question_stops_the_clock_and_belongs_to_who_asked() -> None:
    asked = investigate(a_request(), LIN, minutes(1))
    assert (asked.status, asked.investigator, asked.paused_at) == (
        Status.INVESTIGATING,
        LIN.id,
        minutes(1),
    )
    assert asked.version == 2
    assert asked.decide_by == minutes(20)
    assert time_passes(asked, minutes(15)) == asked


def test_the_agents_answer_gives_back_what_is_left_of_the_pause() -> None:
    asked = investigate(a_request(), LIN, minutes(1))
    change = workflow.add_message(asked, by_agent=True, go_on=False, at=minutes(4))
    assert (change.kind, change.detail) == (EventKind.RESUMED, {"why": "answered"})
    after = change.after
    assert (after.status, after.decide_by, after.pause_left) == (
        Status.PENDING,
        minutes(8),
        12 * MINUTE,
    )


def test_a_person_may_go_on_without_an_answer() -> None:
    asked = investigate(a_request(), LIN, minutes(1))
    assert (
        workflow.add_message(asked, by_agent=False, go_on=False, at=minutes(2)).kind
        is EventKind.MESSAGE_ADDED
    )
    gone_on = workflow.add_message(asked, by_agent=False, go_on=True, at=minutes(2))
    assert (gone_on.kind, gone_on.detail) == (EventKind.RESUMED, {"why": "resumed"})


def test_a_message_while_the_clock_runs_only_makes_the_request_newer() -> None:
    change = workflow.add_message(a_request(), by_agent=True, go_on=True, at=minutes(1))
    assert (change.kind, change.after.version) == (EventKind.MESSAGE_ADDED, 2)


def test_a_pause_ends_by_itself_when_it_is_used_up() -> None:
    asked = investigate(a_request(), LIN, minutes(1))
    resumed = time_passes(asked, minutes(16))
    assert (resumed.status, resumed.pause_left, resumed.decide_by) == (
        Status.PENDING,
        timedelta(0),
        minutes(20),
    )
    with pytest.raises(errors.PauseUsedUp):
        investigate(resumed, LIN, minutes(17))


def test_a_second_question_waits_for_the_first() -> None:
    asked = investigate(a_request(), LIN, minutes(1))
    with pytest.raises(errors.Conflict, match="already open"):
        investigate(asked, LIN, minutes(2))


def test_nothing_resumes_when_no_question_is_open() -> None:
    with pytest.raises(errors.NotInvestigating):
        pausing.resume(a_request(), at=NOON, why="resumed")


def test_one_may_decide_with_the_question_still_open() -> None:
    asked = investigate(a_request(HIGH), ADA, minutes(1))
    half = approve(asked, GRACE, minutes(2))
    assert half.status is Status.INVESTIGATING
    assert approve(half, ADA, minutes(3)).status is Status.APPROVED
    assert deny(asked, ADA, minutes(2)).status is Status.DENIED


def test_a_question_never_moves_the_deadline_past_the_hard_end() -> None:
    hurried = a_request(limit=6 * MINUTE)
    asked = investigate(hurried, LIN, minutes(4))
    assert asked.decide_by == asked.expires_at == minutes(6)
    resumed = time_passes(asked, minutes(5.5))
    assert (resumed.status, resumed.decide_by) == (Status.PENDING, minutes(6))
    assert time_passes(resumed, minutes(6)).status is Status.EXPIRED


def test_without_time_to_spare_there_is_no_pause() -> None:
    hurried = a_request(limit=2 * MINUTE)
    with pytest.raises(errors.PauseUsedUp):
        investigate(hurried, LIN, minutes(1))


def test_a_click_read_a_moment_early_never_lengthens_the_pause() -> None:
    asked = investigate(a_request(TWO_STAGES), LIN, minutes(1))
    passed = approve(asked, SAM, minutes(1) - SECOND)
    assert passed.pause_left == TWO_STAGES.pause


# --- silence ---------------------------------------------------------------------------------


def test_silence_asks_the_next_people_too() -> None:
    higher = time_passes(a_request(), minutes(5))
    assert (higher.rung, higher.decide_by, higher.reminded) == (1, minutes(10), 0)
    assert higher.teams_asked == ("team-leads", "managers")
    assert approve(higher, ADA, minutes(6)).status is Status.APPROVED
    assert approve(higher, LIN, minutes(6)).status is Status.APPROVED


def test_those_asked_late_have_their_whole_window() -> None:
    noticed_late = time_passes(a_request(), minutes(7))
    assert noticed_late.decide_by == minutes(12)


def test_silence_to_the_end_is_expired_and_never_denied() -> None:
    quiet = time_passes(time_passes(a_request(), minutes(5)), minutes(10))
    assert (quiet.status, quiet.basis) == (Status.EXPIRED, Basis.TIMEOUT)
    assert (quiet.reason_code, quiet.closed_by) == ("no_decision_in_time", "nobody in time")
    with pytest.raises(errors.Expired) as refused:
        approve(quiet, LIN, minutes(11))
    assert "denied" not in refused.value.words
    assert refused.value.status == 410


def test_a_click_at_the_deadline_is_too_late() -> None:
    with pytest.raises(errors.Expired):
        approve(a_request(), LIN, minutes(5))
    assert approve(a_request(), LIN, minutes(5) - SECOND).status is Status.APPROVED


def test_after_the_hard_end_nobody_else_is_asked() -> None:
    assert time_passes(a_request(), minutes(60)).status is Status.EXPIRED


def test_silence_consents_only_where_the_plan_says_so_and_names_no_person() -> None:
    consented = time_passes(a_request(SILENT_YES), minutes(5))
    assert (consented.status, consented.basis) == (Status.APPROVED, Basis.TIMEOUT)
    assert consented.closed_by == "nobody in time"
    assert consented.approvals == ()


def test_an_agent_in_a_hurry_cannot_shorten_the_silence_that_consents() -> None:
    hurried = a_request(SILENT_YES, limit=SECOND)
    assert time_passes(hurried, minutes(1)).status is Status.EXPIRED


def test_silence_in_one_stage_does_not_consent_for_the_next() -> None:
    plan = replace(SILENT_YES, stages=(*SILENT_YES.stages, a_stage("managers")))
    change = workflow.overdue(a_request(plan), at=minutes(5))
    assert change is not None
    assert (change.kind, change.after.status, change.after.stage) == (
        EventKind.STAGE_PASSED,
        Status.PENDING,
        1,
    )
    assert change.after.teams_asked == ("managers",)
    assert time_passes(change.after, minutes(10)).status is Status.EXPIRED


def test_nothing_is_overdue_before_its_time_or_after_the_end() -> None:
    assert workflow.overdue(a_request(), at=minutes(4)) is None
    assert workflow.overdue(deny(a_request(), LIN), at=minutes(400)) is None


def test_reminders_are_counted_and_end() -> None:
    first = workflow.remind(a_request(), at=minutes(2.5))
    assert first is not None
    assert (first.kind, first.detail) == (EventKind.REMINDED, {"fraction": "0.5"})
    second = workflow.remind(first.after, at=minutes(4.5))
    assert second is not None
    assert workflow.remind(second.after, at=minutes(5)) is None
    assert workflow.remind(deny(a_request(), LIN), at=minutes(1)) is None


# --- taking back -----------------------------------------------------------------------------


def test_the_asker_withdraws_what_still_waits() -> None:
    change = workflow.cancel(a_request(), by="agent robo", at=minutes(1))
    assert (change.after.status, change.after.closed_by) == (Status.CANCELLED, "agent robo")
    with pytest.raises(errors.AlreadyDecided):
        workflow.cancel(change.after, by="agent robo", at=minutes(2))


def test_nothing_is_withdrawn_after_the_deadline() -> None:
    with pytest.raises(errors.Expired):
        workflow.cancel(a_request(), by="agent robo", at=minutes(5))


def test_an_unused_approval_can_be_revoked() -> None:
    revoked = running.revoke(an_approved_request(), by="Lin", at=minutes(1)).after
    assert (revoked.status, revoked.reason_code) == (Status.REVOKED, "revoked_before_use")
    with pytest.raises(errors.NotApproved):
        running.consume(revoked, key="k", shown=None, expected="x", at=minutes(2))
    with pytest.raises(errors.NotApproved):
        running.revoke(revoked, by="Lin", at=minutes(2))


def test_a_used_approval_cannot_be_revoked() -> None:
    used = running.consume(an_approved_request(), key="k", shown=None, expected="x", at=minutes(1))
    assert used is not None
    with pytest.raises(errors.AlreadyConsumed):
        running.revoke(used.after, by="Lin", at=minutes(2))


# --- running once ----------------------------------------------------------------------------


def test_an_approval_is_used_once_and_the_same_key_hears_the_same_answer() -> None:
    used = running.consume(an_approved_request(), key="k", shown="x", expected="x", at=minutes(1))
    assert used is not None
    assert used.kind is EventKind.CONSUMED
    assert running.consume(used.after, key="k", shown="x", expected="x", at=minutes(99)) is None
    for other in ("j", ""):
        with pytest.raises(errors.AlreadyConsumed):
            running.consume(used.after, key=other, shown=None, expected="x", at=minutes(2))


def test_a_use_without_a_key_cannot_be_repeated() -> None:
    used = running.consume(an_approved_request(), key="", shown=None, expected="x", at=minutes(1))
    assert used is not None
    with pytest.raises(errors.AlreadyConsumed):
        running.consume(used.after, key="", shown=None, expected="x", at=minutes(2))


def test_other_parameters_are_never_run() -> None:
    with pytest.raises(errors.ParametersChanged) as refused:
        running.consume(an_approved_request(), key="k", shown="y", expected="x", at=minutes(1))
    assert refused.value.facts == {"approved": "x", "received": "y"}


def test_only_an_approved_request_can_be_used() -> None:
    with pytest.raises(errors.NotApproved):
        running.consume(a_request(), key="k", shown=None, expected="x", at=NOON)


def test_an_approval_not_used_in_time_lapses() -> None:
    approved = an_approved_request()
    with pytest.raises(errors.GrantExpired):
        running.consume(approved, key="k", shown=None, expected="x", at=minutes(15))
    change = workflow.overdue(approved, at=minutes(15))
    assert change is not None
    assert (change.kind, change.after.status) == (EventKind.GRANT_EXPIRED, Status.APPROVED)
    with pytest.raises(errors.GrantExpired):
        running.consume(change.after, key="k", shown=None, expected="x", at=minutes(15))
    assert workflow.overdue(change.after, at=minutes(99)) is None
    assert workflow.overdue(approved, at=minutes(14)) is None


def test_an_outcome_is_reported_once_and_may_be_rolled_back_later() -> None:
    with pytest.raises(errors.NotConsumed):
        running.report_outcome(an_approved_request(), {"status": "success"}, at=NOON)
    used = running.consume(an_approved_request(), key="k", shown=None, expected="x", at=minutes(1))
    assert used is not None
    done = running.report_outcome(used.after, {"status": "success"}, at=minutes(2))
    assert done is not None
    assert running.report_outcome(done.after, {"status": "success"}, at=minutes(3)) is None
    with pytest.raises(errors.OutcomeConflict):
        running.report_outcome(done.after, {"status": "failure"}, at=minutes(3))
    back = running.report_outcome(done.after, {"status": "rolled_back"}, at=minutes(3))
    assert back is not None
    with pytest.raises(errors.OutcomeConflict):
        running.report_outcome(back.after, {"status": "success"}, at=minutes(4))


# --- policy ----------------------------------------------------------------------------------


def test_what_policy_settles_is_closed_at_once() -> None:
    passed = workflow.settled(
        MEDIUM, Status.APPROVED, action_sha256=DIGEST, reason_code="risk_low_auto", at=NOON
    )
    assert (passed.basis, passed.closed_by, passed.closed_at) == (Basis.POLICY, "policy", NOON)
    assert passed.grant == Grant(minutes(15))
    refused = workflow.settled(
        MEDIUM, Status.DENIED, action_sha256=DIGEST, reason_code="action_forbidden", at=NOON
    )
    assert refused.grant is None
    with pytest.raises(errors.AlreadyDecided, match="policy"):
        approve(refused, LIN)


def test_a_settled_plan_without_stages_asks_nobody() -> None:
    bare = workflow.settled(
        replace(MEDIUM, stages=()), Status.DENIED, action_sha256=DIGEST, reason_code="x", at=NOON
    )
    assert bare.teams_asked == ()


def test_an_agent_may_give_up_earlier_but_not_wait_longer() -> None:
    assert (
        a_request(limit=2 * MINUTE).expires_at
        == a_request(limit=2 * MINUTE).decide_by
        == minutes(2)
    )
    assert a_request(limit=timedelta(days=30)).expires_at == NOON + MEDIUM.longest


def test_moments_are_read_in_utc_without_a_leading_zero() -> None:
    assert clock(NOON) == "12:00:00 UTC on 2 Mar 2026"
