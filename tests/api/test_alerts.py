"""Alerts over the API: listed for people, closed by managers with words."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.domain.terms import AlertKind
from approvals.models import Agent, Alert
from approvals.services import alerts, clock
from tests.api.conftest import Caller
from tests.support import cast


def raised(agent: Agent, key: str, kind: AlertKind = AlertKind.SCOPE_VIOLATION) -> Alert:
    alert = alerts.raise_once(
        kind=kind, key=key, agent=agent, words="Look.", at=clock.now(), values={"n": 1},
        request=cast.request(agent),
    )  # fmt: skip
    assert alert is not None
    return alert


def test_an_alert_says_what_was_seen_and_of_whom(agent: Agent, lin: Caller) -> None:
    alert = raised(agent, "one")

    assert lin.get("/alerts").json() == {
        "items": [
            {
                "id": alert.pk,
                "kind": "scope_violation_attempts",
                "agent": "robo",
                "words": "Look.",
                "values": {"n": 1},
                "request": alert.request.ref if alert.request else "",
                "at": alert.at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
                "closed_at": None,
                "closed_by": None,
                "closed_because": None,
            }
        ],
        "next": None,
    }


def test_they_are_found_by_kind_agent_and_whether_they_are_open(agent: Agent, ada: Caller) -> None:
    first = raised(agent, "one")
    second = raised(cast.agent("digger")[0], "two", AlertKind.BREAKER_OPENED)
    assert ada.post(f"/alerts/{first.pk}/close", {"reason": "Renamed."}).status_code == 200

    def found(**query: Any) -> list[int]:
        return [each["id"] for each in ada.get("/alerts", **query).json()["items"]]

    assert found() == [second.pk, first.pk]
    assert found(kind="scope_violation_attempts") == [first.pk]
    assert found(kind="scope_violation_attempts,circuit_breaker_activations") == found()
    assert found(agent="digger") == [second.pk]
    assert found(open="true") == [second.pk]
    assert found(open="false") == [first.pk]


def test_pages_follow_one_another(agent: Agent, lin: Caller) -> None:
    numbers = [raised(agent, str(key)).pk for key in range(3)]

    one = lin.get("/alerts", limit=2).json()
    two = lin.get(one["next"]).json()

    assert [each["id"] for each in one["items"] + two["items"]] == numbers[::-1]
    assert two["next"] is None


def test_closing_wants_words_and_is_told_to_whoever_is_late(agent: Agent, ada: Caller) -> None:
    path = f"/alerts/{raised(agent, 'one').pk}/close"

    assert ada.post(path, {}).status_code == 422
    assert ada.post(path, {"reason": "\u200b"}).status_code == 422
    closed = ada.post(path, {"reason": "A new customer."}).json()
    assert (closed["closed_by"], closed["closed_because"]) == ("ada@example.com", "A new customer.")
    again = ada.post(path, {"reason": "Again."})
    assert again.status_code == 409
    assert again.json()["code"] == "already_closed"
    assert again.json()["facts"] == {"closed_by": "ada@example.com"}


@pytest.mark.parametrize("number", ["0", "999999", str(2**63), "9" * 40])
def test_an_alert_that_is_not_there_is_not_found(ada: Caller, number: str) -> None:
    assert ada.post(f"/alerts/{number}/close", {"reason": "Looked."}).status_code == 404


def test_a_member_and_an_agent_close_nothing(
    agent: Agent, robo: Caller, lin: Caller, nobody: Caller
) -> None:
    path = f"/alerts/{raised(agent, 'one').pk}/close"

    assert lin.post(path, {"reason": "Fine."}).json()["code"] == "not_allowed"
    assert robo.post(path, {"reason": "Fine."}).json()["code"] == "people_only"
    assert robo.get("/alerts").json()["code"] == "people_only"
    assert nobody.get("/alerts").status_code == 401
    assert Alert.objects.get().closed_at is None


def test_a_misspelt_filter_is_refused(lin: Caller) -> None:
    assert lin.get("/alerts", opened="true").status_code == 422
    assert lin.get("/alerts", open="yes").status_code == 422
    assert lin.get("/alerts", kind="scope").status_code == 422
