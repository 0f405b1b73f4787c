"""The buttons of a card: how much it takes to approve grows with what is at stake."""

from __future__ import annotations

from typing import Any

from approvals.domain import amounts
from approvals.domain.cards import Card
from approvals.domain.terms import RiskLevel, Verdict
from integrations.slack import elements as el
from integrations.slack import rows
from integrations.slack.elements import Block
from integrations.slack.shortening import cut

CONFIRMED = frozenset({RiskLevel.HIGH, RiskLevel.CRITICAL})
MOST_AMOUNTS = 2
UNDO, MORE_TIME = "undo", "more_time"
NUMBERS = frozenset({"integer", "number"})


def row(card: Card, value: str, *, critical_on_web: bool, whole: bool = True) -> Block:
    """What can be done on a message; nothing is approved on one that is not `whole`."""
    on_web = critical_on_web and card.risk is RiskLevel.CRITICAL
    may_approve = whole and rows.fits(card) and not on_web
    left = _left(card)
    offered = left if may_approve else [v for v in left if v is Verdict.DENY]
    elements = [_button(card, verdict, value) for verdict in offered]
    to_decide = card.is_open and not may_approve and not card.pending
    name = "Open to decide" if to_decide else "Open full request"
    label = f"Open {card.ref} in the web dashboard"
    opening = el.button("open", name, label=label, url=card.url)
    if to_decide:
        return {"type": "actions", "elements": [opening, *reversed(elements)]}
    found = [*_undo(card, value), *elements, *_more_time(card, value), opening]
    return {"type": "actions", "elements": found}


def _left(card: Card) -> list[Verdict]:
    """What can still be said: beside a decision that ends it only no, and beside a denial nothing."""
    if any(each.verdict is Verdict.DENY for each in card.pending):
        return []
    if any(each.ends for each in card.pending):
        return [verdict for verdict in card.buttons if verdict is Verdict.DENY]
    return list(card.buttons)


def _undo(card: Card, value: str) -> list[Block]:
    """The way back for whoever decided; to others it says that it is not theirs."""
    if not card.pending:
        return []
    label = f"Undo your decision on {card.ref}"
    return [el.button(UNDO, "Undo", label=label, value=value)]


def _more_time(card: Card, value: str) -> list[Block]:
    """Where a question took time and the clock runs again; while it stands there is nothing to add."""
    minutes = int(card.may_add.total_seconds() // 60)
    was_asked = any(one.verdict is Verdict.INVESTIGATE for one in card.said)
    if not minutes or not was_asked or card.pending:
        return []
    label = f"Add {minutes} minutes to decide {card.ref}"
    return [el.button(MORE_TIME, f"Add {minutes} minutes", label=label, value=value)]


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
        more["confirm"] = el.confirm("Approve this?", _restated(card), yes=_yes(card))
    label = f"Approve {card.ref}, {card.headline}"
    return el.button(Verdict.APPROVE.value, "Approve", label=label, **more)


def _yes(card: Card) -> str:
    return f"Approve ({card.filled + 1} of {card.seats})" if card.seats > 1 else "Approve"


def _restated(card: Card) -> str:
    what = cut(card.object, 100)
    numbers = "".join(f" {each}." for each in _numbers(card))
    return f"{what}.{numbers} Risk: {card.risk}. {_undone(card)} {_counts(card)}"


def _counts(card: Card) -> str:
    """Who is needed, unless the count says it, and whether anything can run after it."""
    needs = next((fact.value for fact in card.facts if fact.name == "Needs"), "")
    words = f"Needs {cut(needs, 60)}. " if needs and card.seats <= 1 else ""
    return f"{words}{card.then}"


def _numbers(card: Card) -> list[str]:
    """Numbers among the parameters, as one would say them: first what says how much; the rest counted."""
    found = [each for each in card.parameters if each.kind in NUMBERS]
    found.sort(key=lambda each: amounts.rank(each.path))
    told = [
        f"{cut(each.path, 24)}: {cut(each.means or each.shown.text, 24)}"
        for each in found[:MOST_AMOUNTS]
    ]
    more = len(found) - len(told)
    return [*told, f"And {more} more number{'s' if more > 1 else ''}"] if more else told


def _undone(card: Card) -> str:
    said = next((claim.shown.text for claim in card.claims if claim.name == "Can be undone"), "")
    words = {"yes": "it can be undone", "no": "it cannot be undone"}.get(said)
    return f"The agent says {words}." if words else "Nobody said whether it can be undone."
