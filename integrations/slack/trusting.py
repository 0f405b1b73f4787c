"""Say whether a click was made on a message of this service, and who made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from slack_sdk import WebClient

from approvals import queries
from approvals.domain import display, errors
from approvals.domain.terms import AlertKind, Verdict
from approvals.models import ApprovalRequest, Person, Receipt
from approvals.models.requests import lookup
from approvals.services import alerts, clock, lifecycle
from integrations.slack import configuration, identity, likeness, redrawing, seals, workspaces
from integrations.slack.clicks import Pressed
from integrations.slack.payloads import Place
from integrations.slack.seals import Carried

CHANNEL = "slack"
THREAD = "slack_thread"
ANSWER = "answer"
UNKNOWN = "We do not know who you are yet. Link your Slack account, then click again."
NOT_OURS = (
    "Not counted. This button was not made by this service for this message. "
    "Open the request itself to decide."
)
EDITED = (
    "Not counted. This message does not say what this service wrote. "
    "Open the request itself to decide."
)


class Tampered(errors.NotAllowed):
    """The button does not belong to the message it was pressed on."""

    code = "not_our_button"


class Edited(Tampered):
    """The message is ours, but its words are not."""

    code = "edited_message"


@dataclass(frozen=True, slots=True)
class Trusted:
    """What a sound button stands for, and what policies may call the place it stands in.

    `drawn` is the likeness the button is sealed beside.
    """

    row: ApprovalRequest
    carried: Carried
    addresses: Sequence[str]
    drawn: str


def trusted(click: Pressed, *, whole: bool = False) -> Trusted:
    """The request a button stands for; with what was said about it when it is wanted `whole`.

    Raises Tampered, Changed or NotFound.
    """
    carried = seals.read(click.value)
    if carried is None:
        raise Tampered(NOT_OURS)
    row = queries.request(carried.ref) if whole else _found(carried.ref)
    receipts = _receipts(row, click)
    drawn = _proof(row, carried, click, receipts)
    if drawn is None:
        raise _forged(row, carried, click, receipts)
    refuse_other_action(row, carried)
    sent_to = [each.address for each in receipts if _is_same(each.handle, click.place)]
    return Trusted(row, carried, [*sent_to, *_addresses(click)], drawn)


def refuse_other_action(row: ApprovalRequest, carried: Carried) -> None:
    """What was shown must be what would run. Raises Changed."""
    if not row.action_sha256.startswith(carried.shown):
        raise errors.Changed(
            "Not counted. The request changed after this message was drawn. "
            f"Read version {row.version}."
        )


def person(click: Pressed, carried: Carried, client: WebClient) -> Person | None:
    """Who pressed; None and a line of history for somebody unknown. Raises Foreign."""
    try:
        found = identity.person_of(
            click.account, client=client, configuration=configuration.current(), at=clock.now()
        )
    except identity.Foreign as refusal:
        write_down(click, carried, refusal.words, reason=refusal.code)
        raise
    if found is None:
        write_down(click, carried, UNKNOWN)
    return found


def write_down(
    click: Pressed, carried: Carried, words: str, *, reason: str = "unknown_person"
) -> None:
    """A click nobody can answer for is history too."""
    known = {verdict.value for verdict in Verdict}
    lifecycle.refuse_stranger(
        ref=carried.ref,
        who=str(click.account),
        verdict=Verdict(click.wish) if click.wish in known else Verdict.INVESTIGATE,
        channel=CHANNEL,
        words=words,
        reason=reason,
        at=clock.now(),
    )


def raise_alarm(
    row: ApprovalRequest, click: Pressed, *, reason: str, differs: Sequence[str] = ()
) -> None:
    """Tell operators, once an hour for each message: nobody posts such a thing by mistake."""
    at = clock.now()
    about = (CHANNEL, reason, row.ref, click.place.channel, click.place.ts)
    seen: dict[str, Any] = {
        "channel": click.place.channel,
        "message": click.place.ts,
        "account": str(click.account),
        "button": click.wish,
    }
    if differs:
        seen["differs"] = list(differs)
    with transaction.atomic():
        alerts.raise_once(
            kind=AlertKind.FORGED_MESSAGE,
            key=alerts.hourly(None, *about, at=at),
            agent=None,
            words=_seen(row, click, reason, differs),
            values=seen,
            request=row,
            at=at,
        )


def _found(ref: str) -> ApprovalRequest:
    """The row alone: Slack waits, and every statement is a way there and back."""
    row = ApprovalRequest.objects.filter(**lookup(ref)).first()
    if row is None:
        raise errors.NoSuchRequest(ref)
    return row


def _seen(row: ApprovalRequest, click: Pressed, reason: str, differs: Sequence[str]) -> str:
    where = f"in channel {click.place.channel or 'unknown'}. The click on it was refused."
    if reason != Edited.code:
        return (
            f"A Slack message this service did not write carries a button of {row.ref}, {where} "
            "Somebody may hold the app's token: look at the message, and replace the token."
        )
    changes = "; ".join(differs) or "the button, or words that were changed since"
    return (
        f"The Slack message of {row.ref} does not say what this service wrote, {where} "
        f"What differs: {changes}. Somebody may hold the app's token: look at the message, and "
        "replace the token. If Slack only wrote our words another way, set SLACK_CHECK_WORDS=off."
    )


def _differs(row: ApprovalRequest, click: Pressed, receipts: Sequence[Receipt]) -> list[str]:
    """Which words differ from what we wrote, or would write now; each fit to be drawn."""
    here = [each.address for each in receipts if _is_same(each.handle, click.place)]
    known = [
        likeness.changes(ours, click.read)
        for address in here[:1]
        for ours in redrawing.readings(row, address=address, asks=click.wish == ANSWER)
    ]
    nearest = min(known, key=lambda found: sum(len(a) + len(b) for a, b in found), default=[])
    return [f"“{_drawn(wrote)}” now reads “{_drawn(reads)}”" for wrote, reads in nearest]


def _drawn(words: str) -> str:
    return display.show(words, limit=likeness.CHANGE_LENGTH).text.replace("\n", " ") or "nothing"


def _forged(
    row: ApprovalRequest, carried: Carried, click: Pressed, receipts: Sequence[Receipt]
) -> Tampered:
    is_known = any(_is_same(receipt.handle, click.place) for receipt in receipts)
    error: Tampered = Edited(EDITED) if is_known and carried.tag else Tampered(NOT_OURS)
    write_down(click, carried, error.words, reason=error.code)
    differs = _differs(row, click, receipts) if isinstance(error, Edited) else ()
    raise_alarm(row, click, reason=error.code, differs=differs)
    return error


def _proof(
    row: ApprovalRequest, carried: Carried, click: Pressed, receipts: Sequence[Receipt]
) -> str | None:
    """The likeness beside which this service sealed this button for this message, which still says
    so; None when it did not, or the message says something else.

    The receipt names the message. Until it is written, a moment after Slack shows the message, the
    address alone must do. A payload without a message comes from a window, never from a card.
    """
    place = click.place
    if not carried.tag:
        return None if configuration.current().strict_buttons else click.drawn
    if not place.channel:
        return None
    here = [r.address for r in receipts if _is_same(r.handle, place) and _is_home(r, click)]
    waiting = [a for a in _addresses(click) if not any(r.address == a for r in receipts)]
    # "" is sealed while words are not checked. What Slack sends without any blocks hides nothing from us:
    # then the button must be sealed beside one of the last things we wrote there.
    lately: Sequence[str] = () if click.read or click.drawn else _lately(receipts, place)
    for drawn in (click.drawn, "", *lately):
        if any(_is_sealed(carried, address, click, drawn) for address in (*here, *waiting)):
            return drawn
    return _reshaped(row, carried, click, here)


def _reshaped(
    row: ApprovalRequest, carried: Carried, click: Pressed, here: Sequence[str]
) -> str | None:
    """Slack may have given our words back in another shape: draw them again and compare."""
    checked = configuration.current().check_words
    for address in here:
        for ours in redrawing.readings(row, address=address, asks=click.wish == ANSWER):
            drawn = likeness.digest_of(ours)
            if not _is_sealed(carried, address, click, drawn):
                continue
            # The same for a payload without blocks on a message whose receipt is not written yet.
            if not checked or not click.read or likeness.is_same(ours, click.read):
                return drawn
    return None


def _lately(receipts: Sequence[Receipt], place: Place) -> list[str]:
    """The likenesses of what was last sent as this message."""
    here = [each.handle for each in receipts if _is_same(each.handle, place)]
    kept = [handle.get("drawn") for handle in here]
    return [str(drawn) for each in kept if isinstance(each, list) for drawn in each]


def _is_home(receipt: Receipt, click: Pressed) -> bool:
    return workspaces.split(receipt.address)[0] in ("", click.team)


def _addresses(click: Pressed) -> list[str]:
    channels = [click.place.channel, f"#{click.place.channel_name}"]
    if click.place.channel.startswith("D"):
        channels.append(click.account.user)  # somebody's own conversation goes by their name
    return channels + [f"{click.team}/{channel}" for channel in channels if click.team]


def _is_sealed(carried: Carried, address: str, click: Pressed, drawn: str) -> bool:
    return seals.is_genuine(carried, address=address, drawn=drawn, action=click.wish)


def _receipts(row: ApprovalRequest, click: Pressed) -> list[Receipt]:
    """What we know of our messages of this kind: cards, or the questions in their threads."""
    adapter = THREAD if click.wish == ANSWER else CHANNEL
    return list(row.receipts.filter(adapter=adapter))


def _is_same(handle: Mapping[str, Any], place: Place) -> bool:
    ours = {"", handle.get("ts"), *(handle.get("posted") or {}).values()}
    return handle.get("channel") == place.channel and place.ts in ours
