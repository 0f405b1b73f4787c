"""What Slack's answers say of a token's scopes and of a channel: what is amiss, and what mends it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from integrations.slack.manifest import SCOPES

LOST: Mapping[str, str] = {
    "channels:history": "a card whose answer was lost may be posted twice in a public channel",
    "channels:read": "public channels cannot be looked at",
    "chat:write": "nothing can be posted",
    "commands": "/countersign is not there",
    "groups:history": "a card whose answer was lost may be posted twice in a private channel",
    "groups:read": "private channels cannot be looked at",
    "im:history": "a direct message whose answer was lost may stand twice",
    "im:write": "nobody can be written to directly",
    "users:read": "people are not recognised and must link their accounts",
    "users:read.email": "people are not recognised by their e-mail address and must link their accounts",
}
FATAL = frozenset({"chat:write"})
FIX_SCOPE = "Add it on the app's OAuth page and install the app again"


@dataclass(frozen=True, slots=True)
class Amiss:
    """One thing that is not as it must be; `is_fatal` where nothing arrives until it is mended."""

    words: str
    fix: str
    is_fatal: bool


def missing(told: Collection[str]) -> list[tuple[str, Amiss]]:
    """The scopes a token lacks, each with what is lost without it."""
    return [
        (scope, Amiss(f"{scope} is missing: {LOST[scope]}", FIX_SCOPE, scope in FATAL))
        for scope in SCOPES
        if scope not in told
    ]


def refused(word: str) -> Amiss | None:
    """What is amiss with a channel Slack would not show; None where its word does not tell."""
    if word != "channel_not_found":
        return None
    fix = "Check the id; of a private channel the app must be a member: /invite @Countersign there"
    return Amiss("there is none, or it is private and the app is not in it", fix, is_fatal=True)


def judged(channel: Mapping[str, Any]) -> Amiss | None:
    """What is amiss with a channel as Slack describes it."""
    if channel.get("is_archived"):
        return Amiss("it is archived", "Unarchive it, or name another channel", is_fatal=True)
    if not channel.get("is_member"):
        fix = "In the channel: /invite @Countersign"
        return Amiss("the app is not a member", fix, is_fatal=True)
    if not channel.get("is_private"):
        fix = "Make it private, or say what it may see: countersign channel set"
        words = "it is public: every member of the workspace reads what is asked"
        return Amiss(words, fix, is_fatal=False)
    return None
