"""`countersign slack`: print the app's manifest, and look whether Slack is set up as it must be."""

from __future__ import annotations

import argparse
import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.module_loading import import_string

from approvals.ports import DeliveryError
from countersign import terminal
from countersign.server import findings, slack_seen
from countersign.server.findings import Finding, fail, unknown, warn, well
from countersign.server.slack_asked import NoAnswer, ask

# By name, since the commands know the service but none of its adapters.
MANIFEST = "integrations.slack.manifest"
WORKSPACES = "integrations.slack.workspaces"
EXAMINING = "integrations.slack.examining"
FINDINGS = "integrations.slack.findings"
EVENTS_PATH = "/integrations/slack/events"
ADDRESS = re.compile(r"(?:[TE][A-Z0-9]+/)?[CGD][A-Z0-9]+")
SECRET = re.compile(r"[0-9a-f]{32}")


def manifest(asked: argparse.Namespace) -> int:
    """Print the manifest with this service's address, for Slack's page and for files."""
    text: Callable[..., str] = import_string(f"{MANIFEST}.text")
    content: Callable[..., dict[str, Any]] = import_string(f"{MANIFEST}.content")
    socket_mode = bool(settings.SLACK_APP_TOKEN and settings.SLACK_SOCKET_MODE)
    if asked.json:
        terminal.give(content(settings.PUBLIC_URL, socket_mode=socket_mode))
    else:
        terminal.say(text(settings.PUBLIC_URL, socket_mode=socket_mode).rstrip("\n"))
    if not settings.PUBLIC_URL.startswith("https://") and not socket_mode:
        terminal.complain(
            f"Slack takes https addresses only, and PUBLIC_URL is {settings.PUBLIC_URL}."
        )
    return 0


def setup(asked: argparse.Namespace) -> int:
    """Look at each thing Slack needs; 0 all well, 1 something fails, 3 could not tell."""
    found: list[Finding] = []
    for finding in examine():
        found.append(finding)
        if not asked.json:
            terminal.say(finding.line())
    code = findings.exit_code(found)
    if asked.json:
        terminal.give({"ready": code == 0, "findings": [each.to_json() for each in found]})
    return code


def examine() -> Iterator[Finding]:
    """Token, scopes, clicks, and every channel that policies name."""
    if not (settings.SLACK_BOT_TOKEN or settings.SLACK_CLIENT_ID):
        fix = "Make the app with `countersign slack manifest`, install it, and set SLACK_BOT_TOKEN"
        yield fail("slack", "there is no token", fix)
        return
    if settings.SLACK_BOT_TOKEN:
        answer = yield from slack_seen.token()
        if answer is None:
            return
        yield from _scopes(answer.scopes)
        yield _team(str(answer.body.get("team_id") or ""))
    yield from _clicks()
    yield from _installable()
    for address in import_string(f"{FINDINGS}.addresses")():
        yield from _channel(address)


def _scopes(told: frozenset[str] | None) -> Iterator[Finding]:
    if told is None:
        yield slack_seen.scopes_unknown()
        return
    wanted: tuple[str, ...] = import_string(f"{MANIFEST}.SCOPES")
    missing = [amiss for _, amiss in import_string(f"{EXAMINING}.missing")(told)]
    yield from (_finding("slack scopes", amiss) for amiss in missing)
    surplus = sorted(told - set(wanted))
    if surplus:
        fix = "Take them away on the app's OAuth page: nothing here needs them"
        yield warn("slack scopes", f"more than is needed: {', '.join(surplus)[:200]}", fix)
    if not missing and not surplus:
        yield well("slack scopes", "all there, and no more")


def _team(team: str) -> Finding:
    named = {each.strip() for each in settings.SLACK_TEAM_ID.split(",") if each.strip()}
    if not named:
        fix = f"Set SLACK_TEAM_ID={team or 'T…'} so that clicks from elsewhere never count"
        return warn("slack workspace", "members of any workspace may click", fix)
    if team and team not in named:
        fix = f"Set SLACK_TEAM_ID={team}, or SLACK_BOT_TOKEN to the token of {sorted(named)[0]}"
        return fail("slack workspace", f"the token is of {team}, which is not listed", fix)
    return well("slack workspace", f"clicks count from {', '.join(sorted(named))}")


def _clicks() -> Iterator[Finding]:
    """How Slack reaches us: over its requests, or over a connection we open."""
    if settings.SLACK_APP_TOKEN and settings.SLACK_SOCKET_MODE:
        yield _socket()
        return
    if not SECRET.fullmatch(settings.SLACK_SIGNING_SECRET):
        fix = "Copy it from the app's page: Basic Information, App Credentials, Signing Secret"
        given = "is not 32 hexadecimal digits" if settings.SLACK_SIGNING_SECRET else "is not set"
        say = warn if settings.SLACK_SIGNING_SECRET else fail
        yield say("slack signing secret", f"SLACK_SIGNING_SECRET {given}", fix)
    else:
        yield well("slack signing secret", "set")
    yield _reachable()


def _reachable() -> Finding:
    url = f"{settings.PUBLIC_URL}{EVENTS_PATH}"
    parts = urlsplit(url)
    if parts.scheme != "https" or _is_inside(parts.hostname or ""):
        fix = (
            "Set PUBLIC_URL to the https address the internet reaches this service at, or use Socket "
            "Mode: set SLACK_APP_TOKEN"
        )
        return fail("slack clicks", f"Slack cannot reach {url}", fix)
    return well("slack clicks", f"interactivity and events must go to {url}")


def _is_inside(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host.strip("[]")).is_global
    except ValueError:
        return host == "localhost" or "." not in host or host.endswith((".local", ".internal"))


def _socket() -> Finding:
    if not settings.SLACK_APP_TOKEN.startswith("xapp-"):
        fix = "Make an app-level token with connections:write: Basic Information, App-Level Tokens"
        return fail("slack socket", "SLACK_APP_TOKEN is no app-level token (xapp-…)", fix)
    try:
        answer = ask("apps.connections.open", settings.SLACK_APP_TOKEN)
    except NoAnswer as error:
        return unknown("slack socket", error.words, "Check SLACK_API_URL and the way to it")
    if not answer.is_yes:
        fix = "Switch Socket Mode on, and give the app-level token connections:write"
        return fail("slack socket", f"it opens no connection: {answer.word}", fix)
    return well("slack socket", "Slack opens a connection; clicks come over it")


def _installable() -> Iterator[Finding]:
    if settings.SLACK_CLIENT_ID and settings.SLACK_CLIENT_SECRET:
        url = f"{settings.PUBLIC_URL}/integrations/slack/install"
        yield well("slack workspaces", f"others are added by an operator at {url}")


def _channel(address: str) -> Iterator[Finding]:
    name = f"slack channel {address}"
    if not ADDRESS.fullmatch(address):
        fix = (
            "Name it by its id (C…): open the channel's details in Slack, the id stands at the end"
        )
        yield warn(name, "a channel's name cannot be looked up, and breaks when it is renamed", fix)
        return
    token_for: Callable[[str], str] = import_string(f"{WORKSPACES}.token_for")
    try:
        answer = ask("conversations.info", token_for(address), channel=address.rpartition("/")[2])
    except NoAnswer as error:
        yield unknown(name, error.words, "Check SLACK_API_URL and the way to it")
        return
    except DeliveryError as error:
        yield fail(name, error.words, "Install the app in that workspace")
        return
    if not answer.is_yes:
        yield _refused(name, answer.word)
        return
    channel = answer.body.get("channel")
    yield _judged(name, channel if isinstance(channel, dict) else {})


def _refused(name: str, word: str) -> Finding:
    if (amiss := import_string(f"{EXAMINING}.refused")(word)) is not None:
        return _finding(name, amiss)
    if word == "missing_scope":
        return unknown(name, "the token may not look at channels", slack_seen.FIX_SCOPE)
    return unknown(name, f"Slack said {word}", "Try again, or look at the channel in Slack")


def _judged(name: str, channel: dict[str, Any]) -> Finding:
    if (amiss := import_string(f"{EXAMINING}.judged")(channel)) is not None:
        return _finding(name, amiss)
    return well(name, f"#{channel.get('name')}: private, and the app is a member")


def _finding(name: str, amiss: Any) -> Finding:
    say = fail if amiss.is_fatal else warn
    return say(name, amiss.words, amiss.fix)
