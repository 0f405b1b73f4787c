"""Call Slack's Web API, and say of each failure what it means for a delivery.

No call is repeated here. Slack knows no idempotency key, and its own client, left to its default,
posts a message twice when the connection breaks after the message was read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from http.client import HTTPException
from typing import Any
from urllib.error import URLError

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from approvals.ports import DeliveryError
from integrations.slack import seals
from integrations.slack.configuration import Configuration

DELIVERY_SECONDS = 10
LIMITED = frozenset({"ratelimited", "rate_limited"})
WAIT = timedelta(seconds=30)
GONE = frozenset(
    {
        "account_inactive",
        "block_mismatch",
        "cant_update_message",
        "channel_not_found",
        "edit_window_closed",
        "is_archived",
        "is_inactive",
        "messages_tab_disabled",
        "metadata_too_large",
        "msg_too_long",
        "not_in_channel",
        "org_login_required",
        "restricted_action",
        "restricted_action_non_threadable_channel",
        "restricted_action_read_only_channel",
        "restricted_action_thread_locked",
        "restricted_action_thread_only_channel",
        "user_disabled",
        "user_not_found",
    }
)
# "It's possible some aspect of the operation succeeded before the error", says Slack of these.
UNCLEAR = frozenset({"fatal_error", "internal_error", "request_timeout", "service_unavailable"})
WORD = re.compile(r"[a-z0-9_.:-]{1,80}")
UNREADABLE = "unreadable_answer"
NOT_UNDERSTOOD = "Slack's answer ({status}) could not be read, so it is not known what it did."
REFUSED_BLOCKS = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"})
NO_MESSAGE = "message_not_found"
BROKEN = (OSError, HTTPException, ValueError)


class Unreadable(ValueError):
    """The answer was not one of Slack's: a page of somebody in between, or JSON of another shape."""


class SaidNo(DeliveryError):
    """Slack read what we asked and would not do it: `word` says why."""

    def __init__(self, word: str) -> None:
        super().__init__(f"Slack said {word}.", permanent=word in GONE)
        self.word = word


class Client(WebClient):
    """Slack's client, which lets no button out that is not tied to the words of its message."""

    checks_words = True

    def api_call(self, api_method: str, **given: Any) -> SlackResponse:
        body = given.get("json")
        if isinstance(body, dict) and isinstance(body.get("blocks"), list):
            given["json"] = {**body, "blocks": seals.bind(body["blocks"], words=self.checks_words)}
        try:
            return super().api_call(api_method, **given)
        except AttributeError as error:
            # Slack's client looks for fields in whatever JSON it is given, a number or a list.
            raise Unreadable("Slack's answer was no object.") from error


def client(configuration: Configuration, *, seconds: float, token: str = "") -> WebClient:
    """A client that tries once, and gives up after so many seconds of silence.

    `token` is that of an installed workspace; without one, the configured workspace's is used.
    """
    made = Client(
        token=token or configuration.bot_token,
        base_url=configuration.api_url,
        timeout=seconds,  # type: ignore[arg-type]  # its annotation is narrower than urllib is
        retry_handlers=[],
    )
    made.checks_words = configuration.check_words
    return made


def code(error: SlackApiError) -> str:
    """Slack's word for what was wrong; `UNREADABLE` where it said none.

    What else an answer holds is nobody's to read: it may be the page of a proxy.
    """
    response: Any = error.response
    try:
        word = response["error"]
    except (AttributeError, KeyError, TypeError, ValueError):
        return UNREADABLE
    return word if isinstance(word, str) and WORD.fullmatch(word) else UNREADABLE


def failure(error: Exception) -> DeliveryError:
    """What an error of a call means for the delivery it was made for."""
    if isinstance(error, SlackApiError):
        return _said_no(error)
    if isinstance(error, Unreadable):
        return DeliveryError(NOT_UNDERSTOOD.format(status=200), unknown=True)
    if isinstance(error, URLError):
        # urllib wraps what breaks before the request is out; later breaks come unwrapped.
        return DeliveryError(f"Slack could not be reached: {error.reason}.")
    return DeliveryError(
        f"The connection to Slack broke before it answered: {type(error).__name__}.", unknown=True
    )


def _said_no(error: SlackApiError) -> DeliveryError:
    word, status = code(error), error.response.status_code
    if status == 429 or word in LIMITED:
        return DeliveryError("Slack asks us to wait.", retry_after=_retry_after(error))
    if word == UNREADABLE:
        return DeliveryError(NOT_UNDERSTOOD.format(status=status), unknown=True)
    if status >= 500 or word in UNCLEAR:
        return DeliveryError(f"Slack failed with {status} {word}.", unknown=True)
    return SaidNo(word)


def _retry_after(error: SlackApiError) -> timedelta:
    headers: Any = error.response.headers
    value = {str(name).lower(): words for name, words in headers.items()}.get("retry-after", "")
    words = str(value[0] if isinstance(value, list) and value else value)
    return timedelta(seconds=min(int(words), 3_600)) if words.isdecimal() else WAIT


def message(answer: Mapping[str, Any], channel: str) -> dict[str, str]:
    """Where the message stands that was posted, `{channel, ts}`. Raises DeliveryError."""
    ts, there = answer.get("ts"), answer.get("channel") or channel
    if not (isinstance(ts, str) and ts and isinstance(there, str)):
        raise DeliveryError("Slack answered without naming the message.", unknown=True)
    return {"channel": there, "ts": ts}
