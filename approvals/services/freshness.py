"""How long ago the person behind a browser's session proved who they are, at whichever door it is used."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from approvals.domain import errors

FRESH_FOR = timedelta(minutes=5)
SIGNED_IN_AT = "signed_in_at"


def is_fresh(session: Mapping[str, Any], *, at: datetime) -> bool:
    """Whether they did within the last five minutes."""
    said = session.get(SIGNED_IN_AT)
    return said is not None and at - datetime.fromisoformat(said) < FRESH_FOR


def refuse_stale(session: Mapping[str, Any], *, at: datetime) -> None:
    """Raise FreshSignInNeeded unless they did. For what only a fresh session may ask."""
    if not is_fresh(session, at=at):
        raise errors.FreshSignInNeeded(
            "With a browser's session this takes a sign-in within the last 5 minutes. Prove it at "
            "/sign-in/again, or use a personal token. Nothing was changed.",
            page="/sign-in/again",
        )
