"""The small windows Slack opens for a click: a reason, a question, or why it did not count."""

from __future__ import annotations

from typing import Any

from approvals.domain import pausing
from approvals.domain.cards import Card
from approvals.domain.denials import SHORTEST_REASON
from approvals.domain.terms import AskedOf, Verdict
from integrations.slack import elements as el

TITLE_LIMIT = 24
WORDS_LIMIT = 500
# A denial tells an agent and its owner why: as many characters as the dashboard asks for.
NOT_COUNTED = "Not counted"
BLOCK = {Verdict.APPROVE: "reason", Verdict.DENY: "reason", Verdict.INVESTIGATE: "question"}
WHOM = "whom"
_NAMES = {Verdict.APPROVE: "Approve", Verdict.DENY: "Deny", Verdict.INVESTIGATE: "Investigate"}
_LABELS = {
    Verdict.APPROVE: "Why is this right? The audit trail keeps it.",
    Verdict.DENY: "Why? The agent and its owner will see this.",
    Verdict.INVESTIGATE: "What do you want to know? The agent and its owner will see this.",
}
_EFFECTS = {
    Verdict.APPROVE: "Your approval is counted once you send this.",
    Verdict.DENY: "Nothing will run.",
    Verdict.INVESTIGATE: "The clock pauses, within a bound, until somebody answers.",
}

WAITING = "We are looking up the request. Nothing is decided yet. This window changes by itself."
RECORDING = (
    "We have what you sent and are recording it. It does not count until this window says so. "
    "You may close it: if it does not count, we tell you."
)
RECORDED = "Recorded. The message shows what holds now."


def ask_words(card: Card, verdict: Verdict, *, carried: str) -> dict[str, Any]:
    """Ask for the words a verdict needs; `carried` ties the answer to the click."""
    block = BLOCK[verdict]
    return {
        "type": "modal",
        "callback_id": verdict.value,
        "private_metadata": carried,
        "title": el.plain(f"{_NAMES[verdict]} {card.ref}", TITLE_LIMIT),
        "submit": el.plain(_NAMES[verdict], TITLE_LIMIT),
        "close": el.plain("Go back", TITLE_LIMIT),
        "blocks": [
            el.words(f"{card.headline}\n{_EFFECTS[verdict]}"),
            {
                "type": "input",
                "block_id": block,
                "label": el.plain(_LABELS[verdict], 2_000),
                "hint": el.plain("Do not paste secrets.", 2_000),
                "element": {
                    "type": "plain_text_input",
                    "action_id": block,
                    "multiline": True,
                    "min_length": shortest(verdict),
                    "max_length": WORDS_LIMIT,
                },
            },
            *_whom(card, verdict),
        ],
    }


def _whom(card: Card, verdict: Verdict) -> list[dict[str, Any]]:
    """Whose answer a question waits for, where there is a choice."""
    if verdict is not Verdict.INVESTIGATE or not card.has_owner:
        return []
    return [el.choose(WHOM, "Ask whom?", pausing.WHOM, usual=AskedOf.BOTH.value)]


def shortest(verdict: Verdict) -> int:
    """How many characters a verdict needs at least."""
    return SHORTEST_REASON if verdict is Verdict.DENY else 1


def wrong(words: str, verdict: Verdict) -> str:
    """What is wrong with what was typed; empty when nothing is."""
    if not words:
        return "Write a few words. Nothing was decided yet."
    if len(words) < shortest(verdict):
        return (
            f"Write at least {shortest(verdict)} characters, so that the agent's owner learns why. "
            "Nothing was decided yet."
        )
    if len(words) > WORDS_LIMIT:
        return f"Write at most {WORDS_LIMIT} characters. Nothing was decided yet."
    return ""


def refusal(words: str, *, url: str = "", title: str = NOT_COUNTED) -> dict[str, Any]:
    """Say why a click changed nothing, and where to go on."""
    blocks = [el.words(words)]
    if url:
        label = "Open the request in the web dashboard"
        opening = el.button("open", "Open the request", label=label, url=url)
        blocks.append({"type": "actions", "elements": [opening]})
    return _window(title, blocks)


def link_account(words: str, *, url: str) -> dict[str, Any]:
    """Ask somebody we do not know to say who they are, on a page they sign in to."""
    label = "Link your Slack account in the web dashboard"
    linking = el.button("open", "Link your account", label=label, style="primary", url=url)
    after = "The link works for 15 minutes and for you alone. Then click again."
    blocks = [el.words(words), {"type": "actions", "elements": [linking]}, el.small(after)]
    return _window("Who are you?", blocks)


def waiting() -> dict[str, Any]:
    """Stand in for a window whose words are still being looked up."""
    return _window("One moment", [el.words(WAITING)])


def recording() -> dict[str, Any]:
    """Stand in for the answer to a window that was sent, until it is recorded."""
    return _window("Recording", [el.words(RECORDING)])


def recorded() -> dict[str, Any]:
    """Say that what was sent is on record now."""
    return _window("Recorded", [el.words(RECORDED)])


def _window(title: str, blocks: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "type": "modal",
        "title": el.plain(title, TITLE_LIMIT),
        "close": el.plain("Close", TITLE_LIMIT),
        "blocks": blocks,
    }
