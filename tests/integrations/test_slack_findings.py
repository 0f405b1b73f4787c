"""What Slack would refuse is looked for before anything fails, and said where channels are read about."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from approvals.models import ChannelFinding
from approvals.models.people import Role
from approvals.services import clock, health, looking
from integrations.slack import findings
from tests.fakes.slack import broken, limited
from tests.fakes.slack_rooms import RoomySlack
from tests.support import cast
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def slack(settings: Any) -> Iterator[RoomySlack]:
    with RoomySlack() as fake:
        for name, value in fake.settings.items():
            setattr(settings, name, value)
        settings.ADAPTERS = ["integrations.slack.adapter.SlackAdapter"]
        yield fake


def found() -> list[str]:
    return list(ChannelFinding.objects.order_by("pk").values_list("words", flat=True))


def without(slack: RoomySlack, *gone: str) -> None:
    slack.scopes = ",".join(s for s in slack.scopes.split(",") if s not in gone)


def test_a_slack_that_is_set_up_has_nothing_to_mend(slack: RoomySlack) -> None:
    assert findings.look(at=clock.now())
    assert found() == []
    assert {call.method for call in slack.calls} == {"auth.test", "conversations.info"}


def test_a_missing_scope_and_a_channel_without_us_are_found_before_anything_fails(
    slack: RoomySlack,
) -> None:
    without(slack, "im:write")
    slack.member_of = set()
    looking.look_due()
    assert found() == [
        "im:write is missing: nobody can be written to directly",
        "C1: the app is not a member",
    ]


def test_it_is_said_on_the_settings_page_and_over_the_api(slack: RoomySlack) -> None:
    without(slack, "chat:write")
    findings.look(at=clock.now())
    olga = Browser(cast.person("olga", role=Role.OPERATOR))
    for address in ("/settings", "/settings/live", "/settings/channels/slack"):
        drawn = olga.get(address)
        assert "chat:write is missing: nothing can be posted" in drawn.text, address
        assert "Add it on the app's OAuth page" in drawn.text, address
    told = {one.name: health.told(one, at=clock.now()) for one in health.channels(at=clock.now())}
    assert (
        told["slack"]["amiss"][0]["fix"]
        == "Add it on the app's OAuth page and install the app again"
    )
    assert told["email"]["amiss"] == []


def test_what_was_mended_goes_and_since_when_the_rest_is_amiss_stays(slack: RoomySlack) -> None:
    now, scopes = clock.now(), slack.scopes
    without(slack, "im:write", "users:read")
    findings.look(at=now)
    slack.scopes = scopes.replace(",users:read,", ",")
    findings.look(at=now + HOUR)
    row = ChannelFinding.objects.get()
    assert row.words.startswith("users:read is missing")
    assert (row.found_at, row.seen_at) == (now, now + HOUR)


def test_slack_is_asked_once_an_hour_and_at_once_after_a_change(
    slack: RoomySlack, settings: Any
) -> None:
    now = clock.now().replace(minute=10)
    assert [findings.look(at=now + timedelta(minutes=m)) for m in (0, 1, 49, 50)] == [
        True, False, False, True,
    ]  # fmt: skip
    settings.SLACK_CHANNEL = "C2"
    assert findings.look(at=now + timedelta(minutes=51))


def test_a_channel_no_longer_named_needs_no_mending(slack: RoomySlack, settings: Any) -> None:
    slack.member_of = {"C2"}
    findings.look(at=clock.now())
    assert len(found()) == 1
    settings.SLACK_CHANNEL = "C2"
    findings.look(at=clock.now())
    assert found() == []


@pytest.mark.parametrize("trouble", [limited(7), broken()])
def test_a_slack_that_does_not_answer_mends_nothing_and_is_asked_again(
    slack: RoomySlack, trouble: Any
) -> None:
    now = clock.now().replace(minute=10)
    without(slack, "im:write")
    findings.look(at=now)
    slack.will("auth.test", trouble)
    assert not findings.look(at=now + HOUR)
    assert found() == ["im:write is missing: nobody can be written to directly"]
    assert findings.look(at=now + HOUR + timedelta(minutes=1))


def test_a_refused_token_is_said_without_the_token(slack: RoomySlack) -> None:
    slack.will("auth.test", "invalid_auth")
    findings.look(at=clock.now())
    assert found()[0] == "Slack refuses the token (invalid_auth)"
    assert "xoxb" not in str(list(ChannelFinding.objects.values()))


def test_a_slack_that_names_no_scopes_is_not_said_to_lack_them(slack: RoomySlack) -> None:
    slack.names_scopes = False
    findings.look(at=clock.now())
    assert found() == []


def test_a_channel_by_name_is_said_to_break_when_it_is_renamed(
    slack: RoomySlack, settings: Any
) -> None:
    settings.SLACK_CHANNEL = "#approvals"
    findings.look(at=clock.now())
    assert found()[0].startswith("#approvals: a channel's name cannot be looked up")


def test_what_was_looked_at_is_not_asked_again_for_what_gave_no_answer(slack: RoomySlack) -> None:
    now = clock.now().replace(minute=10)
    slack.will("auth.test", broken())
    assert not findings.look(at=now)
    assert findings.look(at=now + timedelta(minutes=1))
    asked = [call.method for call in slack.calls]
    assert (asked.count("auth.test"), asked.count("conversations.info")) == (2, 1)
