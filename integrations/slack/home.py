"""The app's own tab in Slack: what waits for this person, whether they are away, what they decided."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.core import signing
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from approvals import queries
from approvals.domain.cards import headline
from approvals.domain.errors import Refusal
from approvals.domain.state import clock as spoken
from approvals.domain.terms import Verdict
from approvals.models import Absence, Decision, Person
from approvals.services import absence, clock
from integrations.slack import configuration, identity, linking, payloads, waiting, wire
from integrations.slack import elements as el
from integrations.slack.elements import Block
from integrations.slack.payloads import Account
from integrations.slack.shortening import cut
from integrations.slack.waiting import ROW_LENGTH

logger = logging.getLogger(__name__)

SALT = "slack-home"
MOST_DECIDED = 5
SPANS = {"away_day": timedelta(days=1), "away_week": timedelta(days=7)}
BACK = "back"
ACTIONS = (*SPANS, BACK)
Owner = tuple[Account, Person | str]
DID = {
    Verdict.APPROVE: "Approved",
    Verdict.DENY: "Denied",
    Verdict.INVESTIGATE: "Asked about",
}
STRANGER = (
    "We do not know who you are yet. Link your Slack account: then what waits for you stands here, "
    "and your clicks count."
)
NOT_OURS = "Nothing was changed. That button was not made by this service. Press it again."
FOREIGN = "Your Slack account belongs to a workspace whose members do not decide here."


def opened(payload: Mapping[str, Any], *, client: WebClient) -> Owner | None:
    """Somebody opened the tab: draw it for them. Returns whose it is; None where it was another tab."""
    event = payload["event"]
    if event["tab"] not in ("", "home") or not event["user"]:
        return None
    account = Account(event["user"], payload.get("team_id", ""), "")
    person = _person(account, client)
    _send(account, draw(account, person, at=clock.now()), client)
    return account, person


def switched(payload: Mapping[str, Any], *, client: WebClient) -> Owner:
    """Somebody pressed the switch on their own tab: they are away, or back. Returns who."""
    account, pressed = payloads.account(payload), payloads.action(payload)
    wish = str(pressed.get("action_id"))
    person, why_not = _person(account, client), ""
    if isinstance(person, Person):
        is_ours = _is_ours(str(pressed.get("value") or ""), account, wish)
        why_not = _switch(person, wish, at=clock.now()) if is_ours else NOT_OURS
    _send(account, draw(account, person, at=clock.now(), why_not=why_not), client)
    return account, person


def _send(account: Account, view: Mapping[str, Any], client: WebClient) -> None:
    """Draw the tab anew. That it fails is no reason to fail what led to it."""
    try:
        client.views_publish(user_id=account.user, view=dict(view))
    except (SlackApiError, *wire.BROKEN) as error:
        logger.warning("slack home was not drawn", extra={"error": str(error)[:200]})


def draw(
    account: Account, person: Person | str, *, at: datetime, why_not: str = ""
) -> dict[str, Any]:
    """The whole tab; `person` is the words for somebody who is nobody of ours."""
    if isinstance(person, str):
        return {"type": "home", "blocks": _for_stranger(account, person)}
    blocks = [
        *waiting.drawn(queries.team_inbox_for(person, at=at)),
        el.header("Away"),
        *([el.words(why_not)] if why_not else []),
        *_away(account, absence.current(person, at)),
        el.header("Your last decisions"),
        *_decided(person),
        el.small(
            f"Drawn at {spoken(at)} for {person}. What you do shows here within a minute; for what "
            "others do, open this tab again."
        ),
    ]
    return {"type": "home", "blocks": blocks}


def _person(account: Account, client: WebClient) -> Person | str:
    try:
        found = identity.person_of(
            account, client=client, configuration=configuration.current(), at=clock.now()
        )
    except identity.Foreign:
        return FOREIGN
    return found if found is not None else STRANGER


def _switch(person: Person, wish: str, *, at: datetime) -> str:
    """Do what the switch says; returns why it came to nothing, if it did."""
    now = absence.current(person, at)
    try:
        if wish == BACK and now is not None:
            absence.end(now, by=person, at=at)
        elif wish != BACK and now is None:
            until = at + SPANS[wish]
            absence.begin(person, starts_at=at, ends_at=until, stand_in=None, by=person, at=at)
    except Refusal as refusal:
        return refusal.words
    return ""


def _for_stranger(account: Account, words: str) -> list[Block]:
    if words != STRANGER:
        return [el.words(words)]
    label = "Link your Slack account in the web dashboard"
    link = el.button(
        "open", "Link your account", label=label, style="primary", url=linking.url(account)
    )
    after = "The link works for 15 minutes and for you alone. Open this tab again for another."
    return [el.words(words), {"type": "actions", "elements": [link]}, el.small(after)]


def _away(account: Account, now: Absence | None) -> list[Block]:
    if now is None:
        buttons = [
            _button(account, "away_day", "Away for a day"),
            _button(account, "away_week", "Away for a week"),
        ]
        words = "You are here: requests for your teams are yours to decide."
    else:
        buttons = [_button(account, BACK, "I am back")]
        instead = f" {now.stand_in} stands in for you." if now.stand_in else ""
        words = f"You are away until {spoken(now.ends_at)}.{instead}"
    return [el.words(words), {"type": "actions", "elements": buttons}]


def _button(account: Account, wish: str, name: str) -> Block:
    value = signing.dumps({"by": account.external_id, "for": wish}, salt=SALT)
    return el.button(wish, name, label=name, value=value)


def _is_ours(value: str, account: Account, wish: str) -> bool:
    """Whoever holds the app's token can draw this tab, but cannot make what its buttons carry."""
    try:
        kept = signing.loads(value, salt=SALT)
    except signing.BadSignature:
        return False
    return bool(kept == {"by": account.external_id, "for": wish})


def _decided(person: Person) -> list[Block]:
    made = Decision.objects.filter(person=person).select_related("request").order_by("-at", "-pk")
    lines = [
        f"{DID[Verdict(one.verdict)]} {one.request.ref} · "
        f"{cut(headline(one.request.submission), ROW_LENGTH)} · {spoken(one.at)}"
        for one in made[:MOST_DECIDED]
    ]
    return [el.rich(el.bullets(lines))] if lines else [el.words("You decided nothing yet.")]
