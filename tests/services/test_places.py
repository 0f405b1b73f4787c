"""What is remembered of the places where a bot was let in."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from approvals.models import Place
from approvals.services import places

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def let_in(external_id: str = "19:a", name: str = "Ops", **handle: str) -> Place:
    return places.remember(
        adapter="teams", external_id=external_id, handle=handle, name=name, at=NOON
    )


def test_a_place_is_kept_once_and_as_it_was_last_described() -> None:
    let_in(url="https://one.example")
    let_in(name="", url="https://two.example")
    [place] = places.of(adapter="teams")
    assert (place.name, place.handle) == ("Ops", {"url": "https://two.example"})


def test_a_place_is_found_by_id_and_by_name_whatever_its_case() -> None:
    let_in()
    assert [place.external_id for place in places.called(adapter="teams", name="19:a")] == ["19:a"]
    assert [place.external_id for place in places.called(adapter="teams", name="ops")] == ["19:a"]
    assert places.called(adapter="slack", name="ops") == []


def test_a_name_that_two_places_have_finds_both() -> None:
    let_in("19:a")
    let_in("19:b")
    assert len(places.called(adapter="teams", name="Ops")) == 2


def test_nobody_takes_an_id_for_a_name() -> None:
    let_in("19:a")
    let_in("19:b", name="19:a")
    assert [place.external_id for place in places.called(adapter="teams", name="19:a")] == ["19:a"]


def test_a_place_that_was_left_is_found_again_once_let_in() -> None:
    let_in()
    places.leave(adapter="teams", external_id="19:a", at=NOON)
    assert places.called(adapter="teams", name="ops") == []
    assert len(places.of(adapter="teams")) == 1
    let_in()
    assert len(places.called(adapter="teams", name="ops")) == 1


def test_people_are_remembered_up_to_a_bound_and_forgotten_when_they_leave() -> None:
    let_in()
    people = {f"t:{number}": f"29:{number}" for number in range(places.MOST_MEMBERS)}
    places.meet(adapter="teams", external_id="19:a", members=people)
    places.meet(adapter="teams", external_id="19:a", members={"t:new": "29:new"})
    members = Place.objects.get().members
    assert len(members) == places.MOST_MEMBERS
    assert members["t:new"] == "29:new"
    places.part(adapter="teams", external_id="19:a", addresses=frozenset({"29:new"}))
    assert "t:new" not in Place.objects.get().members


def test_people_of_an_unknown_place_are_nobody() -> None:
    places.meet(adapter="teams", external_id="19:z", members={"t:1": "29:1"})
    places.part(adapter="teams", external_id="19:z", addresses=frozenset({"29:1"}))
    assert not Place.objects.exists()
