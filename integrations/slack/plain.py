"""Draw a card in the oldest blocks alone, for when Slack will not have the richer ones.

What an agent writes may be why Slack would not. So nothing that warns of it is lost on the way: what is
needed to decide stands here too, or nothing is approved here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from approvals.domain import changes
from approvals.domain.cards import Card, Spoken
from approvals.domain.cards_parts import left_out
from approvals.domain.display import Shown
from approvals.domain.state import clock
from approvals.domain.terms import Verdict
from integrations.slack import blocks, buttons, rows, standing
from integrations.slack import elements as el
from integrations.slack.blocks import Drawn
from integrations.slack.elements import Block
from integrations.slack.shortening import cut, fold

FACT_CHARACTERS = 200
SAID_CHARACTERS = 250
NOT_DRAWN = "We could not draw this request safely in Slack. Open it to read all of it."


def draw(
    card: Card, *, value: str, critical_on_web: bool = False, groups: Sequence[str] = ()
) -> Drawn:
    """Everything needed to decide; where that is too much, there is no button to approve."""
    web = standing.on_web(card) if critical_on_web else ""
    stands = [*_stands(card, groups, web), *_facts(card), el.words(_parameters(card))]
    needed = [each for each in (_checks(card), _said(card), _notes(card)) if each]
    more = [each for each in (_because(card), _changes(card), _claims(card)) if each]
    is_whole = all(len(each) <= el.SECTION_LIMIT for each in needed)
    vital, spare = [el.words(each) for each in needed], [el.words(each) for each in more][::-1]
    body = [*stands, *vital, *reversed(spare)]
    row = buttons.row(card, value, critical_on_web=critical_on_web, whole=is_whole)
    found = blocks.within_budget(card, body, [row, blocks.foot(card)], spare=spare)
    if blocks.size(found) > blocks.BUDGET:
        row = buttons.row(card, value, critical_on_web=critical_on_web, whole=False)
        less = [*spare, *reversed(vital)]
        found = blocks.within_budget(card, body, [row, blocks.foot(card)], spare=less)
    return Drawn(standing.text(card), found)


def barely(card: Card, *, value: str, groups: Sequence[str] = ()) -> Drawn:
    """Which request it is and where it stands, without a word that its agent wrote."""
    badge = standing.badge(card)
    row = buttons.row(card, value, critical_on_web=True, whole=False)
    found = [el.header(f"{badge} · {card.ref}"), *_called(groups), el.words(NOT_DRAWN), row]
    text = f"{badge}. {NOT_DRAWN} {card.ref}."
    return Drawn(text, blocks.named(card, [*found, blocks.foot(card)]))


def _stands(card: Card, groups: Sequence[str], web: str) -> list[Block]:
    title = f"{card.headline}\n" if standing.is_cut(card) else ""
    return [
        standing.header(card),
        *_called(groups),
        el.words(f"{title}{standing.plainly(card)} {web}".rstrip()),
    ]


def _called(groups: Sequence[str]) -> list[Block]:
    return [el.called(groups)] if groups else []


def _facts(card: Card) -> list[Block]:
    told = [f"{fact.name}: {_line(cut(fact.value, FACT_CHARACTERS))}" for fact in card.facts]
    return [el.words("\n".join(told))] if told else []


def _parameters(card: Card) -> str:
    return f"{blocks.what(card)}\n{rows.drawn(card)}"


def _checks(card: Card) -> str:
    """What is not in order, in full; of the rest how many."""
    told = [f"{check.mark}: {_line(check.words)}" for check in card.checks if check.mark != "OK"]
    fine = len(card.checks) - len(told)
    if fine:
        told.append(
            f"OK: {fine} {'others' if told and fine > 1 else 'other' if told else 'of ours'}"
        )
    return _titled("Checked by us", told)


def _said(card: Card) -> str:
    title = "Decided so far" if card.is_open else "Who decided"
    older = left_out(len(card.said) - blocks.MOST_SAID, "earlier")
    return _titled(title, [*map(_verdict, card.said[-blocks.MOST_SAID :]), *older])


def _verdict(one: Spoken) -> str:
    told = cut(f"{one.by} {standing.DID[one.verdict]} at {clock(one.at)}.", FACT_CHARACTERS)
    given = " Reason given to the agent:" if one.verdict is Verdict.DENY else ""
    return f"{told}{given}\n{_quoted(one.shown)}" if one.shown.text else told


def _because(card: Card) -> str:
    why = [_line(cut(each, FACT_CHARACTERS)) for each in card.because[: blocks.MOST_REASONS]]
    why += left_out(len(card.because) - blocks.MOST_REASONS)
    return _titled("Why a person is asked" if card.is_open else "Why", why)


def _changes(card: Card) -> str:
    lines = [
        cut(line, FACT_CHARACTERS + 100)
        for change in card.changes[: changes.ON_THE_CARD]
        for line in changes.lines(change)
    ]
    more = left_out(len(card.changes) - changes.ON_THE_CARD)
    why = [card.no_changes] if card.no_changes and card.is_open else []
    title = " · ".join(filter(None, (blocks.changing(card), changes.source(card.changes))))
    return _titled(title, [*lines, *more, *why])


def _notes(card: Card) -> str:
    told = [
        f"{note.by}{' · from the agent, not checked' if note.from_agent else ''}\n{_quoted(note.shown)}"
        for note in card.notes[-blocks.MOST_NOTES :]
    ]
    told += left_out(len(card.notes) - blocks.MOST_NOTES, "earlier")
    asked = standing.questions(card)
    title = f"Questions and answers{f' · {asked}' if asked else ''}"
    return _titled(title, told) or asked


def _claims(card: Card) -> str:
    told = [f"{cut(claim.name, 60)}\n{_quoted(claim.shown)}" for claim in card.claims]
    return _titled("The agent says · not checked", told)


def _titled(title: str, told: Iterable[str]) -> str:
    lines = "\n".join(told)
    return f"{title}\n{lines}" if lines else ""


def _line(words: str) -> str:
    return " ".join(words.split("\n"))


def _quoted(shown: Shown) -> str:
    """Words of others, each line marked, so that none passes for one of ours."""
    said = fold(shown.text, SAID_CHARACTERS) or "(empty)"
    return "\n".join(f"│ {line}" for line in said.split("\n"))
