"""What a request names: its namespaces and its type of resource, compared as scopes compare them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

from approvals.domain.policy.reading import Place, Value
from approvals.domain.policy.strings import Text, TooMuch, folded, pointer, texts
from approvals.domain.policy.subject import Subject
from approvals.domain.text.unseen import without_unseen

KEY_LIMIT = 200
_SUFFIX = re.compile(r"(?P<name>[^()]+)\((?P<suffix>[^()]*)\)")
_READ_ONLY = re.compile(r"read[-_ ]?only")
_HISSES = ("sse", "she", "che", "xe", "ze")
_NAMESPACE_KEY = re.compile(r"(?:.*namespaces?|ns)")
_NOT_IN_KEYS = re.compile(r"[\W_]+")
_SEVERAL = re.compile(r"[\s,;]")
_TYPE_KEYS = frozenset({"kind", "resourcetype"})
_IN_PATH = re.compile(r"(?:\A|/)namespaces/([^/?#&\s\"']+)", re.IGNORECASE)
_OPTION = re.compile(r"(?<!\S)--namespace(?:=|\s+)[\"']?([^\s\"']+)")
_SHORT_OPTION = re.compile(r"(?<!\S)-n(?:=|\s+)[\"']?([^\s\"']+)")
_CLUSTER_COMMAND = re.compile(r"(?<![\w-])(?:kubectl|helm|oc)\s")
_OPTIONS = frozenset({"-n", "--namespace"})
_EVERYWHERE = "--all-namespaces"
_STEP_BACK = re.compile(r"(?:\A|[/\\])\.\.(?:[/\\]|\Z)")


@dataclass(frozen=True, slots=True)
class ResourceType:
    """One entry of `resources`: a glob, and whether only reading is allowed."""

    words: str
    is_read_only: bool
    place: Place

    def __str__(self) -> str:
        return f"{self.words} (read-only)" if self.is_read_only else self.words

    def fits(self, name: str) -> bool:
        """Whether it means this type: `Deployment`, `deployments` and `DEPLOYMENTS` are one."""
        same, glob = folded(name.strip()), folded(self.words)
        return fnmatchcase(same, glob) or fnmatchcase(_singular(same), _singular(glob))


@dataclass(frozen=True, slots=True)
class Named:
    """A namespace or type the request names, and where; None when what stands there is no name."""

    name: str | None
    where: str


def read(item: Value) -> ResourceType:
    """`secrets` or `secrets (read-only)`. Raises PolicyInvalid."""
    words = item.text().strip()
    if "(" not in words and ")" not in words:
        return ResourceType(words, False, item.place)
    match = _SUFFIX.fullmatch(words)
    name = match["name"].strip() if match else ""
    if match is None or not name or not _READ_ONLY.fullmatch(match["suffix"].strip().casefold()):
        raise item.fail(f"{words!r} is not understood; write 'secrets' or 'secrets (read-only)'")
    return ResourceType(name, True, item.place)


def _singular(word: str) -> str:
    """One form for singular and plural; not always a word, but the same for both."""
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    if word.endswith("s") and not word.endswith("ss") and len(word) > 2:
        word = word[:-1]
    return word[:-1] if word.endswith(_HISSES) else word


def namespaces(subject: Subject) -> Iterator[Named]:
    """Every namespace of the request: the one it declares, and those its parameters name.

    The parameters are what will run, so a namespace there counts too, under any key that ends in
    `namespace`, in a path (`/namespaces/X/`) and in the arguments of a command (`-n X`,
    `--namespace X`, `--namespace=X`). Yields a `Named` without a name for what cannot be read as one.
    """
    if subject.namespace:
        yield Named(subject.namespace, "/resource/namespace")
    try:
        before: Text | None = None
        for text in texts(subject.parameters, "/parameters"):
            if text.is_key:
                continue
            if any(map(_is_namespace_key, text.keys)):
                is_name = text.is_string and _is_namespace_key(text.key)
                yield Named(text.words if is_name else None, pointer(text))
            else:
                yield from (Named(name, pointer(text)) for name in _in_words(text, before))
            before = text
    except TooMuch:
        yield Named(None, "/parameters")


def types(subject: Subject) -> Iterator[Named]:
    """Every type of resource the parameters name, under `kind` or `resource_type`, however deep."""
    try:
        for text in texts(subject.parameters, "/parameters"):
            if not text.is_key and _is_type_key(text.key):
                yield Named(text.words if text.is_string else None, pointer(text))
    except TooMuch:
        yield Named(None, "/parameters")


def _in_words(text: Text, before: Text | None) -> Iterator[str | None]:
    """Namespaces inside a string, or that follow `-n` in a list; None for what only may be one."""
    words = text.words
    if before is not None and before.words in _OPTIONS and _follows(text, before):
        # `tail -n 100` counts lines; nobody can tell that from a namespace that is a number.
        yield words if text.is_string and not words.isdecimal() else None
    if not text.is_string:
        return
    if "namespaces/" in words.casefold():
        yield from _IN_PATH.findall(words)
    if "--namespace" in words:
        yield from _OPTION.findall(words)
    if _EVERYWHERE in words.split():
        yield None
    if words.startswith("-n=") or (" -n" in words and _CLUSTER_COMMAND.search(words)):
        yield from _SHORT_OPTION.findall(words)


def _follows(text: Text, before: Text) -> bool:
    """Whether it is the next item of the same list."""
    this, last = text.way, before.way
    if this is None or last is None or this.before is not last.before:
        return False
    return isinstance(this.key, int) and this.key == last.at + 1


@lru_cache(maxsize=4096)
def _is_type_key(key: str) -> bool:
    return len(key) <= KEY_LIMIT and _NOT_IN_KEYS.sub("", folded(key)) in _TYPE_KEYS


def _is_namespace_key(key: str) -> bool:
    return len(key) <= KEY_LIMIT and _is_namespace_word(key)


@lru_cache(maxsize=4096)
def _is_namespace_word(key: str) -> bool:
    return _NAMESPACE_KEY.fullmatch(_NOT_IN_KEYS.sub("", folded(key))) is not None


def is_clear(name: str, *, one: bool = False) -> bool:
    """Whether a name means what a glob sees: nothing hidden, no way back, and `one` name alone."""
    if without_unseen(name) != name or _STEP_BACK.search(name):
        return False
    return not (one and _SEVERAL.search(name))
