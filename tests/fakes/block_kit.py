"""Check messages and windows against Slack's documented limits, as its servers do.

`faults(...)` lists what Slack would refuse. https://docs.slack.dev/reference/block-kit/blocks
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
MESSAGE_CHARACTERS = 13_200  # met in practice, documented nowhere
TEXT_KINDS = {"plain_text", "mrkdwn"}
KNOWN = {"header", "section", "rich_text", "actions", "context", "input", "divider"}
RICH = {"rich_text_section", "rich_text_preformatted", "rich_text_quote", "rich_text_list"}


def faults(blocks: object, *, in_view: bool = False) -> list[str]:
    """What is wrong with these blocks; empty when Slack would take them."""
    if not isinstance(blocks, list) or not blocks:
        return ["no blocks"]
    found = list(_blocks(blocks, most=VIEW_BLOCKS if in_view else MESSAGE_BLOCKS))
    if len(json.dumps(blocks, ensure_ascii=False)) > MESSAGE_CHARACTERS and not in_view:
        found.append("msg_blocks_too_long")
    if not found:
        found += _by_the_sdk(blocks)
    return found


def view_faults(view: object) -> list[str]:
    """What is wrong with a modal."""
    if not isinstance(view, dict) or view.get("type") != "modal":
        return ["not a modal"]
    found = faults(view.get("blocks"), in_view=True)
    for name in ("title", "submit", "close"):
        if name in view or name == "title":
            found += _text(view.get(name), 24, name, only="plain_text")
    found += _length(view.get("private_metadata", ""), 3_000, "private_metadata")
    found += _length(view.get("callback_id", ""), 255, "callback_id")
    if not found:
        try:
            View(**view).validate_json()
        except SlackObjectFormationError as error:
            found.append(str(error))
    return found


def _by_the_sdk(blocks: list[dict[str, Any]]) -> list[str]:
    found = []
    for block in Block.parse_all(blocks):
        try:
            block.validate_json()
        except SlackObjectFormationError as error:
            found.append(str(error))
    return found


def _blocks(blocks: list[Any], *, most: int) -> Iterator[str]:
    if len(blocks) > most:
        yield f"{len(blocks)} blocks"
    ids = [block.get("block_id") for block in blocks if block.get("block_id")]
    if len(ids) != len(set(ids)):
        yield "block_id stands twice"
    for block in blocks:
        if block.get("type") not in KNOWN:
            yield f"block {block.get('type')}"
            continue
        yield from _length(block.get("block_id", ""), 255, "block_id")
        yield from _CHECKS[block["type"]](block)


def _header(block: Mapping[str, Any]) -> Iterator[str]:
    yield from _text(block.get("text"), 150, "header", only="plain_text")


def _section(block: Mapping[str, Any]) -> Iterator[str]:
    fields = block.get("fields", [])
    if "text" in block or not fields:
        yield from _text(block.get("text"), 3_000, "section")
    if len(fields) > 10:
        yield "section fields"
    for field in fields:
        yield from _text(field, 2_000, "field")


def _context(block: Mapping[str, Any]) -> Iterator[str]:
    elements = block.get("elements", [])
    if not 1 <= len(elements) <= 10:
        yield "context elements"
    for element in elements:
        yield from _text(element, 3_000, "context")


def _rich_text(block: Mapping[str, Any]) -> Iterator[str]:
    if not block.get("elements"):
        yield "rich_text is empty"
    for element in block.get("elements", []):
        yield from _rich_element(element)


def _rich_element(element: Mapping[str, Any]) -> Iterator[str]:
    kind = element.get("type")
    if kind not in RICH:
        yield f"rich element {kind}"
        return
    if not element.get("elements"):
        yield f"{kind} is empty"
    for inner in element.get("elements", []):
        if kind == "rich_text_list":
            yield from _rich_element(inner)
        elif inner.get("type") == "text":
            if not isinstance(inner.get("text"), str) or not inner["text"]:
                yield "empty text element"
        else:
            yield f"inner {inner.get('type')}"


def _actions(block: Mapping[str, Any]) -> Iterator[str]:
    elements = block.get("elements", [])
    if not 1 <= len(elements) <= 25:
        yield "actions elements"
    names = [element.get("action_id") for element in elements]
    if len(names) != len(set(names)):
        yield "action_id stands twice"
    for element in elements:
        yield from _button(element)


def _button(button: Mapping[str, Any]) -> Iterator[str]:
    if button.get("type") != "button":
        yield f"element {button.get('type')}"
    yield from _text(button.get("text"), 75, "button", only="plain_text")
    yield from _length(button.get("action_id", ""), 255, "action_id")
    yield from _length(button.get("value", ""), 2_000, "value")
    yield from _length(button.get("url", ""), 3_000, "url")
    yield from _length(button.get("accessibility_label", ""), 75, "accessibility_label")
    if button.get("style", "primary") not in {"primary", "danger"}:
        yield "style"
    if "confirm" in button:
        limits = {"title": 100, "text": 300, "confirm": 30, "deny": 30}
        for name, limit in limits.items():
            yield from _text(button["confirm"].get(name), limit, f"confirm {name}")


def _input(block: Mapping[str, Any]) -> Iterator[str]:
    yield from _text(block.get("label"), 2_000, "label", only="plain_text")
    if "hint" in block:
        yield from _text(block["hint"], 2_000, "hint", only="plain_text")
    if block.get("element", {}).get("max_length", 1) > 3_000:
        yield "max_length"


def _divider(block: Mapping[str, Any]) -> Iterator[str]:
    yield from ()


_CHECKS = {
    "header": _header,
    "section": _section,
    "context": _context,
    "rich_text": _rich_text,
    "actions": _actions,
    "input": _input,
    "divider": _divider,
}


def _text(text: object, limit: int, where: str, *, only: str = "") -> list[str]:
    if not isinstance(text, dict) or text.get("type") not in TEXT_KINDS:
        return [f"{where} has no text"]
    if only and text["type"] != only:
        return [f"{where} is {text['type']}"]
    if not isinstance(text.get("text"), str) or not text["text"]:
        return [f"{where} is empty"]
    return _length(text["text"], limit, where)


def _length(value: object, limit: int, where: str) -> list[str]:
    return [f"{where} is longer than {limit}"] if len(str(value)) > limit else []
