"""The vendors' stand-ins are as strict as the vendors: what is shaped wrongly is refused and remembered.

Every test of a channel ends with the check that nothing was remembered so.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from integrations.pagerduty import page
from tests.fakes import adaptive
from tests.fakes.github import HEAD, REPOSITORY, FakeGitHub
from tests.fakes.pagerduty import ROUTING_KEY, SENDER, TOKEN, FakePagerDuty
from tests.fakes.servicenow import PASSWORD, USER, FakeServiceNow
from tests.integrations.test_slack_blocks import a_card

Body = dict[str, Any]
WITHOUT = object()


def changed(body: Body, path: str, value: Any) -> Body:
    """A copy with one thing different; `payload.severity` names what is inside."""
    name, _, rest = path.partition(".")
    if rest:
        return body | {name: changed(body[name], rest, value)}
    return (
        {k: v for k, v in body.items() if k != name} if value is WITHOUT else body | {name: value}
    )


def an_event() -> Body:
    drawn = page.event(a_card(), dedup_key="countersign-1")
    return {"routing_key": ROUTING_KEY, "event_action": "trigger", **drawn}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("routing_key", "0" * 32),
        ("routing_key", WITHOUT),
        ("event_action", "open"),
        ("dedup_key", "x" * 256),
        ("dedup_key", ""),
        ("payload", WITHOUT),
        ("payload.summary", ""),
        ("payload.summary", "x" * 1025),
        ("payload.source", WITHOUT),
        ("payload.severity", "high"),
        ("payload.timestamp", "yesterday"),
        ("payload.custom_details", "words"),
        ("payload.urgency", "high"),
        ("links", [{"text": "no address"}]),
        ("incident_key", "of the API before"),
    ],
)
def test_pagerduty_takes_no_other_event(path: str, value: Any) -> None:
    with FakePagerDuty() as fake:
        url = f"{fake.url}/v2/enqueue"
        assert httpx.post(url, json=an_event(), trust_env=False).status_code == 202
        refused = httpx.post(url, json=changed(an_event(), path, value), trust_env=False)
        assert (refused.status_code, len(fake.wrong) > 0) == (400, True)
        assert len(fake.incidents) == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "headers"),
    [
        ("POST", "/incidents/Q000001PD/notes", {"note": {}}, {}),
        ("POST", "/incidents/Q000001PD/notes", {"note": {"content": ""}}, {}),
        ("POST", "/incidents/Q000001PD/notes", {"content": "plain"}, {}),
        ("POST", "/incidents/Q000001PD/notes", {"note": {"content": "x", "by": "us"}}, {}),
        ("POST", "/incidents/Q000001PD/notes", {"note": {"content": "x"}}, {"From": "nobody@x.y"}),
        ("GET", "/oncalls?schedules=PSCHED", None, {}),
        ("GET", "/incidents", None, {"Accept": "application/json"}),
    ],
)
def test_pagerduty_takes_no_other_call(
    method: str, path: str, body: Any, headers: dict[str, str]
) -> None:
    with FakePagerDuty() as fake:
        fake.raise_incident("k", "somebody's own")
        given = {
            "Authorization": f"Token token={TOKEN}",
            "Accept": "application/vnd.pagerduty+json;version=2",
            "From": SENDER,
        } | headers
        httpx.request(method, f"{fake.url}{path}", json=body, headers=given, trust_env=False)
        assert len(fake.wrong) == 1
        assert fake.incidents[0].notes == []


CHECK: Body = {
    "name": "Countersign",
    "head_sha": HEAD,
    "status": "completed",
    "conclusion": "action_required",
    "external_id": "1",
    "output": {"title": "t", "summary": "s"},
    "actions": [{"label": "Approve", "description": "d", "identifier": "approve"}],
}
ACTION: Body = CHECK["actions"][0]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", WITHOUT),
        ("head_sha", "abc"),
        ("conclusion", "approved"),
        ("output.title", ""),
        ("output.summary", "x" * 65_536),
        ("actions", [ACTION] * 4),
        ("actions", [ACTION | {"label": "x" * 21}]),
        ("actions", [ACTION | {"description": "x" * 41}]),
        ("actions", [ACTION | {"identifier": "x" * 21}]),
        ("actions", [ACTION | {"url": "https://x.example"}]),
        ("details_url", "javascript:alert(1)"),
        ("verdict", "approve"),
    ],
)
def test_github_takes_no_other_check_run(path: str, value: Any) -> None:
    with FakeGitHub() as fake:
        fake.tokens["live"] = 2**40
        url = f"{fake.url}/repos/{REPOSITORY}/check-runs"
        headers = {
            "Authorization": "Bearer live",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        made = httpx.post(url, json=CHECK, headers=headers, trust_env=False)
        assert (made.status_code, fake.wrong) == (201, [])
        wrong = changed(CHECK, path, value)
        assert httpx.post(url, json=wrong, headers=headers, trust_env=False).status_code == 422
        assert len(fake.wrong) == 1


def test_github_wants_its_version_named() -> None:
    with FakeGitHub() as fake:
        headers = {"Authorization": "Bearer x", "Accept": "application/vnd.github+json"}
        httpx.get(f"{fake.url}/app", headers=headers, trust_env=False)
        assert "no version of the API" in fake.wrong[0]


CARD: Body = {
    "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
    "type": "AdaptiveCard",
    "version": "1.5",
    "body": [{"type": "TextBlock", "text": "REQ-1"}],
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("version", "1.6"),
        ("type", "Card"),
        ("body", []),
        ("body", [{"type": "TextBlock"}]),
        ("body", [{"type": "TextBlock", "text": 5}]),
        ("body", [{"type": "TextBlock", "text": "x", "colour": "red"}]),
        ("body", [{"type": "Marquee", "text": "x"}]),
        ("refresh", {"action": {"type": "Action.Execute"}, "userIds": []}),
        ("actions", [{"type": "Action.OpenUrl", "title": "x", "url": "javascript:alert(1)"}]),
    ],
)
def test_teams_takes_no_other_card(path: str, value: Any) -> None:
    assert adaptive.faults(CARD) == []
    assert adaptive.faults(changed(CARD, path, value)) != []


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"no_such_field": "x"}, "unknown field no_such_field"),
        ({"correlation_id": 7}, "correlation_id is not text"),
        ({"description": "x" * 4_001}, "description is cut"),
    ],
)
def test_servicenow_passes_over_what_it_does_not_know_and_that_is_remembered(
    fields: Body, wrong: str
) -> None:
    with FakeServiceNow() as fake:
        url = f"{fake.url}/api/sn_chg_rest/v1/change/normal"
        body = {"short_description": "Deploy"} | fields
        made = httpx.post(url, json=body, auth=(USER, PASSWORD), trust_env=False)
        assert (made.status_code, fake.wrong) == (200, [wrong])
        ignored = made.json()["result"]["__meta"]["ignoredFields"]
        assert ignored == [name for name in fields if name == "no_such_field"]


@pytest.mark.parametrize(
    ("asked", "wrong"),
    [
        ({"sysparm_query": "state~5"}, "a term that cannot be read: state~5"),
        ({"sysparm_filter": "x=1"}, "change_request: unknown sysparm_filter"),
    ],
)
def test_servicenow_answers_everything_to_a_question_it_cannot_read(
    asked: Body, wrong: str
) -> None:
    with FakeServiceNow() as fake:
        url = f"{fake.url}/api/now/table/change_request"
        told = httpx.get(url, params=asked, auth=(USER, PASSWORD), trust_env=False)
        assert (told.status_code, fake.wrong) == (200, [wrong])
