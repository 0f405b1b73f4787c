"""Turn a click into one verdict, or into words that say why it did not count.

Everything happens inside Slack's request: it must be answered within three seconds, and only the
trigger it brought can open a window.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.core import signing
from django.db import DatabaseError
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from approvals import queries
from approvals.domain import errors
from approvals.domain.errors import Refusal
from approvals.domain.terms import Verdict
from approvals.models import ApprovalRequest, Person
from approvals.services import clock, lifecycle
from integrations.slack import configuration, identity, linking, modals, payloads, seals, wire
from integrations.slack.payloads import Account, Place
from integrations.slack.seals import Carried
from integrations.slack.shortening import escape

logger = logging.getLogger(__name__)

Reply = dict[str, Any]
CHANNEL = "slack"
WINDOW_SALT = "slack-window"
UNKNOWN = "We do not know who you are yet. Link your Slack account, then click again."
NOT_OURS = (
    "Not counted. This button was not made by this service for this message. "
    "Open the request itself to decide."
)
OUTDATED = "Nothing happened. This button is from an earlier version of the message."
FAULT = (
    "We could not record your decision. Nothing was approved. Try again or open the request. "
    "Error {code}."
)


class Tampered(errors.NotAllowed):
    """The button does not belong to the message it was pressed on."""

    code = "not_our_button"


@dataclass(frozen=True, slots=True)
class Pressed:
    """A click: who, on which message, and what the button carried."""

    account: Account
    place: Place
    verdict: Verdict
    value: str
    trigger: str
    authenticated_by: str


def press(
    payload: Mapping[str, Any], verdict: Verdict, *, client: WebClient, authenticated_by: str
) -> None:
    """A button was pressed: approve at once, or open the window for words."""
    pressed = Pressed(
        account=payloads.account(payload),
        place=payloads.place(payload),
        verdict=verdict,
        value=str(payloads.action(payload).get("value") or ""),
        trigger=str(payload.get("trigger_id") or ""),
        authenticated_by=authenticated_by,
    )
    view = _attempt(pressed, lambda: _answer_press(pressed, client))
    if view is not None:
        show(view, pressed, client)


def submit(
    payload: Mapping[str, Any], verdict: Verdict, *, client: WebClient, authenticated_by: str
) -> Reply:
    """A window came back with words: count the verdict. Returns what Slack shall do next."""
    block = modals.BLOCK[verdict]
    comment = payloads.words(payload, block).strip()
    wrong = _wrong(comment)
    if wrong:
        return {"response_action": "errors", "errors": {block: wrong}}
    account = payloads.account(payload)
    try:
        metadata = payload["view"].get("private_metadata") or ""
        place, value = _carried_on(metadata, account, verdict)
    except ValueError:
        return _instead(modals.refusal(NOT_OURS))
    pressed = Pressed(account, place, verdict, value, "", authenticated_by)
    view = _attempt(pressed, lambda: _count(pressed, client, comment=comment))
    return {} if view is None else _instead(view)


def outdated(payload: Mapping[str, Any], *, client: WebClient) -> None:
    """A button we do not know, from a message of another time."""
    account, place = payloads.account(payload), payloads.place(payload)
    trigger = str(payload.get("trigger_id") or "")
    pressed = Pressed(account, place, Verdict.INVESTIGATE, "", trigger, "")
    show(modals.refusal(OUTDATED, title="Nothing happened"), pressed, client)


def show(view: Mapping[str, Any], pressed: Pressed, client: WebClient) -> None:
    """Open a window; where that fails, whisper its words into the channel."""
    try:
        client.views_open(trigger_id=pressed.trigger, view=dict(view))
    except (SlackApiError, *wire.BROKEN) as error:
        logger.warning("slack window did not open", extra={"error": str(error)[:200]})
        _whisper(view, pressed, client)


def _whisper(view: Mapping[str, Any], pressed: Pressed, client: WebClient) -> None:
    words = escape(view["blocks"][0]["text"]["text"])
    if view.get("submit"):
        words = "Slack did not open the window in time. Nothing was decided. Click again."
    try:
        client.chat_postEphemeral(
            channel=pressed.place.channel, user=pressed.account.user, text=words, parse="none"
        )
    except (SlackApiError, *wire.BROKEN) as error:
        logger.warning("slack user could not be told", extra={"error": str(error)[:200]})


def _attempt(pressed: Pressed, act: Callable[[], Reply | None]) -> Reply | None:
    """Do it, and turn every way it can fail into a window with words."""
    try:
        return act()
    except Refusal as refusal:
        return modals.refusal(refusal.words, url=_url(pressed))
    except DatabaseError:
        code = secrets.token_hex(3).upper()
        logger.exception("slack click was not recorded", extra={"fault": code})
        return modals.refusal(FAULT.format(code=code), url=_url(pressed), title="Not recorded")


def _answer_press(pressed: Pressed, client: WebClient) -> Reply | None:
    if pressed.verdict is not Verdict.APPROVE:
        return _ask(pressed, client)
    try:
        return _count(pressed, client, comment="")
    except errors.Invalid as wanting:
        if wanting.facts.get("field") != "comment":
            raise
        return _ask(pressed, client)


def _count(pressed: Pressed, client: WebClient, *, comment: str) -> Reply | None:
    """Count the verdict; returns a window when somebody unknown pressed."""
    row, carried = _trusted(pressed)
    person = _person(pressed, carried, client)
    if person is None:
        return modals.link_account(UNKNOWN, url=linking.url(pressed.account))
    lifecycle.decide(
        ref=str(row.public_id),
        person=person,
        verdict=pressed.verdict,
        comment=comment,
        version=carried.version,
        shown=row.action_sha256 if carried.shown else None,
        channel=CHANNEL,
        authenticated_by=pressed.authenticated_by,
        at=clock.now(),
    )
    return None


def _ask(pressed: Pressed, client: WebClient) -> Reply:
    """The window for a reason or a question, unless their answer could not count anyway."""
    row, carried = _trusted(pressed)
    person = _person(pressed, carried, client)
    if person is None:
        return modals.link_account(UNKNOWN, url=linking.url(pressed.account))
    lifecycle.foresee(
        ref=str(row.public_id),
        person=person,
        verdict=pressed.verdict,
        version=carried.version,
        channel=CHANNEL,
        at=clock.now(),
    )
    return modals.ask_words(queries.card(row), pressed.verdict, carried=_carry(pressed))


def _trusted(pressed: Pressed) -> tuple[ApprovalRequest, Carried]:
    """The request a button stands for. Raises Tampered, Changed or NotFound."""
    carried = seals.read(pressed.value)
    if carried is None:
        raise Tampered(NOT_OURS)
    row = queries.request(carried.ref)
    if not _is_ours(row, carried, pressed.place):
        _audit(pressed, carried, NOT_OURS, reason=Tampered.code)
        raise Tampered(NOT_OURS)
    if not row.action_sha256.startswith(carried.shown):
        raise errors.Changed(
            "Not counted. The request changed after this message was drawn. "
            f"Read version {row.version}."
        )
    return row, carried


def _is_ours(row: ApprovalRequest, carried: Carried, place: Place) -> bool:
    """Say whether this service sent this button to this message.

    The receipt names the message. Until it is written, a moment after Slack shows the message, the
    address alone must do. A payload without a message comes from a window, never from a card.
    """
    if not carried.tag:
        return not configuration.current().strict_buttons
    if not place.channel:
        return False
    receipts = list(row.receipts.filter(adapter=CHANNEL))
    for receipt in receipts:
        if _is_same(receipt.handle, place) and seals.is_genuine(carried, address=receipt.address):
            return True
    waiting = [a for a in (place.channel, f"#{place.channel_name}") if not _has(receipts, a)]
    return any(seals.is_genuine(carried, address=address) for address in waiting)


def _is_same(handle: Mapping[str, Any], place: Place) -> bool:
    return handle.get("channel") == place.channel and place.ts in ("", handle.get("ts"))


def _has(receipts: list[Any], address: str) -> bool:
    return any(receipt.address == address for receipt in receipts)


def _person(pressed: Pressed, carried: Carried, client: WebClient) -> Person | None:
    """Who pressed; None and a line of history for somebody unknown. Raises Foreign."""
    try:
        person = identity.person_of(
            pressed.account, client=client, configuration=configuration.current(), at=clock.now()
        )
    except identity.Foreign as refusal:
        _audit(pressed, carried, refusal.words, reason=refusal.code)
        raise
    if person is None:
        _audit(pressed, carried, UNKNOWN)
    return person


def _audit(
    pressed: Pressed, carried: Carried, words: str, *, reason: str = "unknown_person"
) -> None:
    lifecycle.refuse_stranger(
        ref=carried.ref,
        who=str(pressed.account),
        verdict=pressed.verdict,
        channel=CHANNEL,
        words=words,
        reason=reason,
        at=clock.now(),
    )


def _carry(pressed: Pressed) -> str:
    """The click a window belongs to, signed: a stolen token can open windows, but not this one."""
    opened = {"by": pressed.account.external_id, "for": pressed.verdict.value}
    kept = {"value": pressed.value, **asdict(pressed.place), **opened}
    return signing.dumps(kept, salt=WINDOW_SALT)


def _carried_on(metadata: str, account: Account, verdict: Verdict) -> tuple[Place, str]:
    """What the window remembered of the click that opened it. Raises ValueError."""
    try:
        kept = signing.loads(metadata, salt=WINDOW_SALT)
    except signing.BadSignature as error:
        raise ValueError("The window carries nothing of ours.") from error
    if (kept["by"], kept["for"]) != (account.external_id, verdict.value):
        raise ValueError("The window was opened for another click.")
    return Place(kept["channel"], kept["channel_name"], kept["ts"]), str(kept["value"])


def _wrong(comment: str) -> str:
    if not comment:
        return "Write a few words. Nothing was decided yet."
    if len(comment) > modals.WORDS_LIMIT:
        return f"Write at most {modals.WORDS_LIMIT} characters. Nothing was decided yet."
    return ""


def _instead(view: Mapping[str, Any]) -> Reply:
    return {"response_action": "update", "view": dict(view)}


def _url(pressed: Pressed) -> str:
    carried = seals.read(pressed.value)
    return f"{settings.PUBLIC_URL}/r/{carried.ref}" if carried else ""
