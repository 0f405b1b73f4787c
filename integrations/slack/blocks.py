"""Arrange a card as a Slack message; every fact on it comes from the card."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from approvals.domain import cards_checks, changes
from approvals.domain.cards import Card, Claim, Spoken
from approvals.domain.cards_parts import left_out
from approvals.domain.changes import Change
from approvals.domain.display import Shown
from approvals.domain.state import clock
from approvals.domain.terms import Status, Verdict
from integrations.slack import buttons, rows, standing
from integrations.slack import elements as el
from integrations.slack.elements import Block
from integrations.slack.shortening import cut, fold

# Slack refuses messages whose blocks sum up to some 13,200 characters, and documents no limit.
BUDGET = 10_000
MOST_BLOCKS = 50
TEXT_LIMIT = standing.TEXT_LIMIT
CLAIM_CHARACTERS = 400
CLAIMS_CHARACTERS = 1_600
CHANGE_CHARACTERS = 200
MOST_REASONS = 5
MOST_SAID = 6
MOST_NOTES = 2


@dataclass(frozen=True, slots=True)
class Drawn:
    """A message ready to send: `text` is what notifications and screen readers use."""

    text: str
    blocks: list[Block]


def draw(
    card: Card, *, value: str, critical_on_web: bool = False, groups: Sequence[str] = ()
) -> Drawn:
    """The message for the present state of a request; `value` is what its buttons carry, `groups` are
    the user groups to call, which is done once."""
    call = [el.rich(_call(groups))] if groups else []
    facts = [_facts(card)] if card.facts else []
    web = standing.on_web(card) if critical_on_web else ""
    stands = [standing.header(card), *call, *standing.state(card), *_deadline(card)]
    stands += [el.rich(el.line(el.text(web, bold=True)))] if web else []
    body, spare, vital = _body(card)
    for less, whole in ((spare, rows.warns(card)), ([*spare, *vital], not vital)):
        row = buttons.row(card, value, critical_on_web=critical_on_web, whole=whole)
        found = within_budget(card, [*stands, *facts, *body], [row, foot(card)], spare=less)
        if size(found) <= BUDGET:
            break
    return Drawn(standing.text(card), found)


def _body(card: Card) -> tuple[list[Block], list[Block], list[Block]]:
    """Everything in the order of reading; of that what may be left out, the first of it first, and what
    may only where nothing is approved.

    What warns of the agent's words, and what people said and asked, is not left out for want of room
    that an agent's words take.
    """
    because, checks, said, notes = _because(card), _checks(card), _said(card), _notes(card)
    changed, claims = _changes(card), _claims(card)
    warned = checks if cards_checks.warnings(card.checks) else None
    fine = None if warned else checks
    body = (_parameters(card), warned, because, fine, changed, said, notes, claims)
    spare, vital = (claims, changed, fine, because), (notes, said, warned)
    return _there(body), _there(spare), _there(vital)


def _there(blocks: Iterable[Block | None]) -> list[Block]:
    return [block for block in blocks if block]


def _call(groups: Sequence[str]) -> Block:
    mentions = [part for each in groups for part in (el.text(" "), el.group(each))]
    return el.line(el.text("For", bold=True), *mentions)


def size(blocks: list[Block]) -> int:
    """The characters Slack has to read."""
    return len(json.dumps(blocks, ensure_ascii=False))


def within_budget(
    card: Card, body: Sequence[Block], ending: Sequence[Block], *, spare: Sequence[Block]
) -> list[Block]:
    """Leave out of `body` what is too much, of what is `spare` the first first, and say so."""
    kept, left = list(body), list(spare)
    blocks = named(card, [*kept, *ending])
    while left and (size(blocks) > BUDGET or len(blocks) > MOST_BLOCKS):
        least = left.pop(0)
        kept = [block for block in kept if block is not least]
        left_out = el.small("More was recorded than fits here. Open the full request to read it.")
        blocks = named(card, [*kept, left_out, *ending])
    return blocks


def named(card: Card, blocks: list[Block]) -> list[Block]:
    """Slack asks for new block ids with every new content."""
    content = f"{card.version}{card.summary}{card.said}{card.notes}{card.pending}{card.report}"
    stamp = hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()[:8]
    return [
        block | {"block_id": f"{block['type']}-{number}-v{card.version}-{stamp}"}
        for number, block in enumerate(blocks)
    ]


def _deadline(card: Card) -> list[Block]:
    if card.status is not Status.PENDING:
        return []
    return [el.moment("Decide by", card.decide_by, otherwise=clock(card.decide_by))]


def _facts(card: Card) -> Block:
    return el.rich(
        *(
            el.line(el.text(f"{cut(fact.name, 60)}: ", bold=True), el.text(cut(fact.value, 200)))
            for fact in card.facts[:8]
        )
    )


def _parameters(card: Card) -> Block:
    title = el.line(
        el.text(what(card), bold=True),
        el.text("" if card.hides else " · recorded by this service, exactly as it was sent"),
    )
    return el.rich(title, el.preformatted(rows.drawn(card)))


def what(card: Card) -> str:
    """The title of the parameters."""
    return "What will run" if card.is_open else "What was asked"


def _because(card: Card) -> Block | None:
    if not card.because:
        return None
    title = el.line(el.text("Why a person is asked" if card.is_open else "Why", bold=True))
    lines = [cut(why, 200) for why in card.because[:MOST_REASONS]]
    return el.rich(title, el.bullets([*lines, *left_out(len(card.because) - len(lines))]))


def _checks(card: Card) -> Block | None:
    if not card.checks:
        return None
    notable = cards_checks.by_weight(card.checks)
    lines = [f"{each.mark}: {cut(each.words, rows.CHECK)}" for each in notable[: rows.CHECKS]]
    lines += left_out(len(notable) - rows.CHECKS)
    return el.rich(el.line(el.text("Checked by us", bold=True)), el.bullets(lines))


def _changes(card: Card) -> Block | None:
    """Name, before and after as code: nothing of an agent's can write past the end of its own."""
    title = el.text(changing(card), bold=True)
    if not card.changes:
        why = card.no_changes if card.is_open else ""
        return el.rich(el.line(title, el.text(f" · {why}"))) if why else None
    lines = [_change(each) for each in card.changes[: changes.ON_THE_CARD]]
    lines += _lines(left_out(len(card.changes) - len(lines)))
    origin = changes.source(card.changes)
    told = [el.text(f" · {origin}")] if origin else []
    return el.rich(el.line(title, *told), el.listed(lines))


def _change(change: Change) -> Block:
    before, after = (fold(each, CHANGE_CHARACTERS) for each in (change.before, change.after))
    whose = [el.text(f" ({changes.CLAIMED})", italic=True)] if change.is_claim else []
    return el.line(
        el.text(cut(change.name, 60), code=True), el.text(": "),
        el.text(before, code=True), *whose, el.text(" → "), el.text(after, code=True),
    )  # fmt: skip


def changing(card: Card) -> str:
    """The title of what would stand otherwise."""
    return "What changes" if card.is_open else "What was to change"


def _said(card: Card) -> Block | None:
    if not card.said:
        return None
    title = el.line(el.text("Decided so far" if card.is_open else "Who decided", bold=True))
    told = [part for one in card.said[-MOST_SAID:] for part in _verdict(one)]
    return el.rich(title, *told, *_lines(left_out(len(card.said) - MOST_SAID, "earlier")))


def _lines(texts: Sequence[str]) -> list[Block]:
    return [el.line(el.text(each)) for each in texts]


def _verdict(one: Spoken) -> list[Block]:
    told = el.text(cut(f"{one.by} {standing.DID[one.verdict]} at {clock(one.at)}.", 200))
    if not one.shown.text:
        return [el.line(told)]
    given = [el.text(" Reason given to the agent:")] if one.verdict is Verdict.DENY else []
    return [el.line(told, *given), _words(one.shown)]


def _notes(card: Card) -> Block | None:
    told = standing.questions(card)
    if not (card.notes or told):
        return None
    title = [
        el.text("Questions and answers", bold=True),
        *([el.text(f" · {told}")] if told else []),
    ]
    parts: list[Block] = [el.line(*title)]
    for note in card.notes[-MOST_NOTES:]:
        origin = " · from the agent, not checked" if note.from_agent else ""
        parts.append(el.line(el.text(cut(f"{note.by}{origin}", 150), italic=note.from_agent)))
        parts.append(_words(note.shown))
    return el.rich(*parts, *_lines(left_out(len(card.notes) - MOST_NOTES, "earlier")))


def _words(shown: Shown) -> Block:
    return el.quote(fold(shown.text, CLAIM_CHARACTERS))


def _claims(card: Card) -> Block | None:
    if not card.claims:
        return None
    title = el.line(el.text("The agent says", bold=True), el.text(" · not checked", italic=True))
    parts: list[Block] = [title]
    left = CLAIMS_CHARACTERS
    for number, claim in enumerate(card.claims):
        said = fold(claim.shown.text, CLAIM_CHARACTERS)
        if len(said) > left:
            parts += _lines(left_out(len(card.claims) - number))
            break
        left -= len(said)
        parts.extend(_claim(claim, said))
    return el.rich(*parts)


def _claim(claim: Claim, said: str) -> list[Block]:
    return [el.line(el.text(cut(claim.name, 60), italic=True)), el.quote(said or "(empty)")]


def foot(card: Card) -> Block:
    """Which request it is, and that nothing said beside it decides."""
    return el.small(
        f"{card.ref} · asked {clock(card.created_at)} · version {card.version} · "
        "replies in this thread are comments, never decisions"
    )
