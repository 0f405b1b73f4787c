"""Alerts: told once for each cause and hour, in history, and closed by a person who says why."""

from __future__ import annotations

from datetime import timedelta

import pytest

from approvals.domain import errors
from approvals.domain.terms import AlertKind
from approvals.models import Agent, Alert, AuditEvent
from approvals.models.people import Role
from approvals.services import alerts
from tests.domain.scene import NOON
from tests.support import cast

WORDS = "robo asked for orders, which its policy excludes."


def raised(agent: Agent, key: str = "one") -> Alert | None:
    return alerts.raise_once(
        kind=AlertKind.SCOPE_VIOLATION, key=key, agent=agent, words=WORDS, at=NOON, values={"n": 3}
    )


def test_an_alert_is_told_once_and_stands_in_history() -> None:
    agent, _ = cast.agent()

    first, again = raised(agent), raised(agent)

    assert first is not None
    assert again is None
    event = AuditEvent.objects.get(type="alert.raised")
    assert event.entry["detail"] == {
        "alert": first.pk,
        "kind": "scope_violation_attempts",
        "agent": "robo",
        "ref": "",
        "words": WORDS,
        "values": {"n": 3},
    }


def test_a_secret_among_the_figures_is_masked_in_the_alert_and_in_history() -> None:
    secret = "sk_live_4eC39HqLyjWDarjtT1zdp7dc"
    values = {"target": f"pods/{secret}", "seen": [secret], "n": 3}

    alert = alerts.raise_once(
        kind=AlertKind.UNUSUAL_PATTERN, key="k", agent=None, words=WORDS, at=NOON, values=values
    )

    assert alert is not None
    told = AuditEvent.objects.get(type="alert.raised").entry["detail"]["values"]
    assert secret not in str((alert.values, told))
    assert alert.values["n"] == 3


def test_the_same_cause_is_told_again_in_the_next_hour() -> None:
    agent, _ = cast.agent()
    keys = [
        alerts.hourly(agent, "orders", at=NOON + timedelta(minutes=minutes))
        for minutes in (0, 59, 60)
    ]

    assert [raised(agent, key) is not None for key in keys] == [True, False, True]


def test_long_keys_that_differ_at_their_end_are_different_keys() -> None:
    agent, _ = cast.agent()

    assert raised(agent, "x" * 400 + "a") is not None
    assert raised(agent, "x" * 400 + "b") is not None
    assert raised(agent, "x" * 400 + "a") is None


def test_a_manager_closes_it_with_words() -> None:
    agent, _ = cast.agent()
    alert = raised(agent)
    assert alert is not None

    closed = alerts.close(
        number=alert.pk, person=cast.person("ada"), reason="The target was renamed.", at=NOON
    )

    assert (closed.closed_by, closed.closed_at) == ("ada@example.com", NOON)
    assert closed.values == {"n": 3, "closed_because": "The target was renamed."}
    event = AuditEvent.objects.get(type="alert.closed")
    assert event.actor == "person:ada@example.com"
    assert event.entry["detail"]["reason"] == "The target was renamed."


def test_a_second_closing_says_who_was_first() -> None:
    agent, _ = cast.agent()
    alert = raised(agent)
    assert alert is not None
    alerts.close(number=alert.pk, person=cast.person("ada"), reason="Looked.", at=NOON)

    with pytest.raises(alerts.AlreadyClosed, match=r"ada@example\.com closed this alert at 20"):
        alerts.close(number=alert.pk, person=cast.person("ada"), reason="Again.", at=NOON)


@pytest.mark.parametrize(
    ("name", "refusal"), [("lin", "your role is neither"), ("sam", "You answer for robo")]
)
def test_who_answers_for_the_agent_or_has_no_such_role_leaves_it_open(
    name: str, refusal: str
) -> None:
    agent, _ = cast.agent()
    alert = raised(agent)
    assert alert is not None
    someone = cast.person(name, role=Role.MANAGER if name == "sam" else None)

    with pytest.raises(alerts.MayNotClose, match=refusal):
        alerts.close(number=alert.pk, person=someone, reason="Nothing to see.", at=NOON)

    assert Alert.objects.get().closed_at is None


def test_closing_wants_a_reason_and_an_alert_that_is_there() -> None:
    with pytest.raises(errors.Invalid, match="stays open"):
        alerts.close(number=1, person=cast.person("ada"), reason=" ", at=NOON)
    with pytest.raises(errors.NotFound, match="no alert 7"):
        alerts.close(number=7, person=cast.person("ada"), reason="Looked.", at=NOON)


def test_alerts_are_found_by_kind_agent_and_whether_they_are_open() -> None:
    robo, digger = cast.agent()[0], cast.agent("digger")[0]
    first, second = raised(robo), raised(digger, "two")
    assert first is not None
    assert second is not None
    alerts.close(number=first.pk, person=cast.person("ada"), reason="Looked.", at=NOON)

    assert list(alerts.matching()) == [second, first]
    assert list(alerts.matching(agent="robo")) == [first]
    assert list(alerts.matching(is_open=True)) == [second]
    assert list(alerts.matching(kinds=["circuit_breaker_activations"])) == []
