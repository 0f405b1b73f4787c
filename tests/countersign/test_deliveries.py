"""`countersign delivery` and `countersign agent webhook-secret`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import Settings
from standardwebhooks import Webhook

from approvals.models import Agent, AuditEvent, Delivery
from approvals.ports import DeliveryError
from approvals.services import adapters, agents, deliveries
from countersign import cli
from tests.fakes.adapter import FakeAdapter
from tests.support import cast

Captured = pytest.CaptureFixture[str]
pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def dead(settings: Settings) -> Delivery:
    settings.ADAPTERS = ["tests.fakes.adapter.FakeAdapter"]
    channel = adapters.enabled()["fake"]
    assert isinstance(channel, FakeAdapter)
    cast.request(at=NOON)
    channel.will(DeliveryError("channel_not_found", permanent=True))
    deliveries.send_due()
    return Delivery.objects.get(state="dead")


def test_what_was_given_up_is_listed_and_sent_again(dead: Delivery, capsys: Captured) -> None:
    assert cli.main(["delivery", "list"]) == 0
    shown = capsys.readouterr().out
    assert "channel_not_found" in shown
    assert dead.request.ref in shown
    assert cli.main(["delivery", "resend", str(dead.pk)]) == 0
    assert (
        f"Delivery {dead.pk} of {dead.request.ref} is tried again now." in capsys.readouterr().out
    )
    assert AuditEvent.objects.get(type="delivery.resent").actor.startswith("operator:")
    assert cli.main(["delivery", "list"]) == 0
    assert "No delivery was given up." in capsys.readouterr().out
    assert cli.main(["delivery", "resend", str(dead.pk)]) == 1
    assert "is waiting, not dead" in capsys.readouterr().err
    assert cli.main(["delivery", "list", "--all", "--json", "--channel", "fake"]) == 0
    assert [each["state"] for each in json.loads(capsys.readouterr().out)] == ["waiting"]
    assert cli.main(["delivery", "resend", "99999"]) == 1


def test_a_changed_secret_signs_beside_the_old_one_for_a_day(capsys: Captured) -> None:
    agent, _ = cast.agent()
    first = agent.webhook_secret
    assert cli.main(["agent", "webhook-secret", "robo", "--rotate", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["before"] == [first]
    assert made["webhook_secret"] != first
    Webhook(made["webhook_secret"])
    agent = Agent.objects.get(name="robo")
    at = AuditEvent.objects.get(type="agent.secret_rotated").at
    assert agents.webhook_secrets(agent, at=at) == (made["webhook_secret"], first)
    assert agents.webhook_secrets(agent, at=at + timedelta(hours=23)) == (
        made["webhook_secret"],
        first,
    )
    assert agents.webhook_secrets(agent, at=at + timedelta(hours=25)) == (made["webhook_secret"],)
    assert cli.main(["agent", "webhook-secret", "robo", "--rotate"]) == 0
    shown = capsys.readouterr().out
    assert made["webhook_secret"] in shown
    assert first not in shown
    assert len(agents.webhook_secrets(Agent.objects.get(name="robo"), at=at)) == 2
    assert first not in str(list(AuditEvent.objects.values_list("entry", flat=True)))


def test_messages_bear_both_secrets_while_it_is_changed(settings: Settings) -> None:
    settings.ADAPTERS = ["tests.fakes.adapter.FakeAdapter"]
    channel = adapters.enabled()["fake"]
    assert isinstance(channel, FakeAdapter)
    agent, _ = cast.agent()
    first = agent.webhook_secret
    new = agents.rotate_webhook_secret(agent=agent, at=NOON, actor=cast.OPERATOR)
    cast.request(agent, at=NOON)
    deliveries.send_due(now=lambda: NOON + timedelta(hours=1))
    cast.request(agent, at=NOON, target="another")
    deliveries.send_due(now=lambda: NOON + timedelta(days=2))
    assert [message.secrets for message in channel.told] == [(new, first), (new,)]
