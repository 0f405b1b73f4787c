"""The facts a person is shown, without markup; each channel only arranges them.

Three zones never mix: what this service recorded, what it checked, and what the agent says.
Everything the agent wrote has passed `display` before it stands on a card.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from approvals.domain import display
from approvals.domain.display import Flag, Parameter, Shown
from approvals.domain.state import RequestState, clock
from approvals.domain.terms import Basis, RiskLevel, Status, Verdict

RISK_SHAPE = {
    RiskLevel.LOW: "○",
    RiskLevel.MEDIUM: "◆",
    RiskLevel.HIGH: "▲",
    RiskLevel.CRITICAL: "⬣",
}
HEADLINE_LIMIT = 120
CLAIM_LIMIT = 2_000


@dataclass(frozen=True, slots=True)
class Said:
    """One person's verdict as history tells it."""

    by: str
    verdict: Verdict
    comment: str
    at: datetime
    channel: str


@dataclass(frozen=True, slots=True)
class Note:
    """One message of the question thread."""

    by: str
    from_agent: bool
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Matter:
    """Everything a card is drawn from.

    `submission` is what the agent sent; `teams` maps a team's name to the title people know.
    """

    ref: str
    public_id: str
    state: RequestState
    agent: str
    owner: str
    submission: Mapping[str, Any]
    because: Sequence[str]
    checks: Sequence[Mapping[str, Any]]
    teams: Mapping[str, str]
    url: str
    created_at: datetime
    said: Sequence[Said] = ()
    notes: Sequence[Note] = ()
    nobody_can: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and a value, both ours."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class CheckLine:
    """A check of ours: `mark` is OK, CAUTION or COULD NOT CHECK."""

    mark: str
    words: str


@dataclass(frozen=True, slots=True)
class Claim:
    """Something the agent says; not checked."""

    name: str
    shown: Shown


@dataclass(frozen=True, slots=True)
class Spoken:
    """A verdict with its comment, made safe to draw."""

    by: str
    verdict: Verdict
    shown: Shown
    at: datetime
    channel: str


@dataclass(frozen=True, slots=True)
class Remark:
    """A message of the question thread, made safe to draw."""

    by: str
    from_agent: bool
    shown: Shown
    at: datetime


@dataclass(frozen=True, slots=True)
class Card:
    """What a person is shown.

    `headline` and `summary` are drawn by us; `summary` stands alone in a notification. `buttons` is
    empty when nothing can be decided any more. `drawable` is False when a part could not be shown in
    full, and then no channel offers Approve at a click.
    """

    ref: str
    public_id: str
    url: str
    version: int
    status: Status
    risk: RiskLevel
    badge: str
    headline: str
    state_line: str
    summary: str
    facts: tuple[Fact, ...]
    parameters: tuple[Parameter, ...]
    because: tuple[str, ...]
    checks: tuple[CheckLine, ...]
    claims: tuple[Claim, ...]
    said: tuple[Spoken, ...]
    notes: tuple[Remark, ...]
    buttons: tuple[Verdict, ...]
    shown_sha256: str
    fingerprint: str
    created_at: datetime
    decide_by: datetime
    expires_at: datetime
    flags: frozenset[Flag]
    drawable: bool

    @property
    def is_open(self) -> bool:
        return not self.status.is_final


def draw(matter: Matter) -> Card:
    """Draw the present state of a request."""
    state, submission = matter.state, matter.submission
    action = display.show_identifier(str(submission["action"]), limit=HEADLINE_LIMIT)
    target = display.show_identifier(str(submission["target"]), limit=HEADLINE_LIMIT)
    parameters = display.parameters(submission["parameters"])
    claims = _claims(submission)
    flags = frozenset().union(
        action.flags,
        target.flags,
        *(p.shown.flags for p in parameters),
        *(c.shown.flags for c in claims),
    )
    title, line = headline(submission), _state_line(matter)
    return Card(
        ref=matter.ref,
        public_id=matter.public_id,
        url=matter.url,
        version=state.version,
        status=state.status,
        risk=state.plan.risk,
        badge=_badge(state),
        headline=title,
        state_line=line,
        summary=_summary(matter, title, line),
        facts=_facts(matter),
        parameters=parameters,
        because=tuple(matter.because),
        checks=_checks(matter.checks, flags),
        claims=claims,
        said=tuple(
            Spoken(one.by, one.verdict, display.show(one.comment), one.at, one.channel)
            for one in matter.said
        ),
        notes=tuple(
            Remark(note.by, note.from_agent, display.show(note.text), note.at)
            for note in matter.notes
        ),
        buttons=_buttons(state),
        shown_sha256=state.action_sha256,
        fingerprint=display.fingerprint(state.action_sha256),
        created_at=matter.created_at,
        decide_by=state.decide_by,
        expires_at=state.expires_at,
        flags=flags,
        drawable=all(p.shown.complete for p in parameters) and action.complete and target.complete,
    )


def headline(submission: Mapping[str, Any]) -> str:
    """What would be done to what, in our words: `Scale deployment · production-api`."""
    action = display.show_identifier(str(submission["action"]), limit=HEADLINE_LIMIT)
    target = display.show_identifier(str(submission["target"]), limit=HEADLINE_LIMIT)
    return f"{_words(action.text)} · {target.text}"


def _words(action: str) -> str:
    text = action.replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def _badge(state: RequestState) -> str:
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


def _state_line(matter: Matter) -> str:
    state = matter.state
    if state.status is Status.PENDING:
        return _waiting(matter)
    if state.status is Status.INVESTIGATING:
        return (
            f"A question is open. The clock is paused and runs again by "
            f"{clock((state.paused_at or state.decide_by) + state.pause_left)}. {_needs(matter)}"
        )
    if state.status is Status.APPROVED:
        return _approved(state)
    moment = clock(state.closed_at or state.decide_by)
    return {
        Status.DENIED: f"Denied by {state.closed_by} at {moment}. Nothing ran.",
        Status.EXPIRED: f"Nobody decided by {moment}. Nothing ran. The agent can ask again.",
        Status.CANCELLED: f"Withdrawn by {state.closed_by} at {moment}. Nothing ran.",
        Status.REVOKED: f"Revoked by {state.closed_by} at {moment}, before it was used. Nothing ran.",
    }[state.status]


def _waiting(matter: Matter) -> str:
    state = matter.state
    if matter.nobody_can:
        return f"Nobody can approve this now. If that stays so, it expires by {clock(state.expires_at)}."
    parts = [_needs(matter)]
    if state.rung:
        also = _titles(matter, state.current.rungs[state.rung].also)
        parts.insert(0, f"No decision in the time before. Now also with {also}.")
    parts.append(f"Decide by {clock(state.decide_by)} {_or_else(state)}.")
    return " ".join(parts)


def _or_else(state: RequestState) -> str:
    """What silence until the deadline will mean."""
    if state.rung + 1 < len(state.current.rungs) and state.decide_by < state.expires_at:
        return "or more people are asked"
    if not state.silence_consents:
        return "or it expires"
    last = state.stage + 1 == len(state.plan.stages)
    return "or silence approves it" if last else "or silence approves this step"


def _needs(matter: Matter) -> str:
    state = matter.state
    wanted = " and ".join(
        f"{requirement.quorum} of {_titles(matter, (requirement.team,))}"
        for requirement in state.current.requirements
    )
    so_far = f", {state.filled} of {state.current.seats} so far" if state.current.seats > 1 else ""
    return f"Needs {wanted}{so_far}."


def _titles(matter: Matter, names: Sequence[str]) -> str:
    return " or ".join(matter.teams.get(name, name) for name in names)


def _approved(state: RequestState) -> str:
    moment = clock(state.closed_at or state.decide_by)
    by = {Basis.POLICY: "by policy", Basis.TIMEOUT: "by silence, as its policy says"}.get(
        state.basis or Basis.PERSON, f"by {state.closed_by}"
    )
    head = f"Approved {by} at {moment}."
    if state.outcome:
        return f"{head} The agent reports: {state.outcome['status']}."
    if state.grant and state.grant.consumed_at:
        return f"{head} The agent started it at {clock(state.grant.consumed_at)}."
    if state.grant and state.grant.lapsed:
        return f"{head} The agent did not use it in time. Nothing ran."
    until = f" The approval ends at {clock(state.grant.expires_at)}." if state.grant else ""
    return f"{head} Not run yet.{until}"


def _summary(matter: Matter, headline: str, line: str) -> str:
    if matter.state.status.is_final:
        return f"{_badge(matter.state)}: {headline}. {line} {matter.ref}."
    return (
        f"{matter.state.plan.risk.capitalize()} risk. {headline}. Asked by agent {matter.agent}. "
        f"{line} {matter.ref}."
    )


def _facts(matter: Matter) -> tuple[Fact, ...]:
    facts = [Fact("Agent", matter.agent), Fact("Owner", matter.owner or "nobody")]
    if matter.state.plan.stages:
        stages = matter.state.plan.stages
        step = f" (step {matter.state.stage + 1} of {len(stages)})" if len(stages) > 1 else ""
        facts.append(Fact("Needs", _needs(matter).removeprefix("Needs ").removesuffix(".") + step))
    return tuple(facts)


_MARKS = {"pass": "OK", "fail": "CAUTION", "could_not_check": "COULD NOT CHECK"}


def _checks(checks: Sequence[Mapping[str, Any]], flags: frozenset[Flag]) -> tuple[CheckLine, ...]:
    lines = [CheckLine(_MARKS[str(check["result"])], str(check["words"])) for check in checks]
    words = ", ".join(sorted(flag.value.replace("_", " ") for flag in flags))
    return (
        (*lines, CheckLine("CAUTION", f"The agent's text holds: {words}."))
        if words
        else tuple(lines)
    )


def _claims(submission: Mapping[str, Any]) -> tuple[Claim, ...]:
    impact = submission.get("impact") or {}
    rollback = submission.get("rollback") or {}
    context = submission.get("context") or {}
    resource = submission.get("resource") or {}
    where = [str(resource[key]) for key in ("namespace", "type") if resource.get(key)]
    texts: list[tuple[str, object]] = [
        ("Reason", submission.get("reasoning")),
        ("Impact", impact.get("summary")),
        *((_IMPACTS[key], impact[key]) for key in _IMPACTS if impact.get(key) is not None),
        ("Where", " / ".join(where)),
        ("Risk", submission.get("risk_reason")),
        *(
            (f"Alternative {n}", text)
            for n, text in enumerate(submission.get("alternatives") or (), 1)
        ),
        ("Can be undone", rollback.get("available")),
        ("How to undo", rollback.get("how")),
        ("State before", rollback.get("state_before")),
        *((str(key).replace("_", " ").capitalize(), value) for key, value in context.items()),
    ]
    return tuple(
        Claim(
            display.show_identifier(name, limit=60).text,
            display.show(_text(value), limit=CLAIM_LIMIT),
        )
        for name, value in texts
        if value not in (None, "")
    )


_IMPACTS = {
    "cost_per_hour_usd": "Cost, USD per hour",
    "pods": "Pods",
    "replica_percent": "Replicas, percent",
    "users": "Users",
}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value)
    if isinstance(value, dict):
        return "\n".join(f"{key}: {_text(item)}" for key, item in value.items())
    return str(value)


def _buttons(state: RequestState) -> tuple[Verdict, ...]:
    if state.status.is_final:
        return ()
    if state.status is Status.INVESTIGATING or state.pause_open <= timedelta(0):
        return (Verdict.APPROVE, Verdict.DENY)
    return (Verdict.APPROVE, Verdict.DENY, Verdict.INVESTIGATE)
