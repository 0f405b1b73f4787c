"""Alerts are taken, asked after, watched, muted and closed, and each shows what it is about."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.domain.terms import AlertKind, EventKind, Verdict
from approvals.models import Alert, AlertMute, AuditEvent
from approvals.queries.guardrail_lists import CAUSES_PER_PAGE, MOST_REPEATS
from approvals.services import alert_life, alerts, clock
from tests.support import cast
from tests.web.alerting import an_alert
from tests.web.conftest import Browser
from tests.web.reading import Page

pytestmark = pytest.mark.django_db
HOSTILE = "\u202edrop <b>all</b>"


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


@pytest.mark.parametrize(
    ("minutes", "words", "button"),
    [
        (119, "✔ Taken by max@example.com", ""),
        (121, "taken by max@example.com at", "Still looking into alert"),
        (151, "open again: taken at", "Take alert"),
    ],
)
def test_whoever_took_an_alert_is_asked_after_two_hours_and_then_it_is_open_again(
    max_: Browser, minutes: int, words: str, button: str
) -> None:
    alert = an_alert()
    alert.taken_at = clock.now() - timedelta(minutes=minutes)
    alert.taken_by = "max@example.com"
    alert.save()
    page = max_.get("/guardrails")
    assert words in page.text
    assert [
        name for name in page.buttons if "alert" in name and name.startswith(("Take", "Still"))
    ] == ([f"{button} {alert.pk}"] if button else [])


def test_saying_that_you_still_look_takes_it_anew(max_: Browser) -> None:
    alert = an_alert()
    alert.taken_at, alert.taken_by = clock.now() - timedelta(hours=2), "max@example.com"
    alert.save()
    assert max_.post(f"/guardrails/alerts/{alert.pk}/take").status_code == 302
    assert "✔ Taken by max@example.com" in max_.get("/guardrails").text


def test_a_watched_alert_steps_aside_for_a_day_and_stays_open(max_: Browser) -> None:
    alert = an_alert()
    path = f"/guardrails/alerts/{alert.pk}/watch"
    assert max_.post(path, reason=" ").status_code == 422
    assert max_.post(path, reason="The load test ends tonight.").status_code == 302
    page = max_.get("/guardrails")
    fold = page.by_id("watched-unusual_action_patterns").text
    assert "1 watched" in fold
    assert "Waiting for: The load test ends tonight." in fold
    alert.refresh_from_db()
    assert alert.closed_at is None
    event = AuditEvent.objects.order_by("id").last()
    assert event is not None
    assert event.type == EventKind.ALERT_TAKEN
    assert event.entry["detail"]["reason"] == "The load test ends tonight."
    later = clock.now() + alert_life.WATCHED_FOR
    assert alert_life.life(alert, at=later) is alert_life.Life.OPEN


def test_repeats_of_one_cause_are_one_alert_with_a_count(lin: Browser) -> None:
    for hour in (9, 10, 11):
        an_alert(key=f"2026-11-22T{hour:02}:robo:rate")
    an_alert(key="2026-11-22T11:robo:shape")
    page = lin.get("/guardrails")
    lists = page.every("section")
    unusual = next(
        each for each in lists if each.attributes.get("aria-labelledby", "").endswith("patterns")
    )
    assert "2 open" in unusual.text
    assert "Told 3 times since" in unusual.text


def test_tries_stand_side_by_side_with_what_differs_and_the_reasons(max_: Browser) -> None:
    cast.person("lin")
    refs = []
    for replicas, reason in ((8, "Too many."), (9, "Still too many.")):
        row = cast.request(parameters={"from_replicas": 5, "to_replicas": replicas})
        cast.decide(row, cast.person("lin"), Verdict.DENY, reason)
        refs.append(row.ref)
    an_alert(AlertKind.REPEATED_DENIALS, requests=refs)
    page = max_.get("/guardrails")
    table = next(each for each in page.every("table") if "The tries side by side" in each.text)
    columns = [cell.text for cell in table.every("th") if cell.attributes["scope"] == "col"]
    assert columns == ["Asked", "to_replicas", "Denied by"]
    assert [row.every("td")[0].text for row in table.every("tr")[1:]] == ["8", "9"]
    assert "Lin: Still too many." in table.text


def test_what_left_the_scope_stands_beside_what_is_allowed(max_: Browser) -> None:
    alert = an_alert(
        AlertKind.SCOPE_VIOLATION, action="scale_up", namespace="prod-payments",
        allowed=["prod-a", "prod-b"], rule="deploy.scope",
    )  # fmt: skip
    alert.words = "robo asked for more. The namespace prod-payments is outside the scope of deploy."
    alert.save()
    page = max_.get("/guardrails")
    table = next(each for each in page.every("table") if "what is allowed" in each.text)
    rows = {
        row.every("th")[0].text: [c.text for c in row.every("td")] for row in table.every("tr")[1:]
    }
    assert rows["Namespace"] == ["prod-payments", "prod-a, prod-b"]
    assert rows["Action"] == ["scale_up", "not what left the scope"]
    assert "✔ Blocked Nothing ran." in page.text


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


def test_figures_an_agent_wrote_are_drawn_as_text(lin: Browser) -> None:
    an_alert(target=HOSTILE)
    page = lin.get("/guardrails")
    assert "⟦U+202E⟧" in page.text
    assert not page.every("b")


def test_an_unknown_alert_is_not_found_in_words(max_: Browser) -> None:
    answer = max_.post("/guardrails/alerts/99/close", reason="x")
    assert answer.status_code == 404
    assert "There is no alert 99" in answer.content.decode()


def many(kind: AlertKind, how_many: int) -> list[int]:
    """So many open alerts of a kind, a cause each; their numbers, the newest first."""
    agent = cast.agent()[0]
    made = Alert.objects.bulk_create(
        Alert(kind=kind.value, agent=agent, key=f"cause-{number}", words=f"Odd thing {number}.",
              at=clock.now()) for number in range(how_many)
    )  # fmt: skip
    return [alert.pk for alert in reversed(made)]


def numbers(page: Page) -> list[int]:
    marks = [each.attributes.get("id", "") for each in page.every("article")]
    return [int(mark.removeprefix("alert-")) for mark in marks if mark.startswith("alert-")]


def test_many_alerts_of_one_kind_hide_none_of_another(lin: Browser) -> None:
    old = an_alert(AlertKind.SCOPE_VIOLATION)
    made = many(AlertKind.UNUSUAL_PATTERN, 205)
    page = lin.get("/guardrails")

    assert numbers(page) == [*made[:CAUSES_PER_PAGE], old.pk]
    assert "205 open" in page.text
    assert "1 open" in page.text


def test_alerts_go_on_where_their_page_ends_and_end_where_there_are_no_more(lin: Browser) -> None:
    made = many(AlertKind.UNUSUAL_PATTERN, 2 * CAUSES_PER_PAGE + 3)
    found: list[int] = []
    page = lin.get("/guardrails")
    for _ in range(3):
        assert "43 open" in page.text
        found += numbers(page)
        older = [a.attributes["href"] for a in page.every("a") if "before=" in a.attributes["href"]]
        page = lin.get(older[0]) if older else page
    assert found == made
    assert older == []

    address = f"/guardrails/alerts?kind={AlertKind.UNUSUAL_PATTERN.value}"
    assert numbers(lin.get(address)) == made[:CAUSES_PER_PAGE]
    assert numbers(lin.get(f"{address}&before=nonsense")) == made[:CAUSES_PER_PAGE]
    assert "No older alert of this kind is open." in lin.get(f"{address}&before=1").text
    assert "no alerts of this kind" in lin.get("/guardrails/alerts?kind=x", status=404).text


def test_a_cause_told_again_and_again_stays_one_entry_with_the_whole_count(lin: Browser) -> None:
    first = an_alert(key="2026-11-20T00:robo:rate")
    for hour in range(1, MOST_REPEATS + 5):
        an_alert(key=f"2026-11-{20 + hour // 24}T{hour % 24:02}:robo:rate")
    many(AlertKind.UNUSUAL_PATTERN, CAUSES_PER_PAGE - 1)
    page = lin.get("/guardrails")

    assert f"{CAUSES_PER_PAGE} open" in page.text
    assert f"Told {MOST_REPEATS + 5} times since" in page.text
    assert "5 more like these, from before" in page.text
    assert first.pk not in numbers(page)
    assert not [a for a in page.every("a") if "before=" in a.attributes["href"]]


def test_an_act_on_an_older_page_of_alerts_leads_back_to_it(max_: Browser) -> None:
    made = many(AlertKind.UNUSUAL_PATTERN, CAUSES_PER_PAGE + 2)
    address = f"/guardrails/alerts?kind={AlertKind.UNUSUAL_PATTERN.value}&before={made[CAUSES_PER_PAGE - 1]}"
    forms = {form.attributes.get("action", "") for form in max_.get(address).every("form")}
    close = next(form for form in forms if form.startswith(f"/guardrails/alerts/{made[-1]}/close"))

    refused = max_.client.post(close, {"reason": ""})
    assert refused.status_code == 422
    assert numbers(Page(refused.content.decode())) == made[CAUSES_PER_PAGE:]
    closed = max_.client.post(close, {"reason": "A test of ours."})
    assert closed.headers["Location"] == address
    assert numbers(max_.get(address)) == made[CAUSES_PER_PAGE:-1]


def test_alerts_take_as_many_statements_however_many_there_are(lin: Browser) -> None:
    address = f"/guardrails/alerts?kind={AlertKind.UNUSUAL_PATTERN.value}"
    counts = []
    for how_many in (2, 60):
        Alert.objects.all().delete()
        many(AlertKind.UNUSUAL_PATTERN, how_many)
        for page in ("/guardrails", address):
            with CaptureQueriesContext(connection) as seen:
                lin.get(page)
            counts.append(len(seen))
    assert counts[:2] == counts[2:]
    assert counts[1] <= 12
