"""A manager sees what the guardrails did, opens the list behind each number, and takes and closes alerts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.domain.terms import AlertKind, EventKind
from approvals.models import Alert, AlertMute, AuditEvent, BreakerTrip
from approvals.services import alerts, clock
from tests.support import cast
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db
HOSTILE = "\u202edrop <b>all</b>"


def an_alert(kind: AlertKind = AlertKind.UNUSUAL_PATTERN, key: str = "a", **values: Any) -> Alert:
    agent, _ = cast.agent()
    alert = alerts.raise_once(
        kind=kind, key=key, agent=agent, words="robo usually asks 6 a day, now 41. Is that meant?",
        at=clock.now(), values=values,
    )  # fmt: skip
    assert alert is not None
    return alert


def a_trip() -> BreakerTrip:
    agent, _ = cast.agent()
    now = clock.now()
    return BreakerTrip.objects.create(
        agent=agent, policy="robo", kind="error_rate", does="pause_and_alert",
        words="3 of 5 went wrong within 5 min.", values={"rest_s": 300},
        opened_at=now, half_open_at=now + timedelta(minutes=5),
    )  # fmt: skip


@pytest.fixture
def max_(db: None) -> Browser:
    """A manager who owns no agent here."""
    person = cast.person("max")
    person.role = "manager"
    person.save()
    return Browser(person)


def test_before_anything_was_asked_a_zero_is_not_called_good(lin: Browser) -> None:
    text = lin.get("/guardrails").text
    assert "No agent has asked yet, so a 0 here says nothing." in text
    assert "no data yet" in text


def test_what_waits_is_counted_by_risk_and_leads_to_its_list(lin: Browser) -> None:
    cast.request()
    page = lin.get("/guardrails")
    links = {link.attributes["href"]: link.text for link in page.every("a")}
    assert links["/queue?tab=all"] == "1"
    assert sum(int(words.split()[-2]) for href, words in links.items() if "risk=" in href) == 1


def test_an_alert_is_taken_and_closed_with_what_was_found(max_: Browser) -> None:
    alert = an_alert()
    assert max_.post(f"/guardrails/alerts/{alert.pk}/take").status_code == 302
    assert "Taken by max@example.com" in max_.get("/guardrails").text
    answer = max_.post(f"/guardrails/alerts/{alert.pk}/close", reason="A planned migration.")
    assert answer.status_code == 302
    alert.refresh_from_db()
    assert alert.closed_by == "max@example.com"
    kinds = list(AuditEvent.objects.order_by("id").values_list("type", flat=True))
    assert kinds[-2:] == [EventKind.ALERT_TAKEN, EventKind.ALERT_CLOSED]


def test_an_alert_taken_two_hours_ago_counts_as_left(max_: Browser) -> None:
    alert = an_alert()
    alert.taken_at, alert.taken_by = clock.now() - timedelta(hours=2), "ana@example.com"
    alert.save()
    text = max_.get("/guardrails").text
    assert "and left" in text
    assert "Taken by" not in text


def test_a_member_reads_but_may_not_close(lin: Browser) -> None:
    alert = an_alert()
    page = lin.get("/guardrails")
    assert alert.words in page.text
    assert not any("alerts" in form.attributes.get("action", "") for form in page.every("form"))
    answer = lin.post(f"/guardrails/alerts/{alert.pk}/close", reason="I looked.")
    assert answer.status_code == 403
    assert "I looked." in answer.content.decode()
    alert.refresh_from_db()
    assert alert.closed_at is None


def test_closing_without_a_finding_is_refused_in_words(max_: Browser) -> None:
    alert = an_alert()
    answer = max_.post(f"/guardrails/alerts/{alert.pk}/close", reason="  ")
    assert answer.status_code == 422
    assert "Say in a sentence what you found" in answer.content.decode()


def test_a_muted_kind_is_not_raised_about_that_agent_meanwhile(max_: Browser) -> None:
    alert = an_alert()
    answer = max_.post(f"/guardrails/alerts/{alert.pk}/mute", reason="Load test", hours="4")
    assert answer.status_code == 302
    agent, now = alert.agent, clock.now()
    same: dict[str, Any] = {"agent": agent, "words": "w", "at": now, "kind": AlertKind(alert.kind)}
    assert alerts.raise_once(key="b", **same) is None
    later = {**same, "at": now + timedelta(hours=4, minutes=1)}
    assert alerts.raise_once(key="b", **later) is not None


@pytest.mark.parametrize("hours", ["25", "0", "x", "-1", "999"])
def test_nothing_is_muted_for_longer_than_a_day(max_: Browser, hours: str) -> None:
    alert = an_alert()
    answer = max_.post(f"/guardrails/alerts/{alert.pk}/mute", reason="Quiet", hours=hours)
    assert answer.status_code == 422
    assert not AlertMute.objects.exists()


def test_scope_violations_are_never_muted(max_: Browser) -> None:
    alert = an_alert(AlertKind.SCOPE_VIOLATION)
    page = max_.get("/guardrails")
    assert not any("/mute" in form.attributes.get("action", "") for form in page.every("form"))
    answer = max_.post(f"/guardrails/alerts/{alert.pk}/mute", reason="Quiet", hours="1")
    assert answer.status_code == 422
    assert not AlertMute.objects.exists()


def test_a_manager_closes_a_breaker_with_a_reason(max_: Browser) -> None:
    trip = a_trip()
    page = max_.get("/guardrails")
    assert "Everything this agent asks is refused." in page.text
    answer = max_.post(f"/guardrails/breakers/{trip.pk}/reset", reason="The cause is mended.")
    assert answer.status_code == 302
    trip.refresh_from_db()
    assert (trip.closed_by, trip.close_reason) == ("person:max@example.com", "The cause is mended.")


def test_figures_an_agent_wrote_are_drawn_as_text(lin: Browser) -> None:
    an_alert(target=HOSTILE)
    page = lin.get("/guardrails")
    assert "⟦U+202E⟧" in page.text
    assert not page.every("b")


def test_the_page_costs_the_same_whatever_there_is(lin: Browser) -> None:
    cast.request()
    with CaptureQueriesContext(connection) as few:
        lin.get("/guardrails")
    for number in range(6):
        an_alert(key=f"k{number}")
        cast.request()
    a_trip()
    with CaptureQueriesContext(connection) as many:
        lin.get("/guardrails")
    assert len(many) == len(few)


def test_an_unknown_alert_is_not_found_in_words(max_: Browser) -> None:
    answer = max_.post("/guardrails/alerts/99/close", reason="x")
    assert answer.status_code == 404
    assert "There is no alert 99" in answer.content.decode()
