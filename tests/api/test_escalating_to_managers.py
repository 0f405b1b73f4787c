"""Where nobody answers, the managers of those who were asked may decide, and nobody else who is new."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from approvals import queries
from approvals.models import ApprovalRequest, AuditEvent, Person, Team, Timer
from approvals.services import clock, ledger, people, policies, policy_facts, superiors
from tests.api.conftest import Caller
from tests.support import cast
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
SEAT = "manager:team-leads"


def in_force(escalation: str = "manager", *, beside: str = "") -> None:
    """The default matrix with this escalation; `beside` is another team that is asked as well."""
    files = cast.frame()
    text = files["frame.yaml"]
    if beside:
        asked_first = "{team: team-leads, quorum: 1}"
        assert asked_first in text
        text = text.replace(asked_first, f"{asked_first}, {{team: {beside}}}")
    before = "escalate_to: [{team: managers, after: 5m}]"
    assert before in text
    policies.apply(
        files={"frame.yaml": text.replace(before, f"escalate_to: {escalation}")},
        author="tests",
        actor=cast.OPERATOR,
        at=clock.now(),
    )


def someone(name: str) -> Person:
    return Person.objects.get(email=f"{name}@example.com")


def managed(name: str, by: str | None, *teams: str) -> Person:
    """Somebody of these teams, who has a manager."""
    return people.add(
        email=f"{name}@example.com",
        name=name.capitalize(),
        teams=teams,
        manager=someone(by) if by else None,
        actor=cast.OPERATOR,
        at=clock.now(),
    )


def seated() -> set[str]:
    return {person.name for person in Person.objects.filter(teams__name=SEAT)}


@pytest.fixture
def robo(db: None) -> Caller:
    """The agent, with Lin who leads a team and is managed by Zoe; Yuri manages nobody who is asked."""
    key = cast.agent()[1]
    for name in ("lin", "ada", "grace", "mallory", "zoe", "yuri"):
        cast.person(name)
    people.leave(person=someone("sam"), team="team-leads", actor=cast.OPERATOR, at=clock.now())
    in_force()
    managed("lin", "zoe", "team-leads")
    managed("grace", "yuri", "security")
    return Caller(key)


def asked(robo: Caller, *, waited: timedelta = timedelta(0)) -> str:
    """A medium request after so long without an answer."""
    ref = str(robo.post("/requests", cast.submission()).json()["ref"])
    if waited:
        row = ApprovalRequest.objects.get(number=int(ref.removeprefix("REQ-")))
        ApprovalRequest.objects.filter(pk=row.pk).update(
            created_at=row.created_at - waited,
            window_opened_at=row.window_opened_at - waited,
            decide_by=row.decide_by - waited,
            expires_at=row.expires_at - waited,
        )
        Timer.objects.filter(request=row).update(due_at=F("due_at") - waited)
        ledger.let_time_pass(row.number, at=clock.now())
    return ref


def answer(name: str, ref: str) -> Any:
    caller = Caller(cast.token(someone(name)))
    return caller.post(f"/requests/{ref}/decisions", {"verdict": "approve"})


def test_before_the_deadline_a_manager_of_those_asked_decides_nothing(robo: Caller) -> None:
    refused = answer("zoe", asked(robo))
    assert (refused.status_code, refused.json()["code"]) == (403, "not_an_approver")


def test_after_it_they_may_and_nobody_else_new(robo: Caller) -> None:
    ref = asked(robo, waited=6 * MINUTE)
    for name in ("yuri", "ada", "grace", "mallory"):
        refused = answer(name, ref)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_an_approver")
        assert "the managers of team-leads" in refused.json()["detail"]
    decided = answer("zoe", ref)
    assert (decided.status_code, decided.json()["status"]) == (200, "approved")
    assert decided.json()["closed_by"] == "Zoe"


def test_those_asked_first_still_may(robo: Caller) -> None:
    decided = answer("lin", asked(robo, waited=6 * MINUTE))
    assert decided.json()["status"] == "approved"


def test_the_card_and_the_page_say_who_is_asked_now(robo: Caller) -> None:
    ref = asked(robo, waited=6 * MINUTE)
    assert "Managers of Team leads" in queries.card(queries.request(ref)).state_line
    words = Browser(someone("zoe")).get(f"/r/{ref}").text
    assert "Managers of Team leads" in words
    assert "Zoe" in words


def test_when_they_are_silent_too_it_expires(robo: Caller) -> None:
    ref = asked(robo, waited=6 * MINUTE)
    row = ApprovalRequest.objects.get(number=int(ref.removeprefix("REQ-")))
    ledger.let_time_pass(row.number, at=row.expires_at)
    assert answer("zoe", ref).json()["code"] == "expired"


def test_a_manager_who_owns_the_agent_may_not(robo: Caller) -> None:
    managed("lin", "sam")
    refused = answer("sam", asked(robo, waited=6 * MINUTE))
    assert refused.json()["code"] == "own_agent"


def test_whoever_manages_them_at_the_click_decides(robo: Caller) -> None:
    ref = asked(robo, waited=6 * MINUTE)
    managed("lin", "yuri")
    assert answer("zoe", ref).json()["code"] == "not_an_approver"
    assert answer("yuri", ref).json()["status"] == "approved"
    said = [event.entry["detail"].get("manager") for event in AuditEvent.objects.all()]
    assert [each for each in said if each] == [f"{n}@example.com" for n in ("zoe", "yuri", "yuri")]


def test_the_seat_follows_teams_managers_and_who_is_still_there(robo: Caller) -> None:
    assert seated() == {"Zoe"}
    managed("bo", "yuri", "team-leads")
    assert seated() == {"Zoe", "Yuri"}
    people.leave(person=someone("lin"), team="team-leads", actor=cast.OPERATOR, at=clock.now())
    assert seated() == {"Yuri"}
    Person.objects.filter(name="Bo").update(is_active=False)
    assert superiors.settle() == 1
    assert seated() == set()


def test_two_managers_of_one_team_never_speak_for_the_other(robo: Caller) -> None:
    in_force(beside="security")
    managed("bo", "mallory", "team-leads")
    ref = asked(robo, waited=6 * MINUTE)
    assert answer("zoe", ref).json()["status"] == "pending"
    refused = answer("mallory", ref)
    assert (refused.status_code, refused.json()["code"]) == (409, "seat_taken")
    assert answer("yuri", ref).json()["status"] == "approved"


def test_managers_of_a_team_that_is_not_asked_first_are_asked_like_any_team(robo: Caller) -> None:
    in_force("[{manager: security}]")
    assert answer("yuri", asked(robo, waited=6 * MINUTE)).json()["status"] == "approved"


def test_nobody_is_their_own_manager(robo: Caller) -> None:
    lin = someone("lin")
    Person.objects.filter(pk=lin.pk).update(manager=lin)
    superiors.settle()
    assert seated() == set()


def test_keeping_the_seats_costs_two_statements(
    robo: Caller, django_assert_num_queries: Any
) -> None:
    in_force("[{manager: team-leads}, {manager: security}, {manager: managers}]")
    with django_assert_num_queries(2):
        assert superiors.settle() == 0


def test_nobody_is_put_among_the_managers_by_hand(robo: Caller) -> None:
    with pytest.raises(Exception, match="no team 'manager:team-leads'"):
        managed("mallory", None, SEAT)


def test_a_policy_that_would_reach_nobody_is_warned_of(robo: Caller) -> None:
    facts = policy_facts.gathered()
    assert facts is not None
    assert facts.managers == {
        "lin@example.com": "zoe@example.com",
        "grace@example.com": "yuri@example.com",
    }


def test_pages_and_lists_of_teams_leave_the_seat_out_and_who_is_asked_names_it(
    robo: Caller,
) -> None:
    assert Team.objects.filter(name=SEAT).exists()
    names = [
        team["name"] for team in Caller(cast.token(someone("lin"))).get("/teams").json()["items"]
    ]
    assert SEAT not in names
    words = Browser(someone("zoe")).get("/oncall").text
    assert "Managers of Team leads also asked after 5 min without an answer" in words
    assert "Zoe manages somebody in Team leads" in words
