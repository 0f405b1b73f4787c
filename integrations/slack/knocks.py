"""Answer a click in time, and go on with it when that was too soon.

It was written down before anybody works on it. Most are done before Slack is answered, and then the
answer says what came of them; the others are told by another way.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from slack_bolt import BoltResponse
from slack_sdk.errors import SlackApiError

from approvals.domain import errors
from approvals.services import knocks
from approvals.services.hands import hands
from approvals.services.knocks import Kept
from integrations.slack import (
    app,
    clicks,
    configuration,
    home_tabs,
    modals,
    payloads,
    seals,
    trusting,
    wire,
    workspaces,
)
from integrations.slack import events as events_of
from integrations.slack.clicks import Pressed
from integrations.slack.configuration import Configuration
from integrations.slack.shortening import escape
from integrations.slack.turns import Turn

logger = logging.getLogger(__name__)

PROVIDER = "slack"
ASK_WORDS = frozenset({"deny", "investigate", trusting.ANSWER})
EARLY = 0.55  # of the time until the answer, when a window is opened that has no words yet
GIVEN_UP = (
    "Not counted. We could not record your click in time, and stopped trying. Nothing was decided "
    "by it. Open the request to decide."
)


def keep(raw: bytes, *, key: str, content_type: str, authenticated_by: str) -> Kept | None:
    """Write a click down before it is answered; None when the same one came before.

    Raises DatabaseError; then nothing was recorded.
    """
    facts = {"type": content_type, "by": authenticated_by}
    return knocks.keep(provider=PROVIDER, key=key, body=raw, facts=facts)


def answer(
    kept: Kept, payload: Mapping[str, Any], *, configured: Configuration, began: float
) -> BoltResponse:
    """What to answer Slack with, soon enough after `began` (monotonic) whatever the work takes."""
    turn = Turn(payload, began=began)
    hands().begin(lambda: _begin(kept, turn, configured))
    until = began + settings.SLACK_ANSWER_SECONDS
    if turn.is_press and payloads.action(payload)["action_id"] in ASK_WORDS:
        early = began + settings.SLACK_ANSWER_SECONDS * EARLY
        response = turn.wait(early - time.monotonic(), is_last=False)
        if response is None and not turn.is_over and turn.open_early(configured):
            until = 0.0  # Slack needs no more of us: the window is there
    return turn.wait(until - time.monotonic(), is_last=True) or _too_soon(turn)


class Clicks:
    """What somebody left behind, done by whoever finds it."""

    def do(self, kept: Kept) -> None:
        """Decide it and tell whoever clicked. Raises when it shall be tried again."""
        payload = _payload(kept)
        if payload is not None:
            _do(kept, Turn(payload, began=None), configuration.current())

    def give_up(self, kept: Kept) -> None:
        """Say in history, and to whoever clicked, that it did not count."""
        payload = _payload(kept)
        if payload is None:
            return
        click, turn = _click(payload), Turn(payload, began=None)
        if click is not None:
            _write_down(click)
        client = turn.client(configuration.current(), token=workspaces.answering(payload) or "")
        view = modals.refusal(GIVEN_UP, url=click.url if click else "", title="Not recorded")
        _say(view, turn, click, client)


def _begin(kept: Kept, turn: Turn, configured: Configuration) -> None:
    """The first try, in the process that wrote it down."""
    try:
        if knocks.is_still_held(kept):
            _do(kept, turn, configured)
    except Exception as error:
        logger.exception("slack click failed, and is tried again")
        knocks.put_back(kept, error=f"{type(error).__name__}: {error}")
    finally:
        turn.hand_in(None)


def _do(kept: Kept, turn: Turn, configured: Configuration) -> None:
    with knocks.in_hand(kept):
        by = str(kept.facts["by"])
        response = app.answer(
            turn.payload, configuration=configured, authenticated_by=by, turn=turn
        )
    if kept.is_lost:
        return  # somebody else does it, and says what came of it
    if response.status >= 500:
        raise RuntimeError(f"The click was answered with {response.status}.")
    if not turn.hand_in(response) and turn.is_submission:
        _say_late(response, turn)
    knocks.finish(kept)
    home_tabs.stir(turn.payload)


def _too_soon(turn: Turn) -> BoltResponse:
    """Slack is answered before anything is known."""
    if not turn.is_submission:
        return BoltResponse(status=200)
    return BoltResponse(
        status=200,
        body=json.dumps(clicks.instead(modals.recording())),
        headers={"content-type": ["application/json"]},
    )


def _say_late(response: BoltResponse, turn: Turn) -> None:
    """What would have been the answer to a window, said in that window or beside it."""
    if turn.speaker is None:
        return
    said = json.loads(response.body or "{}")
    wrong = " ".join(said.get("errors", {}).values())
    view = modals.refusal(wrong) if wrong else said.get("view")
    _say(view, turn, _click(turn.payload), turn.speaker)


def _say(view: Mapping[str, Any] | None, turn: Turn, click: Pressed | None, client: Any) -> None:
    """In the window that stands; where it was closed, to the clicker alone, if it did not count."""
    try:
        turn.draw(client, "", view or modals.recorded())
    except (SlackApiError, *wire.BROKEN) as error:
        logger.info("slack window is gone", extra={"error": str(error)[:200]})
        if view is not None and click is not None:
            _whisper(view, click, client)


def _whisper(view: Mapping[str, Any], click: Pressed, client: Any) -> None:
    words = escape(view["blocks"][0]["text"]["text"])
    try:
        client.chat_postEphemeral(
            channel=click.place.channel, user=click.account.user, text=words, parse="none"
        )
    except (SlackApiError, *wire.BROKEN) as error:
        logger.warning("slack user could not be told", extra={"error": str(error)[:200]})


def _payload(kept: Kept) -> dict[str, Any] | None:
    kind = str(kept.facts["type"])
    return events_of.from_request(kept.body, kind) or payloads.from_request(kept.body, kind)


def _click(payload: Mapping[str, Any]) -> Pressed | None:
    """The click behind a press or a window, where it can be read."""
    try:
        if payload.get("type") == "block_actions":
            return clicks.pressed(payload, str(payloads.action(payload)["action_id"]))
        wish = str(payload["view"].get("callback_id") or "")
        return clicks.carried_on(payload, wish, authenticated_by="")
    except (KeyError, ValueError):
        return None


def _write_down(click: Pressed) -> None:
    carried = seals.read(click.value)
    if carried is None:
        return
    try:
        trusting.write_down(click, carried, GIVEN_UP, reason="given_up")
    except errors.NotFound:
        return
