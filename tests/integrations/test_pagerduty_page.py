"""What warns stands on the page before what is in order, and what is cut is said and not approved."""

from __future__ import annotations

from dataclasses import replace

import pytest

from approvals.domain.cards import Card, CheckLine
from integrations.pagerduty import page
from tests.integrations.test_slack_blocks import a_card


def with_checks(*marks: str, deceives: bool = False) -> Card:
    card = a_card(parameters={"note": "\u202eevorppa"}) if deceives else a_card()
    lines = [CheckLine(mark, f"check {n}") for n, mark in enumerate(marks)]
    return replace(card, checks=(*lines, *card.checks[1:]))


def checked(card: Card) -> list[str]:
    found = page.details(card)["Checked"]
    assert isinstance(found, list)
    return found


def test_a_warning_after_a_dozen_checks_comes_first_and_may_be_approved() -> None:
    card = with_checks(*["OK"] * 12, deceives=True)
    shown = checked(card)
    assert shown[0].startswith("CAUTION: The agent's text holds")
    assert shown[1:3] == ["OK: check 0", "OK: check 1"]
    assert shown[-1] == "1 more on the request's page."
    assert page.is_complete(card)


def test_warnings_keep_their_order() -> None:
    card = with_checks("OK", "CAUTION", "OK", "COULD NOT CHECK", "CAUTION")
    assert checked(card) == [
        "CAUTION: check 1",
        "COULD NOT CHECK: check 3",
        "CAUTION: check 4",
        "OK: check 0",
        "OK: check 2",
    ]


@pytest.mark.parametrize("mark", ["CAUTION", "COULD NOT CHECK"])
def test_one_warning_too_many_is_counted_and_nobody_approves_there(mark: str) -> None:
    card = with_checks(*[mark] * 12)
    assert page.is_complete(card)
    more = with_checks(*[mark] * 13)
    assert checked(more)[-1] == "1 more on the request's page."
    assert not page.is_complete(more)


def test_a_warning_cut_in_its_middle_is_not_approved_there() -> None:
    long = CheckLine("CAUTION", "touches " + "one table and " * 40)
    assert not page.is_complete(replace(a_card(), checks=(long,)))
    fine = CheckLine("OK", long.words)
    assert page.is_complete(replace(a_card(), checks=(fine,)))
