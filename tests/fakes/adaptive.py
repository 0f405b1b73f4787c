"""The rules of Adaptive Cards 1.5 that our cards must keep: by hand, and by the schema where it is here.

It knows the elements we use and refuses all others, so a new one must be looked up first.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.fakes import adaptive_schema

MOST_BYTES = 28 * 1024
MOST_ACTIONS = 6
MOST_VIEWERS = 60
STYLES = {"default", "emphasis", "good", "attention", "warning", "accent"}
SPACED = {"separator", "spacing"}
KEYS: dict[str, tuple[set[str], set[str]]] = {  # what must be there, what may be
    "AdaptiveCard": (
        {"version", "body"},
        {"actions", "refresh", "fallbackText", "speak", "lang", "$schema"},
    ),
    "Container": ({"items"}, {"style", "bleed"} | SPACED),
    "RichTextBlock": ({"inlines"}, SPACED),
    "TextBlock": ({"text"}, {"wrap", "size", "weight", "isSubtle"} | SPACED),
    "TextRun": ({"text"}, {"size", "weight", "isSubtle", "italic", "fontType", "color"}),
    "Input.Text": (
        {"id"},
        {"label", "isMultiline", "maxLength", "isRequired", "errorMessage", "placeholder", "regex"},
    ),
    "Input.ChoiceSet": (
        {"id", "choices"},
        {"label", "style", "isRequired", "errorMessage", "value"},
    ),
    "Action.Execute": ({"verb"}, {"title", "data", "fallback", "style", "tooltip"}),
    "Action.Submit": (set(), {"title", "data", "style", "tooltip"}),
    "Action.ShowCard": ({"card"}, {"title", "style", "tooltip"}),
    "Action.OpenUrl": ({"url"}, {"title", "tooltip"}),
}
INSIDE = {"body": "part", "items": "part", "inlines": "run", "actions": "action"}


def faults(card: Any) -> list[str]:
    """What is wrong with a card; empty for a good one."""
    if not isinstance(card, dict) or card.get("type") != "AdaptiveCard":
        return ["it is no card"]
    found = [*_faults(card), *_refresh(card.get("refresh")), *adaptive_schema.faults(card)]
    if card.get("version") != "1.5":
        found.append("it is of another version")
    if weight(card) > MOST_BYTES:
        found.append(f"it is too large: {weight(card)} bytes")
    ids = [each["id"] for each in every(card) if str(each.get("type")).startswith("Input.")]
    return found + [f"two inputs are called {name}" for name in set(ids) if ids.count(name) > 1]


def weight(card: Any) -> int:
    return len(json.dumps(card, ensure_ascii=False, separators=(",", ":")).encode())


def every(value: Any) -> Iterator[dict[str, Any]]:
    """Every object inside a card."""
    if isinstance(value, list):
        for inner in value:
            yield from every(inner)
    elif isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from every(inner)


def buttons(card: Any) -> dict[str, dict[str, Any]]:
    """The actions that decide, by verb, wherever on the card they stand."""
    shown = {key: value for key, value in card.items() if key != "refresh"}
    found = [each for each in every(shown) if each.get("type") == "Action.Execute"]
    return {each["verb"]: each for each in found}


def read_as_markup(card: Any) -> Iterator[str]:
    """Every text in which Teams would read Markdown: all but the runs."""
    for each in every(card):
        if each.get("type") == "TextRun":
            continue
        for name in ("text", "title", "label", "placeholder", "errorMessage", "tooltip"):
            if isinstance(each.get(name), str):
                yield each[name]
        for name in ("fallbackText", "speak"):
            if each.get(name):
                yield str(each[name])


def runs(card: Any) -> Iterator[str]:
    """Every text that is drawn as it stands."""
    for each in every(card):
        if each.get("type") == "TextRun":
            yield str(each["text"])


def _faults(part: Any) -> Iterator[str]:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind not in KEYS:
        yield f"{kind} is unknown"
        return
    needed, allowed = KEYS[kind]
    yield from (f"{kind} lacks {name}" for name in needed - set(part))
    yield from (f"{kind} has {name}" for name in set(part) - needed - allowed - {"type"})
    styles = {"expanded"} if kind == "Input.ChoiceSet" else STYLES | {"positive", "default"}
    if part.get("style", "default") not in styles:
        yield f"{kind} has the style {part['style']}"
    yield from _texts(part)
    for name in set(INSIDE) & set(part):
        yield from _all(part[name], name)
    for name in {"card", "fallback"} & set(part):
        yield from _faults(part[name])


def _all(parts: Any, name: str) -> Iterator[str]:
    if not isinstance(parts, list) or (name != "actions" and not parts):
        yield f"{name} is empty, or no list"
        return
    if name == "actions" and len(parts) > MOST_ACTIONS:
        yield "there are too many actions"
    for part in parts:
        kind = part.get("type", "") if isinstance(part, dict) else ""
        wanted = {"actions": kind.startswith("Action."), "inlines": kind == "TextRun"}
        if not wanted.get(name, kind in KEYS and not kind.startswith("Action.")):
            yield f"{kind} stands in {name}"
        yield from _faults(part)


def _texts(part: dict[str, Any]) -> Iterator[str]:
    for name in ("text", "title", "label", "id", "verb", "url", "fallbackText"):
        if name in part and (not isinstance(part[name], str) or not part[name]):
            yield f"{name} is no text"
    if "url" in part and not str(part["url"]).startswith(("https://", "http://")):
        yield "url is no web address"


def _refresh(refresh: Any) -> Iterator[str]:
    if refresh is None:
        return
    if set(refresh) != {"action", "userIds"} or refresh["action"].get("type") != "Action.Execute":
        yield "refresh is not made of one action and its people"
    elif not 0 < len(refresh["userIds"]) <= MOST_VIEWERS:
        yield "refresh is for nobody, or for too many"
