"""Check everything Slack is sent against its documented limits, as its servers do.

`wrong_with(...)` lists what Slack would refuse of a call, `faults(...)` of blocks, `view_faults(...)`
of a window or a home page. https://docs.slack.dev/reference/block-kit/blocks
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
VIEW_CHARACTERS = 250_000
TEXT_CHARACTERS = 40_000
EDIT_CHARACTERS = 4_000
METADATA_CHARACTERS = 3_000
CALL_CHARACTERS = 100_000
TEXT_KINDS = {"plain_text", "mrkdwn"}
MOST_OPTIONS = {"static_select": 100, "overflow": 5, "checkboxes": 10, "radio_buttons": 10}
MARKED_UP = {"checkboxes", "radio_buttons"}
KNOWN = {"header", "section", "rich_text", "actions", "context", "input", "divider"}
RICH = {"rich_text_section", "rich_text_preformatted", "rich_text_quote", "rich_text_list"}
NAMED_BY = {"text": "text", "user": "user_id", "usergroup": "usergroup_id", "link": "url"}
STYLES = {"bold", "italic", "strike", "code", "underline"}


def wrong_with(method: str, body: Mapping[str, Any]) -> list[str]:
    """What Slack would refuse or cut in this call; empty for calls that carry no message."""
    if method in {"chat.postMessage", "chat.update", "chat.postEphemeral"}:
        return message_faults(body, is_edit=method == "chat.update")
    if method.startswith("views."):
        view = body.get("view")
        return view_faults(json.loads(view) if isinstance(view, str) else view)
    return []


def message_faults(body: Mapping[str, Any], *, is_edit: bool = False) -> list[str]:
    """What is wrong with a message: its text, its blocks, its metadata."""
    found = faults(body["blocks"]) if "blocks" in body else []
    text = body.get("text")
    if not isinstance(text, str) or not text.strip():
        found.append("no top-level text")
    else:
        found += _length(text, EDIT_CHARACTERS if is_edit else TEXT_CHARACTERS, "text")
    if not body.get("channel"):
        found.append("no channel")
    if body.get("parse") != "none":
        found.append("parse is not none")
    found += _metadata(body.get("metadata"))
    return found + _length(json.dumps(body, ensure_ascii=False), CALL_CHARACTERS, "the call")


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
    """What is wrong with a modal or a home page."""
    if not isinstance(view, dict) or view.get("type") not in {"modal", "home"}:
        return ["neither a modal nor a home page"]
    found = faults(view.get("blocks"), in_view=True)
    is_modal = view["type"] == "modal"
    for name in ("title", "submit", "close"):
        if name in view or (name == "title" and is_modal):
            found += _text(view.get(name), 24, name, only="plain_text")
    if is_modal and "submit" not in view and any(b["type"] == "input" for b in view["blocks"]):
        found.append("an input without submit")
    found += _length(json.dumps(view, ensure_ascii=False), VIEW_CHARACTERS, "view")
    found += _length(view.get("external_id", ""), 255, "external_id")
    found += _length(view.get("private_metadata", ""), 3_000, "private_metadata")
    found += _length(view.get("callback_id", ""), 255, "callback_id")
    if not found:
        try:
            View(**view).validate_json()
        except SlackObjectFormationError as error:
            found.append(str(error))
    return found


def _metadata(metadata: object) -> list[str]:
    if metadata is None:
        return []
    if not isinstance(metadata, dict) or set(metadata) != {"event_type", "event_payload"}:
        return ["metadata has another shape"]
    if not isinstance(metadata["event_payload"], dict) or not metadata["event_type"]:
        return ["metadata has another shape"]
    return _length(json.dumps(metadata, ensure_ascii=False), METADATA_CHARACTERS, "metadata")


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
    if "accessory" in block:
        yield from _element(block["accessory"])


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
    if kind == "rich_text_list":
        yield from _list(element)
        return
    for inner in element.get("elements", []):
        yield from _inner(inner)


def _list(element: Mapping[str, Any]) -> Iterator[str]:
    if element.get("style") not in {"bullet", "ordered"}:
        yield "list style"
    for inner in element.get("elements", []):
        if inner.get("type") != "rich_text_section":
            yield f"list of {inner.get('type')}"
        yield from _rich_element(inner)


def _inner(inner: Mapping[str, Any]) -> Iterator[str]:
    named_by = NAMED_BY.get(str(inner.get("type")))
    if named_by is None:
        yield f"inner {inner.get('type')}"
    elif not isinstance(inner.get(named_by), str) or not inner[named_by]:
        yield f"empty {inner['type']} element"
    style = inner.get("style", {})
    if not isinstance(style, dict) or set(style) - STYLES:
        yield "style of a text"


def _actions(block: Mapping[str, Any]) -> Iterator[str]:
    elements = block.get("elements", [])
    if not 1 <= len(elements) <= 25:
        yield "actions elements"
    names = [element.get("action_id") for element in elements]
    if len(names) != len(set(names)):
        yield "action_id stands twice"
    for element in elements:
        yield from _element(element)


def _element(element: Mapping[str, Any]) -> Iterator[str]:
    check = _ELEMENTS.get(str(element.get("type")))
    if check is None:
        yield f"element {element.get('type')}"
        return
    yield from _length(element.get("action_id", ""), 255, "action_id")
    yield from check(element)
    if "confirm" in element:
        limits = {"title": 100, "text": 300, "confirm": 30, "deny": 30}
        for name, limit in limits.items():
            yield from _text(element["confirm"].get(name), limit, f"confirm {name}")


def _choice(element: Mapping[str, Any]) -> Iterator[str]:
    most = MOST_OPTIONS[element["type"]]
    options = element.get("options", [])
    if not 1 <= len(options) <= most:
        yield "options"
    for option in options:
        yield from _text(option.get("text"), 75, "option")
        if "description" in option:
            only = "" if element["type"] in MARKED_UP else "plain_text"
            yield from _text(option["description"], 75, "option description", only=only)
        yield from _length(option.get("value", ""), 150, "option value")
    if "initial_option" in element and element["initial_option"] not in options:
        yield "initial_option"
    if "placeholder" in element:
        yield from _text(element["placeholder"], 150, "placeholder", only="plain_text")


def _typed(element: Mapping[str, Any]) -> Iterator[str]:
    if element.get("max_length", 1) > 3_000:
        yield "max_length"
    if "placeholder" in element:
        yield from _text(element["placeholder"], 150, "placeholder", only="plain_text")


def _button(button: Mapping[str, Any]) -> Iterator[str]:
    yield from _text(button.get("text"), 75, "button", only="plain_text")
    yield from _length(button.get("value", ""), 2_000, "value")
    yield from _length(button.get("url", ""), 3_000, "url")
    yield from _length(button.get("accessibility_label", ""), 75, "accessibility_label")
    if button.get("style", "primary") not in {"primary", "danger"}:
        yield "style"


def _input(block: Mapping[str, Any]) -> Iterator[str]:
    yield from _text(block.get("label"), 2_000, "label", only="plain_text")
    if "hint" in block:
        yield from _text(block["hint"], 2_000, "hint", only="plain_text")
    yield from _element(block.get("element", {}))


def _divider(block: Mapping[str, Any]) -> Iterator[str]:
    yield from ()


_ELEMENTS = {
    "button": _button,
    "static_select": _choice,
    "overflow": _choice,
    "checkboxes": _choice,
    "radio_buttons": _choice,
    "plain_text_input": _typed,
}
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
