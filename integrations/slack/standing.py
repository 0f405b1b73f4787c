"""Say on a message where its request stands: the header, the line below it, and what a notification says."""

from __future__ import annotations

from approvals.domain import pending_words
from approvals.domain.cards import Card
from approvals.domain.state import clock
from approvals.domain.terms import RiskLevel, Verdict
from integrations.slack import elements as el
from integrations.slack.elements import Block
from integrations.slack.shortening import cut, escape, fold

TEXT_LIMIT = 3_000
LINE_LIMIT = 800
REPORT_CHARACTERS = 400
DID = {
    Verdict.APPROVE: "approved",
    Verdict.DENY: "denied",
    Verdict.INVESTIGATE: "asked a question",
}


def text(card: Card) -> str:
    """What notifications and screen readers use: state, object and reference in one breath."""
    summary = cut(_summary(card), TEXT_LIMIT)
    return escape(summary if card.ref in summary else f"{summary} {card.ref}")


def header(card: Card) -> Block:
    return el.header(_head(card))


def state(card: Card) -> list[Block]:
    """The state line; of an approval also what became of it, and what its agent says of that."""
    line = el.line(el.text(cut(_line(card), LINE_LIMIT), bold=True))
    whole = [el.line(el.text(cut(card.headline, 600)))] if is_cut(card) else []
    ran = [el.line(el.text(cut(card.ran, LINE_LIMIT)))] if card.ran else []
    return [el.rich(*whole, line, *ran), *_report(card)]


def plainly(card: Card) -> str:
    """The same in one sentence or two, without the agent's words."""
    return f"{_line(card)} {card.ran}".strip()


def on_web(card: Card) -> str:
    """Where a critical request is decided, and what that takes; empty for any other."""
    if card.risk is not RiskLevel.CRITICAL or not card.is_open or card.pending:
        return ""
    people = "one person" if card.seats == 1 else f"{card.seats} people"
    return f"Decide on the web: {people}, fresh sign-in."


def questions(card: Card) -> str:
    """How many questions people asked, and where to read them."""
    asked = sum(one.verdict is Verdict.INVESTIGATE for one in card.said)
    return (
        f"{asked} question{'s' if asked > 1 else ''}, see thread or full request" if asked else ""
    )


def is_cut(card: Card) -> bool:
    """Whether the header has no room for the whole headline."""
    return len(_head(card)) > el.HEADER_LIMIT


def _report(card: Card) -> list[Block]:
    """The agent's own words, which are its own however they read."""
    if card.report is None:
        return []
    title = [el.text("The agent reports", bold=True), el.text(" · not checked", italic=True)]
    return [el.rich(el.line(*title), el.quote(fold(card.report.text, REPORT_CHARACTERS)))]


def _head(card: Card) -> str:
    return f"{badge(card)} · {card.headline}"


def badge(card: Card) -> str:
    """Icon and words for where it stands."""
    return " · ".join(filter(None, (pending_words.badge(card.pending), card.badge)))


def _summary(card: Card) -> str:
    if not card.pending:
        return card.summary
    return f"{badge(card)}: {card.headline}. {pending_words.line(card.pending)} {card.ref}."


def _line(card: Card) -> str:
    """Where it stands, and who brought it there last while it is open."""
    if card.pending:
        told = f"{pending_words.line(card.pending)} Nothing has run."
        is_ending = any(each.ends for each in card.pending)
        return told if is_ending else f"{told} {card.state_line}"
    last = card.said[-1] if card.said and card.is_open else None
    if last is None:
        return card.state_line.removesuffix(card.ran).rstrip()
    told = f"{last.by} {DID[last.verdict]} at {clock(last.at)}."
    more = " Somebody else must approve as well." if last.verdict is Verdict.APPROVE else ""
    return f"{told}{more} Nothing has run. {card.state_line}"
