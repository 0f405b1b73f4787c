"""The app's manifest is one Slack would take, and asks for what the code needs and no more."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import pytest
from django.urls import resolve

from integrations.slack import events, manifest

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "tests" / "fakes" / "slack_manifest.schema.json").read_text())
SPOKEN = re.compile(
    r"[\"'/]((?:apps|auth|chat|conversations|oauth|usergroups|users|views)\.[\w.]+)\""
)
CALLED = re.compile(r"client\.((?:apps|auth|chat|conversations|usergroups|users|views)_\w+)\(")
# What each method asks of a bot's token: https://docs.slack.dev/reference/methods
SCOPES: dict[str, set[str]] = {
    "apps.connections.open": set(),  # an app-level token's
    "auth.test": set(),
    "chat.postEphemeral": {"chat:write"},
    "chat.postMessage": {"chat:write"},
    "chat.update": {"chat:write"},
    "conversations.history": {"channels:history", "groups:history", "im:history"},
    "conversations.info": {"channels:read", "groups:read"},
    "conversations.open": {"im:write"},
    "conversations.replies": {"channels:history", "groups:history", "im:history"},
    "users.conversations": {"channels:read", "groups:read"},
    "users.info": {"users:read", "users:read.email"},
    "views.open": set(),
    "views.publish": set(),
    "views.update": set(),
}


def methods() -> set[str]:
    """Every method of the Web API the code calls."""
    files = [*(ROOT / "integrations" / "slack").glob("*.py")]
    files += (ROOT / "countersign" / "server").glob("slack*.py")
    found: set[str] = set()
    for file in files:
        text = file.read_text()
        found |= set(SPOKEN.findall(text))
        found |= {name.replace("_", ".", 1) for name in CALLED.findall(text)}
    return found


@pytest.mark.parametrize("socket_mode", [False, True])
def test_slack_would_take_it(socket_mode: bool) -> None:
    content = manifest.content("https://approvals.acme.example", socket_mode=socket_mode)
    jsonschema.validate(content, SCHEMA)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda m: m["display_information"].update(name="x" * 40),
        lambda m: m["settings"].update(interactivty={}),
        lambda m: m["oauth_config"]["scopes"].update(bot="chat:write"),
        lambda m: m["features"]["slash_commands"][0].update(command="countersign"),
        lambda m: m.pop("display_information"),
    ],
)
def test_the_schema_would_notice_a_mistake(spoil: Any) -> None:
    content = copy.deepcopy(manifest.content())
    spoil(content)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, SCHEMA)


def test_it_asks_for_the_scopes_the_code_needs_and_no_more() -> None:
    called = methods()
    assert called >= {"chat.postMessage", "chat.update", "views.open", "users.info"}
    assert called <= set(SCOPES), f"say which scopes these need: {sorted(called - set(SCOPES))}"
    hears = {"commands"} if manifest.content()["features"]["slash_commands"] else set()
    assert hears.union(*(SCOPES[method] for method in called)) == set(manifest.SCOPES)


def test_it_hears_the_events_the_code_hears() -> None:
    named = manifest.content()["settings"]["event_subscriptions"]["bot_events"]
    assert set(named) == set(events.HEARD)


@pytest.mark.urls("tests.integrations.slack_urls")
def test_its_addresses_are_answered_here() -> None:
    content = manifest.content("https://approvals.acme.example")
    at = "https://approvals.acme.example"
    urls = [
        content["settings"]["interactivity"]["request_url"],
        content["settings"]["event_subscriptions"]["request_url"],
        *(command["url"] for command in content["features"]["slash_commands"]),
        *content["oauth_config"]["redirect_urls"],
    ]
    for url in urls:
        assert url.startswith(f"{at}/")
        resolve(url.removeprefix(at))


def test_with_socket_mode_slack_is_given_no_address_to_call() -> None:
    content = manifest.content("https://approvals.acme.example", socket_mode=True)
    assert content["settings"]["socket_mode_enabled"] is True
    assert "request_url" not in json.dumps(content)
    assert [each.get("url") for each in content["features"]["slash_commands"]] == [None]


def test_the_docs_say_why_each_scope() -> None:
    page = (ROOT / "docs" / "channels" / "slack.md").read_text()
    table = page.partition("### What each scope is for")[2].partition("##")[0]
    assert set(re.findall(r"`([a-z.]+(?::[a-z.]+)?)`", table)) == set(manifest.SCOPES)
    assert "not in the manifest" not in table
