"""Saying over the API that one is away, and reading the teams."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from approvals.services import clock
from tests.api.conftest import Caller
from tests.support import cast


def put(caller: Caller, **body: Any) -> Any:
    return caller.client.put(
        "/api/v1/me/absence",
        json.dumps(body),
        content_type="application/json",
        headers=caller.headers(),
    )


def delete(caller: Caller) -> Any:
    return caller.client.delete("/api/v1/me/absence", headers=caller.headers())


def tomorrow() -> str:
    return (clock.now() + timedelta(days=1)).isoformat()


def test_a_person_goes_away_and_comes_back(calls: Callable[..., Caller], lin: Caller) -> None:
    sam = calls("sam")
    assert lin.get("/me/absence").json() == {"current": None, "planned": [], "stands_in_for": []}

    answer = put(lin, ends_at=tomorrow(), stand_in="sam@example.com", note="Fishing")

    assert answer.status_code == 200, answer.content
    assert answer.json()["current"]["stand_in"] == {"name": "Sam", "email": "sam@example.com"}
    [lent] = sam.get("/me/absence").json()["stands_in_for"]
    assert lent["person"]["name"] == "Lin"
    assert delete(lin).json()["current"] is None
    assert sam.get("/me/absence").json()["stands_in_for"] == []


def test_saying_it_anew_takes_the_place_of_what_was_said(lin: Caller) -> None:
    put(lin, ends_at=tomorrow(), note="first")
    again = put(lin, ends_at=tomorrow(), note="second").json()
    assert (again["current"]["note"], again["planned"]) == ("second", [])


def test_what_cannot_be_is_refused_and_what_held_before_holds(
    calls: Callable[..., Caller], lin: Caller
) -> None:
    calls("grace")
    put(lin, ends_at=tomorrow(), note="first")
    for body, field in (
        ({"ends_at": tomorrow(), "stand_in": "grace@example.com"}, "stand_in"),
        ({"ends_at": tomorrow(), "stand_in": "nobody@example.com"}, "stand_in"),
        ({"ends_at": "2020-01-01T00:00:00Z"}, "ends_at"),
        ({}, "ends_at"),
    ):
        refused = put(lin, **body)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["field"] == field
    assert lin.get("/me/absence").json()["current"]["note"] == "first"


def test_agents_are_never_away(robo: Caller) -> None:
    assert put(robo, ends_at=tomorrow()).status_code == 403
    assert delete(robo).status_code == 403


def test_a_decision_says_for_whom_it_was_given(calls: Callable[..., Caller], lin: Caller) -> None:
    sam = calls("sam")
    ref = cast.request(cast.agent("digger", owner=cast.person("chen"))[0]).ref
    put(lin, ends_at=tomorrow(), stand_in="sam@example.com")

    answer = sam.post(f"/requests/{ref}/decisions", {"verdict": "approve", "version": 1})

    [given] = answer.json()["decisions"]
    assert given["by"]["name"] == "Sam"
    assert given["standing_in_for"] == {"name": "Lin", "email": "lin@example.com"}
    assert answer.json()["closed_by"] == "Sam, standing in for Lin"


def test_teams_say_who_is_in_them_and_where_they_are_asked(lin: Caller, robo: Caller) -> None:
    teams = {team["name"]: team for team in lin.get("/teams").json()["items"]}
    assert {"managers", "security", "team-leads", "change-board"} <= set(teams)
    assert {"name": "Lin", "email": "lin@example.com"} in teams["team-leads"]["members"]
    assert {"risk": "high", "quorum": 1} in teams["managers"]["asked_for"]
    assert robo.get("/teams").status_code == 403
