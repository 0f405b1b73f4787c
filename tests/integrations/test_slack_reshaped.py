"""Slack writes our words another way: that counts. Somebody changes them: that is refused, and said."""

from __future__ import annotations

import copy
import html
import json
import unicodedata
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from approvals.domain.terms import Status
from approvals.models import Alert, ApprovalRequest
from approvals.services import clock, deliveries, outbox
from integrations.slack import likeness, seals
from tests.fakes.knocks import Knock, signed
from tests.fakes.slack import FakeSlack, Posted
from tests.support import cast
from tests.support.slack import knock, linked, refusals, shown

pytestmark = [pytest.mark.urls("integrations.slack.urls"), pytest.mark.django_db]
TARGET = "db:prod:main & café <x> ⚠️ Ångström 👩‍💻 1️⃣ www.acme.example"
SHORT = {"⚠️": ":warning:", "👩‍💻": ":female-technologist:", "1️⃣": ":one:", "⏸": ":pause:"}


def named(text: str) -> str:
    for picture, name in SHORT.items():
        text = text.replace(picture, name)
    return text


def walk(part: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    if isinstance(part, list):
        return [walk(inner, change) for inner in part]
    if isinstance(part, dict):
        return change({key: walk(value, change) for key, value in part.items()})
    return part


def said(change: Callable[[str], str]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def changed(part: dict[str, Any]) -> dict[str, Any]:
        text = part.get("text")
        return part | {"text": change(text)} if isinstance(text, str) else part

    return changed


HONEST: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "entities": said(html.escape),
    "verbatim is added": lambda part: part | ({"verbatim": True} if "text" in part else {}),
    "other order of fields": lambda part: dict(reversed(part.items())),
    "names of emoji": said(named),
    "composed": said(lambda text: unicodedata.normalize("NFC", text)),
    "decomposed": said(lambda text: unicodedata.normalize("NFD", text)),
    "all at once": said(lambda text: html.escape(unicodedata.normalize("NFD", named(text)))),
}
DISHONEST = {
    "another amount": (" = 8", " = 80"),
    "another target": ("db:prod:main", "db:test:main"),
    "a picture for a word": ("db:prod:main", "db main"),
    "no warning": ("MEDIUM", ""),
    "words put in as if they were a picture": ("Ångström", "Ångström :all-is-safe:"),
}


def scene(slack: FakeSlack) -> tuple[ApprovalRequest, Posted]:
    row = cast.request(target=TARGET)
    linked("lin")
    return row, shown(slack, row)


def press(slack: FakeSlack, message: Posted, blocks: Any, action: str = "approve") -> None:
    payload = slack.press(message, message.button(action) or {})
    knock(signed(payload | {"message": payload["message"] | {"blocks": blocks}}))


def status(row: ApprovalRequest) -> str:
    row.refresh_from_db()
    return row.status


@pytest.mark.parametrize("shape", HONEST.values(), ids=HONEST)
def test_what_slack_makes_of_our_words_counts(slack: FakeSlack, shape: Any) -> None:
    row, message = scene(slack)
    press(slack, message, walk(copy.deepcopy(message.blocks), shape))
    assert status(row) == Status.APPROVED
    assert not Alert.objects.exists()


def test_it_counts_in_a_window_too(slack: FakeSlack) -> None:
    row, message = scene(slack)
    press(slack, message, walk(copy.deepcopy(message.blocks), HONEST["all at once"]), "deny")
    knock(slack.submit(slack.views[-1], "Not today."))
    assert status(row) == Status.DENIED


@pytest.mark.parametrize(("before", "after"), DISHONEST.values(), ids=DISHONEST)
def test_what_somebody_makes_of_our_words_does_not(
    slack: FakeSlack, before: str, after: str
) -> None:
    row, message = scene(slack)
    blocks = walk(copy.deepcopy(message.blocks), said(lambda text: text.replace(before, after)))
    assert blocks != message.blocks
    press(slack, message, walk(blocks, HONEST["all at once"]))
    assert status(row) == Status.PENDING
    assert refusals(row) == ["edited_message"]


def test_the_alert_says_which_words_differ(slack: FakeSlack) -> None:
    _, message = scene(slack)
    blocks = json.loads(json.dumps(message.blocks).replace("db:prod:main", "db:test:main"))
    press(slack, message, blocks)
    alert = Alert.objects.get()
    assert "“db:prod:main” now reads “db:test:main”" in alert.words
    assert "“db:prod:main” now reads “db:test:main”" in alert.values["differs"]
    assert "SLACK_CHECK_WORDS=off" in alert.words


@pytest.mark.parametrize("off_at_first", [True, False])
def test_the_comparison_can_be_turned_off(
    slack: FakeSlack, settings: Any, off_at_first: bool
) -> None:
    settings.SLACK_CHECK_WORDS = not off_at_first
    row, message = scene(slack)
    settings.SLACK_CHECK_WORDS = False
    press(slack, message, [{"type": "section", "text": {"type": "plain_text", "text": "odd"}}])
    assert status(row) == Status.APPROVED


def test_without_the_comparison_a_copy_still_counts_for_nothing(
    slack: FakeSlack, settings: Any
) -> None:
    settings.SLACK_CHECK_WORDS = False
    row, message = scene(slack)
    slack.post(message.content | {"channel": "C2"})
    knock(slack.click(slack.posted[-1], "approve"))
    deliveries.send_due()
    assert status(row) == Status.PENDING
    assert refusals(row) == ["not_our_button"]


def test_a_link_made_clickable_reads_the_same() -> None:
    plain = [
        {"elements": [{"type": "text", "text": "see "}, {"type": "text", "text": "acme.example"}]}
    ]
    made = copy.deepcopy(plain)
    made[0]["elements"][1] = {"type": "link", "url": "http://acme.example", "text": "acme.example"}
    elsewhere = copy.deepcopy(made)
    elsewhere[0]["elements"][1]["url"] = "http://evil.example"
    assert likeness.digest(plain) == likeness.digest(made) != likeness.digest(elsewhere)


def bare(slack: FakeSlack, message: Posted) -> Knock:
    """A click whose payload says nothing of what stands on its message."""
    payload = slack.press(message, message.button("approve") or {})
    return signed(payload | {"message": {"ts": message.ts}})


def redrawn(slack: FakeSlack, row: ApprovalRequest, times: int = 1) -> None:
    """What stands on the message changes; what would run, and the version, do not."""
    for _ in range(times):
        row.decide_by += timedelta(minutes=1)
        row.save(update_fields=["decide_by"])
        outbox.redraw(row, at=clock.now())
        deliveries.send_due()


def test_a_click_without_words_counts_on_a_message_that_was_just_redrawn(slack: FakeSlack) -> None:
    row, message = scene(slack)
    click, before = bare(slack, message), json.dumps(message.blocks)
    redrawn(slack, row)
    assert json.dumps(shown(slack, row).blocks) != before
    knock(click)
    assert status(row) == Status.APPROVED
    assert not Alert.objects.exists()


def test_a_button_of_long_ago_does_not_count_without_words(slack: FakeSlack) -> None:
    row, message = scene(slack)
    click = bare(slack, message)
    redrawn(slack, row, times=seals.MOST_LIKENESSES)
    knock(click)
    assert status(row) == Status.PENDING
    assert refusals(row) == ["edited_message"]


def test_a_former_button_beside_words_of_today_does_not_count(slack: FakeSlack) -> None:
    """What was written lately excuses a payload without words alone, not one with others."""
    row, message = scene(slack)
    former = message.button("approve") or {}
    redrawn(slack, row)
    knock(signed(slack.press(shown(slack, row), former)))
    assert status(row) == Status.PENDING
    assert refusals(row) == ["edited_message"]
