"""Arrange a card as a Slack message; every fact on it comes from the card."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from approvals.domain.cards import Card, Claim, Spoken
from approvals.domain.display import Parameter, Shown
from approvals.domain.showing import UNSEEN
from approvals.domain.state import clock
from approvals.domain.terms import RiskLevel, Status, Verdict
from integrations.slack import elements as el
from integrations.slack.elements import Block
from integrations.slack.shortening import cut, escape, fold

# Slack refuses messages whose blocks sum up to some 13,200 characters, and documents no limit.
BUDGET = 10_000
MOST_BLOCKS = 50
PARAMETER_CHARACTERS = 2_500
PARAMETER_ROWS = 25
TEXT_LIMIT = 3_000
CLAIM_CHARACTERS = 400
CLAIMS_CHARACTERS = 1_600
MOST_REASONS = 5
MOST_CHECKS = 10
MOST_SAID = 6
VALUE_CHARACTERS = 500
CONFIRMED = frozenset({RiskLevel.HIGH, RiskLevel.CRITICAL})
DID = {
    Verdict.APPROVE: "approved",
    Verdict.DENY: "denied",
    Verdict.INVESTIGATE: "asked a question",
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """A message ready to send: `text` is what notifications and screen readers use."""

    text: str
    blocks: list[Block]


def draw(card: Card, *, value: str, critical_on_web: bool = False) -> Drawn:
    """The message for the present state of a request; `value` is what its buttons carry."""
    needed = [_header(card), _state(card), *_deadline(card), _facts(card), _parameters(card)]
    extra = [_because(card), _checks(card), _said(card), _notes(card), _claims(card)]
    ending = [_buttons(card, value, critical_on_web=critical_on_web), _foot(card)]
    return Drawn(_text(card), _within_budget(card, needed, [b for b in extra if b], ending))


def draw_plainly(card: Card, *, value: str, critical_on_web: bool = False) -> Drawn:
    """The same in the oldest blocks alone, for when Slack will not have the richer ones."""
    facts = "\n".join(f"{fact.name}: {cut(fact.value, 200)}" for fact in card.facts)
    blocks = [
        _header(card),
        el.words(card.state_line),
        el.words(facts),
        el.words(f"What will run\n{_rows(card)}"),
        _buttons(card, value, critical_on_web=critical_on_web),
        _foot(card),
    ]
    return Drawn(_text(card), _named(card, blocks))


def fits(card: Card) -> bool:
    """Say whether a message can show everything that would run, so that it may offer Approve."""
    rows = _all_rows(card)
    return (
        card.drawable
        and len(rows) <= PARAMETER_CHARACTERS
        and rows.count("\n") < PARAMETER_ROWS
        and len(json.dumps(rows, ensure_ascii=False)) <= PARAMETER_CHARACTERS * 2
    )


def size(blocks: list[Block]) -> int:
    """The characters Slack has to read."""
    return len(json.dumps(blocks, ensure_ascii=False))


def _within_budget(
    card: Card, needed: list[Block], extra: list[Block], ending: list[Block]
) -> list[Block]:
    """Leave out from the end of `extra` what is too much, and say so."""
    kept = list(extra)
    blocks = _named(card, [*needed, *kept, *ending])
    while kept and (size(blocks) > BUDGET or len(blocks) > MOST_BLOCKS):
        kept.pop()
        left_out = el.small("More was recorded than fits here. Open the full request to read it.")
        blocks = _named(card, [*needed, *kept, left_out, *ending])
    return blocks


def _named(card: Card, blocks: list[Block]) -> list[Block]:
    """Slack asks for new block ids with every new content."""
    content = f"{card.version}{card.summary}{card.said}{card.notes}"
    stamp = hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()[:8]
    return [
        block | {"block_id": f"{block['type']}-{number}-v{card.version}-{stamp}"}
        for number, block in enumerate(blocks)
    ]


def _text(card: Card) -> str:
    summary = cut(card.summary, TEXT_LIMIT)
    return escape(summary if card.ref in summary else f"{summary} {card.ref}")


def _header(card: Card) -> Block:
    return el.header(f"{card.badge} · {card.headline}")


def _state(card: Card) -> Block:
    state = el.line(el.text(cut(card.state_line, 800), bold=True))
    if len(f"{card.badge} · {card.headline}") <= el.HEADER_LIMIT:
        return el.rich(state)
    return el.rich(el.line(el.text(cut(card.headline, 600))), state)


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
        el.text("What will run" if card.is_open else "What was asked", bold=True),
        el.text("" if card.hides else " · recorded by this service, exactly as it was sent"),
    )
    return el.rich(title, el.preformatted(_rows(card)))


def _rows(card: Card) -> str:
    """All parameters, or a beginning of them with the size of the whole."""
    count = len(card.parameters)
    if card.hides:
        return f"{_unseen_rows(card)}\n— {card.hides}"
    if not card.parameters:
        return f"This action takes no parameters.\n— fingerprint {card.fingerprint}"
    if fits(card):
        return (
            f"{_all_rows(card)}\n"
            f"— {count} of {count} parameters shown · fingerprint {card.fingerprint}"
        )
    total = sum(parameter.shown.total_length for parameter in card.parameters)
    shown = [_row(parameter, VALUE_CHARACTERS) for parameter in card.parameters]
    lines = "\n".join(shown).split("\n")[:PARAMETER_ROWS]
    return (
        f"{fold(chr(10).join(lines), PARAMETER_CHARACTERS - 300)}\n"
        f"— NOT ALL SHOWN: {count} parameters hold {total:,} characters, too much to show in full "
        f"here. Open the full request to read them. Fingerprint {card.fingerprint}"
    )


def _unseen_rows(card: Card) -> str:
    """The names alone, as many as fit, with the count of them all."""
    names = [cut(parameter.path, 120) for parameter in card.parameters[:PARAMETER_ROWS]]
    more = len(card.parameters) - len(names)
    lines = [f"{name} = {UNSEEN}" for name in names]
    return "\n".join([*lines, *([f"and {more} more"] if more else [])])


def _all_rows(card: Card) -> str:
    return "\n".join(_row(parameter) for parameter in card.parameters)


def _row(parameter: Parameter, limit: int | None = None) -> str:
    """One parameter; further lines of its value are marked, so that none passes for a row."""
    value = parameter.shown.text if limit is None else fold(parameter.shown.text, limit)
    path = parameter.path if limit is None else cut(parameter.path, 120)
    means = f"   ({parameter.means})" if parameter.means else ""
    marked = value.replace("\n", "\n    │ ")
    return f"{path} = {marked}   [{parameter.kind}]{means}"


def _because(card: Card) -> Block | None:
    if not card.because:
        return None
    title = el.line(el.text("Why a person is asked" if card.is_open else "Why", bold=True))
    return el.rich(title, el.bullets([cut(why, 200) for why in card.because[:MOST_REASONS]]))


def _checks(card: Card) -> Block | None:
    if not card.checks:
        return None
    notable = sorted(card.checks, key=lambda check: check.mark == "OK")
    lines = [f"{check.mark}: {cut(check.words, 160)}" for check in notable[:MOST_CHECKS]]
    if len(notable) > MOST_CHECKS:
        lines.append(f"and {len(notable) - MOST_CHECKS} more, on the full request")
    return el.rich(el.line(el.text("Checked by us", bold=True)), el.bullets(lines))


def _said(card: Card) -> Block | None:
    if not card.said:
        return None
    title = el.line(el.text("Decided so far" if card.is_open else "Who decided", bold=True))
    return el.rich(title, *(part for one in card.said[-MOST_SAID:] for part in _verdict(one)))


def _verdict(one: Spoken) -> list[Block]:
    told = el.line(el.text(cut(f"{one.by} {DID[one.verdict]} at {clock(one.at)}.", 200)))
    return [told, _words(one.shown)] if one.shown.text else [told]


def _notes(card: Card) -> Block | None:
    if not card.notes:
        return None
    parts: list[Block] = [el.line(el.text("Questions and answers", bold=True))]
    for note in card.notes[-2:]:
        origin = " · from the agent, not checked" if note.from_agent else ""
        parts.append(el.line(el.text(cut(f"{note.by}{origin}", 150), italic=note.from_agent)))
        parts.append(_words(note.shown))
    return el.rich(*parts)


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
            rest = len(card.claims) - number
            parts.append(el.line(el.text(f"and {rest} more, on the full request")))
            break
        left -= len(said)
        parts.extend(_claim(claim, said))
    return el.rich(*parts)


def _claim(claim: Claim, said: str) -> list[Block]:
    return [el.line(el.text(cut(claim.name, 60), italic=True)), el.quote(said or "(empty)")]


def _buttons(card: Card, value: str, *, critical_on_web: bool) -> Block:
    on_web = critical_on_web and card.risk is RiskLevel.CRITICAL
    may_approve = fits(card) and not on_web
    offered = card.buttons if may_approve else [v for v in card.buttons if v is Verdict.DENY]
    elements = [_button(card, verdict, value) for verdict in offered]
    to_decide = card.is_open and not may_approve
    name = "Open to decide" if to_decide else "Open full request"
    label = f"Open {card.ref} in the web dashboard"
    elements.append(el.button("open", name, label=label, url=card.url))
    if to_decide:
        elements.reverse()
    return {"type": "actions", "elements": elements}


def _button(card: Card, verdict: Verdict, value: str) -> Block:
    if verdict is Verdict.APPROVE:
        return _approve(card, value)
    if verdict is Verdict.DENY:
        label = f"Deny {card.ref} and give a reason"
        return el.button(verdict.value, "Deny…", label=label, value=value)
    label = f"Ask a question about {card.ref}"
    return el.button(verdict.value, "Investigate…", label=label, value=value)


def _approve(card: Card, value: str) -> Block:
    more: dict[str, Any] = {"value": value}
    if card.risk is not RiskLevel.CRITICAL:
        more["style"] = "primary"
    if card.risk in CONFIRMED:
        more["confirm"] = el.confirm("Approve this?", _restated(card), yes="Approve")
    label = f"Approve {card.ref}, {card.headline}"
    return el.button(Verdict.APPROVE.value, "Approve", label=label, **more)


def _restated(card: Card) -> str:
    needs = next((fact.value for fact in card.facts if fact.name == "Needs"), "")
    words = f" Needs {needs}." if needs else ""
    what = cut(card.headline, 170)
    return f"{what}. Risk: {card.risk}.{words} Once approved, the agent may run it at once."


def _foot(card: Card) -> Block:
    return el.small(
        f"{card.ref} · asked {clock(card.created_at)} · version {card.version} · "
        "replies in this thread are comments, never decisions"
    )
