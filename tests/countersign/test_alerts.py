"""Alerts at the command line."""

from __future__ import annotations

import pytest

from approvals.domain.terms import AlertKind
from approvals.models import Alert
from approvals.services import alerts, clock
from countersign import arguments
from tests.countersign.commands import Captured, run, told
from tests.support import cast

pytestmark = pytest.mark.django_db


def raised(kind: AlertKind = AlertKind.SCOPE_VIOLATION, words: str = "Look.") -> Alert:
    agent, _ = cast.agent()
    alert = alerts.raise_once(kind=kind, key=words, agent=agent, words=words, at=clock.now())
    assert alert is not None
    return alert


def test_open_alerts_are_listed_and_closed_ones_with_all(capsys: Captured) -> None:
    run("alerts")
    assert "No alert is open." in capsys.readouterr().out
    seen, other = raised(), raised(AlertKind.RATE_APPROACHED, "Near.")
    alerts.close(number=seen.pk, person=cast.person("ada"), reason="Renamed.", at=clock.now())

    assert [each["id"] for each in told(capsys, "alerts")] == [other.pk]
    assert [each["id"] for each in told(capsys, "alerts", "--all")] == [other.pk, seen.pk]
    assert told(capsys, "alerts", "--kind", "scope_violation_attempts") == []
    run("alerts", "--all")
    assert "Look. (closed by ada@example.com)" in capsys.readouterr().out


def test_no_word_of_an_agent_moves_the_cursor(capsys: Captured) -> None:
    raised(words="robo never named \x1b[2Korders before.")

    run("alerts")

    assert "\x1b" not in capsys.readouterr().out


def test_the_kinds_it_takes_are_those_there_are() -> None:
    assert set(arguments.ALERTS) == {kind.value for kind in AlertKind}
