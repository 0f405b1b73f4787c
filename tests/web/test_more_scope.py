"""From an alert about scope somebody asks for more of it, and somebody else decides."""

from __future__ import annotations

import glob
import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.domain import errors
from approvals.domain.policy import documents
from approvals.domain.terms import AlertKind, EventKind, Status
from approvals.models import Agent, Alert, ApprovalRequest, AuditEvent, Person
from approvals.models.people import Role
from approvals.services import clock, more_scope, policies
from tests.services import limits
from tests.support import cast
from tests.support.counting import calls_of
from tests.web.conftest import Browser
from tests.web.reading import Page

pytestmark = pytest.mark.django_db
SCOPE = """name: robo-scope
agents: [robo]
scope:
  targets: ["production-*"]  # by the team
"""


@pytest.fixture
def robo(db: None) -> Agent:
    agent = limits.everybody()
    cast.person("max", teams=["team-leads"], role=Role.OPERATOR)
    limits.in_force(SCOPE, name="robo")
    return agent


def person(name: str) -> Browser:
    return Browser(Person.objects.get(email=f"{name}@example.com"))


def an_alert(robo: Agent, target: str = "staging-api") -> Alert:
    row = cast.request(robo, target=target)
    assert (row.status, row.reason_code) == (Status.DENIED.value, "out_of_scope")
    return Alert.objects.get(kind=AlertKind.SCOPE_VIOLATION.value)


def path(alert: Alert) -> str:
    return f"/guardrails/alerts/{alert.pk}/scope"


def shown(who: Browser, alert: Alert) -> dict[str, str]:
    """What the page sends along with the reason."""
    fields = who.get(path(alert)).every("input")
    found = [each.attributes for each in fields if each.attributes.get("name") == "shown"]
    return {"shown": found[0]["value"]}


def send(who: Browser, alert: Alert, reason: str = "Staging is ours, too.", **changes: str) -> Any:
    fields = shown(who, alert) | {"reason": reason} | changes
    return who.post(path(alert), **fields)


def asked() -> list[ApprovalRequest]:
    return list(ApprovalRequest.objects.filter(effect="apply_policy").order_by("number"))


def added(page: Page) -> list[str]:
    found = [each for each in page.every("span") if each.attributes.get("class") == "added"]
    return [each.text for each in found]


def test_the_alert_leads_to_what_is_granted_what_was_asked_and_the_smallest_change(
    robo: Agent,
) -> None:
    alert = an_alert(robo)
    ada = person("ada")
    assert path(alert) in {link.attributes["href"] for link in ada.get("/guardrails").every("a")}
    page = ada.get(path(alert))
    assert "Targets robo-scopeproduction-*" in page.text
    assert "Target outsidestaging-api" in page.text
    assert (
        'Adds the target staging-api to the scope of robo-scope, which concerns the agent "robo"'
        in page.text
    )
    assert added(page) == ['added: + targets: ["production-*", "staging-api"] # by the team']


@pytest.mark.parametrize("name", ["ada", "max", "sam"])
def test_asking_makes_a_request_that_somebody_else_decides_and_the_alert_names_it(
    robo: Agent, name: str
) -> None:
    alert, before = an_alert(robo), policies.newest()
    answer = send(person(name), alert)
    (row,) = asked()
    assert (answer.status_code, answer["Location"]) == (302, f"/r/{row.ref}")
    assert row.status == Status.PENDING.value
    assert row.submission["reasoning"].startswith("Staging is ours, too. (Alert ")
    assert row.submission["parameters"]["author"] == f"{name}@example.com"
    assert policies.newest() == before
    assert (
        f"More scope was asked for in {row.ref}: waiting." in person("lin").get("/guardrails").text
    )
    with pytest.raises(errors.NotAllowed):
        cast.decide(row, limits.somebody(name))
    assert asked()[0].status == Status.PENDING.value
    events = AuditEvent.objects.filter(type=EventKind.ALERT_SCOPE_ASKED)
    assert [each.entry["detail"]["request"] for each in events] == [row.ref]


def on_the_card(row: ApprovalRequest) -> str:
    return Browser(limits.somebody("grace")).get(f"/r/{row.ref}").text


@pytest.mark.parametrize(
    ("agents", "words"),
    [
        ("[robo]", 'the agent "robo", by robo-scope'),
        ("['*']", "all agents, by robo-scope"),
        ("[robo, '*']", "all agents, by robo-scope"),
        ('["ro*", "all, agents"]', 'the agents "ro*", "all, agents", by robo-scope'),
    ],
)
def test_who_decides_is_told_for_whom_the_scope_widens(
    robo: Agent, agents: str, words: str
) -> None:
    limits.in_force(SCOPE.replace("[robo]", agents), name="robo")
    send(person("ada"), an_alert(robo))
    (row,) = asked()
    assert row.submission["parameters"]["concerns"] == [words]
    assert f"Concerns: {words}" in row.submission["impact"]["summary"].splitlines()
    assert words in on_the_card(row)


@pytest.mark.parametrize("target", ["x], not [*", "a, b", 'a", "b'])
def test_a_name_made_of_commas_and_brackets_is_quoted_as_one_name(robo: Agent, target: str) -> None:
    send(person("ada"), an_alert(robo, target))
    (row,) = asked()
    (told,) = row.submission["parameters"]["weakens"]
    added = json.dumps(glob.escape(target))
    assert told.endswith(f': targets ["production-*", {added}], not ["production-*"]')


def test_once_approved_the_agent_may_and_the_alert_says_so(robo: Agent) -> None:
    alert = an_alert(robo)
    send(person("sam"), alert)
    (row,) = asked()
    for name in ("ada", "grace"):
        cast.decide(row, limits.somebody(name))
    assert asked()[0].status == Status.APPROVED.value
    assert cast.request(robo, target="staging-api").reason_code != "out_of_scope"
    assert cast.request(robo, target="staging-apis").reason_code == "out_of_scope"
    text = person("ada").get(path(alert)).text
    assert "Its scope lets this in as the policy stands by now." in text
    assert f"asked for in {row.ref}: approved" in text


def test_a_second_click_and_a_second_person_make_no_second_request(robo: Agent) -> None:
    alert, ada = an_alert(robo), person("ada")
    fields = shown(ada, alert) | {"reason": "Ours."}
    first, again = (ada.post(path(alert), **fields) for _ in range(2))
    assert first["Location"] == again["Location"]
    other = person("max").post(path(alert), **fields | {"reason": "Me too."})
    assert other.status_code == 409
    assert (
        f"{asked()[0].ref} asks for exactly these files already"
        in Page(other.content.decode()).text
    )
    assert len(asked()) == 1
    assert AuditEvent.objects.filter(type=EventKind.ALERT_SCOPE_ASKED).count() == 1
    assert "Ask somebody to approve it" not in ada.get(path(alert)).buttons


def test_a_scope_that_changed_meanwhile_is_said_and_shown_and_nothing_is_asked(robo: Agent) -> None:
    alert, ada = an_alert(robo), person("ada")
    fields = shown(ada, alert) | {"reason": "Ours."}
    limits.in_force(SCOPE.replace("production-*", "production-a*"), name="robo")
    answer = ada.post(path(alert), **fields)
    page = Page(answer.content.decode())
    assert answer.status_code == 409
    assert "The policy changed since you looked" in page.text
    assert added(page) == ['added: + targets: ["production-a*", "staging-api"] # by the team']
    assert page.by_id("s-reason").text == "Ours."
    assert asked() == []


@pytest.mark.parametrize(("name", "sees"), [("lin", False), ("grace", False), ("mallory", False)])
def test_others_read_it_and_are_told_who_asks(robo: Agent, name: str, sees: bool) -> None:
    alert = an_alert(robo)
    fields = shown(person("ada"), alert) | {"reason": "Please."}
    page = person(name).get(path(alert))
    assert ("Ask somebody to approve it" in page.buttons) is sees
    assert "Managers, operators and the owner of robo ask for more scope" in page.text
    answer = person(name).post(path(alert), **fields)
    assert (answer.status_code, asked()) == (403, [])


def test_without_a_reason_nothing_is_asked_and_a_closed_alert_asks_for_nothing(robo: Agent) -> None:
    alert, ada = an_alert(robo), person("ada")
    assert send(ada, alert, reason="  ").status_code == 422
    fields = shown(ada, alert) | {"reason": "Ours."}
    ada.post(f"/guardrails/alerts/{alert.pk}/close", reason="Meant.")
    assert ada.post(path(alert), **fields).status_code == 409
    assert "The alert is closed" in ada.get(path(alert)).text
    assert asked() == []


def test_only_alerts_about_scope_lead_there(robo: Agent) -> None:
    alert = an_alert(robo)
    Alert.objects.filter(pk=alert.pk).update(kind=AlertKind.UNUSUAL_PATTERN.value)
    for number in (alert.pk, 999, 2**70):
        assert (
            "There is no alert" in person("ada").get(f"/guardrails/alerts/{number}/scope", 404).text
        )


@pytest.mark.parametrize(
    "target", ['x"]\n  excluded: []', "\u202eapi", "<b>api</b>", '", "*', "*", "{{ agent }}"]
)
def test_a_hostile_name_is_drawn_safely_and_changes_one_list_at_most(
    robo: Agent, target: str
) -> None:
    alert, ada = an_alert(robo, target), person("ada")
    page = ada.get(path(alert))
    assert "\u202e" not in page.text
    assert not page.every("b")
    if "No change is offered" in page.text:
        assert ada.post(path(alert), reason="Ours.", shown="").status_code == 409
        assert asked() == []
        return
    assert send(ada, alert).status_code == 302
    (row,) = asked()
    assert len(row.submission["parameters"]["weakens"]) == 1
    assert (row.submission["parameters"]["strengthens"], row.status) == ([], "pending")


def test_the_change_goes_on_in_the_policy_editor_as_it_is(robo: Agent) -> None:
    alert, ada = an_alert(robo), person("ada")
    page = ada.get(path(alert))
    form = next(
        each for each in page.every("form") if each.attributes["action"] == "/policies/draft"
    )
    text = form.every("textarea")[0]
    answer = ada.post(
        "/policies/draft", file=form.every("input")[-1].attributes["value"], check="yes",
        text="".join(str(each) for each in text.children).removeprefix("\n"),
    )  # fmt: skip
    assert answer.status_code == 200
    assert added(Page(answer.content.decode())) == added(page)


def test_the_statements_of_the_lists_do_not_grow_with_what_was_asked(robo: Agent) -> None:
    alert, ada = an_alert(robo), person("ada")
    send(ada, alert)
    with CaptureQueriesContext(connection) as few:
        ada.get("/guardrails")
    for number in range(3):
        Alert.objects.create(
            kind=alert.kind, key=f"k{number}", agent=robo, words="w", request=alert.request,
            values=alert.values | {more_scope.ASKED_IN: asked()[0].ref}, at=clock.now(),
        )  # fmt: skip
    with CaptureQueriesContext(connection) as many:
        ada.get("/guardrails")
    assert len(many) == len(few)


def test_opening_the_page_again_reads_no_policy_again(robo: Agent) -> None:
    limits.in_force(SCOPE.replace("production", "seldom"), name="robo")
    alert, lin = an_alert(robo), person("lin")
    read = [calls_of(documents.load, lambda: more_scope.wanted(number=alert.pk)) for _ in range(3)]
    assert read[0] > 0
    assert read[1:] == [0, 0]
    shows = [added(lin.get(path(alert))) for _ in range(2)]
    assert shows[0] == shows[1] != []
