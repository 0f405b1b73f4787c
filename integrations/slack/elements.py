"""The few shapes of Block Kit we use, each safe for text we did not write.

Whatever an agent or a person wrote stands only in `plain_text` with emoji off and in `text`
elements of `rich_text`: Slack draws both literally. There is no complete escape for mrkdwn, so the
one piece of mrkdwn we send holds nothing but a date.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from integrations.slack.shortening import cut, escape

Block = dict[str, Any]
HEADER_LIMIT = 150
SECTION_LIMIT = 3_000
LABEL_LIMIT = 75
CONFIRM_LIMIT = 300


def plain(text: str, limit: int) -> Block:
    return {"type": "plain_text", "emoji": False, "text": cut(text, limit) or " "}


def header(text: str) -> Block:
    return {"type": "header", "text": plain(text, HEADER_LIMIT)}


def words(text: str) -> Block:
    return {"type": "section", "text": plain(text, SECTION_LIMIT)}


def small(text: str) -> Block:
    return {"type": "context", "elements": [plain(text, SECTION_LIMIT)]}


def moment(name: str, at: datetime, *, otherwise: str) -> Block:
    """A moment in the reader's own time zone; `otherwise` where Slack cannot draw it."""
    shown = f"<!date^{int(at.timestamp())}^{{time}} {{date_short_pretty}}|{escape(otherwise)}>"
    text = f"*{escape(name)}* {shown} (your time)"
    return {"type": "section", "text": {"type": "mrkdwn", "verbatim": True, "text": text}}


def rich(*elements: Block) -> Block:
    return {"type": "rich_text", "elements": list(elements)}


def line(*texts: Block) -> Block:
    return {"type": "rich_text_section", "elements": list(texts)}


def text(value: str, *, bold: bool = False, italic: bool = False, code: bool = False) -> Block:
    named = (("bold", bold), ("italic", italic), ("code", code))
    style = {name: True for name, on in named if on}
    element: Block = {"type": "text", "text": value or " "}
    return element | {"style": style} if style else element


def group(group_id: str) -> Block:
    """A mention of a user group; its id comes from a setting, never from a text."""
    return {"type": "usergroup", "usergroup_id": group_id}


def user(user_id: str) -> Block:
    """A mention of one person, by the id of an account that is linked to them."""
    return {"type": "user", "user_id": user_id}


def link(url: str, name: str) -> Block:
    """A link to a page of ours."""
    return {"type": "link", "url": url, "text": name}


def called(group_ids: Sequence[str]) -> Block:
    """The same mention in the oldest blocks."""
    text = " ".join(f"<!subteam^{group_id}>" for group_id in group_ids)
    return {"type": "section", "text": {"type": "mrkdwn", "verbatim": True, "text": text}}


def quote(value: str) -> Block:
    return {"type": "rich_text_quote", "elements": [text(value)]}


def preformatted(value: str) -> Block:
    return {"type": "rich_text_preformatted", "border": 0, "elements": [text(value)]}


def bullets(values: Sequence[str]) -> Block:
    return listed([line(text(value)) for value in values])


def listed(lines: Sequence[Block]) -> Block:
    return {"type": "rich_text_list", "style": "bullet", "elements": list(lines)}


def choose(block: str, label: str, choices: Mapping[str, str], *, usual: str) -> Block:
    """An input with a few words of ours to pick from; the key of the one picked comes back."""
    options = [{"text": plain(words, 75), "value": key} for key, words in choices.items()]
    return {
        "type": "input",
        "block_id": block,
        "label": plain(label, 2_000),
        "element": {
            "type": "radio_buttons",
            "action_id": block,
            "options": options,
            "initial_option": next(each for each in options if each["value"] == usual),
        },
    }


def button(action: str, name: str, *, label: str, **more: Any) -> Block:
    """`label` is what a screen reader says."""
    return {
        "type": "button",
        "action_id": action,
        "text": plain(name, LABEL_LIMIT),
        "accessibility_label": cut(label, LABEL_LIMIT),
        **more,
    }


def confirm(title: str, body: str, *, yes: str) -> Block:
    return {
        "title": plain(title, 100),
        "text": plain(body, CONFIRM_LIMIT),
        "confirm": plain(yes, 30),
        "deny": plain("Go back", 30),
    }
