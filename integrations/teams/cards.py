"""Arrange a card as an Adaptive Card 1.5; every fact on it comes from the card."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from approvals.domain import cards_checks
from approvals.domain.cards import Card, Spoken
from approvals.domain.cards_parts import left_out
from approvals.domain.display import Shown
from approvals.domain.state import clock
from approvals.domain.terms import RiskLevel, Status, Verdict
from integrations.teams import actions, changing, rows, standing
from integrations.teams import elements as el
from integrations.teams.elements import Part
from integrations.teams.standing import Mine
from integrations.teams.texts import cut, fold

SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"
# Teams takes some 28 KB of message. Counted in UTF-8, with room for what stands around the card.
BUDGET = 20_000
MOST_VIEWERS = 60
Section = list[Part]
CLAIM_CHARACTERS = 400
CLAIMS_CHARACTERS = 1_600
MOST_REASONS, MOST_SAID, MOST_NOTES = 5, 6, 2
STYLES = {
    Status.APPROVED: "good",
    Status.DENIED: "attention",
    Status.EXPIRED: "attention",
    Status.CANCELLED: "default",
    Status.REVOKED: "attention",
}
RISKY = {RiskLevel.HIGH: "warning", RiskLevel.CRITICAL: "attention"}
DID = {
    Verdict.APPROVE: "approved",
    Verdict.DENY: "denied",
    Verdict.INVESTIGATE: "asked a question",
}


@dataclass(frozen=True, slots=True)
class View:
    """For whom a card is drawn.

    `sealed` is what its actions carry, and `undo` what Undo does where it is offered; `mine` is what its
    reader said and can undo. `viewers` are those whose Teams asks for a view of their own.
    `offered` narrows what can be decided; None leaves it to the card. `notice` stands on top, and
    `link` is where its reader says who they are. `wants_note` asks for words with an approval.
    """

    sealed: str = ""
    undo: str = ""
    mine: Mine | None = None
    viewers: tuple[str, ...] = ()
    offered: frozenset[Verdict] | None = None
    notice: str = ""
    link: str = ""
    wants_note: bool = False
    critical_on_web: bool = False


def draw(card: Card, view: View) -> Part:
    """The card for the present state of a request."""
    top = [*_notice(view), _head(card, mine=view.mine), *_deadline(card), *_facts(card)]
    parts, spare, vital = _sections(card)
    body = _within_budget(card, [top, *parts], spare)
    if weight(body) > BUDGET:
        body = _within_budget(card, [top, *parts], [*spare, *vital])
        card = replace(card, drawable=False)  # so nothing is approved on it
    if weight(body) > BUDGET:
        head = _head(card, most=300, mine=view.mine)
        body = [*_notice(view), head, *_too_large(card), _foot(card)]
    return _whole(card, body, view)


def _sections(card: Card) -> tuple[list[Section], list[Section], list[Section]]:
    """Everything in the order of reading; of that what may be left out, the first of it first, and what
    may only where nothing is approved.

    What warns of the agent's words, and what people said and asked, is not left out for want of room
    that an agent's words take.
    """
    because, checks, said, notes = _because(card), _checks(card), _said(card), _notes(card)
    changed, claims = changing.drawn(card), _claims(card)
    warned, fine = (checks, []) if cards_checks.warnings(card.checks) else ([], checks)
    parts = [_parameters(card), warned, because, fine, changed, said, notes, claims]
    spare, vital = [claims, changed, fine, because], [notes, said, warned]
    return parts, [each for each in spare if each], [each for each in vital if each]


def _within_budget(card: Card, parts: list[Section], spare: list[Section]) -> list[Part]:
    """Leave out what is too much, of what is `spare` the first first, and say so."""
    kept, left = list(parts), list(spare)
    body = [*_flat(kept), _foot(card)]
    while left and weight(body) > BUDGET:
        least = left.pop(0)
        kept = [each for each in kept if each is not least]
        left_out = el.small("More was recorded than fits here. Open the full request to read it.")
        body = [*_flat(kept), left_out, _foot(card)]
    return body


def notify(card: Card) -> Part:
    """A card that only tells: nothing on it can be clicked but the way to the request."""
    body = [
        _head(card),
        *_facts(card)[:4],
        *(_checks(card) if card.flags else ()),
        el.small("This message does not change. Open the request to see where it stands now."),
        _foot(card),
    ]
    return _around(card, body, [el.opening("Open to decide" if card.is_open else "Open", card.url)])


def weight(part: object) -> int:
    """The bytes Teams is sent for this."""
    return len(json.dumps(part, ensure_ascii=False, separators=(",", ":")).encode())


def _whole(card: Card, body: list[Part], view: View) -> Part:
    whole = _around(
        card,
        body,
        actions.offered(
            card,
            sealed=view.sealed,
            undo=view.undo,
            only=_left(card, view),
            link=view.link,
            wants_note=view.wants_note,
            critical_on_web=view.critical_on_web,
        ),
    )
    if view.viewers and card.is_open:
        whole["refresh"] = {
            "action": {
                "type": "Action.Execute",
                "title": "Refresh",
                "verb": actions.REFRESH,
                "data": {"sealed": view.sealed, "verb": actions.REFRESH},
            },
            "userIds": list(view.viewers[:MOST_VIEWERS]),
        }
    return whole


def _left(card: Card, view: View) -> frozenset[Verdict]:
    """What this reader can still say; whoever waits for their own to count takes that back first."""
    if view.mine is not None:
        return frozenset()
    left = standing.left(card)
    return left if view.offered is None else left & view.offered


def _around(card: Card, body: list[Part], buttons: list[Part]) -> Part:
    return {
        "type": "AdaptiveCard",
        "$schema": SCHEMA,
        "version": "1.5",
        "lang": "en",
        "fallbackText": summary(card),
        "speak": summary(card),
        "body": body,
        "actions": buttons,
    }


def summary(card: Card) -> str:
    """What notifications say. Teams may read Markdown in it, so no word of the agent's stands here."""
    if card.pending:
        return standing.summary(card)
    if card.is_open:
        return f"{card.risk.upper()} RISK: {card.ref} waits for a decision. Open {card.url}"
    return f"{card.ref} is {card.status.value}. Open {card.url}"


def _notice(view: View) -> list[Part]:
    return [el.box([el.line(el.bold(view.notice))], style="accent")] if view.notice else []


def _head(card: Card, *, most: int = 800, mine: Mine | None = None) -> Part:
    style = RISKY.get(card.risk, "emphasis") if card.is_open else STYLES[card.status]
    lines = [
        el.line(el.bold(standing.badge(card))),
        el.line(el.run(cut(card.headline, min(most, 600)), size="Large", weight="Bolder")),
        el.line(el.run(cut(standing.line(card, mine), most))),
    ]
    return el.box(lines, style=style, bleed=True)


def _deadline(card: Card) -> list[Part]:
    if card.status is not Status.PENDING:
        return []
    at = f"{card.decide_by:%Y-%m-%dT%H:%M:%SZ}"
    here = f"{{{{DATE({at},SHORT)}}}} {{{{TIME({at})}}}}"
    return [el.ours(f"Decide by {here} your time, {clock(card.decide_by)}.")]


def _facts(card: Card) -> list[Part]:
    return [
        el.line(el.bold(f"{cut(fact.name, 60)}: "), el.run(cut(fact.value, 200)))
        for fact in card.facts[:8]
    ]


def _parameters(card: Card) -> list[Part]:
    name = "What will run" if card.is_open else "What was asked"
    told = el.run(" · recorded by this service, exactly as it was sent")
    return [el.line(el.bold(name), told, separator=True), el.rows(rows.drawn(card))]


def _too_large(card: Card) -> list[Part]:
    return [el.rows(rows.drawn(card, most=400)), el.small("Open the full request to read it.")]


def _because(card: Card) -> list[Part]:
    name = "Why a person is asked" if card.is_open else "Why"
    lines = [cut(why, 200) for why in card.because[:MOST_REASONS]]
    return _listed(name, [*lines, *left_out(len(card.because) - len(lines))])


def _checks(card: Card) -> list[Part]:
    notable = cards_checks.by_weight(card.checks)
    lines = [f"{each.mark}: {cut(each.words, rows.CHECK)}" for each in notable[: rows.CHECKS]]
    lines += left_out(len(notable) - rows.CHECKS)
    return _listed("Checked by us", lines)


def _listed(name: str, lines: Sequence[str]) -> list[Part]:
    if not lines:
        return []
    return [el.title(name), *(el.line(el.run(f"• {each}"), spacing="Small") for each in lines)]


def _said(card: Card) -> list[Part]:
    if not card.said:
        return []
    name = "Decided so far" if card.is_open else "Who decided"
    told = [part for one in card.said[-MOST_SAID:] for part in _verdict(one)]
    return [el.title(name), *told, *_small(left_out(len(card.said) - MOST_SAID, "earlier"))]


def _small(texts: Sequence[str]) -> list[Part]:
    return [el.small(each) for each in texts]


def _verdict(one: Spoken) -> list[Part]:
    told = el.line(el.run(cut(f"{one.by} {DID[one.verdict]} at {clock(one.at)}.", 200)))
    return [told, _quoted(one.shown)] if one.shown.text else [told]


def _notes(card: Card) -> list[Part]:
    if not card.notes:
        return []
    parts = [el.title("Questions and answers")]
    for note in card.notes[-MOST_NOTES:]:
        origin = " · from the agent, not checked" if note.from_agent else ""
        parts.append(el.line(el.run(cut(f"{note.by}{origin}", 150), italic=note.from_agent)))
        parts.append(_quoted(note.shown))
    return [*parts, *_small(left_out(len(card.notes) - MOST_NOTES, "earlier"))]


def _claims(card: Card) -> list[Part]:
    if not card.claims:
        return []
    parts = [el.title("The agent says", " · not checked")]
    left = CLAIMS_CHARACTERS
    for number, claim in enumerate(card.claims):
        said = fold(claim.shown.text, CLAIM_CHARACTERS)
        if len(said) > left:
            parts += _small(left_out(len(card.claims) - number))
            break
        left -= len(said)
        name = el.line(el.run(cut(claim.name, 60), italic=True))
        parts.append(el.box([name, el.line(el.run(said or "(empty)"))]))
    return parts


def _quoted(shown: Shown) -> Part:
    return el.box([el.line(el.run(fold(shown.text, CLAIM_CHARACTERS)))])


def _foot(card: Card) -> Part:
    return el.small(
        f"{card.ref} · asked {clock(card.created_at)} · version {card.version} · "
        f"fingerprint {card.fingerprint} · replies to this message are comments, never decisions"
    )


def _flat(groups: Sequence[Sequence[Part]]) -> list[Any]:
    return [part for group in groups for part in group]
