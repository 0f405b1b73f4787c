"""`countersign agent time-zone`, and the zone an agent is registered with."""

from __future__ import annotations

import pytest

from approvals.models import Agent
from countersign.outcomes import NO, YES
from tests.countersign.commands import Captured, run, told
from tests.support import cast

pytestmark = pytest.mark.django_db
REFUSED = NO


@pytest.fixture(autouse=True)
def policy(db: None) -> None:
    cast.policy()


def test_it_is_said_at_registering_shown_changed_and_forgotten(capsys: Captured) -> None:
    told(capsys, "agent", "add", "deploy-bot", "--time-zone", "Europe/Berlin")
    [row] = told(capsys, "agent", "list")
    assert row["time_zone"] == "Europe/Berlin"

    assert told(capsys, "agent", "time-zone", "deploy-bot", "Asia/Kolkata")["time_zone"] == (
        "Asia/Kolkata"
    )
    run("agent", "time-zone", "deploy-bot", code=YES)
    assert "Agent deploy-bot works in Asia/Kolkata." in capsys.readouterr().out
    assert told(capsys, "agent", "time-zone", "deploy-bot", "--unknown")["time_zone"] is None


def test_what_is_no_zone_registers_nobody(capsys: Captured) -> None:
    run("agent", "add", "deploy-bot", "--time-zone", "Europe/Berlni", code=REFUSED)
    assert "did you mean 'Europe/Berlin'? Nothing was made." in capsys.readouterr().err
    assert not Agent.objects.exists()


def test_another_key_changes_no_zone(capsys: Captured) -> None:
    run("agent", "add", "deploy-bot", "--time-zone", "UTC", code=YES)
    run("agent", "add", "deploy-bot", "--time-zone", "Europe/Berlin", code=REFUSED)
    assert "countersign agent time-zone deploy-bot ZONE" in capsys.readouterr().err
    run("agent", "time-zone", "deploy-bot", "UTC", "--unknown", code=REFUSED)
    assert Agent.objects.get().time_zone == "UTC"
    assert Agent.objects.get().keys.count() == 1
