"""Dead letters over the API: listed for who may read history, sent again by managers and operators."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from approvals.models import AuditEvent, Delivery
from approvals.ports import DeliveryError
from approvals.services import adapters, clock, deliveries
from tests.api.conftest import Caller
from tests.fakes.adapter import FakeAdapter
from tests.support import cast

CALLBACK = "https://agent.example.com/hook?token=s3cret"


@pytest.fixture
def dead(db: None, settings: Settings) -> Delivery:
    """A webhook that was given up."""
    settings.ADAPTERS = ["tests.fakes.adapter.FakeAdapter"]
    channel = adapters.enabled()["fake"]
    assert isinstance(channel, FakeAdapter)
    cast.approved(callback_url=CALLBACK)
    channel.will(DeliveryError("410 gone", permanent=True))
    Delivery.objects.filter(kind="card").delete()
    deliveries.send_due()
    return Delivery.objects.get(state="dead")


def test_what_was_given_up_is_listed_without_the_receivers_secrets(
    dead: Delivery, ada: Caller
) -> None:
    [found] = ada.get("/deliveries", state="dead").json()["items"]
    assert found == {
        "id": dead.pk,
        "message_id": str(dead.message_id),
        "request": dead.request.ref,
        "adapter": "fake",
        "address": "https://agent.example.com/hook?…",
        "kind": "event",
        "event": "request.submitted",
        "state": "dead",
        "attempts": 1,
        "last_error": "410 gone",
        "due_at": found["due_at"],
        "created_at": found["created_at"],
        "finished_at": found["finished_at"],
    }
    assert "s3cret" not in ada.get("/deliveries").content.decode()


def test_it_is_found_by_state_and_adapter_page_by_page(dead: Delivery, grace: Caller) -> None:
    def count(**query: Any) -> int:
        return len(grace.get("/deliveries", **query).json()["items"])

    assert count() == 2
    assert count(state="dead,sent", adapter="fake") == 2
    assert count(state="superseded") == count(adapter="slack") == 0
    page = grace.get("/deliveries", limit=1).json()
    assert [each["id"] for each in grace.get(page["next"]).json()["items"]] == [dead.pk]
    assert grace.get("/deliveries", state="gone").status_code == 422
    assert grace.get("/deliveries", stat="dead").status_code == 422


def test_sent_again_it_is_the_same_message_and_history(dead: Delivery, ada: Caller) -> None:
    again = ada.post(f"/deliveries/{dead.pk}/resend").json()
    assert (again["state"], again["attempts"]) == ("waiting", 0)
    assert again["message_id"] == str(dead.message_id)
    event = AuditEvent.objects.get(type="delivery.resent")
    assert (event.actor, event.entry["detail"]["error"]) == ("person:ada@example.com", "410 gone")
    deliveries.send_due(now=clock.now)
    dead.refresh_from_db()
    assert dead.state == "sent"


def test_only_what_is_dead_is_sent_again(dead: Delivery, ada: Caller) -> None:
    path = f"/deliveries/{dead.pk}/resend"
    assert ada.post(path).status_code == 200
    twice = ada.post(path)
    assert (twice.status_code, twice.json()["code"]) == (409, "not_dead")
    for number in (0, 999_999, 2**63, 10**40):
        assert ada.post(f"/deliveries/{number}/resend").status_code == 404
    assert ada.post(path, {"now": True}).status_code == 422


def test_members_auditors_agents_and_strangers_send_nothing_again(
    dead: Delivery, lin: Caller, grace: Caller, robo: Caller, nobody: Caller
) -> None:
    path = f"/deliveries/{dead.pk}/resend"
    assert lin.post(path).json()["code"] == "not_allowed"
    assert grace.post(path).json()["code"] == "not_allowed"
    assert robo.post(path).json()["code"] == "people_only"
    assert nobody.post(path).status_code == 401
    assert lin.get("/deliveries").status_code == 403
    assert robo.get("/deliveries").status_code == 403
    dead.refresh_from_db()
    assert dead.state == "dead"
