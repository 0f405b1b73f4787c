"""The on-call page: who would be asked now, the week, shifts by hand, and going away in few steps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals import queries
from approvals.domain.terms import Verdict
from approvals.models import Absence, Person, ShiftOverride
from approvals.services import absence, clock, lifecycle, people, quiet, shifts
from approvals.web import oncall_presets
from tests.support import cast
from tests.web.conftest import Browser

At = Callable[[str], Browser]
DAY = timedelta(days=1)


def typed(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M}"


def in_days(count: float) -> str:
    return typed(clock.now() + DAY * count)


def away(browser: Browser, do: str = "set", **fields: str) -> Any:
    return browser.post("/oncall/away", **({"do": do, "ends_at": in_days(2)} | fields))


@pytest.fixture
def sam(db: None) -> Browser:
    return Browser(cast.person("sam"))


def test_the_page_names_who_would_be_asked_and_why(lin: Browser, sam: Browser) -> None:
    cast.person("ada")
    cast.person("grace")
    text = lin.get("/oncall").text
    assert "Who would get a request right now?" in text
    for words in ("Ada is in Managers", "Grace is in Security", "Lin is in Team leads"):
        assert words in text
    assert "Nobody. The policy answers it by itself" in text


def test_a_part_that_nobody_can_give_is_said(lin: Browser) -> None:
    assert "Nobody is in this team, so nobody can say yes" in lin.get("/oncall").text


def test_going_away_is_one_form_and_the_stand_ins_decision_says_so(
    lin: Browser, sam: Browser
) -> None:
    """Open the page, fill the form, press the button: the rest happens by itself."""
    agent, _ = cast.agent("digger", owner=cast.person("chen"))
    row = cast.request(agent)
    lin.get("/oncall")
    assert away(lin, stand_in="sam@example.com").status_code == 302

    page = lin.get("/oncall").text
    assert "You are marked away until" in page
    assert "Back now?" in page
    assert "Sam may decide for you until then" in page
    assert row.ref in page
    assert "You stand in for Lin" in sam.get("/oncall").text
    assert "Sam, standing in for Lin" in lin.get("/oncall").text

    lifecycle.decide(ref=row.ref, person=sam.person, verdict=Verdict.APPROVE, at=clock.now())
    assert queries.request(row.ref).closed_by == "Sam, standing in for Lin"
    assert "Sam, standing in for Lin, approved" in lin.get(f"/r/{row.ref}").text
    assert "Sam, standing in for Lin" in lin.get("/history").text


def presets(browser: Browser) -> dict[str, str]:
    """What each button of one press says, and the end it sends."""
    buttons = [
        each for each in browser.get("/oncall").every("button") if "until" in str(each.attributes)
    ]
    assert all("formnovalidate" in each.attributes for each in buttons)
    return {each.name: each.attributes["value"] for each in buttons}


def test_one_press_sets_an_end_in_the_persons_own_zone(lin: Browser, sam: Browser) -> None:
    quiet.keep(
        person=lin.person, begins="22:00", ends="07:00", zone="Europe/Berlin", at=clock.now()
    )
    berlin = ZoneInfo("Europe/Berlin")
    today = clock.now().astimezone(berlin).date()
    found = {name.split("09:00")[0].strip(): until for name, until in presets(lin).items()}
    tomorrow = datetime.combine(today + DAY, time(9), berlin).astimezone(UTC)
    assert found["Until tomorrow"] == typed(tomorrow)
    if today.weekday() != 6:
        monday = datetime.combine(today + (7 - today.weekday()) * DAY, time(9), berlin)
        assert found["Until Monday"] == typed(monday.astimezone(UTC))
    assert any(name.startswith("For a week") and "Europe/Berlin" in name for name in found)
    answer = lin.post("/oncall/away", until=found["Until tomorrow"], stand_in="sam@example.com")
    assert answer.status_code == 302
    row = Absence.objects.get()
    assert (row.person, row.stand_in, row.ends_at) == (lin.person, sam.person, tomorrow)


@pytest.mark.parametrize(
    ("day", "wanted"),
    [
        ("2026-11-22T10:00", ["tomorrow 2026-11-23T09:00", "a week 2026-11-29T10:00"]),
        ("2026-11-23T10:00", ["tomorrow 2026-11-24T09:00", "Monday 2026-11-30T09:00",
                              "a week 2026-11-30T10:00"]),
        # The night in which Berlin's clocks go forward: nine in the morning is an hour sooner.
        ("2027-03-27T10:00", ["tomorrow 2027-03-28T09:00", "Monday 2027-03-29T09:00",
                              "a week 2027-04-03T10:00"]),
    ],
)  # fmt: skip
def test_each_end_is_offered_once(lin: Browser, day: str, wanted: list[str]) -> None:
    at = datetime.fromisoformat(day).replace(tzinfo=UTC)
    found = oncall_presets.of(lin.person, [], None, at)
    assert [
        f"{each.words.split(' ', 1)[1].removesuffix(' 09:00')} {each.until}" for each in found
    ] == wanted
    quiet.keep(person=lin.person, begins="22:00", ends="07:00", zone="Europe/Berlin", at=at)
    first = oncall_presets.of(lin.person, [], None, at)[0]
    assert first.until.endswith("T07:00" if day.startswith("2027") else "T08:00")


def test_who_stood_in_last_is_chosen_already_and_seen(lin: Browser, sam: Browser) -> None:
    away(lin, stand_in="sam@example.com")
    lin.post(f"/oncall/away/{Absence.objects.get().pk}/end")
    (chosen,) = [
        option for option in lin.get("/oncall").by_id("stand_in").every("option")
        if "selected" in option.attributes
    ]  # fmt: skip
    assert chosen.attributes["value"] == "sam@example.com"
    cast.person("sam").memberships.all().delete()
    options = lin.get("/oncall").by_id("stand_in").every("option")
    assert not [option for option in options if "selected" in option.attributes]


def test_enter_in_a_field_only_checks(lin: Browser) -> None:
    page = lin.get("/oncall")
    (form,) = [e for e in page.every("form") if e.attributes.get("action") == "/oncall/away"]
    assert form.every("button")[0].attributes["value"] == "check"


@pytest.mark.parametrize("until", ["soon", "2020-01-01T00:00", "9999-12-31T23:59", "x" * 900])
def test_an_end_no_button_sends_is_refused(lin: Browser, until: str) -> None:
    assert lin.post("/oncall/away", until=until).status_code == 422
    assert not Absence.objects.exists()


def test_coming_back_takes_the_right_away_at_once(lin: Browser, sam: Browser) -> None:
    away(lin, stand_in="sam@example.com")
    row = Absence.objects.get()
    assert lin.post(f"/oncall/away/{row.pk}/end").status_code == 302
    assert absence.stands_in(sam.person, clock.now()) == []
    assert lin.post(f"/oncall/away/{row.pk}/end").status_code == 409
    assert lin.post("/oncall/away/999/end").status_code == 404


def test_check_says_whether_somebody_may_stand_in_and_sets_nothing(
    lin: Browser, sam: Browser
) -> None:
    cast.person("grace")
    good = away(lin, "check", stand_in="sam@example.com")
    assert "Sam can stand in for Lin" in good.content.decode()
    bad = away(lin, "check", stand_in="grace@example.com", note="Kept")
    assert "none of Lin&#x27;s teams" in bad.content.decode()
    assert 'value="Kept"' in bad.content.decode()
    assert not Absence.objects.exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"stand_in": "grace@example.com"},
        {"stand_in": "ghost@example.com"},
        {"ends_at": ""},
        {"ends_at": "soon"},
        {"ends_at": "2020-01-01"},
        {"ends_at": "9999-12-31T23:59"},
        {"note": "x" * 399},
        {"person": "grace@example.com"},
        {"person": "ghost@example.com"},
    ],
)
def test_what_cannot_be_is_refused_with_what_was_typed(
    lin: Browser, fields: dict[str, str]
) -> None:
    cast.person("grace")
    answer = away(lin, **fields)
    assert answer.status_code in {403, 422}
    assert not Absence.objects.exists()
    assert "Nothing was changed" in answer.content.decode()


def test_a_manager_sets_a_report_away_and_is_told_who_is(lin: Browser, ada: Browser) -> None:
    people.add(
        email="lin@example.com", name="", manager=ada.person, actor=cast.OPERATOR, at=clock.now()
    )
    assert "Me, Ada" in ada.get("/oncall").text
    assert away(ada, person="lin@example.com").status_code == 302
    assert "set by Ada" in lin.get("/oncall").text
    assert Absence.objects.get().person == lin.person


def near(browser: Browser) -> list[str]:
    """Who is away that this reader should know of, as their page says first."""
    lists = browser.get("/oncall").every("ul")
    return [
        line.text
        for each in lists
        if each.attributes.get("id") == "away-near"
        for line in each.every("li")
    ]


def test_manager_and_team_read_who_is_away_and_who_stands_in(
    at: At, lin: Browser, sam: Browser
) -> None:
    boss, stranger = at("ada"), at("mallory")
    lin.person.manager = boss.person
    lin.person.save()
    away(lin, stand_in=sam.person.email)

    words = "Lin is away until"
    for browser in (boss, sam):
        (told,) = near(browser)
        assert told.startswith(words)
        assert told.endswith("; Sam stands in.")
    for browser in (lin, stranger):
        assert not near(browser)
    assert f"{words} " in boss.get("/queue").text
    assert "Sam stands in." in boss.get("/queue").text
    assert words not in sam.get("/queue").text

    absence.end(Absence.objects.get(), by=lin.person, at=clock.now())
    assert not near(boss)
    assert words not in boss.get("/queue").text


def test_the_week_shows_absences_stand_ins_shifts_and_gaps(lin: Browser, sam: Browser) -> None:
    away(lin, stand_in="sam@example.com", ends_at=in_days(20))
    monday = (clock.now() + DAY * 7).date()
    text = lin.get(f"/oncall?from={monday}").text
    assert "For Lin" in text
    assert "Away" in text
    cast.person("ada")
    for name in ("ada", "sam"):
        absence.begin(
            cast.person(name), starts_at=clock.now(), ends_at=clock.now() + 20 * DAY, stand_in=None,
            by=cast.person(name), at=clock.now(),
        )  # fmt: skip
    assert "Everybody away" in lin.get(f"/oncall?from={monday}").text
    for nonsense in ("x", "9999-99-99", "0001-01-01"):
        lin.get(f"/oncall?from={nonsense}")


def test_somebody_is_put_on_call_by_hand_by_their_own_team(lin: Browser, sam: Browser) -> None:
    fields = {"team": "team-leads", "shift_person": "sam@example.com", "shift_ends": in_days(1)}
    assert lin.post("/oncall/shifts", **fields).status_code == 302
    assert "Sam for Team leads" in lin.get("/oncall").text
    row = ShiftOverride.objects.get()
    mallory = Browser(cast.person("mallory"))
    assert mallory.post("/oncall/shifts", **fields).status_code == 403
    assert mallory.post(f"/oncall/shifts/{row.pk}/end").status_code == 403
    assert lin.post(f"/oncall/shifts/{row.pk}/end").status_code == 302
    assert lin.post(f"/oncall/shifts/{row.pk}/end").status_code == 409


def test_a_shift_gives_nobody_a_right_of_another_team(lin: Browser, ada: Browser) -> None:
    for fields in (
        {"team": "team-leads", "shift_person": "ada@example.com", "shift_ends": in_days(1)},
        {"team": "ghosts", "shift_person": "ada@example.com", "shift_ends": in_days(1)},
        {"team": "team-leads", "shift_person": "lin@example.com", "shift_ends": in_days(90)},
        {"team": "team-leads", "shift_person": "lin@example.com", "shift_ends": ""},
    ):
        assert ada.post("/oncall/shifts", **fields).status_code == 422
    assert not ShiftOverride.objects.exists()


def test_who_is_away_takes_no_shift(lin: Browser, sam: Browser) -> None:
    away(sam)
    fields = {"team": "team-leads", "shift_person": "sam@example.com", "shift_ends": in_days(1)}
    answer = lin.post("/oncall/shifts", **fields)
    assert answer.status_code == 422
    assert "is away within that time" in answer.content.decode()


def test_the_statements_do_not_grow_with_absences_and_shifts(lin: Browser, sam: Browser) -> None:
    away(sam, stand_in="lin@example.com")
    at = clock.now()
    team = lin.person.teams.get()
    shifts.take(team=team, person=lin.person, starts_at=at, ends_at=at + DAY, by=lin.person, at=at)
    with CaptureQueriesContext(connection) as few:
        lin.get("/oncall")
    for number in range(6):
        other = cast.person(f"lead{number}", teams=("team-leads",))
        absence.begin(other, starts_at=at, ends_at=at + DAY, stand_in=lin.person, by=other, at=at)
    with CaptureQueriesContext(connection) as many:
        lin.get("/oncall")
    assert len(many) == len(few)


def test_notes_of_people_are_drawn_as_text(lin: Browser) -> None:
    away(lin, note="<script>alert(1)</script>")
    assert "<script>alert(1)" not in lin.client.get("/oncall").content.decode()
    assert Person.objects.filter(name="Lin").exists()
