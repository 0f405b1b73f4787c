"""Write down what came from a workspace our app is not installed in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from approvals.domain import errors
from approvals.domain.terms import AlertKind
from approvals.services import alerts, clock
from integrations.slack import clicks, seals, trusting, workspaces

REASON = "workspace_not_installed"
WORDS = "Not counted. The app is not installed in this Slack workspace, or was removed from it."


def write_down(payload: Mapping[str, Any]) -> None:
    """As a refused decision where a request is named, and once an hour as an alert in any case."""
    if payload.get("type") == "block_actions":
        _on_its_request(payload)
    team, enterprise = workspaces.home_of(payload)
    whose = team or enterprise or "unnamed"
    at = clock.now()
    with transaction.atomic():
        alerts.raise_once(
            kind=AlertKind.FORGED_MESSAGE,
            key=alerts.hourly(None, "slack", REASON, whose[:60], at=at),
            agent=None,
            words=(
                f"Slack sent something from workspace {whose[:60]}, where the app is not installed. "
                "It was refused. Install the app there, or take it away from there at Slack."
            ),
            values={"team": team[:60], "enterprise": enterprise[:60]},
            at=at,
        )


def _on_its_request(payload: Mapping[str, Any]) -> None:
    click = clicks.pressed(payload, "")
    carried = seals.read(click.value)
    if carried is None:
        return
    try:
        trusting.write_down(click, carried, WORDS, reason=REASON)
    except errors.NotFound:
        return
