"""Everything one request's page shows, in the order it is read; nothing here writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from approvals import queries
from approvals.domain import display, itself, touched
from approvals.domain.cards import RISK_SHAPE, Card, Remark
from approvals.domain.errors import Refusal
from approvals.domain.state import Approver, RequestState
from approvals.domain.terms import Status, Verdict
from approvals.models import ApprovalRequest, Person, Team, states
from approvals.web import changes, dialogs, evaluation, moments, standing, suggestion, timeline
from approvals.web.dialogs import Dialog, Typed
from approvals.web.verdicts import refusal

MARKS = {"OK": "ok", "CAUTION": "caution", "COULD NOT CHECK": "unknown"}
NOT_DRAWABLE = "Approve is off: part of this request could not be shown in full."


@dataclass(frozen=True, slots=True)
class Member:
    name: str
    state: str
    has_spoken: bool
    is_you: bool


@dataclass(frozen=True, slots=True)
class AskedTeam:
    """A team of the present stage; `quorum` is zero for those asked in addition."""

    title: str
    quorum: int
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """One person looking at one request at one moment."""

    row: ApprovalRequest
    state: RequestState
    card: Card
    person: Person
    approver: Approver
    now: datetime

    def refusal(self, verdict: Verdict) -> Refusal | None:
        return refusal(self.state, self.approver, verdict, now=self.now)

    @property
    def is_owner(self) -> bool:
        return self.person.pk in {self.row.agent.owner_id, self.row.owner_at_submission_id}

    @property
    def may_cancel(self) -> bool:
        return self.card.is_open and self.is_owner

    @property
    def may_revoke(self) -> bool:
        grant = self.state.grant
        if (
            self.state.status is not Status.APPROVED
            or grant is None
            or grant.consumed_at
            or grant.lapsed
        ):
            return False
        asked = {team for stage in self.state.plan.stages for team in stage.teams(len(stage.rungs))}
        return bool(self.approver.teams & asked) or self.person.pk in self.state.conflicted


def read(ref: str, person: Person, *, now: datetime) -> Reading:
    """Raises NotFound."""
    row = queries.request(ref)
    state = states.of(row, decisions=row.decisions.all())
    return Reading(row, state, queries.card(row), person, states.approver(person), now)


def facts(reading: Reading, typed: Typed) -> dict[str, Any]:
    """The page's facts by the names its templates use."""
    return {
        **_top(reading),
        **_what(reading),
        **_deciding(reading, typed),
        "suggestion": suggestion.of(reading.row, reading.person),
        "teams": _teams(reading),
        "thread": _thread(reading.card),
        "is_paused": reading.state.status is Status.INVESTIGATING,
        "timeline": timeline.draw(reading.row),
    }


def _top(reading: Reading) -> dict[str, Any]:
    card, state = reading.card, reading.state
    badge = standing.of(state, is_yours=reading.refusal(Verdict.APPROVE) is None)
    return {
        "section": "queue",
        "now": reading.now,
        "card": card,
        "object": dialogs.spoken(card),
        "odd": [
            *display.show_identifier(reading.row.action).notes,
            *display.show_identifier(reading.row.target).notes,
        ],
        "agent": display.show_identifier(reading.row.agent.name, limit=80).text,
        "shape": RISK_SHAPE[card.risk],
        "status_words": badge.words,
        "status_class": badge.css,
        "flags": sorted(flag.value.replace("_", " ") for flag in card.flags),
        "deadline": moments.deadline(state, now=reading.now) if card.is_open else None,
        "filled": state.filled if state.plan.stages else 0,
        "seats": state.current.seats if state.plan.stages else 0,
    }


def _what(reading: Reading) -> dict[str, Any]:
    row, submission = reading.row, reading.row.submission
    raw = json.dumps(submission["parameters"], indent=2, ensure_ascii=True)
    return {
        "parameters": [_parameter(parameter) for parameter in reading.card.parameters],
        "is_ours": bool(row.effect),
        "effects": itself.effects(submission) if row.effect else (),
        "evidence": itself.all_evidence(submission) if row.effect else (),
        "difference": itself.difference(submission) if row.effect else (),
        "recipients": touched.every_recipient(submission),
        "has_meanings": any(parameter.means for parameter in reading.card.parameters),
        "raw_parameters": raw if submission["parameters"] else "",
        "changes": changes.of(submission),
        "no_changes": changes.why_none(submission),
        "policy_version": row.policy_version,
        "reason_words": row.reason_code.replace("_", " ").capitalize()
        or "The risk matrix says so.",
        "why_title": evaluation.title(row),
        "evaluation": evaluation.drawn(row),
        "checks": [
            {"mark": line.mark, "words": line.words, "css": MARKS.get(line.mark, "unknown")}
            for line in reading.card.checks
        ],
    }


def _parameter(parameter: display.Parameter) -> dict[str, Any]:
    """The exact value: a text stands in quotes, so that "1182" is not taken for a number."""
    text = parameter.shown.text
    is_bare_text = parameter.raw.startswith('"') and text != '""'
    return {
        "path": parameter.path,
        "text": f'"{text}"' if is_bare_text else text,
        "notes": parameter.shown.notes,
        "kind": parameter.kind,
        "means": parameter.means,
    }


def _thread(card: Card) -> list[dict[str, Any]]:
    """What people asked when they pressed Investigate, and all that was written after."""
    asked = [
        Remark(said.by, False, said.shown, said.at)
        for said in card.said
        if said.verdict is Verdict.INVESTIGATE
    ]
    return [_note(note) for note in sorted([*asked, *card.notes], key=lambda note: note.at)]


def _note(note: Remark) -> dict[str, Any]:
    return {
        "label": "The agent says · not checked" if note.from_agent else note.by,
        "from_agent": note.from_agent,
        "text": note.shown.text,
        "at": note.at,
        "flags": note.shown.notes,
    }


def _deciding(reading: Reading, typed: Typed) -> dict[str, Any]:
    refusals = {verdict: reading.refusal(verdict) for verdict in Verdict}
    open_to = [
        verdict
        for verdict, no in refusals.items()
        if no is None and verdict in reading.card.buttons
    ]
    no_approve = refusals[Verdict.APPROVE]
    if not reading.card.readable and Verdict.APPROVE in open_to:
        open_to.remove(Verdict.APPROVE)
    return {
        "buttons": [verdict.value for verdict in open_to],
        "may_decide": Verdict.DENY in open_to,
        "may_cancel": reading.may_cancel,
        "may_revoke": reading.may_revoke,
        "cannot_approve": _spoken(no_approve)
        if no_approve
        else ""
        if reading.card.readable
        else NOT_DRAWABLE,
        "why_not": _why_not(reading, no_approve),
        "dialogs": _dialogs(reading, open_to, typed),
    }


def _dialogs(reading: Reading, open_to: list[Verdict], typed: Typed) -> list[Dialog]:
    card, row, state = reading.card, reading.row, reading.state
    found = []
    if Verdict.APPROVE in open_to:
        found.append(dialogs.approve(card, row, state, typed))
    if Verdict.DENY in open_to:
        found.append(dialogs.deny(card, typed))
    if Verdict.INVESTIGATE in open_to:
        found.append(dialogs.investigate(card, state, typed))
    if reading.may_cancel:
        found.append(dialogs.cancel(card, typed))
    if reading.may_revoke:
        found.append(dialogs.revoke(card, typed))
    return found


def _why_not(reading: Reading, no: Refusal | None) -> str:
    """Why this person cannot decide, and who can."""
    if no is None:
        return ""
    able = sorted(
        {str(person) for _, people in queries.approvers_of(reading.state) for person in people}
        - {seat.approver.name for seat in reading.state.approvals}
        - {str(reading.person)}
    )
    if not able:
        return f"{_spoken(no)} Nobody else can either, for now."
    return f"{_spoken(no)} {_listed(able)} can."


def _spoken(no: Refusal) -> str:
    return no.words.removeprefix("Not counted. ")


def _listed(names: list[str]) -> str:
    most = names[:4]
    if len(names) > len(most):
        return f"{', '.join(most)} and {len(names) - len(most)} more"
    return most[0] if len(most) == 1 else f"{', '.join(most[:-1])} or {most[-1]}"


def _teams(reading: Reading) -> list[AskedTeam]:
    """Every team of the present stage, with what each member has said so far."""
    state = reading.state
    if not state.plan.stages:
        return []
    quorums = {need.team: need.quorum for need in state.current.requirements}
    said = {decision.person_id: decision.verdict for decision in reading.row.decisions.all()}
    found = Team.objects.filter(name__in=state.teams_asked).prefetch_related("people")
    by_name = {team.name: team for team in found}
    return [
        AskedTeam(
            title=by_name[name].title,
            quorum=quorums.get(name, 0),
            members=tuple(
                _member(someone, said, reading)
                for someone in sorted(by_name[name].people.all(), key=str)
                if someone.is_active
            ),
        )
        for name in state.teams_asked
        if name in by_name
    ]


VERDICTS = {"approve": "✔ approved", "deny": "✖ denied", "investigate": "? asked"}


def _member(someone: Person, said: Mapping[int, str], reading: Reading) -> Member:
    state = reading.state
    too_close = someone.pk in state.conflicted and not state.plan.owner_may_decide
    return Member(
        name=str(someone),
        state=VERDICTS.get(said.get(someone.pk, ""), "own agent" if too_close else ""),
        has_spoken=someone.pk in said,
        is_you=someone.pk == reading.person.pk,
    )
