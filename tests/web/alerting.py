"""An alert to answer, as the patterns raise them."""

from __future__ import annotations

from typing import Any

from approvals.domain.terms import AlertKind
from approvals.models import Alert
from approvals.services import alerts, clock
from tests.support import cast


def an_alert(kind: AlertKind = AlertKind.UNUSUAL_PATTERN, key: str = "a", **values: Any) -> Alert:
    agent, _ = cast.agent()
    alert = alerts.raise_once(
        kind=kind, key=key, agent=agent, words="robo usually asks 6 a day, now 41. Is that meant?",
        at=clock.now(), values=values,
    )  # fmt: skip
    assert alert is not None
    return alert
