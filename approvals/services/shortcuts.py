"""Which key does what for each person: the usual ones, or their own, or none. No key decides anything."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from approvals.domain import display, errors
from approvals.models import Person
from approvals.models.desk import Preferences

NAME = "keys"
NOTHING = "Nothing was changed."
# By name: the usual key, and what it does. Each opens, moves or shows; what decides is a form of its own.
SHORTCUTS: Mapping[str, tuple[str, str]] = {
    "next": ("j", "next row"),
    "previous": ("k", "previous row"),
    "open": ("o", "open the row"),
    "select": ("x", "select the row"),
    "new": (".", "show what is new"),
    "pause": ("p", "pause or go on with live updates"),
    "zone": ("t", "times in UTC, in my zone, in both; on a request in its agent’s zone, too"),
    "search": ("/", "search"),
    "back": ("u", "back to the list you came from; in a list, to the queue"),
    "approve": ("a", "open the form to approve; in the queue, the request"),
    "deny": ("d", "open the form to deny; in the queue, the request"),
    "question": ("q", "open the form for a question; in the queue, the request"),
    "mute": ("s", "mute my reminders of this request, or have them again"),
    "evidence": ("e", "the evidence of a request, to print or keep"),
    "undo": ("z", "undo your decision while it can be"),
    "go": ("g", "go to a page: its letter follows"),
    "help": ("?", "show all keys"),
}
_VISIBLE = frozenset(
    "LNPS"
)  # letters, digits, punctuation and symbols, as Unicode sorts characters


def of(chosen: Mapping[str, object]) -> dict[str, str]:
    """The key of every shortcut, empty where it is off, from a person's stored preferences.

    Where a usual key was given to something else, what usually has it has none.
    """
    stored = chosen.get(NAME)
    own = {name: key for name, key in stored.items() if name in SHORTCUTS and _is_key(key)} \
        if isinstance(stored, Mapping) else {}  # fmt: skip
    taken = set(own.values())
    return {
        name: own.get(name, "" if usual in taken else usual)
        for name, (usual, _) in SHORTCUTS.items()
    }


def read(person: Person) -> dict[str, str]:
    """The keys of this person."""
    row = Preferences.objects.filter(person=person).first()
    return of(row.chosen if row else {})


def change(*, person: Person, at: datetime, keys: Mapping[str, str]) -> dict[str, str]:
    """Give the shortcuts named these keys, or none where one is empty; the others keep theirs.

    Raises Invalid, with the shortcut as `field`, for what is no key and for a key that would do two things.
    """
    given = {name: _wanted(name, text) for name, text in keys.items() if name in SHORTCUTS}
    with transaction.atomic():
        Preferences.objects.get_or_create(person=person, defaults={"changed_at": at})
        row = Preferences.objects.select_for_update().get(person=person)
        wanted = of(row.chosen) | given
        _each_once(wanted)
        own = {name: key for name, key in wanted.items() if key != SHORTCUTS[name][0]}
        others = {name: kept for name, kept in row.chosen.items() if name != NAME}
        row.chosen, row.changed_at = others | ({NAME: own} if own else {}), at
        row.save(update_fields=["chosen", "changed_at"])
    return wanted


def reset(*, person: Person, at: datetime) -> dict[str, str]:
    """The usual keys again."""
    return change(person=person, at=at, keys={name: key for name, (key, _) in SHORTCUTS.items()})


def _wanted(name: str, text: str) -> str:
    key = unicodedata.normalize("NFC", text.strip()).lower()
    if not _is_key(key):
        raise errors.Invalid(
            f"The key to {_short(name)} must be one letter, digit or sign that can be seen, or nothing."
            f" {NOTHING}",
            field=name,
        )
    return key


def _is_key(key: object) -> bool:
    """Whether it is one character that can be seen, or nothing; capitals are the same keys."""
    if not isinstance(key, str) or len(key) > 1:
        return False
    is_visible = bool(key) and unicodedata.category(key)[0] in _VISIBLE and key == key.lower()
    return not key or (is_visible and display.show_identifier(key).text == key)


def _each_once(keys: Mapping[str, str]) -> None:
    first: dict[str, str] = {}
    for name, key in keys.items():
        if key and key in first:
            both = f"{_short(first[key])}, and {_short(name)}"
            raise errors.Invalid(f"“{key}” would do two things: {both}. {NOTHING}", field=name)
        first.setdefault(key, name)


def _short(name: str) -> str:
    return SHORTCUTS[name][1].split(";")[0].split(":")[0]
