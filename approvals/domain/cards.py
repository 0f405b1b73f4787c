"""The facts a person is shown, without markup; each channel only arranges them.

Three zones never mix: what this service recorded, what it checked, and what the agent says.
Everything the agent wrote has passed `display` before it stands on a card.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from approvals.domain import (
    cards_words,
    changes,
    display,
    itself,
    more_time,
    oddities,
    reasons,
    sharing,
    stage_words,
    touched,
)
from approvals.domain.cards_parts import CheckLine, Fact, Remark, Spoken
from approvals.domain.cards_words import HEADLINE_LIMIT, RISK_SHAPE, headline
from approvals.domain.changes import Change
from approvals.domain.claims import Claim, claims_of
from approvals.domain.display import Flag, Parameter, Shown
from approvals.domain.pending_words import Pending
from approvals.domain.state import RequestState
from approvals.domain.terms import RiskLevel, Status, Verdict

__all__ = ["HEADLINE_LIMIT", "RISK_SHAPE", "Card", "CheckLine", "Claim", "Fact", "Matter", "Note",
           "Pending", "Remark", "Said", "Spoken", "draw", "headline"]  # fmt: skip
REPORT_LIMIT = 2_000


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

    `submission` is what the agent sent; `teams` maps a team's name to the title people know. `beside`
    are the identical requests that share its card, and `leads` says that the card is its own. `effect` names
    what the service itself asks leave for; empty for an agent's request. `pending` is what was decided and
    can still be undone, what takes effect first before the rest.
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
    beside: Sequence[str] = ()
    leads: bool = True
    effect: str = ""
    pending: Sequence[Pending] = ()

    @property
    def stands_for(self) -> tuple[str, ...]:
        """The requests that a decision on this card is about."""
        return (self.ref, *self.beside) if self.leads else (self.ref,)


@dataclass(frozen=True, slots=True)
class Card:
    """What a person is shown.

    `object` says what would be done to what, `headline` also how much of it where that is known, and
    `summary` stands alone in a notification; all three are drawn by us. `buttons` is
    empty when nothing can be decided any more. `readable` is False when even the request's page cannot
    show a part in full; `drawable` also when too much would be reached for a message, and then no
    channel offers Approve at a click. `counts_for` are the requests a decision here decides; empty
    when nothing can be decided any more. `asks` names the teams that are asked now. `hides` says what a
    channel may not see, and is empty where it may see everything. `ran` is the end of `state_line` that
    tells what became of an approval, and `report` the agent's own words about that, not checked.
    `may_add` is how much time one person may add. `pending` can still be undone. `filled` of the present
    stage's `seats` are taken by approvals that count; `then` is what one more of them would bring.
    `changes` is what would stand otherwise, and `no_changes` why nothing can be compared. `has_owner` says
    that a question can be for somebody beside the agent.
    """

    ref: str
    public_id: str
    url: str
    version: int
    status: Status
    risk: RiskLevel
    badge: str
    object: str
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
    readable: bool = True
    counts_for: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    hides: str = ""
    ran: str = ""
    report: Shown | None = None
    may_add: timedelta = timedelta(0)
    pending: tuple[Pending, ...] = ()
    seats: int = 1
    filled: int = 0
    then: str = ""
    changes: tuple[Change, ...] = ()
    no_changes: str = ""
    has_owner: bool = False

    @property
    def is_open(self) -> bool:
        return not self.status.is_final


def draw(matter: Matter) -> Card:
    """Draw the present state of a request."""
    state, submission = matter.state, matter.submission
    action = display.show_identifier(str(submission["action"]), limit=HEADLINE_LIMIT)
    target = display.show_identifier(str(submission["target"]), limit=HEADLINE_LIMIT)
    parameters = display.parameters(submission["parameters"])
    claims = claims_of(submission, is_ours=bool(matter.effect))
    report, notes = _report(state), _notes(matter)
    texts = (
        ("the action", action),
        ("the target", target),
        *((p.path, p.shown) for p in parameters),
        *((c.name, c.shown) for c in claims),
        *(("an answer", note.shown) for note in notes if note.from_agent),
        *([("the report", report)] if report else ()),
    )
    flags = frozenset().union(*(shown.flags for _, shown in texts))
    readable = all(p.shown.complete for p in parameters) and action.complete and target.complete
    counts_for = () if state.status.is_final else matter.stands_for
    what = sharing.counted(headline(submission), len(counts_for))
    title = sharing.counted(cards_words.headline_with_amount(submission), len(counts_for))
    line = cards_words.state_line(state, matter.teams, nobody_can=matter.nobody_can)
    line += sharing.reach(counts_for)
    changed = () if matter.effect else tuple(changes.of(submission))
    return Card(
        ref=matter.ref,
        public_id=matter.public_id,
        url=matter.url,
        version=state.version,
        status=state.status,
        risk=state.plan.risk,
        badge=cards_words.badge(state),
        object=what,
        headline=title,
        state_line=line,
        summary=cards_words.summary(
            state, agent=matter.agent, ref=matter.ref, headline=title, line=line
        ),
        facts=_facts(matter),
        parameters=parameters,
        because=_because(matter),
        checks=_checks(matter.checks, oddities.told(texts)),
        claims=claims,
        said=_said(matter),
        notes=notes,
        buttons=_buttons(state),
        shown_sha256=state.action_sha256,
        fingerprint=display.fingerprint(state.action_sha256),
        created_at=matter.created_at,
        decide_by=state.decide_by,
        expires_at=state.expires_at,
        flags=flags,
        drawable=readable and touched.is_drawable(submission),
        readable=readable,
        counts_for=counts_for,
        asks=() if state.status.is_final else state.teams_asked,
        ran=cards_words.ran(state),
        report=report,
        may_add=more_time.room(state),
        pending=() if state.status.is_final else tuple(matter.pending),
        seats=state.current.seats if state.plan.stages else 1,
        filled=state.filled if state.plan.stages else 0,
        then=cards_words.after_approval(state),
        changes=changed,
        no_changes="" if changed or matter.effect else changes.why_none(submission),
        has_owner=bool(matter.owner),
    )


def _because(matter: Matter) -> tuple[str, ...]:
    """Why a person is asked."""
    checks = itself.telling(matter.checks, matter.effect)
    told = reasons.told(checks, matter.because, matter.state.plan.approval)
    return (*itself.because(matter.effect), *told)


def _said(matter: Matter) -> tuple[Spoken, ...]:
    return tuple(
        Spoken(one.by, one.verdict, display.show(one.comment), one.at, one.channel)
        for one in matter.said
    )


def _notes(matter: Matter) -> tuple[Remark, ...]:
    return tuple(
        Remark(note.by, note.from_agent, display.show(note.text), note.at) for note in matter.notes
    )


def _report(state: RequestState) -> Shown | None:
    """What the agent says of how it went."""
    told = str((state.outcome or {}).get("detail") or "")
    return display.show(told, limit=REPORT_LIMIT) if told else None


def _facts(matter: Matter) -> tuple[Fact, ...]:
    state = matter.state
    agent = stage_words.with_stage(matter.agent, matter.checks)
    facts = [Fact("Agent", agent), Fact("Owner", matter.owner or "nobody")]
    if state.plan.stages:
        stages = state.plan.stages
        step = f" (step {state.stage + 1} of {len(stages)})" if len(stages) > 1 else ""
        needs = cards_words.needs(state, matter.teams)
        facts.append(Fact("Needs", needs.removeprefix("Needs ").removesuffix(".") + step))
    if before := cards_words.before(matter.checks):
        facts.append(Fact("Before", before))
    if matter.effect:
        facts += [Fact(*told) for told in itself.facts(matter.submission)]
    if matter.beside:
        is_open = not state.status.is_final
        told = sharing.fact(matter.ref, matter.beside, leads=matter.leads, is_open=is_open)
        facts.append(Fact(*told))
    return tuple(facts)


_MARKS = {"pass": "OK", "fail": "CAUTION", "could_not_check": "COULD NOT CHECK"}


def _checks(checks: Sequence[Mapping[str, Any]], odd: str) -> tuple[CheckLine, ...]:
    lines = [
        CheckLine(_MARKS[str(check["result"])], display.show(str(check["words"])).text)
        for check in checks
    ]
    return (*lines, CheckLine("CAUTION", odd)) if odd else tuple(lines)


def _buttons(state: RequestState) -> tuple[Verdict, ...]:
    if state.status.is_final:
        return ()
    if state.status is Status.INVESTIGATING or state.pause_open <= timedelta(0):
        return (Verdict.APPROVE, Verdict.DENY)
    return (Verdict.APPROVE, Verdict.DENY, Verdict.INVESTIGATE)
