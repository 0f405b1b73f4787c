"""What a message says: the same in plain text and in HTML, whatever agents wrote.

Mail programs make links of addresses they find in a text, so those of agents are written in a way
that none recognises. The one link is ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from approvals.domain import changes
from approvals.domain.cards import Card
from approvals.domain.cards_parts import left_out
from approvals.domain.display import Parameter, escape_terminal
from approvals.domain.state import clock
from integrations.email.readers import Reader

LONGEST_TEXT = 300
MOST_LINES = 25
MOST_NOTES = 5
LONGEST_SUBJECT = 180
LINKS = re.compile(r"://|(?<=\bwww)\.|(?<=[\w-])\.(?=[A-Za-z]{2,63}[/:?])", re.IGNORECASE)
# In prose a name alone is taken for a link too, and nothing hangs on its exact spelling.
LINKS_OF_PROSE = re.compile(r"://|(?<=[\w-])\.(?=[A-Za-z]{2,63}\b)")
UNLINKED = {"://": "[:]//", ".": "[.]"}
UNLINKED_NOTE = (
    "Web addresses above are written with [:] or [.], so that nothing there can be clicked."
)
LAST_WORDS = (
    "You will be asked to sign in. This e-mail cannot approve anything, and replies are not read."
)


@dataclass(frozen=True, slots=True)
class Part:
    """Lines under a title; `is_claim` marks what an agent says, which is drawn apart."""

    title: str
    lines: tuple[str, ...]
    is_claim: bool = False


@dataclass(frozen=True, slots=True)
class Letter:
    """`opening` is read first and in previews; `url` is where to go on."""

    opening: str
    parts: tuple[Part, ...]
    link: str
    url: str
    closing: tuple[str, ...]


def subject(card: Card) -> str:
    """One line of ours, the same over the whole life of a request."""
    by = f"Decide by {clock(card.decide_by)}: " if card.is_open else ""
    return one_line(f"[{card.risk.capitalize()}] {by}{unlinked(card.headline)} ({card.ref})")


def card(card: Card, reader: Reader) -> Letter:
    """What a person must know to go and look; for a closed request, that nothing is left to do."""
    if not card.is_open:
        state = (_state(card, reader), Part("It was about", _facts(card)))
        return _letter(card, reader, f"{card.state_line} No action is needed.", state, verb="See")
    called = f"{reader.name}, an" if reader.name else "An"
    whom = "you" if reader.name else "a person"
    opening = f"{called} agent needs a decision from {whom}. {card.state_line}"
    return _letter(card, reader, opening, (_state(card, reader), *_asked(card)), verb="Review")


def note(card: Card, words: str, reader: Reader) -> Letter:
    """A call for attention in the thread of the request."""
    verb = "Review" if card.is_open else "See"
    return _letter(card, reader, words or card.state_line, (_state(card, reader),), verb=verb)


def text(letter: Letter) -> str:
    """The plain form; an agent's lines begin with a bar."""
    return "\n".join(_plain(letter)) + "\n"


def html(letter: Letter) -> str:
    """The same in HTML that loads nothing and has one link."""
    blocks = "".join(_block(part) for part in letter.parts)
    link = f'<a href="{escape(letter.url)}">{escape(letter.link)}</a>'
    closing = "<br>".join(escape(line) for line in letter.closing)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="color-scheme" content="light dark"></head>'
        '<body style="font-family:sans-serif;line-height:1.45;overflow-wrap:anywhere">'
        f"<p>{escape(letter.opening)}</p>{blocks}<p><strong>{link}</strong></p>"
        f"<p><small>{closing}</small></p></body></html>\n"
    )


def unlinked(text: str, *, is_prose: bool = False) -> str:
    """A text in which no mail program finds an address to make a link of."""
    links = LINKS_OF_PROSE if is_prose else LINKS
    return links.sub(lambda found: UNLINKED[found[0]], text)


def one_line(text: str) -> str:
    """Fit for a header: no line break or control code, nothing encoded, and not endless.

    Python before 3.11.10 writes a line break raw that stands inside an encoded word (CVE-2024-6923).
    """
    line = " ".join(escape_terminal(text).replace("=?", "= ?").split())
    return line if len(line) <= LONGEST_SUBJECT else line[: LONGEST_SUBJECT - 1] + "…"


def _letter(
    card: Card, reader: Reader, opening: str, parts: Sequence[Part], *, verb: str
) -> Letter:
    safe = tuple(_unlinked(part) for part in parts if part.lines)
    changed = safe != tuple(part for part in parts if part.lines)
    notes = (UNLINKED_NOTE,) if changed else ()
    return Letter(
        opening=unlinked(opening),
        parts=safe,
        link=f"{verb} {card.ref}",
        url=card.url,
        closing=(LAST_WORDS, *notes, f"Fingerprint {card.fingerprint}. {unlinked(reader.why)}"),
    )


def _unlinked(part: Part) -> Part:
    lines = tuple(unlinked(line, is_prose=part.is_claim) for line in part.lines)
    return Part(part.title, lines, part.is_claim)


def _state(card: Card, reader: Reader) -> Part:
    local = reader.local(card.decide_by) if card.is_open else ""
    by = (f"Decide by {clock(card.decide_by)} ({local}).",) if local else ()
    return Part(card.badge, (card.headline, *by))


def _asked(card: Card) -> Iterator[Part]:
    count = len(card.parameters)
    drawn = _bounded([_parameter(each) for each in card.parameters])
    shown = min(count, MOST_LINES)
    yield Part("Asked", _facts(card))
    yield Part("Why people are asked", _bounded(card.because))
    yield Part(f"What would run ({shown} of {count} parameters)", drawn)
    claimed = any(change.is_claim for change in card.changes)
    origin = changes.source(card.changes)
    title = f"What changes ({origin})" if origin else "What changes"
    yield Part(title, _bounded(_changes(card)), is_claim=claimed)
    yield Part("Checked", _bounded([f"{check.mark}: {check.words}" for check in card.checks]))
    claims = [f"{claim.name}: {claim.shown.text}" for claim in card.claims]
    yield Part("The agent says (not checked)", _bounded(claims), is_claim=True)
    notes = [f"{note.by}: {note.shown.text}" for note in card.notes[-MOST_NOTES:]]
    notes += left_out(len(card.notes) - MOST_NOTES, "earlier")
    yield Part("Asked and answered (not checked)", _bounded(notes), is_claim=True)


def _changes(card: Card) -> list[str]:
    """Before and after on lines of their own; why nothing can be compared where that is so."""
    told = [line for change in card.changes for line in changes.lines(change)]
    return told or ([card.no_changes] if card.no_changes else [])


def _facts(card: Card) -> tuple[str, ...]:
    return _bounded([f"{fact.name}: {fact.value}" for fact in card.facts])


def _parameter(parameter: Parameter) -> str:
    means = f" ({parameter.means})" if parameter.means else ""
    return f"{parameter.path} = {parameter.shown.text}{means}"


def _bounded(lines: Sequence[str]) -> tuple[str, ...]:
    kept = tuple(_cut(line) for line in lines[:MOST_LINES])
    rest = len(lines) - len(kept)
    return (*kept, f"… and {rest} more on the request's page") if rest else kept


def _cut(line: str) -> str:
    if len(line) <= LONGEST_TEXT:
        return line
    rest = f"{len(line) - LONGEST_TEXT:,} characters more on the request's page"
    return f"{line[:LONGEST_TEXT]} … ({rest})"


def _plain(letter: Letter) -> Iterator[str]:
    yield letter.opening
    for part in letter.parts:
        yield ""
        yield part.title
        mark = "| " if part.is_claim else "  "
        for line in part.lines:
            yield from (f"{mark}{row}" for row in line.splitlines() or [""])
    yield ""
    yield f"{letter.link}: {letter.url}"
    yield from letter.closing


def _block(part: Part) -> str:
    box = "border:1px solid #888;border-left:4px solid #888;padding:0 1em" if part.is_claim else ""
    rows = "".join(
        f'<li><bdi dir="auto" style="white-space:pre-wrap">{escape(line)}</bdi></li>'
        for line in part.lines
    )
    return f'<div style="{box}"><p><strong>{escape(part.title)}</strong></p><ul>{rows}</ul></div>'
