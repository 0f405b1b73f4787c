"""A card's own words: what is asked, where it stands, who is needed, and what silence means.

Every sentence is ours; of the agent's words only the two names in the headline stand in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from approvals.domain import amounts, display
from approvals.domain.state import RequestState, clock
from approvals.domain.terms import Basis, RiskLevel, Status

RISK_SHAPE = {
    RiskLevel.LOW: "○",
    RiskLevel.MEDIUM: "◆",
    RiskLevel.HIGH: "▲",
    RiskLevel.CRITICAL: "⬣",
}
# The longest names there are fit; only what is drawn much longer than it was sent is cut.
HEADLINE_LIMIT = 600
Titles = Mapping[str, str]


def headline(submission: Mapping[str, Any]) -> str:
    """What would be done to what, in our words: `Scale deployment · production-api`."""
    return _joined(submission, "")


def headline_with_amount(submission: Mapping[str, Any]) -> str:
    """The same with how much, where that is known, before anything the agent could put beside it:
    `Refund · amount 124000, currency EUR · cus_9`."""
    return _joined(submission, amounts.told(submission["parameters"]))


def _joined(submission: Mapping[str, Any], amount: str) -> str:
    action = display.show_identifier(str(submission["action"]), limit=HEADLINE_LIMIT)
    target = display.show_identifier(str(submission["target"]), limit=HEADLINE_LIMIT)
    return " · ".join(filter(None, (_words(action.text), amount, target.text)))


def _words(action: str) -> str:
    text = action.replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def badge(state: RequestState) -> str:
    """Shape and word for an open request, icon and word for a closed one; never colour alone."""
    risk = f"{RISK_SHAPE[state.plan.risk]} {state.plan.risk.upper()} RISK"
    if state.status is Status.INVESTIGATING:
        return f"? QUESTION OPEN · {risk}"
    if state.status is Status.PENDING and state.filled:
        return f"◐ {state.filled} OF {state.current.seats} APPROVED · {risk}"
    if state.status is Status.PENDING and state.rung:
        return f"{risk} · ESCALATED"
    if state.status is Status.APPROVED and state.grant and state.grant.lapsed:
        return "⌛ APPROVED, NOT USED IN TIME"
    if state.status is Status.APPROVED and state.outcome:
        return _OUTCOME_BADGES[str(state.outcome["status"])]
    return _BADGES.get(state.status, risk)


_BADGES = {
    Status.APPROVED: "✔ APPROVED",
    Status.DENIED: "✖ DENIED",
    Status.EXPIRED: "⌛ NOT DECIDED IN TIME",
    Status.CANCELLED: "⊘ WITHDRAWN",
    Status.REVOKED: "⊘ REVOKED BEFORE USE",
}
_OUTCOME_BADGES = {
    "success": "✔▷ APPROVED AND RAN",
    "failure": "! APPROVED BUT FAILED",
    "rolled_back": "! APPROVED, RAN, ROLLED BACK",
}


def state_line(state: RequestState, teams: Titles, *, nobody_can: bool = False) -> str:
    """Where it stands, and until when. `teams` maps a team's name to the title people know."""
    if state.status is Status.PENDING:
        return _waiting(state, teams, nobody_can=nobody_can)
    if state.status is Status.INVESTIGATING:
        return (
            f"A question is open. The clock is paused and runs again by "
            f"{clock((state.paused_at or state.decide_by) + state.pause_left)}. {needs(state, teams)}"
        )
    if state.status is Status.APPROVED:
        return f"{_approved(state)} {ran(state)}"
    moment = clock(state.closed_at or state.decide_by)
    return {
        Status.DENIED: f"Denied by {state.closed_by} at {moment}. Nothing ran.",
        Status.EXPIRED: f"{_unanswered(state, moment)} Nothing ran. The agent can ask again.",
        Status.CANCELLED: (
            f"Withdrawn by {state.closed_by} at {moment}. No decision is needed. Nothing ran."
        ),
        Status.REVOKED: f"Revoked by {state.closed_by} at {moment}, before it was used. Nothing ran.",
    }[state.status]


def _waiting(state: RequestState, teams: Titles, *, nobody_can: bool) -> str:
    if nobody_can:
        return f"Nobody can approve this now. If that stays so, it expires by {clock(state.expires_at)}."
    parts = [needs(state, teams)]
    if state.rung:
        also = _titles(teams, state.current.rungs[state.rung].also)
        parts.insert(0, f"No decision in the time before. Now also with {also}.")
    parts.append(f"Decide by {clock(state.decide_by)} {_or_else(state)}.")
    return " ".join(parts)


def _unanswered(state: RequestState, moment: str) -> str:
    """How far people came before the time was over."""
    if state.plan.stages and (state.current.seats > 1 or state.filled):
        return f"Not decided by {moment}: {state.filled} of {state.current.seats} approvals."
    return f"Nobody decided by {moment}."


def _or_else(state: RequestState) -> str:
    """What silence until the deadline will mean."""
    if state.rung + 1 < len(state.current.rungs) and state.decide_by < state.expires_at:
        return "or more people are asked"
    if not state.silence_consents:
        return "or it expires"
    last = state.stage + 1 == len(state.plan.stages)
    return "or silence approves it" if last else "or silence approves this step"


def needs(state: RequestState, teams: Titles) -> str:
    """Who must approve the present stage, and how many already did."""
    wanted = " and ".join(
        f"{requirement.quorum} of {_titles(teams, (requirement.team,))}"
        for requirement in state.current.requirements
    )
    so_far = f", {state.filled} of {state.current.seats} so far" if state.current.seats > 1 else ""
    return f"Needs {wanted}{so_far}."


def _titles(teams: Titles, names: Sequence[str]) -> str:
    return " or ".join(teams.get(name, name) for name in names)


def _approved(state: RequestState) -> str:
    moment = clock(state.closed_at or state.decide_by)
    by = {Basis.POLICY: "by policy", Basis.TIMEOUT: "by silence, as its policy says"}.get(
        state.basis or Basis.PERSON, f"by {state.closed_by}"
    )
    return f"Approved {by} at {moment}."


def ran(state: RequestState) -> str:
    """What became of an approval, in our words; empty for what is not approved."""
    if state.status is not Status.APPROVED:
        return ""
    if state.outcome:
        at = clock(state.outcome_at or state.closed_at or state.decide_by)
        return _OUTCOMES[str(state.outcome["status"])].format(at=at)
    if state.grant and state.grant.consumed_at:
        return f"The agent started it at {clock(state.grant.consumed_at)}. No result yet."
    if state.grant and state.grant.lapsed:
        ended = clock(state.grant.expires_at)
        return f"Not run. The approval ended at {ended}: the agent did not use it in time."
    until = f" The approval ends at {clock(state.grant.expires_at)}." if state.grant else ""
    return f"Not run yet.{until}"


_OUTCOMES = {
    "success": "Ran {at}: succeeded, as the agent reports.",
    "failure": "Failed {at}, as the agent reports.",
    "rolled_back": "Rolled back {at}, as the agent reports.",
}


def summary(state: RequestState, *, agent: str, ref: str, headline: str, line: str) -> str:
    """All of it in a few sentences that stand alone in a notification."""
    if state.status.is_final:
        return f"{badge(state)}: {headline}. {line} {ref}."
    risk = state.plan.risk.capitalize()
    return f"{risk} risk. {headline}. Asked by agent {agent}. {line} {ref}."


def after_approval(state: RequestState) -> str:
    """What one approval more would bring: whether anything may run then, or who is asked first."""
    if not state.plan.stages:
        return RUNS_NEXT
    seats, filled = state.current.seats, state.filled
    which = f"You would be approval {filled + 1} of {seats}. " if seats > 1 else ""
    if filled + 1 < seats:
        return f"{which}Nothing runs before all have approved."
    if state.stage + 1 < len(state.plan.stages):
        return f"{which}Nothing runs before the next step has approved, too."
    return f"{which}{RUNS_NEXT}"


RUNS_NEXT = "The agent may run it at once."


def before(checks: Sequence[Mapping[str, Any]]) -> str:
    """What the agent did before, as we counted it when it asked; empty where nothing was counted."""
    counted = (dict(check.get("values") or {}).get("history") for check in checks)
    words = next((each.get("words") for each in counted if isinstance(each, dict)), "")
    return words if isinstance(words, str) else ""
