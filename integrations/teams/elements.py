"""The few shapes of Adaptive Cards we use, each safe for text we did not write.

Whatever an agent or a person wrote stands only in the runs of a rich text: there Teams reads no
Markdown. A `TextBlock`, a title and a label are Markdown to it, so those hold our own words alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from integrations.teams.texts import inert

Part = dict[str, Any]
WORDS_LIMIT = 500


def run(text: str, **style: Any) -> Part:
    """A piece of text, drawn as it stands."""
    return {"type": "TextRun", "text": inert(text) or " ", **style}


def bold(text: str) -> Part:
    return run(text, weight="Bolder")


def small(text: str) -> Part:
    return line(run(text, size="Small", isSubtle=True))


def title(name: str, more: str = "") -> Part:
    """How a section of a card begins."""
    also = [run(more, italic=True)] if more else []
    return line(bold(name), *also, separator=True)


def line(*runs: Part, **more: Any) -> Part:
    return {"type": "RichTextBlock", "inlines": list(runs), **more}


def ours(text: str) -> Part:
    """Words of our own in which Teams shall fill in dates; never anybody else's."""
    return {"type": "TextBlock", "text": text, "wrap": True}


def box(parts: Sequence[Part], *, style: str = "emphasis", **more: Any) -> Part:
    return {"type": "Container", "style": style, "items": list(parts), **more}


def rows(text: str) -> Part:
    return line(run(text, fontType="Monospace"))


def ask(name: str, label: str, *, required: bool, shortest: int = 1) -> Part:
    """An input of several lines; `name` is what its words come back as, `shortest` how many it wants."""
    wanted: dict[str, Any] = {}
    if required:
        wanted = {"isRequired": True, "errorMessage": "Write a few words."}
    if shortest > 1:
        words = f"Write at least {shortest} characters."
        wanted |= {"regex": rf"^\s*\S[\s\S]{{{shortest - 2},}}\S\s*$", "errorMessage": words}
    return {
        "type": "Input.Text",
        "id": name,
        "label": label,
        "isMultiline": True,
        "maxLength": WORDS_LIMIT,
        "placeholder": "Do not paste secrets.",
        **wanted,
    }


def choose(name: str, label: str, choices: Mapping[str, str], *, usual: str = "") -> Part:
    """One of a few words of ours; the key of the one picked comes back. `usual` is picked already."""
    picked = {"value": usual} if usual else {}
    return {
        "type": "Input.ChoiceSet",
        "id": name,
        "label": label,
        "style": "expanded",
        "isRequired": True,
        "errorMessage": "Pick one.",
        "choices": [{"title": title, "value": key} for key, title in choices.items()],
        **picked,
    }


def execute(verb: str, title: str, sealed: str, **more: Any) -> Part:
    """An action that comes back to us; older clients send the same as a message."""
    what = {"title": title, "data": {"sealed": sealed, "verb": verb}, **more}
    return {
        "type": "Action.Execute",
        "verb": verb,
        **what,
        "fallback": {"type": "Action.Submit", **what},
    }


def unfold(title: str, body: Sequence[Part], action: Part, **more: Any) -> Part:
    """An action that first opens a small card with what must be read or written."""
    card = {"type": "AdaptiveCard", "version": "1.5", "body": list(body), "actions": [action]}
    return {"type": "Action.ShowCard", "title": title, "card": card, **more}


def opening(title: str, url: str) -> Part:
    return {"type": "Action.OpenUrl", "title": title, "url": url}
