"""What became of a text on its way to a person's eyes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Flag(StrEnum):
    """A reason to read a text twice."""

    HIDDEN_CHARACTERS = "hidden_characters"
    DIRECTION_OVERRIDE = "direction_override"
    LOOK_ALIKE = "look_alike"
    PADDING = "padding"
    CONTROL_CODES = "control_codes"
    STACKED_MARKS = "stacked_marks"
    ODD_SPACE = "odd_space"
    IMITATES_US = "imitates_us"
    TRUNCATED = "truncated"
    SECRET = "secret"


@dataclass(frozen=True, slots=True)
class Shown:
    """A text made safe to draw, and what a reader should know about the original.

    `text` is literal: a channel escapes it for its own markup and adds nothing. Flags, notes and
    counts speak of the whole original, also of the part that was cut away.
    """

    text: str
    flags: frozenset[Flag]
    notes: tuple[str, ...]
    hidden_characters_count: int
    total_length: int
    complete: bool
