"""Find the person behind a Slack account."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from approvals.domain.errors import Refusal
from approvals.models import Person
from approvals.services import actors, people
from integrations.slack import wire, workspaces
from integrations.slack.configuration import Configuration
from integrations.slack.payloads import Account

logger = logging.getLogger(__name__)

KIND = "slack"
VERIFIED_BY = "slack_email"
# A member of another workspace, a visitor, a program or a former colleague never speaks for a
# person of ours by e-mail address alone.
DISTRUSTED = (
    "deleted",
    "is_app_user",
    "is_bot",
    "is_restricted",
    "is_stranger",
    "is_ultra_restricted",
    "is_invited_user",
)


class Foreign(Refusal):
    """The account belongs to a workspace whose members may not decide here."""

    code = "foreign_workspace"
    status = 403


def person_of(
    account: Account, *, client: WebClient, configuration: Configuration, at: datetime
) -> Person | None:
    """The active person this account belongs to; linked by e-mail at their first click if allowed.

    None for somebody unknown. Raises Foreign for a member of another workspace.
    """
    if _is_foreign(account, configuration):
        raise Foreign("Not counted. Your Slack account belongs to another workspace.")
    for external_id in (account.external_id, account.user):
        person = people.by_identity(kind=KIND, external_id=external_id)
        if person is not None:
            return person
    if not configuration.link_by_email:
        return None
    return _by_email(account, client, at=at)


def _is_foreign(account: Account, configuration: Configuration) -> bool:
    """Members of the named workspaces decide, and of those that installed the app."""
    if account.team in configuration.teams:
        return False
    if workspaces.is_shared():
        is_member = account.team in workspaces.teams()
        return not is_member and not workspaces.is_whole(account.enterprise)
    return bool(configuration.teams)


def _by_email(account: Account, client: WebClient, *, at: datetime) -> Person | None:
    user = _profile(account, client)
    if user is None or not _speaks_for_itself(user, account):
        return None
    profile = user.get("profile")
    email = profile.get("email") if isinstance(profile, Mapping) else None
    person = people.by_email(email) if isinstance(email, str) and email else None
    if person is None:
        return None
    try:
        people.link(
            person=person,
            kind=KIND,
            external_id=account.external_id,
            verified_by=VERIFIED_BY,
            actor=actors.person(person),
            at=at,
        )
    except Refusal:
        return None
    return person


def _profile(account: Account, client: WebClient) -> Mapping[str, Any] | None:
    """What Slack knows of the account; None when it will not say, or not in time."""
    try:
        user = client.users_info(user=account.user).get("user")
    except (SlackApiError, *wire.BROKEN) as error:
        logger.warning("slack user could not be looked up", extra={"error": type(error).__name__})
        return None
    return user if isinstance(user, Mapping) else None


def _speaks_for_itself(user: Mapping[str, Any], account: Account) -> bool:
    if user.get("id") != account.user or any(user.get(flag) for flag in DISTRUSTED):
        return False
    if user.get("is_email_confirmed") is False:
        return False
    home = user.get("team_id")
    return not home or not account.team or home == account.team
