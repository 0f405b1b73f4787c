"""Reduce a message to what people read of it, so that an edited one can be told from ours.

Slack gives a message back in another shape than it took it: fields are added, three characters are
escaped, pictures become `:names:`. So only letters and digits are compared, in their order; and where
ours has a picture, the name of one may stand.
"""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any

# A question Slack asks before a click counts is no part of what stands in the channel.
PASSED_OVER = frozenset(
    {"confirm", "accessibility_label", "value", "block_id", "action_id", "type"}
)
READ = frozenset({"text", "url"})
NAMED = re.compile(r"(?=(:[a-z0-9_+'-]+:))")
PICTURES = frozenset({"So", "Sk", "Sm"})
# What has one name in Slack though it is several characters, or holds a letter or digit: keys, flags
# and a few signs. Nothing else with a letter in it may have turned into a name.
WHOLE = re.compile(
    "[0-9#*]\ufe0f?\u20e3|[\U0001f1e6-\U0001f1ff]{2}|[\u2139\u2122\u24c2\u3297\u3299]"
)
JOINER = "\u200d"
SCHEME = re.compile(r"(?:https?://|mailto:|tel:)")
DEEPEST = 12
MOST_WORDS = 3_000
MOST_CHANGES = 4
CHANGE_LENGTH = 60
Token = tuple[bool, str]


def digest(blocks: object) -> str:
    """A digest of the letters and digits of a message's blocks; empty when there are none."""
    return digest_of(read(blocks))


def digest_of(text: str) -> str:
    """The same of what `read` found."""
    if not text:
        return ""
    letters = _letters(html.unescape(text))
    return hashlib.sha256(letters.encode("utf-8", "replace")).hexdigest()


def read(blocks: object) -> str:
    """What people read of a message's blocks; empty when there are none."""
    if not isinstance(blocks, list) or not blocks:
        return ""
    return "\n".join(_texts(blocks, DEEPEST)) or "\n"


def is_same(ours: str, theirs: str) -> bool:
    """Say whether `theirs` is what Slack may have made of `ours`, both as `read` found them."""
    given = unicodedata.normalize("NFC", html.unescape(theirs))
    return any(_matches(_tokens(text), given) for text in (ours, html.unescape(ours)))


def changes(ours: str, theirs: str) -> list[tuple[str, str]]:
    """The words that differ: what we wrote, and what stands there instead; the first few."""
    wrote = html.unescape(ours).split()[:MOST_WORDS]
    reads = html.unescape(theirs).split()[:MOST_WORDS]
    before, after = ([_letters(word) for word in words] for words in (wrote, reads))
    steps = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    found = [
        (" ".join(wrote[a:b])[:CHANGE_LENGTH], " ".join(reads[c:d])[:CHANGE_LENGTH])
        for step, a, b, c, d in steps
        if step != "equal" and _letters("".join(wrote[a:b])) != _letters("".join(reads[c:d]))
    ]
    return found[:MOST_CHANGES]


def _texts(part: Any, depth: int) -> Iterator[str]:
    if depth == 0:
        return
    if isinstance(part, list):
        for inner in part:
            yield from _texts(inner, depth - 1)
    elif isinstance(part, dict):
        yield from _fields(_plain_link(part) if part.get("type") == "link" else part, depth)


def _fields(part: Mapping[Any, Any], depth: int) -> Iterator[str]:
    """By name, for Slack keeps no order of fields."""
    for name in sorted(str(key) for key in part):
        value = part.get(name)
        if name in READ and isinstance(value, str):
            yield value
        elif name not in PASSED_OVER:
            yield from _texts(value, depth - 1)


def _plain_link(link: Mapping[str, Any]) -> dict[str, Any]:
    """An address that was only made clickable reads like the same address in plain text."""
    url, text = link.get("url"), link.get("text")
    bare = SCHEME.sub("", url, count=1) if isinstance(url, str) else url
    is_plain = not text or (isinstance(text, str) and SCHEME.sub("", text, count=1) == bare)
    return {"url": bare} if is_plain else dict(link)


def _letters(text: str) -> str:
    return "".join(map(_plain, unicodedata.normalize("NFC", text)))


def _plain(char: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", char) if c.isalnum())


def _tokens(text: str) -> Iterator[Token]:
    """Letters, and where a picture stands: with the letter in it, if it has one."""
    ours, at = unicodedata.normalize("NFC", text), 0
    while at < len(ours):
        whole = WHOLE.match(ours, at)
        piece = whole[0] if whole else ours[at]
        letters = _letters(piece)
        if whole or (not letters and unicodedata.category(piece) in PICTURES):
            if ours[at - 1 : at] != JOINER:  # the parts of a joined picture have one name
                yield True, letters
        else:
            yield from ((False, letter) for letter in letters)
        at += len(piece)


def _matches(ours: Iterator[Token], theirs: str) -> bool:
    """Walk both at once; each state is a place in their letters that ours can have come to."""
    letters, names = _with_names(theirs)
    states = {0}
    for is_picture, said in ours:
        after = {at + len(said) for at in states if letters.startswith(said, at)}
        if is_picture:
            after.update(end for at in states for end in names.get(at, ()))
        if not after:
            return False
        states = after
    return len(letters) in states


def _with_names(text: str) -> tuple[str, Mapping[int, set[int]]]:
    """Their letters, and where among them the name of a picture begins and ends."""
    plain = [_plain(char) for char in text]
    reached = [0]
    for each in plain:
        reached.append(reached[-1] + len(each))
    names: dict[int, set[int]] = defaultdict(set)
    for found in NAMED.finditer(text):
        names[reached[found.start(1)]].add(reached[found.end(1)])
    return "".join(plain), names
