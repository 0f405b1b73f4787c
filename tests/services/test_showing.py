"""A channel sees what it may see, and nobody approves what they were not shown."""

from __future__ import annotations

import json

import pytest

from approvals.domain import errors
from approvals.domain.cards import Card
from approvals.domain.terms import Verdict
from approvals.models import AuditEvent
from approvals.models.workspaces import Shows
from approvals.services import deliveries, showing
from countersign import cli
from tests.domain.scene import NOON
from tests.fakes.adapter import FakeAdapter
from tests.support import cast

VALUE = "a-value-that-nobody-else-should-read"
OBJECT = "production-api"


def limit(shows: Shows, address: str = "#approvals") -> bool:
    return showing.change(
        adapter="fake", address=address, shows=shows, actor=cast.OPERATOR, at=NOON
    )


def told(channel: FakeAdapter) -> Card:
    asked = {
        **cast.HIGH,
        "target": OBJECT,
        "parameters": {"replicas": 3, "amount": 987654, "note": VALUE},
        "reasoning": f"Because {VALUE}.",
    }
    cast.request(at=NOON, **asked)
    deliveries.send_due(now=lambda: NOON)
    card = channel.told[0].card
    assert card is not None
    return card


def test_a_channel_sees_everything_until_somebody_limits_it(channel: FakeAdapter) -> None:
    limit(Shows.NAMES, address="#elsewhere")
    card = told(channel)
    assert VALUE in repr(card)
    assert (card.hides, card.drawable) == ("", True)
    assert Verdict.APPROVE in card.buttons


def test_a_channel_of_names_reads_no_value_and_offers_no_approve(channel: FakeAdapter) -> None:
    limit(Shows.NAMES)
    card = told(channel)
    assert VALUE not in repr(card)
    assert "987654" not in repr(card)
    assert [parameter.path for parameter in card.parameters] == ["replicas", "amount", "note"]
    assert OBJECT in card.headline
    assert card.buttons == (Verdict.DENY, Verdict.INVESTIGATE)
    assert not card.drawable


def test_a_channel_of_nothing_reads_only_that_one_waits(channel: FakeAdapter) -> None:
    limit(Shows.NOTHING)
    card = told(channel)
    assert VALUE not in repr(card)
    assert OBJECT not in repr(card)
    assert "HIGH RISK" in card.badge
    assert card.ref in card.summary
    assert card.buttons == ()
    assert not card.drawable


def test_a_change_is_history_and_no_change_is_none() -> None:
    assert limit(Shows.NAMES)
    assert not limit(Shows.NAMES)
    assert limit(Shows.VALUES)
    assert showing.limited() == []
    first, second = AuditEvent.objects.filter(type="channel.showing_changed").order_by("id")
    assert first.entry["detail"] == {
        "channel": "fake",
        "address": "#approvals",
        "shows": "names",
        "instead_of": "values",
    }
    assert second.entry["detail"]["shows"] == "values"


@pytest.mark.parametrize("address", ["", "  ", "x" * 401])
def test_an_address_nothing_can_be_sent_to_is_refused(address: str) -> None:
    with pytest.raises(errors.Invalid, match="Nothing was changed"):
        limit(Shows.NAMES, address=address)


def test_managers_and_operators_may_change_it() -> None:
    assert showing.may_change(cast.person("ada"))
    assert not showing.may_change(cast.person("lin"))


def test_the_command_line_sets_and_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["channel", "show"]) == 0
    assert "Every channel may see everything" in capsys.readouterr().out
    assert cli.main(["channel", "set", "C1", "--shows", "names"]) == 0
    assert "nobody can approve there" in capsys.readouterr().out
    assert cli.main(["channel", "show", "C1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "adapter": "slack",
        "address": "C1",
        "shows": "names",
    }
    assert cli.main(["channel", "show"]) == 0
    assert "names" in capsys.readouterr().out


def test_a_door_that_draws_for_itself_shows_no_more_than_its_strictest_address(
    channel: FakeAdapter,
) -> None:
    card = told(channel)
    limit(Shows.NAMES, address="#one")
    limit(Shows.NOTHING, address="#two")
    for addresses, hidden in (([], False), (["#one"], True), (["#two", "#one"], True)):
        found = showing.as_read(card, adapter="fake", addresses=addresses)
        assert (VALUE not in repr(found)) is hidden
        assert (Verdict.APPROVE not in found.buttons) is hidden
    assert OBJECT not in repr(found)
