"""The app's tab in Slack: what waits, who is away, what was decided."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.domain.terms import Verdict
from approvals.models import Absence, AuditEvent, Person
from approvals.services import absence, clock, looking
from integrations.slack import home, home_tabs
from integrations.slack.payloads import Account
from tests.fakes.knocks import signed
from tests.fakes.slack import Posted, broken, limited
from tests.fakes.slack_rooms import RoomySlack, event
from tests.support import cast
from tests.support.slack import knock, linked, shown

pytestmark = [pytest.mark.urls("integrations.slack.urls"), pytest.mark.django_db]


@pytest.fixture
def slack(settings: Any) -> Iterator[RoomySlack]:
    with RoomySlack() as fake:
        for name, value in fake.settings.items():
            setattr(settings, name, value)
        settings.ADAPTERS = ["integrations.slack.adapter.SlackAdapter"]
        yield fake


def opened(slack: RoomySlack, user: str = "U1") -> str:
    """What stands on somebody's tab after they opened it."""
    assert knock(event("app_home_opened", user=user)).status_code == 200
    return json.dumps(slack.homes[user]["blocks"], ensure_ascii=False)


def buttons(slack: RoomySlack, user: str = "U1") -> list[str]:
    """What can be pressed on a tab."""
    blocks = slack.homes[user]["blocks"]
    pressable = [e for b in blocks for e in b.get("elements", ()) if "action_id" in e]
    return [e["action_id"] for e in pressable] + [
        b["accessory"]["action_id"] for b in blocks if "accessory" in b
    ]


def test_the_tab_shows_what_waits_for_this_person_with_a_way_in(slack: RoomySlack) -> None:
    mine = cast.request()
    cast.request(**cast.CRITICAL)
    linked("lin")
    drawn = opened(slack)
    assert "Waiting for you (1)" in drawn
    assert f"/r/{mine.ref}" in drawn
    assert "Scale deployment · production-api" in drawn
    assert "orders" not in drawn
    assert "approve" not in buttons(slack)


def test_what_does_not_fit_is_counted(slack: RoomySlack) -> None:
    for number in range(23):
        cast.request(target=f"service-{number}")
    linked("lin")
    drawn = opened(slack)
    assert "Waiting for you (23)" in drawn
    assert "and 3 more" in drawn
    assert len(slack.homes["U1"]["blocks"]) <= 100


def test_the_last_five_decisions_are_shown(slack: RoomySlack) -> None:
    rows = [cast.request(target=f"service-{number}") for number in range(6)]
    for row in rows:
        cast.decide(row, cast.person("lin"), Verdict.DENY, "No.")
    linked("lin")
    drawn = opened(slack)
    assert "Waiting for you (0)" in drawn
    assert drawn.count("Denied REQ-") == 5
    assert f"Denied {rows[0].ref} " not in drawn


def test_the_switch_says_that_somebody_is_away_and_back(slack: RoomySlack) -> None:
    linked("lin")
    opened(slack)
    knock(slack.switch("U1", "away_week"))
    away = absence.current(cast.person("lin"), clock.now())
    assert away is not None
    assert "You are away until" in json.dumps(slack.homes["U1"])
    assert AuditEvent.objects.filter(type="person.away").exists()
    knock(slack.switch("U1", "back"))
    assert absence.current(cast.person("lin"), clock.now()) is None
    assert "away_week" in buttons(slack)
    assert AuditEvent.objects.filter(type="person.back").exists()


def test_the_switch_pressed_twice_is_one_absence(slack: RoomySlack) -> None:
    linked("lin")
    opened(slack)
    first, second = slack.switch("U1", "away_day"), slack.switch("U1", "away_day")
    knock(first)
    knock(second)
    assert Absence.objects.count() == 1


def test_only_a_switch_of_ours_counts_and_only_for_its_owner(slack: RoomySlack) -> None:
    linked("lin", "U1")
    linked("ada", "U2")
    opened(slack)
    slack.homes["U2"] = slack.homes["U1"]
    knock(slack.switch("U2", "away_day"))
    assert "was not made by this service" in json.dumps(slack.homes["U2"])
    payload = slack.press(
        slack.messages.setdefault(("C1", "1.1"), _lunch()), {"action_id": "away_day", "value": "x"}
    )
    knock(signed(payload))
    assert not Absence.objects.exists()


def _lunch() -> Posted:
    return Posted("C1", "1.1", {"text": "Lunch?", "blocks": []})


def test_somebody_unknown_sees_how_to_link_and_nothing_else(slack: RoomySlack) -> None:
    cast.request()
    drawn = opened(slack, "U9")
    assert "We do not know who you are yet." in drawn
    assert "/link/slack?token=" in drawn
    assert "production-api" not in drawn
    assert buttons(slack, "U9") == ["open"]


def test_a_member_of_another_workspace_sees_nothing(slack: RoomySlack, settings: Any) -> None:
    settings.SLACK_TEAM_ID = "T7"
    cast.request()
    drawn = opened(slack)
    assert "whose members do not decide here" in drawn
    assert "production-api" not in drawn


def test_the_messages_tab_draws_nothing(slack: RoomySlack) -> None:
    knock(event("app_home_opened", tab="messages"))
    assert slack.homes == {}


def test_a_tab_that_cannot_be_drawn_fails_nothing(slack: RoomySlack) -> None:
    linked("lin")
    slack.will("views.publish", broken(), "not_enabled")
    for _ in range(2):
        assert knock(event("app_home_opened")).status_code == 200


def test_hostile_targets_stay_text(slack: RoomySlack) -> None:
    cast.request(target="<!channel> \u202etxt")
    linked("lin")
    opened(slack)
    rows = [b for b in slack.homes["U1"]["blocks"] if "accessory" in b]
    assert rows[0]["text"]["type"] == "plain_text"
    assert "\u202e" not in rows[0]["text"]["text"]


def test_the_number_of_statements_does_not_grow_with_what_waits(slack: RoomySlack) -> None:
    linked("lin")
    account, person = Account("U1", "T1", ""), cast.person("lin")
    counts = []
    for number in range(2):
        for more in range(4):
            cast.request(target=f"service-{number}-{more}")
        with CaptureQueriesContext(connection) as seen:
            home.draw(account, person, at=clock.now())
        counts.append(len(seen))
    assert counts[0] == counts[1]


def look(seconds: float = 0) -> None:
    """The next look, some time from now."""
    later = clock.now() + timedelta(seconds=seconds)
    looking.look_due(now=lambda: later)


def drawn(slack: RoomySlack) -> int:
    return len(slack.called("views.publish"))


def test_the_tab_is_drawn_anew_after_a_decision_of_its_owner(slack: RoomySlack) -> None:
    row = cast.request()
    linked("lin")
    assert "Waiting for you (1)" in opened(slack)
    cast.decide(row, cast.person("lin"))
    look()
    assert "Waiting for you (0)" in json.dumps(slack.homes["U1"])
    assert f"Approved {row.ref}" in json.dumps(slack.homes["U1"])
    look(61)
    assert drawn(slack) == 2


def test_a_click_makes_the_look_due_and_many_are_drawn_once(
    slack: RoomySlack, settings: Any
) -> None:
    settings.UNDO_SECONDS = 30
    rows = [cast.request(target=f"service-{number}") for number in range(3)]
    linked("lin")
    opened(slack)
    look()
    assert drawn(slack) == 1
    for row in rows:
        knock(slack.click(shown(slack, row), "approve"))
    look()
    assert drawn(slack) == 2
    knock(slack.click(shown(slack, rows[0]), "undo"))
    look()
    assert drawn(slack) == 3


def test_it_is_drawn_anew_when_its_owner_leaves_or_comes_back_elsewhere(slack: RoomySlack) -> None:
    linked("lin")
    opened(slack)
    lin, at = cast.person("lin"), clock.now()
    ends_at = at + timedelta(days=1)
    absence.begin(lin, starts_at=at, ends_at=ends_at, stand_in=None, by=lin, at=at)
    look()
    assert "You are away until" in json.dumps(slack.homes["U1"])
    look(26 * 3600)
    assert "You are here" in json.dumps(slack.homes["U1"])


def test_nobody_s_tab_is_drawn_who_never_opened_it_or_did_nothing(slack: RoomySlack) -> None:
    row = cast.request()
    linked("lin")
    linked("ada", "U2")
    opened(slack, "U2")
    cast.decide(row, cast.person("lin"))
    look()
    assert drawn(slack) == 1
    assert "U1" not in slack.homes


def test_what_others_wait_for_is_taken_off_the_tab_of_somebody_we_no_longer_know(
    slack: RoomySlack,
) -> None:
    cast.request()
    linked("lin")
    assert "production-api" in opened(slack)
    Person.objects.filter(pk=cast.person("lin").pk).update(is_active=False)
    look()
    assert "production-api" not in json.dumps(slack.homes["U1"])
    look(61)
    assert drawn(slack) == 2


def test_a_look_that_slack_slows_down_is_done_later(slack: RoomySlack) -> None:
    row = cast.request()
    linked("lin")
    opened(slack)
    cast.decide(row, cast.person("lin"))
    slack.will("views.publish", limited(5))
    look()
    assert "Waiting for you (1)" in json.dumps(slack.homes["U1"])
    look(61)
    assert "Waiting for you (0)" in json.dumps(slack.homes["U1"])


def test_a_look_takes_as_many_statements_for_many_tabs(slack: RoomySlack) -> None:
    counts = []
    for number, name in enumerate(("lin", "ada", "grace")):
        linked(name, f"U{number}")
        opened(slack, f"U{number}")
        with CaptureQueriesContext(connection) as seen:
            home_tabs.draw_due(at=clock.now())
        counts.append(len(seen))
    assert counts[0] == counts[-1]
