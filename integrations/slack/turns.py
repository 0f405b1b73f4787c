"""One click's time with Slack: what its answer may still say, and by which way words reach the clicker.

While Slack waits, the answer itself and the click's trigger open windows. Once it was answered, a
window that stands already is redrawn, and everything else is said to the clicker alone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from threading import Condition, Lock
from typing import Any
from urllib.parse import urlsplit

from slack_bolt import BoltResponse
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse
from slack_sdk.webhook import WebhookClient

from integrations.slack import modals, payloads, wire, workspaces
from integrations.slack.configuration import Configuration

logger = logging.getLogger(__name__)

# Two calls at most are made for one click, and Slack waits three seconds for its answer.
CLICK_SECONDS = 1.3
TRIGGER_SECONDS = 2.7  # Slack lets it live for three
PRESS, SUBMISSION = "block_actions", "view_submission"


class Turn:
    """Shared by whoever answers Slack and whoever does the work; each learns what the other did.

    `began` is when the click came in by this process's monotonic clock; None where Slack was answered
    long ago.
    """

    def __init__(self, payload: Mapping[str, Any], *, began: float | None) -> None:
        self.payload = payload
        self.is_over = began is None
        self._dies = began + TRIGGER_SECONDS if began is not None else 0.0
        self._response: BoltResponse | None = None
        self._changed = Condition()
        self._window = Lock()
        self._client: Speaker | None = None
        self._view = _sent_view(payload)

    @property
    def is_press(self) -> bool:
        return self.payload.get("type") == PRESS

    @property
    def is_submission(self) -> bool:
        return self.payload.get("type") == SUBMISSION

    @property
    def user(self) -> str:
        return payloads.account(self.payload).user

    @property
    def speaker(self) -> Speaker | None:
        """The client the work speaks with; None before it has one."""
        return self._client

    def client(self, configuration: Configuration, *, token: str) -> WebClient:
        """A client that knows which ways are still open."""
        self._client = Speaker(self, configuration, token=token)
        return self._client

    def hand_in(self, response: BoltResponse | None) -> bool:
        """The work is done. False when Slack was answered without waiting for it; None lets it be."""
        with self._changed:
            if self.is_over:
                return False
            self._response, self.is_over = response, True
            self._changed.notify_all()
            return response is not None

    def wait(self, seconds: float, *, is_last: bool) -> BoltResponse | None:
        """What the work handed in within so long; after the last wait it comes too late."""
        with self._changed:
            self._changed.wait_for(lambda: self.is_over, timeout=max(0.0, seconds))
            self.is_over = self.is_over or is_last
            return self._response

    def open_early(self, configuration: Configuration) -> bool:
        """Open an empty window while the trigger lives, for words that are not there yet."""
        client = self._client or self._usual_client(configuration)
        with self._window:
            if client is None or self._view or time.monotonic() > self._dies:
                return bool(self._view)
            trigger = str(self.payload.get("trigger_id") or "")
            try:
                opened = WebClient.views_open(client, trigger_id=trigger, view=modals.waiting())
            except (SlackApiError, *wire.BROKEN) as error:
                logger.warning("slack window did not open early", extra={"error": str(error)[:200]})
                return False
            self._view = _id_of(opened)
            return True

    def draw(self, client: WebClient, trigger: str, view: Mapping[str, Any]) -> SlackResponse:
        """The view, in the window that stands already, or in a new one while the trigger lives."""
        with self._window:
            if self._view:
                return client.views_update(view_id=self._view, view=dict(view))
            if self._dies < time.monotonic():
                raise TimeoutError("the trigger of the click has ended")
            opened = WebClient.views_open(client, trigger_id=trigger, view=dict(view))
            self._view = _id_of(opened)
            return opened

    def _usual_client(self, configuration: Configuration) -> Speaker | None:
        """Where there is one workspace, its token is known without asking the database."""
        if workspaces.is_shared():
            return None
        return Speaker(self, configuration, token=configuration.bot_token)


class Speaker(wire.Client):
    """Slack's client for one click."""

    def __init__(self, turn: Turn, configuration: Configuration, *, token: str) -> None:
        super().__init__(
            token=token or configuration.bot_token,
            base_url=configuration.api_url,
            timeout=CLICK_SECONDS,  # type: ignore[arg-type]  # its annotation is narrower than urllib is
            retry_handlers=[],
        )
        self._turn = turn

    def views_open(self, *, trigger_id: str | None = None, **given: Any) -> SlackResponse:
        return self._turn.draw(self, trigger_id or "", given["view"])

    def chat_postEphemeral(self, *, text: str, **given: Any) -> Any:  # type: ignore[override]  # likewise
        """Words for the clicker alone: once Slack was answered, by the address it gave for that."""
        if not self._turn.is_over:
            return super().chat_postEphemeral(text=text, **given)
        if self._by_response_url(text):
            return None
        try:
            return super().chat_postEphemeral(text=text, **given)
        except SlackApiError:
            return self.chat_postMessage(channel=given["user"], text=text, parse="none")

    def _by_response_url(self, text: str) -> bool:
        url = str(self._turn.payload.get("response_url") or "")
        if not _is_slacks(url, self.base_url):
            return False
        client = WebhookClient(url, timeout=3, retry_handlers=[])
        try:
            told = client.send(text=text, response_type="ephemeral", replace_original=False)
        except wire.BROKEN as error:
            logger.warning("slack user was not reached", extra={"error": str(error)[:200]})
            return False
        return bool(told.status_code == 200)


def _is_slacks(url: str, api_url: str) -> bool:
    """Words go to Slack alone, and never unencrypted to another machine than the API's."""
    there, ours = urlsplit(url), urlsplit(api_url)
    if there.scheme == ours.scheme and there.netloc == ours.netloc:
        return True
    host = (ours.hostname or "").removeprefix("www.")
    return there.scheme == "https" and there.netloc == f"hooks.{host}"


def _sent_view(payload: Mapping[str, Any]) -> str:
    """The window that was sent, which a late word can still redraw."""
    if payload.get("type") != SUBMISSION:
        return ""
    return str((payload.get("view") or {}).get("id") or "")


def _id_of(opened: SlackResponse) -> str:
    view = opened.get("view")
    return str(view.get("id") or "") if isinstance(view, dict) else ""
