"""A card as the output of a check run, with its buttons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from approvals.domain.cards import Card
from approvals.domain.display import Parameter
from approvals.domain.terms import RiskLevel, Status, Verdict
from integrations.github.markdown import fenced, fenced_within

NAME = "Countersign"
TITLE_LIMIT = 250
PARAMETERS_LIMIT = 24_000  # with all other sections this stays below GitHub's 65,535 for a summary
SECTION_LIMIT = 4_000
LABELS = {
    Verdict.APPROVE: ("Approve", "Counts as your approval of {ref}"),
    Verdict.DENY: ("Deny", "Ends {ref}; write why on its page"),
    Verdict.INVESTIGATE: ("Investigate", "Stops the clock of {ref} for questions"),
}
DESCRIPTION_LIMIT = 40
# `expired` is nobody's no, so it is never shown as a failure.
CONCLUSIONS = {
    Status.PENDING: "action_required",
    Status.INVESTIGATING: "action_required",
    Status.APPROVED: "success",
    Status.DENIED: "failure",
    Status.EXPIRED: "timed_out",
    Status.CANCELLED: "cancelled",
    Status.REVOKED: "failure",
}
ON_THE_WEB = "Too much to be shown here in full, so it can be approved on its page only."
CRITICAL = "Critical requests are approved on their page only."


def body(card: Card, *, critical_on_web: bool, words: str = "") -> dict[str, Any]:
    """What a check run shows now: GitHub draws buttons on completed runs only."""
    return {
        "name": NAME,
        "external_id": card.public_id,
        "details_url": card.url,
        "status": "completed",
        "conclusion": CONCLUSIONS[card.status],
        "output": {
            "title": f"{card.badge} · {card.headline}"[:TITLE_LIMIT],
            "summary": _summary(card, words, critical_on_web=critical_on_web),
        },
        "actions": [
            _button(card, verdict) for verdict in buttons(card, critical_on_web=critical_on_web)
        ],
    }


def buttons(card: Card, *, critical_on_web: bool) -> tuple[Verdict, ...]:
    """What can be decided by a click here: no approval of what is not shown in full."""
    if why_not(card, critical_on_web=critical_on_web):
        return tuple(verdict for verdict in card.buttons if verdict is not Verdict.APPROVE)
    return card.buttons


def why_not(card: Card, *, critical_on_web: bool) -> str:
    """Why this cannot be approved on GitHub; empty when it can."""
    if critical_on_web and card.risk is RiskLevel.CRITICAL:
        return CRITICAL
    _, is_whole = fenced_within(_parameters(card.parameters), PARAMETERS_LIMIT)
    return "" if card.drawable and is_whole else ON_THE_WEB


def identifier(verdict: Verdict, version: int) -> str:
    """What a button carries, at most 20 characters: the verdict and the version it was drawn at."""
    return f"{verdict.value}:v{version}"


def _button(card: Card, verdict: Verdict) -> dict[str, str]:
    label, description = LABELS[verdict]
    return {
        "label": label,
        "description": description.format(ref=card.ref)[:DESCRIPTION_LIMIT],
        "identifier": identifier(verdict, card.version),
    }


def _summary(card: Card, words: str, *, critical_on_web: bool) -> str:
    why = why_not(card, critical_on_web=critical_on_web) if card.is_open else ""
    parts = [
        _section("Last click", [words]),
        fenced(card.state_line),
        why,
        f"[Open {card.ref}]({card.url}) · fingerprint {card.fingerprint} · version {card.version}",
        _section("What will run", [_parameters(card.parameters)], limit=PARAMETERS_LIMIT),
        _section("About it", [f"{fact.name}: {_inset(fact.value)}" for fact in card.facts]),
        _section("Why a person is asked", card.because),
        _section("Checked by us", [f"{check.mark}: {check.words}" for check in card.checks]),
        _section(
            "The agent says · not checked",
            [f"{claim.name}: {_inset(claim.shown.text)}" for claim in card.claims],
        ),
        _section(
            "Asked and answered", [f"{note.by}: {_inset(note.shown.text)}" for note in card.notes]
        ),
        _section(
            "Said",
            [f"{one.by}, {one.verdict.value}: {_inset(one.shown.text)}" for one in card.said],
        ),
    ]
    return "\n\n".join(part for part in parts if part)


def _section(title: str, entries: Sequence[str], *, limit: int = SECTION_LIMIT) -> str:
    text = "\n".join(entry for entry in entries if entry)
    return f"### {title}\n{fenced_within(text, limit)[0]}" if text else ""


def _parameters(parameters: Sequence[Parameter]) -> str:
    return "\n".join(
        f"{each.path} = {_inset(each.shown.text)}" + (f" ({each.means})" if each.means else "")
        for each in parameters
    )


def _inset(text: str) -> str:
    """Keep a text of several lines from looking like lines of the card."""
    return text.replace("\n", "\n    ")
