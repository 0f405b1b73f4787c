"""Standing grants over the API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from approvals.models import Agent, StandingGrant
from approvals.services import clock
from tests.api.conftest import Caller
from tests.support import cast


def in_hours(count: float) -> str:
    return (clock.now() + timedelta(hours=count)).isoformat()


def terms(**changes: Any) -> dict[str, Any]:
    body = {"until": in_hours(1), "most_uses": 2} | changes
    return {name: value for name, value in body.items() if value is not None}


def draft(**changes: Any) -> dict[str, Any]:
    body = {
        "agent": "robo",
        "action": "scale_deployment",
        "target": "production-api",
        "reason": "Every peak.",
        "bounds": {
            "from_replicas": {"least": 1, "most": 8},
            "to_replicas": {"least": 1, "most": 8},
        },
        "impact": {"pods": 3, "cost_per_hour_usd": 45},
    }
    return terms(**(body | changes))


def test_an_approval_is_let_stand_and_used(agent: Agent, lin: Caller, robo: Caller) -> None:
    ref = cast.approved(agent).ref

    made = lin.post("/standing-grants", terms(made_from=ref))

    assert made.status_code == 201
    assert (made.json()["made_by"], made.json()["uses"]) == ("Lin", 0)
    again = robo.post("/requests", cast.submission()).json()
    assert (again["status"], again["basis"]) == ("approved", "standing_grant")
    assert again["evaluation"][-1]["check"] == "standing_grant"
    assert made.json()["ref"] in again["evaluation"][-1]["words"]
    [listed] = robo.get("/standing-grants").json()["items"]
    assert (listed["ref"], listed["uses"]) == (made.json()["ref"], 1)


def test_a_draft_waits_for_others(
    agent: Agent, calls: Callable[..., Caller], ada: Caller, grace: Caller, robo: Caller
) -> None:
    asked = calls("sam").post("/standing-grants", draft())

    assert asked.status_code == 202
    for caller in (ada, grace):
        path = f"/requests/{asked.json()['ref']}/decisions"
        assert caller.post(path, {"verdict": "approve"}).status_code == 200
    again = robo.post("/requests", cast.submission()).json()
    assert again["basis"] == "standing_grant"


def test_a_grant_is_revoked_at_once(
    agent: Agent, lin: Caller, robo: Caller, mallory: Caller, other: Caller
) -> None:
    ref = lin.post("/standing-grants", terms(made_from=cast.approved(agent).ref)).json()["ref"]

    assert mallory.post(f"/standing-grants/{ref}/revoke").status_code == 403
    assert robo.post(f"/standing-grants/{ref}/revoke").status_code == 403
    ended = lin.post(f"/standing-grants/{ref}/revoke")

    assert (ended.status_code, ended.json()["revoked_by"]) == (200, "Lin")
    assert robo.post("/requests", cast.submission()).json()["status"] == "pending"
    assert lin.post(f"/standing-grants/{ref}/revoke").status_code == 409
    assert lin.post("/standing-grants/SG-0/revoke").status_code == 404
    assert lin.get("/standing-grants", in_force="true").json()["items"] == []
    assert len(lin.get("/standing-grants", agent="robo").json()["items"]) == 1
    assert other.get("/standing-grants").json()["items"] == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"reason": None}, "reason"),
        ({"bounds": None}, "bounds"),
        ({"bounds": {"to_replicas": 8}}, "bounds"),
        ({"most_uses": 101}, "most_uses"),
        ({"most_uses": True}, "most_uses"),
        ({"until": "soon"}, "until"),
        ({"until": "9999-12-31T23:59:59+00:00"}, None),
        ({"until": "0001-01-01T00:00:00+14:00"}, "until"),
        ({"most_uses": 0}, None),
        ({"bounds": {"to_replicas": {"most": 8}}}, None),
        ({"bounds": {"to_replicas": {"least": "1", "most": "8"}}}, None),
        ({"made_from": "REQ-1"}, "agent"),
    ],
)
def test_what_no_grant_may_be_is_refused(
    agent: Agent, ada: Caller, changes: dict[str, Any], field: str | None
) -> None:
    answer = ada.post("/standing-grants", draft(**changes))

    assert answer.status_code == 422
    if field:
        assert answer.json()["errors"][0]["field"] == field
    assert StandingGrant.objects.count() == 0


def test_strangers_and_agents_make_no_grants(
    agent: Agent, mallory: Caller, ada: Caller, robo: Caller
) -> None:
    ref = cast.approved(agent).ref

    for caller in (mallory, robo):
        assert caller.post("/standing-grants", draft()).status_code == 403
    for caller in (ada, robo, mallory):
        assert caller.post("/standing-grants", terms(made_from=ref)).status_code == 403
    assert ada.post("/standing-grants", terms(made_from="REQ-999999")).status_code == 404
    assert ada.post("/standing-grants", draft(agent="nobody")).status_code == 404
