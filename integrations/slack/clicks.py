"""What a click is, and how whoever clicked is told why it changed nothing."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.core import signing
from django.db import DatabaseError
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from approvals.domain.errors import Refusal
from approvals.services import clock, knocks
from approvals.services.knocks import Dropped
from integrations.slack import likeness, modals, payloads, seals, wire, wording, workspaces
from integrations.slack.payloads import Account, Place
from integrations.slack.shortening import escape

logger = logging.getLogger(__name__)

Reply = dict[str, Any]
WINDOW_SALT = "slack-window"
REF = re.compile(r"\bREQ-[0-9]{1,18}\b")
FAULT = "We could not record your {what}. {so} Try again or open {ref}. Error {code}."
LATER = (
    "Your {what} is not recorded yet: we cannot reach our database. We keep trying, and tell you if it "
    "does not count. {ref} shows what holds. Error {code}."
)


@dataclass(frozen=True, slots=True)
class Pressed:
    """A click: who, on which message, for what (`wish`), and what the button carried.

    `drawn` is the likeness of the message as it stood in front of whoever clicked, `team` the
    workspace it stood in, `said` the request's name there, which is good for words alone, and `read`
    what the message reads like; empty for a click that a window brings back.
    """

    account: Account
    place: Place
    wish: str
    value: str
    trigger: str
    authenticated_by: str
    drawn: str = ""
    team: str = ""
    said: str = ""
    read: str = ""

    @property
    def ref(self) -> str:
        """The request the button names, if it names one."""
        carried = seals.read(self.value)
        return carried.ref if carried else ""

    @property
    def url(self) -> str:
        """Where the request can be read; empty when the button names none."""
        return f"{settings.PUBLIC_URL}/r/{self.ref}" if self.ref else ""


def pressed(payload: Mapping[str, Any], wish: str, *, authenticated_by: str = "") -> Pressed:
    """Read a click on a button of a message. Raises Malformed."""
    message = payload.get("message") or {}
    read = likeness.read(message.get("blocks"))
    return Pressed(
        account=payloads.account(payload),
        place=payloads.place(payload),
        wish=wish,
        value=str(payloads.action(payload).get("value") or ""),
        trigger=str(payload.get("trigger_id") or ""),
        authenticated_by=authenticated_by,
        drawn=likeness.digest_of(read),
        team=workspaces.home_of(payload)[0],
        said=_named_in(message.get("text")),
        read=read,
    )


def carry(click: Pressed, *, drawn: str) -> str:
    """The click a window belongs to, signed: a stolen token can open windows, but not this one.

    `drawn` is the likeness its button is sealed beside.
    """
    opened = {"by": click.account.external_id, "for": click.wish}
    opened |= {"drawn": drawn, "team": click.team, "said": click.said}
    return signing.dumps({"value": click.value, **asdict(click.place), **opened}, salt=WINDOW_SALT)


def carried_on(payload: Mapping[str, Any], wish: str, *, authenticated_by: str) -> Pressed:
    """The click that opened the window which came back. Raises ValueError for any other window."""
    account = payloads.account(payload)
    try:
        kept = signing.loads(payload["view"].get("private_metadata") or "", salt=WINDOW_SALT)
    except signing.BadSignature as error:
        raise ValueError("The window carries nothing of ours.") from error
    if (kept["by"], kept["for"]) != (account.external_id, wish):
        raise ValueError("The window was opened for another click.")
    place = Place(kept["channel"], kept["channel_name"], kept["ts"])
    seen = [str(kept.get(name, "")) for name in ("drawn", "team", "said")]
    return Pressed(account, place, wish, str(kept["value"]), "", authenticated_by, *seen)


def attempt(
    click: Pressed, act: Callable[[], Reply | None], *, what: str = "decision"
) -> Reply | None:
    """Do it, and turn every way it can fail into a window with words."""
    try:
        return act()
    except Refusal as refusal:
        words = wording.of(refusal, ref=click.ref, at=clock.now())
        return modals.refusal(words, url=click.url)
    except DatabaseError:
        code = secrets.token_hex(3).upper()
        logger.exception("slack click was not recorded", extra={"fault": code})
        became = knocks.drop()
        if became is Dropped.HAPPENED:
            return None  # only the word that it was written was lost
        so = "Nothing was approved." if what == "decision" else "Nothing was changed."
        fault = FAULT if became is Dropped.NOTHING else LATER
        words = fault.format(what=what, so=so, ref=click.said or "the request", code=code)
        return modals.refusal(words, url=click.url, title="Not recorded")


def _named_in(text: object) -> str:
    found = REF.findall(text) if isinstance(text, str) else []
    return str(found[-1]) if found else ""


def show(view: Mapping[str, Any], click: Pressed, client: WebClient) -> None:
    """Open a window; where that fails, whisper its words into the channel."""
    try:
        client.views_open(trigger_id=click.trigger, view=dict(view))
    except (SlackApiError, *wire.BROKEN) as error:
        logger.warning("slack window did not open", extra={"error": str(error)[:200]})
        _whisper(view, click, client)


def instead(view: Mapping[str, Any]) -> Reply:
    """Let another window take the place of the one that was sent."""
    return {"response_action": "update", "view": dict(view)}


def _whisper(view: Mapping[str, Any], click: Pressed, client: WebClient) -> None:
    words = escape(view["blocks"][0]["text"]["text"])
    if view.get("submit"):
        words = "Slack did not open the window in time. Nothing was decided. Click again."
    try:
        client.chat_postEphemeral(
            channel=click.place.channel, user=click.account.user, text=words, parse="none"
        )
    except (SlackApiError, *wire.BROKEN) as error:
        logger.warning("slack user could not be told", extra={"error": str(error)[:200]})
