"""Whoever is on call is asked: by their schedule, by hand before it, and never by asking while one waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from approvals import queries
from approvals.domain.errors import Refusal
from approvals.domain.policy import documents
from approvals.domain.policy.reading import PolicyInvalid
from approvals.domain.terms import Status
from approvals.models import Agent, ApprovalRequest, AuditEvent, Person, ShiftOverride, Team
from approvals.services import clock, ledger, looking, on_call, people, policies
from approvals.services.on_call import Shift, Source
from tests.fakes import server
from tests.fakes.pagerduty import FakePagerDuty
from tests.support import cast

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)
MINUTE = timedelta(minutes=1)
MATRIX = """
apiVersion: guardrails.io/v1
kind: RiskMatrix
metadata: {name: default}
spec:
  low: {approval: auto}
  medium:
    approval: required
    approvers: [{team: platform}]
    timeout: 10m
    on_timeout: escalate
    escalate_to: ESCALATION
  high: {approval: required, approvers: [{team: platform}], timeout: 1h}
  critical:
    approval: required
    approvers: [{team: platform}]
    timeout: 1h
    change_request: servicenow
---
apiVersion: guardrails.io/v1
kind: Team
metadata: {name: platform, title: Platform}
spec: TEAM
---
apiVersion: guardrails.io/v1
kind: Team
metadata: {name: managers, title: Managers}
spec: {}
"""
SCHEDULED = "{on_call: {pagerduty: PSCHED}, fallback: managers}"


def policy(team: str = SCHEDULED, escalation: str = "on_call") -> str:
    return MATRIX.replace("ESCALATION", escalation).replace("TEAM", team)


def in_force(text: str) -> None:
    policies.apply(files={"policy.yaml": text}, author="tests", actor=cast.OPERATOR, at=clock.now())


def somebody(name: str, *teams: str) -> Person:
    return people.add(
        email=f"{name}@example.com",
        name=name.capitalize(),
        teams=teams,
        actor=cast.OPERATOR,
        at=NOW,
    )


@pytest.fixture
def platform() -> None:
    """A team with a schedule in force, Lin in it, and Ada who stands in."""
    cast.policy()
    cast.agent(owner=somebody("olga"))
    in_force(policy())
    somebody("lin", "platform")
    somebody("ada", "managers")


def heard(*names: str, at: Any = NOW, until: Any = None) -> None:
    shifts = [Shift(name.capitalize(), somebody(name).pk, until) for name in names]
    on_call.remember(provider="pagerduty", schedule="PSCHED", shifts=shifts, at=at)


def asked(at: Any = NOW) -> tuple[list[str], Source]:
    found = on_call.who("platform", at=at)
    return [person.name for person in found.people], found.source


def escalated() -> ApprovalRequest:
    """A request whose first window passed in silence."""
    row = cast.request(Agent.objects.get(), at=NOW)
    ledger.let_time_pass(row.number, at=NOW + 11 * MINUTE)
    row.refresh_from_db()
    assert row.rung == 1
    return row


@pytest.mark.usefixtures("platform")
class TestWho:
    def test_the_schedule_says_who(self) -> None:
        heard("bo")
        assert asked() == (["Bo"], Source.SCHEDULE)

    def test_a_change_by_hand_beats_the_schedule_while_it_lasts(self) -> None:
        heard("bo")
        ShiftOverride.objects.create(
            team=Team.objects.get(name="platform"), person=somebody("sam", "platform"), made_at=NOW,
            made_by=somebody("ada"), starts_at=NOW, ends_at=NOW + MINUTE,
        )  # fmt: skip
        assert asked() == (["Sam"], Source.BY_HAND)
        assert asked(NOW + MINUTE) == (["Bo"], Source.SCHEDULE)

    @pytest.mark.parametrize("ends", ["leaves", "is disabled"])
    def test_a_shift_by_hand_ends_for_whoever_leaves_or_is_disabled(self, ends: str) -> None:
        heard("bo")
        sam = somebody("sam", "platform")
        ShiftOverride.objects.create(
            team=Team.objects.get(name="platform"), person=sam, made_at=NOW,
            made_by=somebody("ada"), starts_at=NOW, ends_at=NOW + MINUTE,
        )  # fmt: skip
        on_call.settle(at=NOW)
        seated = Person.objects.filter(memberships__team__name="on_call:platform")
        assert list(seated) == [sam]

        if ends == "leaves":
            people.leave(person=sam, team="platform", actor=cast.OPERATOR, at=NOW)
        else:
            Person.objects.filter(pk=sam.pk).update(is_active=False)
            on_call.settle(at=NOW)

        assert asked() == (["Bo"], Source.SCHEDULE)
        assert [person.name for person in seated.all()] == ["Bo"]

    def test_a_shift_ends_with_its_last_moment(self) -> None:
        heard("bo", until=NOW + MINUTE)
        assert asked()[0] == ["Bo"]
        assert asked(NOW + MINUTE) == (["Ada"], Source.FALLBACK)

    def test_what_was_heard_is_believed_for_a_quarter_of_an_hour(self) -> None:
        heard("bo")
        assert asked(NOW + on_call.FRESH - MINUTE)[0] == ["Bo"]
        assert asked(NOW + on_call.FRESH) == (["Ada"], Source.FALLBACK)
        assert "last heard" in on_call.who("platform", at=NOW + on_call.FRESH).why

    def test_a_user_nobody_knows_leaves_it_to_the_fallback_and_that_is_said(self) -> None:
        shifts = [Shift("Zoe Stranger", None, None)]
        on_call.remember(provider="pagerduty", schedule="PSCHED", shifts=shifts, at=NOW)
        assert asked() == (["Ada"], Source.FALLBACK)
        title = Team.objects.get(name="on_call:platform").title
        assert title.startswith("Managers, for Platform on call: Zoe Stranger of PagerDuty")

    def test_somebody_deactivated_is_not_on_call(self) -> None:
        heard("bo")
        Person.objects.filter(name="Bo").update(is_active=False)
        assert asked() == (["Ada"], Source.FALLBACK)

    def test_without_a_fallback_the_team_itself_stands_in(self) -> None:
        in_force(policy("{on_call: {pagerduty: PSCHED}}"))
        assert asked() == (["Lin"], Source.FALLBACK)


@pytest.mark.usefixtures("platform")
class TestEscalation:
    def test_it_reaches_who_is_on_call_and_they_may_decide(self) -> None:
        heard("bo")
        row = escalated()
        assert "Platform on call" in queries.card(queries.request(row.ref)).state_line
        decided = cast.decide(row, somebody("bo"), at=NOW + 12 * MINUTE)
        assert decided.status == Status.APPROVED

    def test_nobody_else_may_and_the_words_say_whom_it_waits_for(self) -> None:
        heard("bo")
        row = escalated()
        with pytest.raises(Refusal, match="platform on call"):
            cast.decide(row, somebody("ada"), at=NOW + 12 * MINUTE)

    def test_the_next_shift_decides_and_the_last_one_no_longer(self) -> None:
        heard("bo")
        row = escalated()
        heard("sue", at=NOW + 11 * MINUTE)
        with pytest.raises(Refusal):
            cast.decide(row, somebody("bo"), at=NOW + 12 * MINUTE)
        assert cast.decide(row, somebody("sue"), at=NOW + 12 * MINUTE).status == Status.APPROVED

    def test_the_fallback_is_asked_and_the_request_says_why(self) -> None:
        heard("bo", at=NOW - MINUTE)
        row = escalated()
        on_call.settle(at=NOW + 15 * MINUTE)
        words = queries.card(queries.request(row.ref)).state_line
        assert "Managers, for Platform on call: PagerDuty was last heard at" in words
        assert cast.decide(row, somebody("ada"), at=NOW + 16 * MINUTE).status == Status.APPROVED

    def test_a_change_of_shift_is_a_line_of_history_and_no_change_is_none(self) -> None:
        heard("bo")
        heard("bo", at=NOW + MINUTE)
        on_call.settle(at=NOW + 2 * MINUTE)
        [event] = AuditEvent.objects.filter(type="team.shift_changed")
        assert event.entry["detail"]["on_call"] == ["bo@example.com"]

    def test_submitting_asks_no_vendor(self, pagerduty: FakePagerDuty) -> None:
        row = cast.request(Agent.objects.get())
        assert row.status == Status.PENDING
        assert pagerduty.calls == []


@pytest.mark.usefixtures("platform")
class TestPagerDuty:
    def look(self, at: Any = NOW) -> None:
        looking.soon("pagerduty", at=at)
        looking.look_due(now=lambda: at)

    def test_a_look_asks_the_schedule_and_names_the_person(self, pagerduty: FakePagerDuty) -> None:
        pagerduty.add_user("PBO", "bo@example.com")
        pagerduty.on_duty("PBO")
        pagerduty.on_duty("PBO", escalation_policy={"id": "POTHER"})
        people.link(
            person=somebody("bo"), kind="pagerduty", external_id="PBO", verified_by="tests",
            actor=cast.OPERATOR, at=NOW,
        )  # fmt: skip
        self.look()
        assert asked() == (["Bo"], Source.SCHEDULE)

    def test_an_address_is_no_proof_unless_operators_say_so(
        self, pagerduty: FakePagerDuty, settings: Any
    ) -> None:
        somebody("bo")
        pagerduty.add_user("PBO", "bo@example.com")
        pagerduty.on_duty("PBO")
        self.look()
        assert asked()[1] is Source.FALLBACK
        settings.PAGERDUTY_LINK_BY_EMAIL = True
        self.look(NOW + 2 * MINUTE)
        assert asked() == (["Bo"], Source.SCHEDULE)

    @pytest.mark.parametrize("fault", [server.nonsense, server.says(503), server.garbage])
    def test_when_it_cannot_be_asked_the_last_word_holds_and_then_the_fallback(
        self, pagerduty: FakePagerDuty, fault: Any
    ) -> None:
        heard("bo")
        pagerduty.will(fault)
        self.look(NOW + MINUTE)
        assert asked(NOW + MINUTE) == (["Bo"], Source.SCHEDULE)
        assert asked(NOW + on_call.FRESH)[1] is Source.FALLBACK

    def test_nothing_is_asked_while_no_team_names_a_schedule(
        self, pagerduty: FakePagerDuty
    ) -> None:
        in_force(policy("{}", "[{team: managers}]"))
        self.look()
        assert pagerduty.calls == []


class TestDocuments:
    @pytest.mark.parametrize(
        "escalation",
        ["on_call", "[on_call]", "[{on_call: platform}]", "[{on_call: platform, after: 10m}]"],
    )
    def test_all_spellings_mean_the_same(self, escalation: str) -> None:
        found = documents.load({"a.yaml": policy(escalation=escalation)})
        [stage] = found.matrix[next(iter(found.matrix)).__class__("medium")].plan.stages
        assert [(rung.window, rung.also) for rung in stage.rungs] == [
            (10 * MINUTE, ()),
            (10 * MINUTE, ("on_call:platform",)),
        ]

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            (policy("{}"), "has no 'on_call'"),
            (policy(escalation="[{on_call: nobody}]"), "not declared"),
            (policy("{on_call: {pagerdooty: P1}}"), "did you mean 'pagerduty'"),
            (policy("{on_call: {}}"), "one schedule is wanted"),
            (policy("{on_call: {pagerduty: P1}, fallback: mangers}"), "did you mean 'managers'"),
            (policy("{fallback: managers}", "[{team: managers}]"), "goes with 'on_call'"),
            (policy(escalation="[{team: 'on_call:platform'}]"), "not declared"),
            (policy().replace("name: managers,", "name: 'on_call:x',"), "stand for who is on"),
            (policy(escalation="[{team: managers, on_call: platform}]"), "one of 'team', 'on_call'"),
            (policy().replace("servicenow", "jira"), "'jira' is not known"),
            (
                policy().replace("approval: auto}", "approval: auto, change_request: servicenow}"),
                "nobody is asked",
            ),
        ],
    )  # fmt: skip
    def test_what_cannot_be_meant_is_refused_in_words(self, text: str, words: str) -> None:
        with pytest.raises(PolicyInvalid, match=words):
            documents.load({"a.yaml": text})

    def test_a_change_request_is_opened_by_the_channel_of_its_system(self) -> None:
        rows = {
            str(level): row.plan.channels
            for level, row in documents.load({"a.yaml": policy()}).matrix.items()
        }
        assert (rows["high"], rows["critical"]) == ((), ("servicenow",))

    def test_a_kind_that_is_named_is_not_doubled(self) -> None:
        text = policy().replace(
            "change_request:", "channels: ['servicenow:emergency']\n    change_request:"
        )
        rows = documents.load({"a.yaml": text}).matrix
        assert [r.plan.channels for r in rows.values()][-1] == ("servicenow:emergency",)
