"""Policies read as sentences, drafts are checked before anybody is asked, the simulator sends nothing."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from approvals.domain.terms import Stage, Verdict
from approvals.models import Agent, ApprovalRequest, AuditEvent, Delivery, PolicyVersion
from approvals.services import (
    adapters,
    autonomy,
    clock,
    deliveries,
    own,
    policies,
    policy_changes,
)
from tests.fakes.adapter import FakeAdapter
from tests.support import cast
from tests.web.conftest import Browser
from tests.web.reading import Page

pytestmark = pytest.mark.django_db
STRICTER = """
apiVersion: guardrails.io/v1
kind: AgentPolicy
metadata: {name: more}
spec:
  agents: ["*"]
  actions:
    - {name: "erase_*", approval: forbidden, because: Nothing is erased.}
"""
LARGE = """
apiVersion: guardrails.io/v1
kind: AgentPolicy
metadata: {name: large}
spec:
  agents: ["*"]
  actions:
    - {name: scale_deployment, approval: forbidden, when: parameters.to_replicas > 50, because: Too many.}
    - {name: "scale_*", approval: required, because: Look first.}
    - {name: "paint_*", risk: high, because: Paint stays.}
"""
SCALING: dict[str, Any] = {
    "action": "scale_deployment", "target": "production-api",
    "parameters": {"from_replicas": 4, "to_replicas": 9},
}  # fmt: skip
TWO_AGENTS = """
apiVersion: guardrails.io/v1
kind: AgentPolicy
metadata: {name: two-agents}
spec:
  agents: [robo, other]
  actions:
    - {name: "erase_*", approval: forbidden, because: Nothing is erased.}
    - {name: "paint_*", approval: required, because: Paint stays.}
"""
WEAKER = """
apiVersion: guardrails.io/v1
kind: AgentPolicy
metadata: {name: less}
spec:
  agents: ["*"]
  actions:
    - {name: scale_deployment, approval: auto, because: It always went well.}
"""


ONE_MORE: dict[str, Any] = {
    "parameters": {"from_replicas": 8, "to_replicas": 9}
}  # within the blast radius


@pytest.fixture
def ann(db: None) -> Browser:
    """A manager who proposes."""
    return Browser(cast.person("ada"))


@pytest.fixture
def channel(settings: Settings) -> FakeAdapter:
    """The only channel of this test."""
    settings.ADAPTERS = ["tests.fakes.adapter.FakeAdapter"]
    made = adapters.enabled()["fake"]
    assert isinstance(made, FakeAdapter)
    return made


def draft(browser: Browser, text: str, **more: str) -> Any:
    fields = {"file": "more.yaml", "text": text, "reason": "Because.", **more}
    return browser.client.post("/policies/draft", fields)


def test_every_rule_stands_there_as_a_sentence(lin: Browser) -> None:
    text = lin.get("/policies").text
    assert "drop_database" in text
    assert "Is refused." in text
    assert "1 of Managers and 1 of Security within 4 hours; if nobody decides, it expires." in text


def test_a_rule_says_what_it_met_and_leads_to_its_list(lin: Browser) -> None:
    cast.request()
    page = lin.get("/policies")
    links = [link for link in page.every("a") if "scale_deployment" in link.name]
    assert any(link.name == "1 request named scale_deployment" for link in links)


def test_each_count_of_a_rule_lists_exactly_those_requests(lin: Browser) -> None:
    robo, other, third = (cast.agent(name)[0] for name in ("robo", "other", "third"))
    files = {**PolicyVersion.objects.get().files, "two.yaml": TWO_AGENTS}
    policies.apply(files=files, author="tests", actor=cast.OPERATOR, at=clock.now())
    old = clock.now() - timedelta(days=40)
    cast.request(robo, action="view_logs", parameters={}, at=old)
    for agent, action in (
        (robo, "view_logs"), (robo, "view_dashboard"), (other, "view_logs"), (third, "view_logs"),
        (robo, "erase_logs"), (other, "erase_disk"), (third, "erase_logs"), (robo, "paint_it"),
    ):  # fmt: skip
        cast.request(agent, action=action, parameters={})
    page = lin.get("/policies")
    counted = {}
    for link in page.every("a"):
        count, _, pattern = link.name.partition(" of those named ")
        if pattern:
            listed = lin.get(link.attributes["href"])
            counted[pattern, count] = sorted(row.attributes["data-ref"] for row in listed.rows)
            assert len(counted[pattern, count]) == int(count.split()[0]), link.name
    assert ("erase_*", "2 blocked") in counted
    assert ("view_*", "4 allowed") in counted
    assert ("view_*", "3 asked") not in counted
    assert ("paint_*", "1 asked") in counted


def test_what_is_in_force_and_what_waits_say_so(lin: Browser, ann: Browser) -> None:
    cast.policy()
    assert "✔ Live Version 1" in lin.get("/policies").text
    draft(ann, WEAKER, file="less.yaml", propose="yes")
    assert "◷ Draft A change waits for a yes" in lin.get("/policies").text


def test_a_rule_that_only_a_draft_holds_stands_there_as_a_draft(lin: Browser, ann: Browser) -> None:
    cast.policy()
    assert "Only in a draft" not in lin.get("/policies").text
    draft(ann, WEAKER, file="less.yaml", propose="yes")
    [row] = own.waiting(policy_changes.EFFECT)

    page = lin.get("/policies")

    [table] = [each for each in page.every("table") if "only a draft holds" in each.text]
    [line] = [each.text for each in table.every("tr")][1:]
    assert [words in line for words in ("scale_deployment", "◷ Draft", row.ref)] == [True] * 3


def test_drafts_cost_the_page_the_same_however_many_rules_they_hold(
    lin: Browser, ann: Browser
) -> None:
    cast.policy()
    counts = []
    more = WEAKER + "    - {name: drain_node, approval: auto, because: It always went well.}\n"
    for name, text in (("less.yaml", WEAKER), ("least.yaml", more.replace("less", "least"))):
        draft(ann, text, file=name, propose="yes")
        lin.get("/policies")
        with CaptureQueriesContext(connection) as asked:
            lin.get("/policies")
        counts.append(len(asked))

    assert own.waiting(policy_changes.EFFECT).count() == 2
    assert counts[0] == counts[1]


def test_a_version_says_what_it_changed(lin: Browser, ann: Browser) -> None:
    draft(ann, STRICTER, propose="yes")
    page = lin.get("/policies/versions/2")
    assert "What it changed against version 1" in page.text
    assert "added: +" in page.text
    assert "Version 1" in lin.get("/policies/versions").text
    assert lin.client.get("/policies/versions/99").status_code == 404
    assert lin.client.get(f"/policies/versions/{2**40}").status_code == 404


def test_what_is_stricter_is_applied_at_once(ann: Browser) -> None:
    answer = ann.client.post(
        "/policies/draft", {"file": "more.yaml", "text": STRICTER, "propose": "yes", "reason": "r"}
    )
    assert answer.status_code == 302
    assert PolicyVersion.objects.order_by("-number")[0].number == 2


def test_what_is_weaker_becomes_a_request_that_its_author_cannot_approve(ann: Browser) -> None:
    answer = ann.client.post(
        "/policies/draft", {"file": "less.yaml", "text": WEAKER, "propose": "yes", "reason": "r"}
    )
    row = own.waiting(policy_changes.EFFECT).get()
    assert answer.headers["Location"] == f"/r/{row.ref}"
    assert PolicyVersion.objects.count() == 1
    assert row.ref in ann.get("/policies").text
    assert row.owner_at_submission == ann.person


def test_a_check_says_what_would_change_and_changes_nothing(lin: Browser) -> None:
    cast.request(**ONE_MORE)
    answer = lin.client.post(
        "/policies/draft", {"file": "less.yaml", "text": WEAKER, "check": "yes"}
    )
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "Weaker, so somebody else must say yes" in text
    assert "1 would stop asking" in text
    assert PolicyVersion.objects.count() == 1
    assert not own.waiting(policy_changes.EFFECT).exists()


def test_a_member_cannot_propose(lin: Browser) -> None:
    answer = lin.client.post(
        "/policies/draft", {"file": "more.yaml", "text": STRICTER, "propose": "yes"}
    )
    assert answer.status_code == 403
    assert "Nothing is erased." in answer.content.decode()
    assert PolicyVersion.objects.count() == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [("spec: [", "more.yaml"), ("kind: Nonsense", "more.yaml"), ("x" * 300_000, "256 KiB")],
)
def test_a_file_that_cannot_be_read_says_where(ann: Browser, text: str, words: str) -> None:
    answer = ann.client.post(
        "/policies/draft", {"file": "more.yaml", "text": text, "propose": "yes"}
    )
    assert answer.status_code == 422
    assert words in answer.content.decode()


def test_a_rule_made_from_requests_can_be_read_as_policy(lin: Browser) -> None:
    refs = ",".join(
        cast.request(parameters={"from_replicas": n, "to_replicas": n + 1}).ref for n in (8, 9)
    )
    answer = lin.client.get(f"/policies/simulate?from={refs}", follow=True)
    [text] = [
        area.split(">", 1)[1].rsplit("</textarea", 1)[0]
        for area in answer.content.decode().split("<textarea")[1:]
        if 'name="text"' in area
    ]
    assert "scale_deployment" in text
    checked = lin.client.post(
        "/policies/draft",
        {"file": "new-policy.yaml", "text": text.replace("&quot;", '"'), "check": "yes"},
    )
    assert checked.status_code == 200, checked.content.decode()[:3000]
    assert "2 would stop asking" in checked.content.decode()


def test_the_simulator_answers_in_one_sentence_and_sends_nothing(
    lin: Browser, channel: FakeAdapter
) -> None:
    row = cast.request()
    deliveries.send_due()
    told, asked = list(channel.told), list(channel.notices)
    assert told
    before = (
        ApprovalRequest.objects.count(),
        AuditEvent.objects.count(),
        Delivery.objects.count(),
    )
    page = lin.get(f"/policies/simulate?request={row.ref}")
    text = page.text
    (verdict,) = [each for each in page.every("p") if each.attributes.get("role") == "status"]
    assert verdict.name == "Result: people would be asked"
    assert verdict.text == (
        "At medium risk, people would be asked: 1 of Team leads within 5 minutes, "
        "then with Managers for 5 minutes more; if nobody decides, it expires."
    )
    assert "Lin" in text
    after = (ApprovalRequest.objects.count(), AuditEvent.objects.count(), Delivery.objects.count())
    assert after == before
    deliveries.send_due()
    assert (channel.told, channel.notices) == (told, asked)


def test_the_simulator_says_why_a_rule_does_not_apply(lin: Browser) -> None:
    cast.policy()
    files = {**PolicyVersion.objects.get().files, "more.yaml": LARGE}
    policies.apply(files=files, author="tests", actor=cast.OPERATOR, at=clock.now())
    page = lin.get(f"/policies/simulate?{urlencode({'json': json.dumps(SCALING)})}")
    found = page.every("ol")[1].every("li")
    rules = [(row.every("span")[0].text, row.every("bdi")[0].text) for row in found]
    assert rules[-3:] == [
        ("Does not apply", "Because parameters.to_replicas > 50 does not hold."),
        ("Applies", "It asks a person."),
        ("Does not apply", "Because it is about paint_*, not scale_deployment."),
    ]
    assert ("Applies", "It rates the risk as medium.") in rules
    assert len(rules) == len(policies.current().rules)
    (verdict,) = [each for each in page.every("p") if each.attributes.get("role") == "status"]
    assert verdict.name == "Result: people would be asked"
    more = SCALING | {"parameters": {"from_replicas": 4, "to_replicas": 60}}
    page = lin.get(f"/policies/simulate?{urlencode({'json': json.dumps(more)})}")
    (verdict,) = [each for each in page.every("p") if each.attributes.get("role") == "status"]
    assert verdict.name == "Result: would be denied"


def test_another_stage_is_tried_than_the_agents_own(lin: Browser, robo: Agent) -> None:
    cast.policy()
    autonomy.set_stage(
        agent=robo, action_class="*", stage=Stage.SUPERVISED, reason="New.",
        actor=cast.OPERATOR, at=clock.now(),
    )  # fmt: skip
    asked = {"action": "view_dashboard", "target": "production", "agent": "robo"}
    own = lin.get(f"/policies/simulate?{urlencode(asked)}").text
    assert "robo is at stage supervised for reads" in own
    tried = lin.get(f"/policies/simulate?{urlencode(asked | {'stage': 'shadow'})}")
    assert "robo is at stage shadow for reads" in tried.text
    none = lin.get(f"/policies/simulate?{urlencode(asked | {'stage': 'none'})}").text
    assert "No stage is set for reads" in none
    (case,) = [each for each in tried.every("textarea") if each.attributes["name"] == "cases"]
    assert '"stage": {"*": "shadow"}' in case.text


def test_a_whole_request_is_pasted_and_stays_where_it_is_no_request(lin: Browser) -> None:
    cast.policy()
    whole = SCALING | {
        "agent": "robo", "reasoning": "Load.", "rollback": {"available": True}, "expires_in": "4h",
        "impact": {"pods": 5}, "context": {"related_incidents": ["INC-1"]},
    }  # fmt: skip
    page = lin.get(f"/policies/simulate?{urlencode({'json': json.dumps(whole)})}")
    assert "scale_deployment on production-api" in page.text
    assert json.loads(page.by_id("s-json").text) == whole
    for text, words in (
        ('{"action":', "The request is not valid JSON"),
        ("[1]", "A request is a JSON object"),
        ('{"action": "a", "action": "b", "target": "t"}', "Nothing was judged"),
        ('{"target": "t"}', "'action' is missing"),
        ('{"action": "a"}', "An action and a target are wanted"),
        ('{"action": "a", "target": "t", "riks": "low"}', "did you mean 'risk'"),
        ('{"action": "a", "target": "t", "risk": "huge"}', "'huge' is not known here"),
        ('{"action": "a", "target": "t", "labels": {"a": 1}}', "Labels are text"),
        ('{"action": "a", "target": "t", "parameters": [1]}', "parameters: a mapping"),
        ("[" * 3000, "Nothing was judged"),
    ):
        answer = lin.client.get("/policies/simulate", {"json": text})
        page = Page(answer.content.decode())
        assert answer.status_code == 422, text
        assert words in page.text, text
        assert page.by_id("s-json").text == text


def test_a_draft_stands_beside_the_policy_in_force(lin: Browser, ann: Browser) -> None:
    past = cast.request(**ONE_MORE)
    cast.decide(past, cast.person("lin"), Verdict.APPROVE)
    ann.client.post(
        "/policies/draft", {"file": "less.yaml", "text": WEAKER, "propose": "yes", "reason": "r"}
    )
    number = own.waiting(policy_changes.EFFECT).get().submission["parameters"]["draft"]
    page = lin.get(f"/policies/simulate?request={past.ref}&draft={number}&replay=yes")
    assert "By the draft" in page.text
    assert "It would run without anybody being asked" in page.text
    assert "1 would stop asking" in page.text
    assert past.ref in page.text


@pytest.mark.parametrize(
    "query",
    [
        "action=a&target=t&parameters={", "action=a&target=t&parameters=[]", "request=REQ-0",
        "request=nonsense", "action=&target=t", "action=a&target=t&at=yesterday",
        "action=a&target=t&risk=huge", "action=a&target=t&draft=7", "action=a&target=t&draft=x",
        'action=a&target=t&parameters={"a":1e999}', "action=a&target=t&data_classification=x",
        "action=a&target=t&stage=emperor",
    ],
)  # fmt: skip
def test_nonsense_is_told_in_words(lin: Browser, query: str) -> None:
    cast.policy()
    answer = lin.client.get(f"/policies/simulate?{query}")
    assert answer.status_code == 422
    assert "Nothing was judged" in answer.content.decode()


def test_without_a_policy_the_pages_say_so(lin: Browser) -> None:
    PolicyVersion.objects.all().delete()
    policies._compiled.cache_clear()
    assert "No policy yet" in lin.get("/policies").text
    assert lin.client.get("/policies/simulate?action=a&target=t").status_code == 409


def test_the_page_costs_the_same_whatever_there_is(lin: Browser) -> None:
    cast.request()
    with CaptureQueriesContext(connection) as few:
        lin.get("/policies")
    for number in range(5):
        cast.request(parameters={"number": number})
    with CaptureQueriesContext(connection) as many:
        lin.get("/policies")
    assert len(many) == len(few)


def test_an_answer_is_pinned_to_a_draft_and_holds_it_to_that(lin: Browser, ann: Browser) -> None:
    row = cast.request(**ONE_MORE)
    page = lin.get(f"/policies/simulate?request={row.ref}")
    (field,) = [each for each in page.every("textarea") if each.attributes["name"] == "cases"]
    case = "".join(str(line) for line in field.children)
    assert '"verdict": "required"' in case
    pinned = Page(ann.post("/policies/draft", pin="yes", cases=case).content.decode())
    assert pinned.by_id("d-cases").text == field.text
    answer = ann.post(
        "/policies/draft", file="less.yaml", text=WEAKER, cases=case, reason="r", check="yes"
    )
    assert answer.status_code == 200
    text = Page(answer.content.decode()).text
    assert f"✖ Does not hold {row.ref}: scale_deployment on production-api" in text
    answer = ann.post(
        "/policies/draft", file="less.yaml", text=WEAKER, cases=case, reason="r", propose="yes"
    )
    assert answer.status_code == 422
    assert "1 of 1 test cases would not hold. Nothing was proposed." in answer.content.decode()
    answer = ann.post("/policies/draft", file="less.yaml", text=WEAKER, cases="- 7", check="yes")
    assert answer.status_code == 422
