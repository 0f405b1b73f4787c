"""Look, once an hour, whether the app may do in Slack what we need, before something fails.

Each workspace's token is asked what it may do, and each channel that policies name whether the app is in
it. What is set or named anew is looked at within a minute; a Slack that does not answer is asked again then.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from approvals.models import SlackWorkspace
from approvals.ports import DeliveryError
from approvals.services import findings, policies, replays
from approvals.services.findings import Found
from integrations.slack import configuration, examining, places, wire, workspaces
from integrations.slack.examining import Amiss
from integrations.slack.manifest import SCOPES

logger = logging.getLogger(__name__)

ADAPTER = "slack"
PROVIDER = "slack-examined"
SECONDS = 5
MOST_SECONDS = 15.0  # the look has other things to do within its minute
REFUSED = frozenset(
    {"account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked"}
)
FIX_TOKEN = "Install the app again and set SLACK_BOT_TOKEN"
FIX_INSTALL = "Install the app there again under /integrations/slack/install"
FIX_NAME = "Name it by its id (C…): open the channel's details in Slack, the id stands at the end"
Finding = tuple[str, Found | None]


def addresses() -> list[str]:
    """The default channel, and those of Slack that the policies in force name."""
    named = [settings.SLACK_CHANNEL] if settings.SLACK_CHANNEL else []
    if policies.newest() is not None:
        rows = policies.current().matrix.values()
        named += [channel for row in rows for channel in row.plan.channels]
    return list(dict.fromkeys([*named[:1], *filter(places.is_channel, named[1:])]))


def look(*, at: datetime) -> bool:
    """Examine what is due, each once an hour; returns whether all of it was.

    What there was no time for, or no answer to, is left for the next look.
    """
    homes, rooms = _homes(), addresses()
    due = _due(homes, rooms, at=at)
    known = replays.known(provider=PROVIDER, keys=due)
    wanted = [(key, examine) for key, examine in due.items() if key not in known]
    if not wanted:
        return False
    subjects = [name for team, _ in homes for name in _subjects(team)]
    findings.forget(ADAPTER, besides=frozenset([*subjects, *map(_room, rooms)]))
    began, done = time.monotonic(), 0
    for key, examine in wanted:
        if time.monotonic() - began > MOST_SECONDS:
            break
        try:
            findings.keep(ADAPTER, dict(examine()), at=at)
        except DeliveryError as error:
            logger.warning("slack was not examined: %s", error.words)
            if error.retry_after is not None:
                break
            continue
        done += replays.first_time(provider=PROVIDER, key=key, at=at)
    return done == len(wanted)


def _due(
    homes: Sequence[tuple[str, str]], rooms: Sequence[str], *, at: datetime
) -> dict[str, Callable[[], list[Finding]]]:
    """What is looked at in this hour; a token or a channel that is new has a key of its own."""
    tokens = "\n".join(token for _, token in homes)
    looks: dict[str, Callable[[], list[Finding]]] = {}
    for team, token in homes:
        looks[_key(at, team, token)] = partial(_workspace, team, token)
    for address in rooms:
        looks[_key(at, address, tokens)] = partial(_examined, address)
    return looks


def _examined(address: str) -> list[Finding]:
    return [(_room(address), _channel(address))]


def _homes() -> list[tuple[str, str]]:
    """Workspace and token of each installation; the configured one has no name here."""
    token = configuration.current().bot_token
    found = [("", token)] if token else []
    rows = SlackWorkspace.objects.filter(revoked_at=None).order_by("pk")
    for team, enterprise in rows.values_list("team_id", "enterprise_id"):
        installed = workspaces.token_of(team=team, enterprise=enterprise)
        found.append((team or enterprise, installed or ""))
    return found


def _workspace(team: str, token: str) -> list[Finding]:
    """Whether Slack takes the token of a workspace, and every scope it lacks. Raises DeliveryError."""
    whole, *scopes = _subjects(team)
    where = f"{team}: " if team else ""
    if not token:
        words = f"{where}its token cannot be opened, for SECRET_KEY has changed"
        return [(whole, Found(words, FIX_INSTALL))]
    answer, word = _ask("auth.test", token)
    if answer is None:
        fix = FIX_INSTALL if team else FIX_TOKEN
        refused = Found(f"{where}Slack refuses the token ({word})", fix)
        return [(whole, refused)] if word in REFUSED else []
    told = _scopes(answer)
    if told is None:
        return [(whole, None)]
    missing = dict(examining.missing(told))
    lacking = [_found(missing.get(scope), where) for scope in SCOPES]
    return [(whole, None), *zip(scopes, lacking, strict=True)]


def _channel(address: str) -> Found | None:
    """What is amiss with a channel, where that can be told. Raises DeliveryError."""
    where = f"{address}: "
    if not places.CHANNEL_ID.fullmatch(workspaces.channel_of(address)):
        words = f"{where}a channel's name cannot be looked up, and breaks when it is renamed"
        return Found(words, FIX_NAME)
    try:
        token = workspaces.token_for(address)
    except DeliveryError as error:
        return Found(error.words, FIX_INSTALL)
    answer, word = _ask("conversations.info", token, channel=workspaces.channel_of(address))
    if answer is None:
        return _found(examining.refused(word), where)
    channel: Any = answer.get("channel")
    amiss = examining.judged(channel if isinstance(channel, dict) else {})
    return _found(amiss if amiss and amiss.is_fatal else None, where)


def _ask(method: str, token: str, **asked: str) -> tuple[SlackResponse | None, str]:
    """Slack's answer, or its word for why not. Raises DeliveryError where it gave neither."""
    client = wire.client(configuration.current(), seconds=SECONDS, token=token)
    try:
        return client.api_call(method, params=asked), ""
    except SlackApiError as error:
        failure, word = wire.failure(error), wire.code(error)
        if failure.retry_after is not None or failure.unknown:
            raise failure from error
        return None, word[:80]
    except wire.BROKEN as error:
        raise wire.failure(error) from error


def _scopes(answer: SlackResponse) -> frozenset[str] | None:
    """What the token may do; None where Slack did not say."""
    told = {str(name).lower(): value for name, value in answer.headers.items()}
    value = told.get("x-oauth-scopes")
    words = value[0] if isinstance(value, list) and value else value
    return None if words is None else frozenset(s.strip() for s in str(words).split(",")) - {""}


def _found(amiss: Amiss | None, where: str) -> Found | None:
    return None if amiss is None else Found(f"{where}{amiss.words}", amiss.fix)


def _subjects(team: str) -> list[str]:
    """What is said of a workspace: that of its token first, then that of each scope in order."""
    return [f"workspace {team}", *(f"workspace {team} {scope}" for scope in SCOPES)]


def _room(address: str) -> str:
    return f"channel {address}"[:400]


def _key(at: datetime, *about: str) -> str:
    """The same for every process within an hour."""
    said = "\n".join([f"{at:%Y-%m-%dT%H}", *about])
    return hashlib.sha256(said.encode()).hexdigest()
