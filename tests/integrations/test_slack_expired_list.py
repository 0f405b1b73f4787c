"""Team leads hear once a day, in their own conversation with the app, what expired undecided."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from approvals.models import Delivery, Identity, Person, Replay
from approvals.models.workspaces import Shows
from approvals.ports import DeliveryError
from approvals.services import clock, expired_rounds, looking, showing
from integrations.slack import expired_list, home_tabs
from integrations.slack.adapter import SlackAdapter
from integrations.slack.payloads import Account
from tests.fakes import slack as faults
from tests.fakes.slack import FakeSlack, Posted
from tests.support import cast
from tests.support.expired import manages, undecided

pytestmark = pytest.mark.django_db
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
SOON = 3 * MINUTE


@pytest.fixture
def hour(slack: FakeSlack, settings: Any) -> datetime:
    """The hour of today's list, which the fake's own clock is near."""
    found = clock.now().replace(second=0, microsecond=0)
    settings.EXPIRED_LIST_AT = f"{found:%H:%M}"
    settings.DIGEST_ZONE = "UTC"
    return found


@pytest.fixture
def vera(hour: datetime) -> Person:
    """Vera, who manages the leads who are asked, has an account, and is known since yesterday."""
    vera = cast.person("vera", teams=())
    manages(vera, cast.person("lin"), cast.person("sam"))
    linked(vera, "UVERA")
    cast.agent()
    look(hour - DAY + SOON)
    return vera


def linked(person: Person, account: str) -> None:
    Identity.objects.create(
        person=person,
        kind="slack",
        external_id=account,
        verified_by="tests",
        created_at=clock.now(),
    )


def look(at: datetime) -> None:
    SlackAdapter().look(at=at, since=None)


def direct(slack: FakeSlack) -> list[Posted]:
    return [message for message in slack.posted if message.channel == "DUVERA"]


def listed(message: Posted) -> list[str]:
    return [
        str(part["text"])
        for block in message.blocks
        for element in block.get("elements", ())
        for line in element.get("elements", ())
        for part in line.get("elements", ())
        if part.get("type") == "link"
    ]


def test_a_lead_reads_what_expired_with_nothing_to_decide_by(
    slack: FakeSlack, vera: Person, hour: datetime
) -> None:
    row = undecided("production-api", hour - HOUR)
    look(hour + SOON)

    [message] = slack.posted
    assert message.channel == "DUVERA"
    assert message.text == f"⌛ NOT DECIDED IN TIME · 1 request: {row.ref}."
    assert listed(message) == [row.ref]
    assert "Scale deployment · production-api · medium risk" in str(message.blocks)
    opens = message.button("open")
    assert opens is not None
    assert "/history?q=outcome%3Aexpired" in str(opens["url"])
    assert [message.button(name) for name in ("approve", "deny", "investigate")] == [None] * 3


def test_it_comes_once_a_day_and_not_when_nothing_expired(
    slack: FakeSlack, vera: Person, hour: datetime
) -> None:
    undecided("production-api", hour - HOUR)
    for moment in (hour - MINUTE, hour + SOON, hour + 2 * SOON, hour + HOUR, hour + DAY + SOON):
        look(moment)
    assert len(slack.posted) == 1


def test_leads_without_an_account_are_left_out(
    slack: FakeSlack, vera: Person, hour: datetime
) -> None:
    Identity.objects.all().delete()
    undecided("production-api", hour - HOUR)
    look(hour + SOON)
    assert slack.posted == []
    assert slack.called("conversations.open") == []


def test_what_a_limited_channel_was_not_told_the_lead_is_not_told_either(
    slack: FakeSlack, vera: Person, hour: datetime
) -> None:
    row = undecided("secret-customer-db", hour - HOUR)
    Delivery.objects.create(
        adapter="slack", address="C0456", kind="ask", request=row, due_at=hour, created_at=hour
    )
    showing.change(
        adapter="slack", address="C0456", shows=Shows.NOTHING, actor=cast.OPERATOR, at=hour
    )
    look(hour + SOON)

    [message] = direct(slack)
    assert row.ref in str(message.blocks)
    assert "secret-customer-db" not in str(message.blocks) + message.text


def test_a_post_that_arrived_is_found_and_not_repeated(
    slack: FakeSlack, vera: Person, hour: datetime
) -> None:
    undecided("production-api", hour - HOUR)
    slack.will("chat.postMessage", faults.done_and_gone())
    with pytest.raises(DeliveryError):
        look(hour + SOON)
    look(hour + SOON + MINUTE)
    look(hour + SOON + 3 * MINUTE)
    look(hour + SOON + 30 * MINUTE)

    assert len(direct(slack)) == 1
    assert len(slack.called("chat.postMessage")) == 1
    assert slack.called("conversations.history") != []


def test_a_worker_that_dies_after_the_post_is_followed_by_one_that_finds_it(
    slack: FakeSlack, vera: Person, hour: datetime
) -> None:
    undecided("production-api", hour - HOUR)
    kept = dict(Replay.objects.filter(key=str(vera.pk)).values_list("pk", "seen_at"))
    look(hour + SOON)
    for pk, seen_at in kept.items():  # as it was before the post was recorded
        Replay.objects.filter(pk=pk).update(seen_at=seen_at)
    Replay.objects.filter(key=expired_rounds.GATE).delete()
    look(hour + SOON + 5 * MINUTE)
    look(hour + SOON + 30 * MINUTE)

    assert len(direct(slack)) == 1


def test_a_post_that_never_arrived_is_made_again(
    slack: FakeSlack, vera: Person, hour: datetime
) -> None:
    row = undecided("production-api", hour - HOUR)
    slack.will("chat.postMessage", faults.broken(503))
    with pytest.raises(DeliveryError):
        look(hour + SOON)
    assert slack.posted == []
    look(hour + SOON + 5 * MINUTE)

    [message] = direct(slack)
    assert listed(message) == [row.ref]


def test_a_limit_is_waited_for(slack: FakeSlack, vera: Person, hour: datetime) -> None:
    row = undecided("production-api", hour - HOUR)
    slack.will("chat.postMessage", faults.limited(120))
    asked = iter([hour + SOON, hour + SOON + MINUTE, hour + SOON + 3 * MINUTE])
    for moment in asked:
        looking.look_due(now=lambda at=moment: at)  # type: ignore[misc]

    assert [listed(message) for message in direct(slack)] == [[row.ref]]
    assert len(slack.called("chat.postMessage")) == 2


def test_what_slack_refuses_for_now_is_tried_again_later(
    slack: FakeSlack, vera: Person, hour: datetime
) -> None:
    row = undecided("production-api", hour - HOUR)
    slack.will("conversations.open", "missing_scope")
    with pytest.raises(DeliveryError, match="missing_scope"):
        look(hour + SOON)
    look(hour + SOON + 30 * MINUTE)
    assert listed(direct(slack)[0]) == [row.ref]


def test_a_home_tab_that_cannot_be_drawn_holds_no_list_up(
    slack: FakeSlack, vera: Person, hour: datetime
) -> None:
    lin = cast.person("lin")
    linked(lin, "ULIN")
    home_tabs.remember(Account("ULIN", "", ""), lin, at=hour)
    cast.decide(cast.request(target="other-api"), lin)
    row = undecided("production-api", hour - HOUR)
    with pytest.raises(DeliveryError):  # the fake knows no views.publish
        look(hour + SOON)
    assert listed(direct(slack)[0]) == [row.ref]


def test_a_long_list_fits_into_a_message_and_counts_the_rest(
    slack: FakeSlack, vera: Person, hour: datetime
) -> None:
    for number in range(23):
        target = f"{number}-" + "<!channel> & *x* \u202e" * 20
        undecided(target, hour - 6 * HOUR + number * 11 * MINUTE)
    look(hour + SOON)

    [message] = direct(slack)  # the fake refuses what goes beyond Slack's limits
    assert "23 requests" in message.text
    assert len(listed(message)) == 20
    assert "and 3 more, in history" in str(message.blocks)
    assert "<!channel>" not in message.text
    assert "mrkdwn'" not in str(message.blocks)


def test_metadata_tells_nothing_but_which_list_it_is(
    slack: FakeSlack, vera: Person, hour: datetime
) -> None:
    undecided("production-api", hour - HOUR)
    look(hour + SOON)
    metadata = slack.posted[0].content["metadata"]
    assert metadata["event_type"] == expired_list.METADATA
    assert list(metadata["event_payload"]) == ["list"]
    begins = (hour - DAY).astimezone(UTC)
    assert metadata["event_payload"]["list"] == f"{vera.pk}:{begins:%Y%m%dT%H%M%S}"
