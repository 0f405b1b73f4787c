"""Turn a click into one verdict, or into words that say why it did not count.

Everything happens inside Slack's request: it must be answered within three seconds, and only the
trigger it brought can open a window.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slack_sdk import WebClient

from approvals import queries
from approvals.domain import errors, pausing
from approvals.domain.terms import Verdict
from approvals.models import Person
from approvals.services import clock, holding, knocks, lifecycle, more_time, reading
from approvals.services.clicks import Said
from integrations.slack import (
    buttons,
    clicks,
    configuration,
    linking,
    modals,
    payloads,
    trusting,
)
from integrations.slack import elements as el
from integrations.slack.clicks import WINDOW_SALT, Pressed, Reply
from integrations.slack.trusting import CHANNEL, NOT_OURS, UNKNOWN, Trusted

__all__ = ["WINDOW_SALT", "add_time", "outdated", "press", "submit", "undo"]
OUTDATED = "Nothing happened. This button is from an earlier version of the message."


def press(
    payload: Mapping[str, Any], verdict: Verdict, *, client: WebClient, authenticated_by: str
) -> None:
    """A button was pressed: approve at once, or open the window for words."""
    click = clicks.pressed(payload, verdict.value, authenticated_by=authenticated_by)
    view = clicks.attempt(click, lambda: _answer_press(click, verdict, client))
    if view is not None:
        clicks.show(view, click, client)


def undo(payload: Mapping[str, Any], *, client: WebClient) -> None:
    """Undo was pressed: take one's own decision back, or say why that is not possible."""
    click = clicks.pressed(payload, buttons.UNDO)
    view = clicks.attempt(click, lambda: _take_back(click, client), what="undo")
    if view is not None:
        clicks.show(_titled(view, "Not undone"), click, client)


def add_time(payload: Mapping[str, Any], *, client: WebClient) -> None:
    """More time was asked for."""
    click = clicks.pressed(payload, buttons.MORE_TIME)
    view = clicks.attempt(click, lambda: _add_time(click, client), what="wish")
    if view is not None:
        clicks.show(_titled(view, "No time was added"), click, client)


def submit(
    payload: Mapping[str, Any], verdict: Verdict, *, client: WebClient, authenticated_by: str
) -> Reply:
    """A window came back with words: count the verdict. Returns what Slack shall do next."""
    block = modals.BLOCK[verdict]
    comment = payloads.words(payload, block).strip()
    wrong = modals.wrong(comment, verdict)
    if wrong:
        return {"response_action": "errors", "errors": {block: wrong}}
    try:
        click = clicks.carried_on(payload, verdict.value, authenticated_by=authenticated_by)
    except ValueError:
        return clicks.instead(modals.refusal(NOT_OURS))
    whom = payloads.picked(payload, modals.WHOM)
    view = clicks.attempt(click, lambda: _count(click, verdict, client, comment=comment, whom=whom))
    return {} if view is None else clicks.instead(view)


def outdated(payload: Mapping[str, Any], *, client: WebClient) -> None:
    """A button we do not know, from a message of another time."""
    click = clicks.pressed(payload, "")
    clicks.show(modals.refusal(OUTDATED, title="Nothing happened"), click, client)


def _titled(view: Reply, title: str) -> Reply:
    """A refusal under a title of its own: these clicks decide nothing, so nothing is not counted."""
    is_refusal = view["title"]["text"] == modals.NOT_COUNTED
    return view | {"title": el.plain(title, modals.TITLE_LIMIT)} if is_refusal else view


def _answer_press(click: Pressed, verdict: Verdict, client: WebClient) -> Reply | None:
    if verdict is not Verdict.APPROVE:
        return _ask(click, verdict, client)
    try:
        return _count(click, verdict, client, comment="")
    except errors.Invalid as wanting:
        if wanting.facts.get("field") != "comment":
            raise
        return _ask(click, verdict, client)


def _count(
    click: Pressed, verdict: Verdict, client: WebClient, *, comment: str, whom: str = ""
) -> Reply | None:
    """Count the verdict; `whom` a question is for. Returns a window when somebody unknown pressed."""
    known = trusting.trusted(click)
    row, carried = known.row, known.carried
    person = trusting.person(click, carried, client)
    if person is None:
        return modals.link_account(UNKNOWN, url=linking.url(click.account))
    if verdict is Verdict.APPROVE:
        _refuse_unread(known, person)
    said = Said(
        person=person,
        verdict=verdict,
        comment=comment,
        version=carried.version,
        shown=row.action_sha256 if carried.shown else None,
        channel=CHANNEL,
        authenticated_by=click.authenticated_by,
        asked_of=pausing.whom(whom),
    )
    holding.decide(said, ref=str(row.public_id), at=knocks.moment(row), now=clock.now())
    return None


def _take_back(click: Pressed, client: WebClient) -> Reply | None:
    """Undo what whoever pressed said here, while it can be undone."""
    known = trusting.trusted(click)
    person = trusting.person(click, known.carried, client)
    if person is None:
        return modals.link_account(UNKNOWN, url=linking.url(click.account))
    holding.undo(ref=str(known.row.public_id), person=person, at=knocks.moment(known.row))
    return None


def _add_time(click: Pressed, client: WebClient) -> Reply | None:
    """Move the deadline, within what the policy sets aside."""
    known = trusting.trusted(click)
    person = trusting.person(click, known.carried, client)
    if person is None:
        return modals.link_account(UNKNOWN, url=linking.url(click.account))
    more_time.add(ref=str(known.row.public_id), person=person, at=knocks.moment(known.row))
    return None


def _refuse_unread(known: Trusted, person: Person) -> None:
    """The card may have been drawn before its channel was limited, or critical ones kept out."""
    reading.refuse_unread(
        known.row,
        person=person,
        channel=CHANNEL,
        addresses=known.addresses,
        critical_on_web=configuration.current().critical_on_web,
        at=knocks.moment(known.row),
    )


def _ask(click: Pressed, verdict: Verdict, client: WebClient) -> Reply:
    """The window for a reason or a question, unless their answer could not count anyway."""
    known = trusting.trusted(click, whole=True)
    row, carried = known.row, known.carried
    person = trusting.person(click, carried, client)
    if person is None:
        return modals.link_account(UNKNOWN, url=linking.url(click.account))
    lifecycle.foresee(
        ref=str(row.public_id),
        person=person,
        verdict=verdict,
        version=carried.version,
        channel=CHANNEL,
        at=knocks.moment(row),
    )
    return modals.ask_words(
        queries.card(row), verdict, carried=clicks.carry(click, drawn=known.drawn)
    )
