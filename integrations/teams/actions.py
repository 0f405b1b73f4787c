"""What can be done on a card: decide where it may be decided, and always open the request."""

from __future__ import annotations

from approvals.domain import denials, pausing
from approvals.domain.cards import Card
from approvals.domain.terms import AskedOf, RiskLevel, Verdict
from integrations.teams import elements as el
from integrations.teams import rows
from integrations.teams.elements import Part
from integrations.teams.texts import cut

REFRESH, UNDO = "refresh", "undo"
# Each verdict's words come back under a name of their own: a card sends all its inputs at once.
INPUT = {
    Verdict.APPROVE: "approve_note",
    Verdict.DENY: "deny_reason",
    Verdict.INVESTIGATE: "question",
}
WHY, WHOM = "deny_why", "question_of"
CONFIRMED = frozenset({RiskLevel.HIGH, RiskLevel.CRITICAL})


def offered(
    card: Card,
    *,
    sealed: str,
    undo: str,
    only: frozenset[Verdict],
    link: str,
    wants_note: bool,
    critical_on_web: bool,
) -> list[Part]:
    """The actions of a card, at most the six Teams draws; Undo where `undo` is what it carries."""
    on_web = critical_on_web and card.risk is RiskLevel.CRITICAL
    may_approve = rows.fits(card) and rows.warns(card) and not on_web
    allowed = only if may_approve else only & {Verdict.DENY}
    buttons = [
        _button(card, verdict, sealed, wants_note=wants_note)
        for verdict in card.buttons
        if verdict in allowed
    ]
    to_decide = card.is_open and not may_approve and not card.pending
    opening = el.opening("Open to decide" if to_decide else "Open full request", card.url)
    linking = [el.opening("Link your Teams account", link)] if link else []
    if to_decide:
        return [*linking, opening, *buttons]
    return [*linking, *_undo(card, undo), *buttons, opening]


def _undo(card: Card, sealed: str) -> list[Part]:
    """The way back for whoever decided; to others it says that it is not theirs."""
    if not sealed or not card.is_open:
        return []
    return [el.execute(UNDO, "Undo", sealed, tooltip=f"Undo your decision on {card.ref}")]


def _button(card: Card, verdict: Verdict, sealed: str, *, wants_note: bool) -> Part:
    if verdict is Verdict.APPROVE:
        return _approve(card, sealed, wants_note=wants_note)
    name = INPUT[verdict]
    if verdict is Verdict.DENY:
        why = "Why? The agent and its owner will see this."
        ask = el.ask(name, "In your words", required=True, shortest=denials.SHORTEST_REASON)
        return el.unfold(
            "Deny…",
            [el.line(el.run("Nothing will run.")), el.choose(WHY, why, denials.WHY), ask],
            el.execute(verdict.value, "Deny", sealed),
            tooltip=f"Deny {card.ref} and give a reason",
        )
    ask = el.ask(
        name, "What do you want to know? The agent and its owner will see this.", required=True
    )
    paused = el.line(el.run("The clock pauses, within a bound, until somebody answers."))
    usual = AskedOf.BOTH.value
    whom = [el.choose(WHOM, "Ask whom?", pausing.WHOM, usual=usual)] if card.has_owner else []
    return el.unfold(
        "Investigate…",
        [paused, ask, *whom],
        el.execute(verdict.value, "Ask", sealed),
        tooltip=f"Ask a question about {card.ref}",
    )


def _approve(card: Card, sealed: str, *, wants_note: bool) -> Part:
    """At a click for small risks; with what would happen, read once more, for great ones."""
    style = {} if card.risk is RiskLevel.CRITICAL else {"style": "positive"}
    act = el.execute(Verdict.APPROVE.value, "Approve", sealed, **style)
    if card.risk not in CONFIRMED and not wants_note:
        return act | {"tooltip": f"Approve {card.ref}"}
    label = "Why is this right? The audit trail keeps it." if wants_note else "Note (optional)"
    ask = el.ask(INPUT[Verdict.APPROVE], label, required=wants_note)
    restated = el.line(el.run(_restated(card)))
    return el.unfold("Approve…", [restated, ask], act, tooltip=f"Approve {card.ref}", **style)


def _restated(card: Card) -> str:
    needs = next((fact.value for fact in card.facts if fact.name == "Needs"), "")
    words = f" Needs {cut(needs, 200)}." if needs else ""
    return f"{_what(card)}. Risk: {card.risk}.{words} {card.then}"


def _what(card: Card) -> str:
    """How much stands before what it is done to, so no long target takes its place."""
    return cut(card.headline, 170)
