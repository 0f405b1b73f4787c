"""Reduce a message to what people read of it, so that an edited one can be told from ours.

Slack gives a message back in another shape than it took it: fields are added, three characters are
escaped, pictures become `:names:`. So only letters and digits are compared, in their order.
"""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

# A question Slack asks before a click counts is no part of what stands in the channel.
PASSED_OVER = frozenset(
    {"confirm", "accessibility_label", "value", "block_id", "action_id", "type"}
)
READ = frozenset({"text", "url"})
PICTURE = re.compile(r":[a-z+-][a-z0-9_+'-]*:")
DEEPEST = 12


def digest(blocks: object) -> str:
    """A digest of the letters and digits of a message's blocks; empty when there are none."""
    if not isinstance(blocks, list) or not blocks:
        return ""
    read = _letters("".join(_texts(blocks, DEEPEST)))
    return hashlib.sha256(read.encode("utf-8", "replace")).hexdigest()


def _texts(part: Any, depth: int) -> Iterator[str]:
    if depth == 0:
        return
    if isinstance(part, list):
        for inner in part:
            yield from _texts(inner, depth - 1)
    elif isinstance(part, dict):
        # By name, for Slack keeps no order of fields.
        for name in sorted(str(key) for key in part):
            value = part.get(name)
            if name in READ and isinstance(value, str):
                yield value
            elif name not in PASSED_OVER:
                yield from _texts(value, depth - 1)


def _letters(text: str) -> str:
    plain = unicodedata.normalize("NFKC", PICTURE.sub("", html.unescape(text)))
    return "".join(letter for letter in plain if letter.isalnum())
