"""Know where the bot was let in: a bot may write only where Teams has told it that it may."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from approvals.models import Place
from approvals.ports import DeliveryError
from approvals.services import places
from integrations.teams.activities import Account, Activity, members, part, text

ADAPTER = "teams"
PREFIX = "teams:"
GONE = frozenset({"channelDeleted", "teamDeleted", "teamArchived"})


def learn(activity: Activity, *, at: datetime) -> None:
    """Keep what an installation, an update or a message tells about its conversation."""
    is_update = activity.type == "conversationUpdate"
    came = members(activity, "membersAdded") if is_update else []
    went = members(activity, "membersRemoved") if is_update else []
    if _sends_us_away(activity, went):
        _leave(activity, at=at)
        return
    room = _room(activity)
    places.remember(
        adapter=ADAPTER,
        external_id=room,
        name=_name(activity),
        handle=_handle(activity),
        at=at,
    )
    if went:
        gone = frozenset(account.address for account in went)
        places.part(adapter=ADAPTER, external_id=room, addresses=gone)
    meet(room, [*came, activity.sender])


def meet(room: str, accounts: Iterable[Account]) -> None:
    """Keep how Teams addresses these people in this conversation."""
    known = {each.external_id: each.address for each in accounts if each.external_id}
    if known:
        places.meet(adapter=ADAPTER, external_id=room, members=known)


def found(address: str) -> Place:
    """The one conversation an address such as `teams:Ops/Approvals` names. Raises DeliveryError."""
    name = address.removeprefix(PREFIX)
    called = places.called(adapter=ADAPTER, name=name)
    if not called:
        raise DeliveryError(
            f"The bot knows no conversation {name[:80]!r} in Teams. Install the app there, or "
            "mention it there once; the message is sent then."
        )
    if len(called) > 1:
        ids = ", ".join(place.external_id for place in called[:3])
        raise DeliveryError(
            f"{len(called)} conversations in Teams are called {name[:80]!r}. Nothing was sent. "
            f"Name one by its id: {ids}."
        )
    return called[0]


def _sends_us_away(activity: Activity, went: list[Account]) -> bool:
    if activity.type == "installationUpdate":
        return text(activity.told, "action") == "remove"
    if any(activity.bot and account.address == activity.bot for account in went):
        return True
    return _event(activity) in GONE


def _leave(activity: Activity, *, at: datetime) -> None:
    """Out of this conversation; out of a whole team when it was the team that let us in."""
    places.leave(adapter=ADAPTER, external_id=_room(activity), at=at)
    if _event(activity) == "channelDeleted":
        return
    team = _of_team(activity, "id")
    for place in places.of(adapter=ADAPTER) if team else ():
        if place.handle.get("team") == team:
            places.leave(adapter=ADAPTER, external_id=place.external_id, at=at)


def _room(activity: Activity) -> str:
    """News of a channel come through its team's first channel, and name the one they are about."""
    if activity.type == "conversationUpdate":
        return _of_channel(activity, "id") or activity.conversation
    return activity.conversation


def _name(activity: Activity) -> str:
    """`Team/Channel`, `Team` for its first channel, or a group's name. Nobody's own name: with it
    a person could pass for a team."""
    if activity.is_personal:
        return ""
    team, channel = _of_team(activity, "name"), _of_channel(activity, "name")
    if team:
        return f"{team}/{channel}" if channel else team
    return text(part(activity.told, "conversation"), "name")


def _handle(activity: Activity) -> dict[str, Any]:
    handle = {"service_url": activity.service_url, "team": _of_team(activity, "id")}
    return {name: value for name, value in handle.items() if value}


def _event(activity: Activity) -> str:
    return text(part(activity.told, "channelData"), "eventType")


def _of_team(activity: Activity, name: str) -> str:
    return text(part(part(activity.told, "channelData"), "team"), name, limit=140)


def _of_channel(activity: Activity, name: str) -> str:
    return text(part(part(activity.told, "channelData"), "channel"), name, limit=140)
