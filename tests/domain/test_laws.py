"""Laws of a request's life, for random orders of clicks, people, times, questions and second thoughts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from approvals.domain import errors, running, timing, workflow
from approvals.domain.errors import Refusal
from approvals.domain.plan import Plan, Requirement, Rung, Stage
from approvals.domain.state import Approver, Change, Click, RequestState, Seat
from approvals.domain.terms import (
    Approval,
    EventKind,
    OnTimeout,
    RiskLevel,
    Status,
    TimerKind,
    Verdict,
)
from tests.domain.laws import NOTHING, all_teams_asked, can_fill, check_edge
from tests.domain.scene import DIGEST, MINUTE, NOON, SECOND

TEAMS = ("A", "B", "C")
STAGES = st.builds(
    Stage,
    requirements=st.lists(
        st.builds(Requirement, st.sampled_from(TEAMS), st.integers(1, 2)), min_size=1, max_size=2
    ).map(tuple),
    rungs=st.lists(
        st.builds(
            Rung,
            st.sampled_from([2, 5]).map(lambda count: count * MINUTE),
            st.lists(st.sampled_from(TEAMS), max_size=1).map(tuple),
        ),
        min_size=1,
        max_size=3,
    ).map(lambda rungs: (replace(rungs[0], also=()), *rungs[1:])),
    on_timeout=st.sampled_from([OnTimeout.EXPIRE, OnTimeout.EXPIRE, OnTimeout.APPROVE]),
)
PLANS = st.builds(
    Plan,
    risk=st.just(RiskLevel.MEDIUM),
    approval=st.just(Approval.REQUIRED),
    stages=st.lists(STAGES, min_size=1, max_size=2).map(tuple),
    pause=st.sampled_from([0, 1, 10]).map(lambda count: count * MINUTE),
    grant_life=st.just(5 * MINUTE),
    owner_may_decide=st.booleans(),
)
PERSON = st.integers(0, 5)
STEPS = st.sampled_from([NOTHING, SECOND, SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE])


class LifeOfARequest(RuleBasedStateMachine):
    """One request among six people, as the ledger treats it: time catches up before every move."""

    @initialize(
        plan=PLANS,
        teams=st.lists(st.frozensets(st.sampled_from(TEAMS), max_size=2), min_size=6, max_size=6),
        conflicted=st.frozensets(PERSON, max_size=1),
        limit=st.sampled_from([None, SECOND, 3 * MINUTE, 60 * MINUTE]),
    )
    def open(
        self,
        plan: Plan,
        teams: list[frozenset[str]],
        conflicted: frozenset[int],
        limit: timedelta | None,
    ) -> None:
        self.now = NOON
        self.teams = teams
        self.state = replace(
            workflow.opened(plan, action_sha256=DIGEST, at=NOON, limit=limit), conflicted=conflicted
        )
        self.expires_at = self.state.expires_at
        self.consumptions = 0
        self.denials = 0
        self.paused_for = NOTHING
        self.asked_at: datetime | None = None

    # What happens -----------------------------------------------------------------------------

    @rule(step=STEPS)
    def wait(self, step: timedelta) -> None:
        self.now += step

    @rule()
    def wait_to_the_deadline(self) -> None:
        """To the very moment, where before and after meet."""
        self.now = max(self.now, self.state.decide_by)

    @rule()
    def a_timer_fires(self) -> None:
        self._catch_up()

    @rule()
    def a_reminder_is_due(self) -> None:
        self._catch_up()
        if (change := workflow.remind(self.state, at=self.now)) is not None:
            self._take(change)

    @rule(who=PERSON, teams=st.frozensets(st.sampled_from(TEAMS), max_size=2))
    def somebody_changes_teams(self, who: int, teams: frozenset[str]) -> None:
        self.teams[who] = teams
        seats = tuple(
            Seat(self._person(seat.approver.id), seat.stage, seat.at)
            for seat in self.state.approvals
        )
        self.state = replace(self.state, approvals=seats)

    @rule(who=PERSON)
    def approve(self, who: int) -> None:
        self._catch_up()
        before = self.state
        wanted = self._what_an_approval_should_do(who)
        change = self._try(Click(self._person(who), Verdict.APPROVE))
        if wanted != "counts":
            assert change is None
            return
        assert change is not None
        self._check_the_seats(before, who, change)

    @rule(people=st.permutations(range(6)))
    def everybody_approves_in_turn(self, people: list[int]) -> None:
        """Walks alone would seldom fill a seat before time is up."""
        for who in people[:4]:
            self.approve(who)

    @rule(who=PERSON)
    def deny(self, who: int) -> None:
        self._catch_up()
        wanted = self._may_speak(who)
        change = self._try(Click(self._person(who), Verdict.DENY, "Not today."))
        assert (change is not None) == wanted
        self.denials += change is not None

    @rule(who=PERSON)
    def investigate(self, who: int) -> None:
        self._catch_up()
        may = self._may_speak(who) and self.state.status is Status.PENDING
        change = self._try(Click(self._person(who), Verdict.INVESTIGATE, "Why?"))
        assert may or change is None

    @rule(by_agent=st.booleans(), go_on=st.booleans())
    def somebody_writes(self, by_agent: bool, go_on: bool) -> None:
        self._catch_up()
        self._attempt(
            lambda: workflow.add_message(self.state, by_agent=by_agent, go_on=go_on, at=self.now)
        )

    @rule()
    def the_asker_withdraws(self) -> None:
        self._catch_up()
        was_open = not self.state.status.is_final
        change = self._attempt(lambda: workflow.cancel(self.state, by="robo", at=self.now))
        assert (change is not None) == was_open

    @rule()
    def somebody_revokes(self) -> None:
        self._catch_up()
        grant = self.state.grant
        may = self.state.status is Status.APPROVED and grant is not None and not grant.consumed_at
        change = self._attempt(lambda: running.revoke(self.state, by="Ada", at=self.now))
        assert (change is not None) == may

    @rule(key=st.sampled_from(["k", "j", ""]), same=st.booleans())
    def the_agent_consumes(self, key: str, same: bool) -> None:
        self._catch_up()
        shown = "x" if same else "y"
        change = self._attempt(
            lambda: running.consume(self.state, key=key, shown=shown, expected="x", at=self.now)
        )
        self.consumptions += change is not None
        assert change is None or same

    @precondition(lambda self: self.state.status.is_final)
    @rule(who=PERSON, verdict=st.sampled_from(Verdict))
    def a_late_click(self, who: int, verdict: Verdict) -> None:
        """Even one that no timer went before, and whoever clicks, is told what happened."""
        expired = self.state.status is Status.EXPIRED
        told = errors.Expired if expired else errors.AlreadyDecided
        with pytest.raises(told) as refused:
            workflow.decide(self.state, Click(self._person(who), verdict, "late"), at=self.now)
        assert not expired or "denied" not in refused.value.words.lower()
        assert expired or refused.value.facts["by"] == self.state.closed_by

    @rule(who=PERSON)
    def a_click_no_timer_went_before(self, who: int) -> None:
        """Rules alone, without the ledger's catching up, refuse what comes after the deadline."""
        assume(not self.state.status.is_final and self.now >= self.state.decide_by)
        for verdict in Verdict:
            with pytest.raises(errors.Expired):
                workflow.decide(self.state, Click(self._person(who), verdict, "late"), at=self.now)

    # What always holds -------------------------------------------------------------------------

    @invariant()
    def the_hard_end_never_moves(self) -> None:
        assert self.state.expires_at == self.expires_at
        assert self.state.status.is_final or self.state.decide_by <= self.expires_at

    @invariant()
    def questions_stop_the_clock_no_longer_than_planned(self) -> None:
        running = self.asked_at is not None and self.state.status is Status.INVESTIGATING
        assert self.paused_for <= self.state.plan.pause or running

    @invariant()
    def nothing_is_used_twice(self) -> None:
        assert self.consumptions <= 1

    @invariant()
    def approved_or_denied_but_never_both(self) -> None:
        assert self.denials == (self.state.status is Status.DENIED)
        if self.state.status is Status.REVOKED:
            assert self.consumptions == 0

    @invariant()
    def a_waiting_request_always_has_a_deadline_ahead_of_it(self) -> None:
        kinds = [due.kind for due in timing.timers(self.state)]
        assert len(kinds) == len(set(kinds))
        if self.state.status is Status.PENDING:
            assert TimerKind.DEADLINE in kinds
        if self.state.status is Status.INVESTIGATING:
            assert kinds == [TimerKind.RESUME]

    # How it is done ------------------------------------------------------------------------------

    def _person(self, who: int) -> Approver:
        return Approver(who, f"P{who}", self.teams[who])

    def _may_speak(self, who: int) -> bool:
        state = self.state
        return (
            not state.status.is_final
            and not (who in state.conflicted and not state.plan.owner_may_decide)
            and bool(self.teams[who] & all_teams_asked(state))
        )

    def _counting(self, state: RequestState) -> list[frozenset[str]]:
        """The people whose approvals of this stage count now, as their teams."""
        return [
            self.teams[seat.approver.id]
            for seat in state.approvals
            if seat.stage == state.stage
            and (seat.approver.id not in state.conflicted or state.plan.owner_may_decide)
        ]

    def _what_an_approval_should_do(self, who: int) -> str:
        has_a_seat = any(seat.approver.id == who for seat in self.state.approvals)
        if has_a_seat or not self._may_speak(who):
            return "refused"
        given = self._counting(self.state)
        most = self._most_seats(given)
        seats = self.state.current.seats
        gains = self._most_seats([*given, self.teams[who]]) > most
        return "counts" if gains or most == seats else "taken"

    def _most_seats(self, people: list[frozenset[str]]) -> int:
        """The most seats these people fill, one each, by trying every way to leave seats empty."""
        state = self.state
        empty = frozenset[str]()
        seats = state.current.seat_teams(state.rung)
        padded = [*people, *([empty] * len(seats))]
        return max(
            sum(bool(seat & person) for seat, person in zip(seats, order, strict=True))
            for order in set(permutations(padded, len(seats)))
        )

    def _check_the_seats(self, before: RequestState, who: int, change: Change) -> None:
        """Approved, or on to the next stage, exactly when every seat is filled."""
        filled = can_fill(before.current, before.rung, [*self._counting(before), self.teams[who]])
        last = before.stage + 1 == len(before.plan.stages)
        expected = (
            EventKind.SEAT_FILLED
            if not filled
            else EventKind.APPROVED
            if last
            else EventKind.STAGE_PASSED
        )
        assert change.kind is expected
        people = [seat.approver.id for seat in self.state.approvals]
        assert len(people) == len(set(people))

    def _try(self, click: Click) -> Change | None:
        return self._attempt(lambda: workflow.decide(self.state, click, at=self.now))

    def _attempt(self, move: Any) -> Change | None:
        before = self.state
        try:
            change: Change | None = move()
        except Refusal:
            assert self.state == before
            return None
        if change is not None:
            self._take(change)
        return change

    def _take(self, change: Change) -> None:
        check_edge(self.state, change, at=self.now)
        self._measure_the_pause(change)
        self.state = change.after

    def _measure_the_pause(self, change: Change) -> None:
        """Add up how far questions pushed the deadline; counted apart from the rules' own budget."""
        after = change.after
        if change.kind is EventKind.INVESTIGATING:
            self.asked_at, self.asked_deadline = self.now, self.state.decide_by
        elif change.kind is EventKind.RESUMED and self.asked_at is not None:
            self.paused_for += after.decide_by - self.asked_deadline
            assert after.decide_by >= self.asked_deadline
            self.asked_at = None
        elif after.status is not Status.INVESTIGATING and self.asked_at is not None:
            self.paused_for += min(self.now - self.asked_at, self.state.pause_left)
            self.asked_at = None

    def _catch_up(self) -> None:
        for _ in range(32):
            change = workflow.overdue(self.state, at=self.now)
            if change is None:
                return
            self._take(change)
        raise AssertionError("time never catches up")


LifeOfARequest.TestCase.settings = settings(
    max_examples=150, stateful_step_count=25, deadline=None, derandomize=False
)
TestLifeOfARequest = LifeOfARequest.TestCase
