"""Addresses in Slack: a channel, or somebody's own conversation with our bot."""

from __future__ import annotations

import re

from integrations.slack import configuration, workspaces

_TEAM = r"(?:[TE][A-Z0-9]+/)?"
CHANNEL = re.compile(_TEAM + r"(?:[CGD][A-Z0-9]+|#\S+)")
CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]+")
PERSON = re.compile(_TEAM + r"[UW][A-Z0-9]+")
ACCOUNT = re.compile(r"(?:([TE][A-Z0-9]+):)?([UW][A-Z0-9]+)")


def is_channel(address: str) -> bool:
    return CHANNEL.fullmatch(address) is not None


def is_person(address: str) -> bool:
    return PERSON.fullmatch(address) is not None


def of_account(account: str) -> str:
    """The address of somebody's own conversation: `U9`, or `T1/U9` in an installed workspace."""
    found = ACCOUNT.fullmatch(account)
    if found is None:
        return ""
    team, user = found[1], found[2]
    installed = bool(team) and workspaces.token_of(team=team, enterprise="") is not None
    return f"{team}{workspaces.SPLIT}{user}" if installed else user


def user_in(account: str, address: str) -> str:
    """The user id to mention at an address; empty where the account is of another workspace."""
    found = ACCOUNT.fullmatch(account)
    if found is None:
        return ""
    team, _ = workspaces.split(address)
    ours = configuration.current().teams
    is_there = found[1] == team if team else not (found[1] and ours) or found[1] in ours
    return found[2] if is_there else ""
