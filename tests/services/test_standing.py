"""Standing grants: made by whoever approved, bounded, counted exactly, and over at once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections

from approvals import queries
from approvals.domain import errors
from approvals.domain.policy.subject import subject_of
from approvals.domain.terms import EventKind, Stage, Verdict
from approvals.models import Agent, AgentStage, ApprovalRequest, AuditEvent, StandingGrant
from approvals.services import (
    circumstances,
    clock,
    covering,
    lifecycle,
    policies,
    proposals,
    standing,
)  # fmt: skip
from tests.services import limits
from tests.support import cast

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def robo() -> Agent:
    return cast.agent()[0]


def granted(row: ApprovalRequest, name: str = "lin", **changes: Any) -> StandingGrant:
    at = clock.now()
    until = at + changes.pop("lasting", HOUR)
    terms = {"until": until, "most_uses": 3, "at": at} | changes
    return standing.make_from(ref=row.ref, person=cast.person(name), **terms)


def wait_is_over(row: ApprovalRequest) -> tuple[str, str]:
    return row.status, row.basis


def test_the_same_request_again_is_automatic_and_says_why(robo: Agent) -> None:
    grant = granted(cast.approved(robo))

    again = cast.request(robo)

    assert wait_is_over(again) == ("approved", "standing_grant")
    assert (again.standing_grant, again.reason_code) == (grant, "standing_grant")
    ref = standing.ref_of(grant)
    assert again.closed_by == f"standing grant {ref}"
    assert f"Covered by standing grant {ref} of Lin" in str(
        queries.card(queries.request(again.ref))
    )
    approved = AuditEvent.objects.get(request=again, type=EventKind.APPROVED.value)
    assert approved.entry["closed_by"] == f"standing grant {ref}"


def test_it_is_over_after_so_many_uses(robo: Agent) -> None:
    grant = granted(cast.approved(robo), most_uses=2)

    found = [cast.request(robo).status for _ in range(3)]

    assert found == ["approved", "approved", "pending"]
    grant.refresh_from_db()
    assert grant.uses == 2


def test_it_is_over_when_its_time_is(robo: Agent) -> None:
    at = clock.now()
    granted(cast.approved(robo), until=at + HOUR)

    assert cast.request(robo, at=at + HOUR - timedelta(seconds=1)).basis == "standing_grant"
    assert cast.request(robo, at=at + HOUR).status == "pending"


@pytest.mark.parametrize(
    "changes",
    [
        {"target": "staging-api"},
        {"parameters": {"from_replicas": 5, "to_replicas": 9}},
        {"parameters": {"from_replicas": 5, "to_replicas": 7}},
        {"parameters": {"from_replicas": 5}},
        {"parameters": {"from_replicas": 5, "to_replicas": 8, "force": True}},
        {"impact": {"pods": 4}},
        {"risk": "high"},
        {"recipients": ["eve@example.com"]},
    ],
)
def test_whatever_differs_is_asked_as_before(robo: Agent, changes: dict[str, Any]) -> None:
    granted(cast.approved(robo))

    assert cast.request(robo, **changes).status == "pending"


def test_another_agent_has_no_part_in_it(robo: Agent) -> None:
    granted(cast.approved(robo))

    assert cast.request(cast.agent("digger")[0]).status == "pending"


def test_numbers_may_be_let_smaller_never_larger(robo: Agent) -> None:
    row = cast.approved(robo)
    granted(row, bounds={"to_replicas": {"most": 8, "least": 6}})

    def to(replicas: int) -> str:
        parameters = {"from_replicas": 5, "to_replicas": replicas}
        return cast.request(robo, parameters=parameters).status

    assert [to(5), to(6), to(8), to(9)] == ["pending", "approved", "approved", "pending"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bounds": {"to_replicas": {"most": 9}}}, "was approved as 8"),
        ({"bounds": {"to_replicas": {"equals": 7}}}, "was approved as 8"),
        ({"bounds": {"to_replicas": {"most": True}}}, "was approved as 8"),
        ({"bounds": {"to_replicas": {"most": 8, "least": 9}}}, "must be"),
        ({"bounds": {"to_replicas": {"most": 8, "least": -1}}}, "was approved as 8"),
        ({"bounds": {"to_replicas": {"most": 8, "or": 1}}}, "must be"),
        ({"bounds": {"pods": {"most": 1}}}, "no parameter 'pods'"),
        ({"most_uses": 101}, "1 to 100 uses"),
        ({"most_uses": 0}, "1 to 100 uses"),
        ({"lasting": timedelta(days=31)}, "within 30 days"),
        ({"lasting": -HOUR}, "within 30 days"),
    ],
)
def test_a_grant_is_never_wider_than_its_request(
    robo: Agent, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(errors.Invalid, match=words):
        granted(cast.approved(robo), **changes)
    assert StandingGrant.objects.count() == 0


def test_only_whoever_approved_may_let_it_stand(robo: Agent) -> None:
    row = cast.approved(robo)

    for name in ("ada", "mallory", "sam"):
        with pytest.raises(errors.NotAnApprover):
            granted(row, name)
    with pytest.raises(errors.NotAnApprover):
        granted(cast.request(robo, **cast.LOW))


def test_what_is_high_or_not_approved_never_stands(robo: Agent) -> None:
    high = cast.request(robo, **cast.HIGH)
    cast.decide(high, cast.person("ada"))
    with pytest.raises(errors.NotApproved):
        granted(high, "ada")

    cast.decide(high, cast.person("grace"))
    with pytest.raises(errors.Invalid, match="only up to medium"):
        granted(high, "grace")


def test_what_took_several_people_is_not_for_one_of_them_to_let_stand() -> None:
    robo = limits.everybody()
    two = "{name: promote_release, approval: required, risk: medium, approvers: [{team: %s}, {team: %s}]}"
    limits.in_force(f"actions: [{two % ('team-leads', 'security')}]")
    row = cast.request(robo, action="promote_release")
    for name in ("lin", "grace"):
        person = limits.somebody(name)
        lifecycle.decide(ref=row.ref, person=person, verdict=Verdict.APPROVE, at=clock.now())
    at = clock.now()

    with pytest.raises(errors.Conflict, match="took several people"):
        standing.make_from(
            ref=row.ref, person=limits.somebody("lin"), until=at + HOUR, most_uses=1, at=at
        )


def test_a_bound_that_only_repeats_the_request_is_fine(robo: Agent) -> None:
    grant = granted(cast.approved(robo), bounds={"to_replicas": {"equals": 8}})

    assert grant.bounds["to_replicas"] == {"equals": 8}
    with pytest.raises(errors.NotFound):
        granted(ApprovalRequest(number=10**6))


def test_a_grant_revoked_while_a_request_is_judged_answers_nothing(robo: Agent) -> None:
    grant = granted(cast.approved(robo))
    policy, subject = policies.current(), subject_of(robo.name, cast.submission())
    known = circumstances.gather(robo, subject, policy, at=clock.now())
    standing.end(grant, actor=cast.OPERATOR, at=clock.now())

    evaluation, used = covering.settle(policy, subject, known, at=clock.now())

    assert (evaluation.verdict, evaluation.standing, used) == ("required", "", None)


def test_who_has_left_revokes_nothing(robo: Agent) -> None:
    grant, ada = granted(cast.approved(robo)), cast.person("ada")
    ada.is_active = False
    ada.save()

    with pytest.raises(errors.NotAnApprover):
        standing.revoke(ref=standing.ref_of(grant), person=ada, at=clock.now())


# --- ended ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["lin", "sam", "ada"])
def test_a_revoked_grant_answers_nothing_from_then_on(robo: Agent, name: str) -> None:
    grant = granted(cast.approved(robo))

    standing.revoke(ref=standing.ref_of(grant), person=cast.person(name), at=clock.now())

    assert cast.request(robo).status == "pending"
    event = AuditEvent.objects.get(type=EventKind.STANDING_GRANT_REVOKED.value)
    assert event.entry["detail"]["grant"] == standing.ref_of(grant)
    with pytest.raises(errors.Conflict, match="revoked by"):
        standing.revoke(ref=str(grant.public_id), person=cast.person("ada"), at=clock.now())


def test_a_stranger_cannot_revoke(robo: Agent) -> None:
    grant = granted(cast.approved(robo))

    with pytest.raises(errors.NotAnApprover):
        standing.revoke(ref=standing.ref_of(grant), person=cast.person("mallory"), at=clock.now())
    with pytest.raises(errors.NotFound):
        standing.revoke(ref="SG-999999", person=cast.person("ada"), at=clock.now())


@pytest.mark.parametrize("ref", ["", "SG-", "SG-x", "REQ-1", "nonsense", "SG-" + "9" * 30])
def test_what_names_no_grant_is_not_found(ref: str) -> None:
    with pytest.raises(errors.NotFound):
        standing.by_ref(ref)


# --- from a draft -----------------------------------------------------------------------------


def a_draft(**changes: Any) -> standing.Draft:
    terms: dict[str, Any] = {
        "agent": "robo",
        "action": "scale_deployment",
        "target": "production-api",
        "bounds": {
            "from_replicas": {"least": 1, "most": 8},
            "to_replicas": {"least": 1, "most": 8},
        },
        "most_uses": 5,
        "until": clock.now() + HOUR,
        "surroundings": {"impact": {"pods": 3, "cost_per_hour_usd": 45}},
    }
    return standing.Draft(**(terms | changes))


def asked(draft: standing.Draft) -> ApprovalRequest:
    return proposals.standing_grant(
        draft=draft, reason="Every peak.", by=cast.person("sam"), at=clock.now()
    )


def test_a_draft_stands_once_others_approved_it(robo: Agent) -> None:
    row = asked(a_draft())
    assert (row.status, row.risk) == ("pending", "high")
    with pytest.raises(errors.SelfApproval):
        cast.decide(row, cast.person("sam"))
    cast.decide(row, cast.person("ada"))
    assert StandingGrant.objects.count() == 0

    cast.decide(row, cast.person("grace"))

    grant = StandingGrant.objects.get()
    assert (grant.made_by, grant.made_from) == ("Ada and Grace", row.ref)
    assert cast.request(robo).basis == "standing_grant"
    assert cast.request(robo, impact={"pods": 4}).status == "pending"


def test_a_draft_that_no_grant_may_be_is_not_even_asked(robo: Agent) -> None:
    for draft in (
        a_draft(most_uses=1000),
        a_draft(until=clock.now() + timedelta(days=31)),
        a_draft(bounds={"to_replicas": {"most": 8}}),
        a_draft(bounds={"to_replicas": {}}),
    ):
        with pytest.raises(errors.Invalid):
            asked(draft)
    assert ApprovalRequest.objects.count() == 0


def test_a_draft_has_a_reason_and_is_never_for_the_service_itself(robo: Agent) -> None:
    with pytest.raises(errors.Invalid, match="has a reason"):
        proposals.standing_grant(draft=a_draft(), reason=" ", by=None, at=clock.now())
    itself = asked(a_draft()).agent
    with pytest.raises(errors.Invalid, match="never trusted"):
        asked(a_draft(agent=itself.name))


def test_a_draft_approved_too_late_makes_nothing(robo: Agent) -> None:
    row = asked(a_draft(until=clock.now() + timedelta(minutes=5)))
    later = clock.now() + timedelta(minutes=6)
    cast.decide(row, cast.person("ada"), at=later)

    with pytest.raises(errors.Conflict, match="would have ended"):
        cast.decide(row, cast.person("grace"), at=later)
    assert StandingGrant.objects.count() == 0


# --- with other layers ------------------------------------------------------------------------


def test_shadow_mode_uses_no_grant(robo: Agent) -> None:
    grant = granted(cast.approved(robo))
    AgentStage.objects.create(
        agent=robo, action_class="*", stage=Stage.SHADOW, since=clock.now(), changed_by="tests"
    )

    row = cast.request(robo)

    grant.refresh_from_db()
    assert (row.reason_code, row.would_be, grant.uses) == ("shadow_mode", "auto", 0)


def test_the_same_submission_again_uses_no_second_time(robo: Agent) -> None:
    grant = granted(cast.approved(robo))

    first = cast.request(robo, idempotency_key="k")
    again = cast.request(robo, idempotency_key="k")

    grant.refresh_from_db()
    assert (first, grant.uses) == (again, 1)


# --- at once ----------------------------------------------------------------------------------


@pytest.fixture
def outcomes_of_many() -> Iterator[list[str]]:
    yield []
    connections.close_all()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_twenty_at_once_exactly_as_many_pass_as_uses_are_left(
    outcomes_of_many: list[str],
) -> None:
    robo, _ = cast.agent()
    grant = granted(cast.approved(robo), most_uses=3)
    together = threading.Barrier(20)

    def ask() -> None:
        try:
            together.wait(30)
            outcomes_of_many.append(cast.request(robo).basis)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert Counter(outcomes_of_many) == {"standing_grant": 3, "": 17}
    grant.refresh_from_db()
    assert grant.uses == 3
    assert grant.requests.count() == 3
