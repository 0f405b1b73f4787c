"""The workspaces our app was installed in, and the token each of them gave us.

The workspace of SLACK_BOT_TOKEN needs no row: it is the one an address without a workspace means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings as django_settings
from django.db import transaction
from django.db.models import Q, QuerySet

from approvals.domain.terms import EventKind
from approvals.models import SlackWorkspace
from approvals.ports import DeliveryError
from approvals.services import audit, sealing
from approvals.services.actors import Actor
from integrations.slack import configuration

PURPOSE = "slack-workspace-token"
SPLIT = "/"


@dataclass(frozen=True, slots=True)
class Installed:
    """What Slack gave us when somebody installed the app."""

    team: str
    enterprise: str
    name: str
    bot_user: str
    token: str = field(repr=False)
    scopes: Sequence[str] = ()


def token_for(address: str) -> str:
    """The token to speak with at `T0123/C0456`, or at a plain `C0456` of the configured workspace.

    Raises DeliveryError, for good, where the app is not installed or was removed.
    """
    team, _ = split(address)
    settings = configuration.current()
    if not team or (team in settings.teams and settings.bot_token and _live(team, "") is None):
        if settings.bot_token:
            return settings.bot_token
        raise DeliveryError(
            f"The address {address} names no workspace, and SLACK_BOT_TOKEN is not set. "
            "Write it as T…/C….",
            permanent=True,
        )
    is_whole = team.startswith("E")
    token = token_of(team="" if is_whole else team, enterprise=team if is_whole else "")
    if token is None:
        raise DeliveryError(_gone(team), permanent=True)
    return token


def channel_of(address: str) -> str:
    """The channel of an address, without its workspace."""
    return split(address)[1]


def split(address: str) -> tuple[str, str]:
    """Workspace and channel of an address; the workspace is empty for the configured one."""
    team, cut, channel = address.partition(SPLIT)
    return (team, channel) if cut and team[:1] in {"T", "E"} else ("", address)


def token_of(*, team: str, enterprise: str) -> str | None:
    """The token of an installed workspace; None where we are not, or no longer, or cannot open it."""
    row = _live(team, enterprise)
    if row is None:
        return None
    try:
        return sealing.unseal(row.sealed_token, purpose=PURPOSE, place=_place(row))
    except sealing.Unopenable:
        return None


def answering(payload: Mapping[str, Any]) -> str | None:
    """The token to answer what Slack sent with; None when its workspace is not one of ours.

    Without OAuth there is one workspace, and whoever may click is told apart person by person.
    """
    settings = configuration.current()
    if not is_shared():
        return settings.bot_token
    team, enterprise = home_of(payload)
    token = token_of(team=team, enterprise=enterprise)
    is_home = bool(settings.bot_token) and team in settings.teams
    return token if token is not None or not is_home else settings.bot_token


def home_of(payload: Mapping[str, Any]) -> tuple[str, str]:
    """Workspace and organisation a payload comes from; empty where Slack names none."""
    team, enterprise = payload.get("team") or {}, payload.get("enterprise") or {}
    return (
        str(team.get("id") or payload.get("team_id") or ""),
        str(enterprise.get("id") or payload.get("enterprise_id") or ""),
    )


def is_shared() -> bool:
    """Whether other workspaces can install the app, so that each must say that it did."""
    return bool(str(getattr(django_settings, "SLACK_CLIENT_ID", "") or "").strip())


def teams() -> frozenset[str]:
    """The workspaces the app is installed in."""
    live = SlackWorkspace.objects.filter(revoked_at=None)
    return frozenset(live.exclude(team_id="").values_list("team_id", flat=True))


def is_whole(enterprise: str) -> bool:
    """Whether the app is installed for this whole organisation."""
    live = SlackWorkspace.objects.filter(revoked_at=None, team_id="", enterprise_id=enterprise)
    return bool(enterprise) and live.exists()


def install(installed: Installed, *, by: Actor, at: datetime) -> SlackWorkspace:
    """Keep a workspace with its token; the same one again gets the new token."""
    same = {"team_id": installed.team, "enterprise_id": installed.enterprise}
    with transaction.atomic():
        SlackWorkspace.objects.select_for_update().filter(**same, revoked_at=None).update(
            revoked_at=at, why_revoked="installed again"
        )
        row = SlackWorkspace(
            **same,
            name=installed.name[:200],
            bot_user_id=installed.bot_user,
            scopes=sorted(installed.scopes),
            installed_by=str(by)[:240],
            installed_at=at,
        )
        row.sealed_token = sealing.seal(installed.token, purpose=PURPOSE, place=_place(row))
        row.save(force_insert=True)
        detail = _facts(row) | {"scopes": row.scopes}
        audit.append_service(EventKind.WORKSPACE_INSTALLED, actor=by, at=at, detail=detail)
    return row


def revoke(*, team: str, enterprise: str, why: str, by: Actor, at: datetime) -> bool:
    """Forget a workspace's token, where `at` is no earlier than its installation.

    A late or repeated word of Slack does not end an installation that was made after it.
    """
    with transaction.atomic():
        same = {"team_id": team} if team else {"team_id": "", "enterprise_id": enterprise}
        rows = SlackWorkspace.objects.select_for_update().filter(**same, revoked_at=None)
        found = list(rows.filter(installed_at__lte=at))
        for row in found:
            row.revoked_at, row.why_revoked, row.sealed_token = at, why[:200], ""
            row.save(update_fields=["revoked_at", "why_revoked", "sealed_token"])
            detail = _facts(row) | {"why": why}
            audit.append_service(EventKind.WORKSPACE_REVOKED, actor=by, at=at, detail=detail)
    return bool(found)


def _gone(team: str) -> str:
    former = SlackWorkspace.objects.filter(team_id=team).order_by("-pk").first()
    if former is None:
        return (
            f"The app is not installed in the Slack workspace {team}. Install it there under "
            "/integrations/slack/install, then send this again."
        )
    if former.revoked_at is None:
        return (
            f"The token of the Slack workspace {former} cannot be opened: SECRET_KEY has changed. "
            "Put the former key into SECRET_KEY_FALLBACKS or install the app there again."
        )
    return (
        f"The Slack workspace {former} took the app's access away on "
        f"{former.revoked_at:%d %b %Y} ({former.why_revoked}). Install the app there again, "
        "then send this again."
    )


def was_here(payload: Mapping[str, Any]) -> bool:
    """Whether the app was ever installed where this comes from."""
    team, enterprise = home_of(payload)
    return SlackWorkspace.objects.filter(team_id=team, enterprise_id__in=("", enterprise)).exists()


def _live(team: str, enterprise: str) -> SlackWorkspace | None:
    """The installation of a workspace, or that of the whole organisation it belongs to."""
    return _matching(team, enterprise).order_by("-team_id", "-pk").first()


def _matching(team: str, enterprise: str) -> QuerySet[SlackWorkspace]:
    here = Q(team_id=team) if team else Q(pk=None)
    whole = Q(team_id="", enterprise_id=enterprise) if enterprise else Q(pk=None)
    return SlackWorkspace.objects.filter(here | whole, revoked_at=None)


def _place(row: SlackWorkspace) -> str:
    return f"{row.enterprise_id}:{row.team_id}"


def _facts(row: SlackWorkspace) -> dict[str, Any]:
    return {"team": row.team_id, "enterprise": row.enterprise_id, "name": row.name}
