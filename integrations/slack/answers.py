"""Answer a question in its thread: a button, a window, and the words are on record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slack_sdk import WebClient

from approvals.domain import display, errors
from approvals.domain.cards_words import headline
from approvals.domain.terms import Verdict
from approvals.models import ApprovalRequest, Person, states
from approvals.services import answers, clock, knocks
from approvals.services.answers import LONGEST
from integrations.slack import clicks, linking, modals, payloads, trusting
from integrations.slack import elements as el
from integrations.slack.clicks import Pressed, Reply
from integrations.slack.shortening import fold
from integrations.slack.trusting import Trusted

WISH = trusting.ANSWER
WORDS_LIMIT = 3_000  # what Slack lets a field hold
QUESTION_LENGTH = 600
NOBODY = "We do not know who you are yet. Link your Slack account, then answer again."


def press(payload: Mapping[str, Any], *, client: WebClient) -> None:
    """Answer… was pressed: open the window, unless the answer could not be taken anyway."""
    click = clicks.pressed(payload, WISH)
    view = clicks.attempt(click, lambda: _ask(click, client), what="answer")
    if view is not None:
        clicks.show(view, click, client)


def submit(payload: Mapping[str, Any], *, client: WebClient) -> Reply:
    """The window came back: store the answer. Returns what Slack shall do next."""
    words = payloads.words(payload, WISH).strip()
    if not 0 < len(words) <= min(WORDS_LIMIT, LONGEST):
        wrong = f"Write 1 to {WORDS_LIMIT:,} characters. Nothing was recorded yet."
        return {"response_action": "errors", "errors": {WISH: wrong}}
    try:
        click = clicks.carried_on(payload, WISH, authenticated_by="")
    except ValueError:
        return clicks.instead(modals.refusal(trusting.NOT_OURS))
    view = clicks.attempt(click, lambda: _store(click, client, words), what="answer")
    return {} if view is None else clicks.instead(view)


def window(row: ApprovalRequest, *, carried: str) -> dict[str, Any]:
    """Ask for the answer, with the question above it."""
    asked = row.decisions.filter(verdict=Verdict.INVESTIGATE.value).order_by("-at", "-pk").first()
    question = fold(display.show(asked.comment).text, QUESTION_LENGTH) if asked else ""
    head = f"{headline(row.submission)}\nThe clock runs again once you send this."
    blocks = [el.words(head)]
    if asked:
        blocks.append(
            el.rich(el.line(el.text(f"{asked.person} asks", bold=True)), el.quote(question))
        )
    return {
        "type": "modal",
        "callback_id": WISH,
        "private_metadata": carried,
        "title": el.plain(f"Answer {row.ref}", modals.TITLE_LIMIT),
        "submit": el.plain("Send answer", modals.TITLE_LIMIT),
        "close": el.plain("Go back", modals.TITLE_LIMIT),
        "blocks": [*blocks, _field()],
    }


def _field() -> dict[str, Any]:
    label = "Your answer. Everybody in the channel and the agent will see it."
    return {
        "type": "input",
        "block_id": WISH,
        "label": el.plain(label, 2_000),
        "hint": el.plain("Do not paste secrets.", 2_000),
        "element": {
            "type": "plain_text_input",
            "action_id": WISH,
            "multiline": True,
            "min_length": 1,
            "max_length": WORDS_LIMIT,
        },
    }


def _ask(click: Pressed, client: WebClient) -> Reply:
    found = _who(click, client)
    if found is None:
        return modals.link_account(NOBODY, url=linking.url(click.account))
    known, person = found
    row = known.row
    state = states.of(row)
    if state.status.is_final:
        raise errors.AlreadyDecided(
            f"Not recorded. The request is {state.status} already, so no answer is needed."
        )
    answers.refuse_others(state, person, at=clock.now())
    return window(row, carried=clicks.carry(click, drawn=known.drawn))


def _store(click: Pressed, client: WebClient, words: str) -> Reply | None:
    found = _who(click, client)
    if found is None:
        return modals.link_account(NOBODY, url=linking.url(click.account))
    known, person = found
    answers.answer(
        ref=str(known.row.public_id), person=person, text=words, at=knocks.moment(known.row)
    )
    return None


def _who(click: Pressed, client: WebClient) -> tuple[Trusted, Person] | None:
    known = trusting.trusted(click, whole=True)
    person = trusting.person(click, known.carried, client)
    return None if person is None else (known, person)
