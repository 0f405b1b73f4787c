"""Each person's own keys: changed, switched off, refused in words when one would do two things, and reset."""

from __future__ import annotations

import json

import pytest

from approvals.models import Agent
from approvals.models.desk import Preferences
from approvals.services import clock, preferences, shortcuts
from approvals.services.shortcuts import SHORTCUTS
from tests.support import cast
from tests.web.conftest import Browser
from tests.web.reading import Page

FORM = "/settings/you/keys"
USUAL = {name: key for name, (key, _) in SHORTCUTS.items()}


def told(page: Page) -> dict[str, str]:
    """The keys as the page tells its script."""
    found: dict[str, str] = json.loads(page.every("html")[0].attributes["data-keys"])
    return found


def listed(page: Page) -> str:
    return page.by_id("keys-list").text


def stored(browser: Browser) -> object:
    return Preferences.objects.get(person=browser.person).chosen


def test_everybody_begins_with_the_usual_keys(lin: Browser) -> None:
    page = lin.get("/queue")

    assert told(page) == USUAL
    assert len(set(USUAL.values())) == len(USUAL)
    assert "jnext row" in listed(page)


def test_keys_are_changed_and_switched_off_for_oneself_alone(lin: Browser, ada: Browser) -> None:
    answer = lin.post(FORM, **USUAL | {"deny": "w", "mute": "", "next": "J"})
    assert answer.headers["Location"] == "/settings/you?done=keys#keys-of-yours"

    assert stored(lin) == {"keys": {"deny": "w", "mute": ""}}
    page = lin.get("/settings/you?done=keys")
    assert told(page) == USUAL | {"deny": "w", "mute": ""}
    assert "wopen the form to deny" in listed(page)
    assert "offmute my reminders" in listed(page)
    assert "Saved. The keys hold" in page.text
    assert page.by_id("k-deny").attributes["value"] == "w"
    assert told(ada.get("/queue")) == USUAL


def test_one_key_for_two_shortcuts_is_refused_and_what_was_typed_stays(lin: Browser) -> None:
    answer = lin.post(FORM, **USUAL | {"mute": "x", "deny": "w"})

    assert answer.status_code == 422
    page = Page(answer.content.decode())
    assert "“x” would do two things: select the row, and mute my reminders" in page.text
    assert "Nothing was changed." in page.text
    assert page.by_id("k-mute").attributes["aria-invalid"] == "true"
    assert page.by_id("k-deny").attributes["value"] == "w"
    assert told(page) == USUAL
    assert shortcuts.read(lin.person) == USUAL


def test_keys_may_be_swapped(lin: Browser) -> None:
    lin.post(FORM, **USUAL | {"approve": "d", "deny": "a"})

    assert shortcuts.read(lin.person) == USUAL | {"approve": "d", "deny": "a"}


@pytest.mark.parametrize(
    "odd", ["ab", " x y", "\u200b", "\u202e", "\u3164", "\ue000", "İ", "a\u0301\u0301", "Enter"]
)
def test_what_is_no_key_is_refused_and_changes_nothing(lin: Browser, odd: str) -> None:
    answer = lin.post(FORM, **USUAL | {"deny": odd})

    assert answer.status_code == 422
    assert (
        "must be one letter, digit or sign that can be seen, or nothing. Nothing was changed."
        in (Page(answer.content.decode()).text)
    )
    assert shortcuts.read(lin.person) == USUAL


@pytest.mark.parametrize("key", ["ß", "é", "ж", "7", ";", "<", '"', "&"])
def test_any_sign_that_can_be_seen_is_a_key_and_only_text(lin: Browser, key: str) -> None:
    assert lin.post(FORM, **USUAL | {"deny": key}).status_code == 302

    page = lin.get("/queue")
    assert told(page)["deny"] == key
    assert f"{key}open the form to deny" in listed(page)


def test_the_usual_keys_come_back_by_one_button_and_other_wishes_stay(lin: Browser) -> None:
    preferences.change(person=lin.person, at=clock.now(), chosen={"density": "dense"})
    lin.post(FORM, **USUAL | {"deny": "w"})
    preferences.change(person=lin.person, at=clock.now(), chosen={"motion": "less"})
    assert shortcuts.read(lin.person)["deny"] == "w"

    lin.post(FORM, **USUAL | {"deny": "y", "reset": "yes"})

    assert shortcuts.read(lin.person) == USUAL
    assert stored(lin) == {"density": "dense", "motion": "less"}


def test_a_form_that_names_few_shortcuts_leaves_the_others(lin: Browser) -> None:
    lin.post(FORM, deny="w", nonsense="v")
    lin.post(FORM, approve="v")

    assert shortcuts.read(lin.person) == USUAL | {"deny": "w", "approve": "v"}


@pytest.mark.parametrize(
    "odd", [None, [], "x", {"deny": 7, "mute": "long", "approve": "J"}, {"odd": "y"}]
)
def test_what_is_stored_wrongly_means_the_usual_keys(odd: object) -> None:
    assert shortcuts.of({"keys": odd}) == USUAL


def test_what_usually_has_a_key_gives_way_to_what_somebody_gave_it() -> None:
    found = shortcuts.of({"keys": {"deny": "x"}})

    assert (found["deny"], found["select"]) == ("x", "")


def test_what_a_page_says_beside_a_button_is_ones_own_key(lin: Browser, robo: Agent) -> None:
    row = cast.request(robo)
    lin.post(FORM, search="", zone="n", help="")

    page = lin.get(f"/r/{row.ref}")
    assert "aria-keyshortcuts" not in page.by_id("search").attributes
    assert page.by_id("zone-switch").attributes["aria-keyshortcuts"] == "n"
    assert "Your keys" in page.by_id("keys").text
