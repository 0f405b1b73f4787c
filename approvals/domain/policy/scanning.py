"""Find what must not leave: names of people, account numbers, e-mail addresses, secrets.

A finding says its kind and place and never the value: it is written into the evaluation, which more
people read than may read the data. Keys of JSON are looked at as well as values, and numbers too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any, NamedTuple

from approvals.domain import display
from approvals.domain.policy import accounts, person_names
from approvals.domain.policy.name_lists import listed
from approvals.domain.policy.strings import Text, TooMuch, bare, folded, pointer, texts

MOST_FINDINGS = 20
# Stands between texts that are read at once: it ends every word, number and address.
_BETWEEN = "\n | \n"


class Kind(StrEnum):
    """What is looked for, as policies name it."""

    NAMES = "names"
    ACCOUNTS = "accounts"
    EMAILS = "emails"
    SECRETS = "secrets"


EVERY_KIND = tuple(Kind)


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of thing in one place (a JSON pointer into the submission)."""

    kind: Kind
    place: str


@dataclass(frozen=True, slots=True)
class Found:
    """What was found, in order; `more` when there was more than is listed, `whole` when all was read."""

    findings: tuple[Finding, ...] = ()
    more: bool = False
    whole: bool = True


class _Item(NamedTuple):
    """One text to look through: as it is, in its plainest letters, and where it came from."""

    source: Text
    plain: str


def scan(
    parts: Mapping[str, Any],
    kinds: Collection[Kind] = EVERY_KIND,
    *,
    recipients: Sequence[str] = (),
) -> Found:
    """Look through every part; its key is the JSON pointer of where it stands.

    The addresses of `recipients` are no finding where a parameter such as `to` repeats them whole.
    """
    items: list[_Item] = []
    whole = True
    for place, part in parts.items():
        try:
            items += [_Item(text, bare(text.words)) for text in texts(part, place)]
        except TooMuch:
            whole = False
    known = frozenset(map(folded, recipients))
    met = (
        Finding(kind, _told(item.source))
        for kind in EVERY_KIND
        if kind in kinds
        for item in _looked_through(kind, [item for item in items if not _is_sent_to(item, known)])
    )
    first = tuple(dict.fromkeys(islice(met, MOST_FINDINGS)))
    return Found(first, more=next(met, None) is not None, whole=whole)


def kinds_in(text: str, kinds: Collection[Kind] = EVERY_KIND) -> tuple[Kind, ...]:
    """The kinds of things that stand in one text."""
    return tuple(
        kind for kind in EVERY_KIND if kind in kinds and _STANDS_IN[kind](text, bare(text))
    )


def _told(source: Text) -> str:
    """Its place, with every key counted that is itself something found."""
    return pointer(source, tells=[key for key in set(source.keys) if kinds_in(key)])


_ADDRESSEES = frozenset({"to", "cc", "bcc", "recipient", "recipients", "sendto", "notify", "email"})


def _is_sent_to(item: _Item, recipients: Collection[str]) -> bool:
    """Whether this is only the address it goes to, which the request names as a recipient anyway."""
    if item.source.is_key or folded(item.plain) not in recipients:
        return False
    return folded(item.source.key).replace("_", "") in _ADDRESSEES


# --- looking ---------------------------------------------------------------------------------


def _looked_through(kind: Kind, items: Sequence[_Item]) -> Iterator[_Item]:
    if kind is Kind.NAMES:
        named = [item for item in items if _is_under_a_name(item)]
        yield from named
        told = {id(item.source) for item in named}
        items = [item for item in items if id(item.source) not in told]
    yield from _narrowed(_STANDS_IN[kind], items)


def _narrowed(stands_in: Callable[[str, str], bool], items: Sequence[_Item]) -> Iterator[_Item]:
    """Those in which it stands: all are read at once, and halved while something is there.

    Thousands of short texts cost little more than one long one that way.
    """
    raw = _BETWEEN.join(map(_with_its_key, items))
    if not items or not stands_in(raw, _BETWEEN.join(item.plain for item in items)):
        return
    if len(items) == 1:
        yield items[0]
        return
    middle = len(items) // 2
    yield from _narrowed(stands_in, items[:middle])
    yield from _narrowed(stands_in, items[middle:])


def _with_its_key(item: _Item) -> str:
    """As it would stand in a file, because `password=` is what makes a secret of some words."""
    source = item.source
    return source.words if source.is_key or not source.key else f"{source.key}={source.words}"


def _is_under_a_name(item: _Item) -> bool:
    source = item.source
    is_value = source.is_string and not source.is_key
    return is_value and person_names.under(source.keys, item.plain)


# --- the kinds -------------------------------------------------------------------------------

_AT_HOST = re.compile(
    r"(?<=[\w.!#$%&'*+/=?^`{|}~\"-])@(?:[\w-]{1,63}\.){1,8}(?:xn--[a-z0-9-]{2,59}|[^\W\d_]{2,24})(?!\w)",
    re.IGNORECASE,
)
_SPOKEN = (
    (re.compile(r"\s?[\[({<]\s?(?:at|ät|@)\s?[\])}>]\s?", re.IGNORECASE), "@"),
    (re.compile(r"\s?[\[({<]\s?(?:dot|punkt|\.)\s?[\])}>]\s?", re.IGNORECASE), "."),
    (re.compile(r" at (?=[\w-]{1,63} dot [a-z])", re.IGNORECASE), "@"),
    (re.compile(r"(?<=\w) dot (?=[a-z])", re.IGNORECASE), "."),
    (re.compile(r"%40|&#64;|&commat;", re.IGNORECASE), "@"),
)
_NOT_IN_ADDRESS = re.compile(r"[\s<>()\[\]\"',;]")
# What stands after @ without being a host of mail: units of systemd, files.
_NO_MAIL = listed(
    "service socket timer mount target path slice scope device yaml yml json js ts py"
)
_LONGEST_BEFORE_AT = 200


def _has_email(raw: str, plain: str) -> bool:
    del raw
    if _has_address(plain):
        return True
    spoken = plain
    for pattern, sign in _SPOKEN:
        spoken = pattern.sub(sign, spoken)
    return spoken != plain and _has_address(spoken)


def _has_address(text: str) -> bool:
    return any(_is_address(text, match) for match in _AT_HOST.finditer(text))


def _is_address(text: str, match: re.Match[str]) -> bool:
    """Not a unit of systemd, not git@host:path, not the user and password of a URL."""
    if match[0].rpartition(".")[2].casefold() in _NO_MAIL:
        return False
    before = text[max(0, match.start() - _LONGEST_BEFORE_AT) : match.start()]
    local = _NOT_IN_ADDRESS.split(before)[-1]
    return "://" not in local and not (
        local == "git" and text[match.end() : match.end() + 1] in {":", "/"}
    )


def _has_account(raw: str, plain: str) -> bool:
    del raw
    return accounts.stand_in(plain)


def _has_secret(raw: str, plain: str) -> bool:
    del plain
    return display.redact(raw)[1] > 0


def _has_name(raw: str, plain: str) -> bool:
    del raw
    return person_names.stand_in(plain)


_STANDS_IN: Mapping[Kind, Callable[[str, str], bool]] = {
    Kind.NAMES: _has_name,
    Kind.ACCOUNTS: _has_account,
    Kind.EMAILS: _has_email,
    Kind.SECRETS: _has_secret,
}
