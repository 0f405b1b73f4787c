"""Classes of action: what rates, autonomy and breakers count together; and globs over names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache

# First match wins; an action in none of them is a class of its own, by its name.
CLASSES: Mapping[str, tuple[str, ...]] = {
    "reads": (
        "view", "view_*", "read", "read_*", "list", "list_*", "get_*", "describe_*",
        "search_*", "watch_*",
    ),
    "scaling_events": ("scale", "scale_*", "*_scale", "resize_*", "autoscale_*"),
    "deployments": (
        "deploy", "deploy_*", "*_deploy", "redeploy_*", "release_*", "rollout", "rollout_*",
        "rollback", "rollback_*", "create_deployment", "update_deployment", "promote_release",
    ),
    "notifications": ("notify", "notify_*", "send_*", "*_notification", "post_message", "page_*"),
    "restarts": ("restart", "restart_*", "reboot_*"),
    "configuration": ("modify_config", "change_config", "update_config", "config_*", "*_config"),
    "deletions": ("delete_*", "remove_*", "drop_*", "purge_*"),
}  # fmt: skip
SCALING = "scaling_events"
NOTIFYING = "notifications"
READS = "reads"
# A name with one of these as a word changes something, however it begins: get_and_delete_secret.
_WRITTEN = """
    add apply create delete deploy destroy disable drop edit enable erase exec execute grant insert
    kill modify overwrite patch purge put reboot redeploy remove rename replace reset restart revoke
    rollback rotate scale send set shutdown stop terminate truncate update wipe write
"""
_WRITING = frozenset(_WRITTEN.split())
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_WILD = frozenset("*?[")
_ANYTHING, _ONE = "\ue000", "\ue001"
_AS_TEXT = {"*": _ANYTHING, "?": _ONE, "[": _ONE}
_WILDCARD = re.compile(r"[*?\[]")
_RUN = re.compile(r"[*?]{2,}")


@lru_cache(maxsize=4096)
def class_of(action: str) -> str:
    """The class an action counts in; reading only where the name says nothing else."""
    found = (name for name, patterns in CLASSES.items() if matches(action, patterns))
    return next((name for name in found if name != READS or reads_only(action)), action)


@lru_cache(maxsize=4096)
def reads_only(action: str) -> bool:
    """Whether an action's name says that it changes nothing."""
    if not matches(action, CLASSES[READS]):
        return False
    return _WRITING.isdisjoint(word.casefold() for word in _WORD.findall(action))


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether any glob matches the whole name."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def counts_as(action: str, name: str) -> bool:
    """Whether an action counts by a name: its class, its own name, or a glob."""
    return class_of(action) == name or matches(action, (name,))


def is_literal(pattern: str) -> bool:
    """Whether a glob names one thing only."""
    return _WILD.isdisjoint(pattern)


def covers(wide: str, narrow: str) -> bool:
    """Whether every name that `narrow` matches is matched by `wide`.

    True is certain. False may be wrong for odd globs: `?*` does cover `*a`, and is not seen to.
    """
    if wide == narrow or wide == "*":
        return True
    if is_literal(narrow):
        return fnmatchcase(narrow, wide)
    if is_literal(wide):
        return False
    return _covers(_tokens(wide), _tokens(narrow))


def coverer(wide: Iterable[str]) -> Callable[[str], bool]:
    """Says of a glob whether one of these covers it, as `covers` does, for many at once.

    The narrow glob is matched as if it were text, by one pattern in which `?` does not match a `*`.
    """
    globs = frozenset(wide)
    simple = sorted(glob for glob in globs if "[" not in glob)
    classes = sorted(globs.difference(simple))
    whole = re.compile("|".join(map(_swallowing, simple)), re.DOTALL) if simple else None

    def covered(narrow: str) -> bool:
        if narrow in globs or any(covers(glob, narrow) for glob in classes):
            return True
        text = "".join(_AS_TEXT.get(token[0], token) for token in _tokens(narrow))
        return whole is not None and whole.fullmatch(text) is not None

    return covered


def all_covered(wide: Sequence[str], narrow: Sequence[str]) -> bool:
    """Whether each of the narrow globs is covered by one of the wide ones."""
    return all(any(covers(one, each) for one in wide) for each in narrow)


def apart(one: str, other: str) -> bool:
    """Whether no name matches both globs. True is certain."""
    if is_literal(one) or is_literal(other):
        literal, glob = (one, other) if is_literal(one) else (other, one)
        return not fnmatchcase(literal, glob)
    first, second = _WILDCARD.split(one)[0], _WILDCARD.split(other)[0]
    return not (first.startswith(second) or second.startswith(first))


def _covers(wide: Sequence[str], narrow: Sequence[str]) -> bool:
    """Match a glob as if it were text: its `*` and `?` are swallowed only by what swallows as much."""
    at = start = 0
    star, retry = -1, 0
    while at < len(narrow):
        if start < len(wide) and wide[start] == "*":
            star, retry, start = start, at, start + 1
        elif start < len(wide) and _swallows(wide[start], narrow[at]):
            start, at = start + 1, at + 1
        elif star >= 0:
            retry += 1
            start, at = star + 1, retry
        else:
            return False
    return all(token == "*" for token in wide[start:])


def _swallows(wide: str, narrow: str) -> bool:
    if wide == "?":
        return narrow != "*"
    if len(wide) > 1 and len(narrow) == 1 and narrow not in "*?":
        return fnmatchcase(narrow, wide)
    return wide == narrow


def _swallowing(glob: str) -> str:
    """A regular expression for the globs it covers; groups are atomic, so that none is slow."""
    pieces = [
        re.escape(piece).replace("\\?", f"[^{_ANYTHING}]")
        for piece in _RUN.sub(_ordered, glob).split("*")
    ]
    if len(pieces) == 1:
        return pieces[0]
    middle = "".join(f"(?>.*?{piece})" for piece in pieces[1:-1] if piece)
    return f"{pieces[0]}{middle}.*{pieces[-1]}"


@lru_cache(maxsize=16_384)
def _tokens(pattern: str) -> tuple[str, ...]:
    """The glob's parts: single characters, and classes such as `[a-f]` as one part each.

    In a run of `*` and `?` the order means nothing, so `?` come first and one `*` is enough.
    """
    found: list[str] = []
    at = 0
    pattern = _RUN.sub(_ordered, pattern)
    while at < len(pattern):
        end = _class_end(pattern, at) if pattern[at] == "[" else at
        found.append(pattern[at : end + 1])
        at = end + 1
    return tuple(found)


def _ordered(run: re.Match[str]) -> str:
    return "?" * run[0].count("?") + ("*" if "*" in run[0] else "")


def _class_end(pattern: str, at: int) -> int:
    """Where a class that begins here ends; here, when it is an open bracket and nothing more."""
    first = at + 2 if pattern[at + 1 : at + 2] == "!" else at + 1
    end = pattern.find("]", first + 1)
    return end if end > 0 else at
