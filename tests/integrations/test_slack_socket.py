"""Clicks over a connection of our own, for a service Slack cannot reach."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event, Thread
from typing import Any

import pytest

from approvals.domain.terms import Status
from approvals.models import Decision
from integrations.slack import socket_mode
from tests.fakes.slack import FakeSlack
from tests.fakes.slack_socket import FakeSocket
from tests.support import cast
from tests.support.slack import linked, shown, words_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def socket(slack: FakeSlack, settings: Any) -> Iterator[FakeSocket]:
    settings.SLACK_APP_TOKEN = "xapp-of-the-tests"
    stop = Event()
    with FakeSocket() as fake:
        slack.socket_url = fake.url
        hearing = Thread(target=socket_mode.main, args=(stop,))
        hearing.start()
        yield fake
        stop.set()
        hearing.join()


def test_a_click_approves(slack: FakeSlack, socket: FakeSocket) -> None:
    row = cast.request()
    linked("lin")
    message = shown(slack, row)
    click = slack.press(message, message.button("approve") or {})
    assert socket.ask(click) == {"envelope_id": "E1"}
    row.refresh_from_db()
    assert row.status == Status.APPROVED
    assert Decision.objects.get(request=row).authenticated_by == "slack_socket"


def test_the_same_envelope_again_has_no_second_effect(slack: FakeSlack, socket: FakeSocket) -> None:
    row = cast.request()
    linked("lin")
    message = shown(slack, row)
    click = slack.press(message, message.button("approve") or {})
    for _ in range(2):
        socket.ask(click)
    assert Decision.objects.filter(request=row).count() == 1
    assert slack.views == []


def test_what_makes_no_sense_is_acknowledged_and_the_next_click_is_heard(
    slack: FakeSlack, socket: FakeSocket
) -> None:
    row = cast.request()
    linked("mallory")
    for number, payload in enumerate(
        ({}, {"type": []}, {"type": "block_actions"}, {"type": "\ud800"})
    ):
        assert socket.ask(payload, envelope=f"J{number}") == {"envelope_id": f"J{number}"}
    message = shown(slack, row)
    socket.ask(slack.press(message, message.button("approve") or {}))
    assert "You are not one of them" in words_of(slack.views[0])


def test_without_a_token_it_says_which_setting_is_missing(slack: FakeSlack, settings: Any) -> None:
    settings.SLACK_APP_TOKEN = ""
    with pytest.raises(ValueError, match="SLACK_APP_TOKEN"):
        socket_mode.main()


def test_events_are_heard_over_the_socket_too(slack: FakeSlack, socket: FakeSocket) -> None:
    cast.request()
    linked("lin")
    event = {"type": "app_home_opened", "user": "U1", "tab": "home", "channel": "D1"}
    sent = {"type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event": event}
    assert socket.ask(sent, envelope="H1") == {"envelope_id": "H1"}
    assert [call.body["user_id"] for call in slack.called("views.publish")] == ["U1"]
