"""Show people what others wrote: everything, safely, and with a word where a text deceives.

Every text of an agent passes here on its way to a page, a message, a mail, a terminal or a file.
Nothing is dropped in silence: what cannot be seen becomes a chip like ⟦U+202E⟧, emptiness a count,
a secret its length, and what is cut away is counted too. The chips' brackets are ours: a text's
own become chips.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from approvals.domain.text import parameters as leaf
from approvals.domain.text import unseen
from approvals.domain.text.cutting import cut
from approvals.domain.text.drawing import Drawing, Manner, draw
from approvals.domain.text.imitation import imitates_us
from approvals.domain.text.lookalikes import findings, skeleton
from approvals.domain.text.parameters import Parameter
from approvals.domain.text.redaction import MASK, redact
from approvals.domain.text.shown import Flag, Shown
from approvals.domain.text.unseen import is_invisible

__all__ = [
    "Flag",
    "Parameter",
    "Shown",
    "csv_cell",
    "escape_terminal",
    "fingerprint",
    "is_invisible",
    "parameters",
    "redact",
    "show",
    "show_identifier",
    "skeleton",
]

_NAMES_IN_NOTES = 5
_QUOTE_LIMIT = 200
_UNSEEN_NOTES = {
    Flag.HIDDEN_CHARACTERS: "Hidden characters",
    Flag.DIRECTION_OVERRIDE: "Characters that turn the reading direction",
    Flag.CONTROL_CODES: "Control codes",
    Flag.ODD_SPACE: "Spaces that are not plain spaces",
}
_FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠\u2212")  # noqa: RUF001 - spreadsheets take the wide ones too


def show(text: str, *, limit: int | None = None) -> Shown:
    """Prose: line breaks stay, long emptiness is folded to a count.

    Past the limit the start and the end are kept, with the count of what is missing between them.
    """
    return _shown(text, Manner.PROSE, limit)


def show_identifier(text: str, *, limit: int | None = None) -> Shown:
    """A name, target, domain, id or file name: one line, no odd spaces, no foreign look-alikes."""
    return _shown(text, Manner.IDENTIFIER, limit)


def parameters(values: Mapping[str, object], *, limit: int | None = None) -> tuple[Parameter, ...]:
    """Every leaf of an action's parameters, in the order given, with its path and type."""
    return tuple(_parameter(steps, value, limit) for steps, value in leaf.leaves(values))


def fingerprint(sha256_hex: str) -> str:
    """A digest short enough to compare by eye: 7F3A-91C2."""
    digits = sha256_hex[:8].upper()
    return f"{digits[:4]}-{digits[4:]}"


def escape_terminal(text: str, *, keep_lines: bool = False) -> str:
    """Text for a terminal: no control byte and nothing unseen leaves raw.

    Line breaks are chips too unless kept; keep them only for text laid out by us.
    """
    drawn = unseen.with_chips(text, but=unseen.OPENING + unseen.CLOSING)
    return drawn if keep_lines else drawn.replace("\n", unseen.chip("\n"))


def csv_cell(text: str) -> str:
    """A cell no spreadsheet takes for a formula."""
    start = text.lstrip(" \u00a0\ufeff")
    return f"'{text}" if start.startswith(_FORMULA_STARTS) else text


def _shown(text: str, manner: Manner, limit: int | None) -> Shown:
    prose = manner is Manner.PROSE
    masked, secrets = redact(text)
    drawing = draw(masked, manner)
    alike = findings(text, prose=prose)
    flags = set(drawing.flags)
    flags |= {Flag.LOOK_ALIKE} if alike else set()
    flags |= {Flag.IMITATES_US} if imitates_us(text, prose=prose) else set()
    flags |= {Flag.SECRET} if secrets or MASK.search(text) else set()
    drawn, complete = cut(drawing.pieces, limit)
    flags |= set() if complete else {Flag.TRUNCATED}
    return Shown(
        text=drawn,
        flags=frozenset(flags),
        notes=(*_notes(drawing, flags), *alike),
        hidden_characters_count=drawing.hidden,
        total_length=len(text),
        complete=complete,
    )


def _notes(drawing: Drawing, flags: set[Flag]) -> Iterable[str]:
    """A sentence for each flag that needs one."""
    for message in drawing.messages[:_NAMES_IN_NOTES]:
        yield f"Hidden text says “{message[:_QUOTE_LIMIT]}”."
    for flag, words in _UNSEEN_NOTES.items():
        chars = [char for char in sorted(drawing.unseen) if unseen.flag_of(char) is flag]
        if chars:
            count = sum(drawing.unseen[char] for char in chars)
            names = ", ".join(map(unseen.name, chars[:_NAMES_IN_NOTES]))
            more = "…" if len(chars) > _NAMES_IN_NOTES else ""
            yield f"{words}: {count:,} ({names}{more})."
    if Flag.STACKED_MARKS in flags:
        yield f"Stacked marks: {drawing.marks:,}."
    if Flag.PADDING in flags:
        yield "Long empty stretches were folded."
    if Flag.IMITATES_US in flags:
        yield "Copies our labels."
    if Flag.SECRET in flags:
        yield "A secret was masked."


def _parameter(steps: list[str | int], value: object, limit: int | None) -> Parameter:
    path, keys = leaf.drawn_path(steps, lambda key: show_identifier(key, limit=limit))
    return Parameter(
        path=path,
        raw=leaf.raw(value),
        kind=leaf.kind(value),
        shown=_with_keys(_shown_value(value, limit), keys),
        means=leaf.means(value),
    )


def _shown_value(value: object, limit: int | None) -> Shown:
    """A single word is judged as an identifier, anything longer as prose."""
    if not isinstance(value, str):
        return show_identifier(leaf.raw(value), limit=limit)
    if not value:
        return replace(show_identifier(value), text='""')
    is_one_word = not any(space in value for space in " \n\t")
    return show_identifier(value, limit=limit) if is_one_word else show(value, limit=limit)


def _with_keys(shown: Shown, keys: Iterable[Shown]) -> Shown:
    """What is odd about a parameter's name is said with its value."""
    odd = [key for key in keys if key.flags]
    return replace(
        shown,
        flags=shown.flags.union(*(key.flags for key in odd)),
        notes=(*shown.notes, *(f"In the name: {note}" for key in odd for note in key.notes)),
        hidden_characters_count=shown.hidden_characters_count
        + sum(key.hidden_characters_count for key in odd),
        complete=shown.complete and all(key.complete for key in odd),
    )
