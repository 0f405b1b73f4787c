"""What this reader may do with a request now: which buttons and forms, or why none."""

from __future__ import annotations

from typing import Any

from approvals import queries
from approvals.domain.errors import Refusal
from approvals.domain.terms import Verdict
from approvals.queries import people
from approvals.services import muting, stopping
from approvals.web import dialogs, ladder, moments, undoing
from approvals.web.dialogs import Asked, Dialog, Typed
from approvals.web.reading import Reading

NOT_DRAWABLE = (
    "We could not draw this request safely, so it cannot be approved: part of it could not be shown "
    "in full."
)


def facts(reading: Reading, typed: Typed) -> dict[str, Any]:
    """For the bar of actions and the dialogs."""
    refusals = {verdict: reading.refusal(verdict) for verdict in Verdict}
    is_held = undoing.is_yours_held((*reading.held, *reading.held_for), reading.person)
    open_to = [
        verdict
        for verdict, no in refusals.items()
        if no is None and verdict in reading.card.buttons and not is_held
    ]
    no_approve = refusals[Verdict.APPROVE]
    if not reading.card.readable and Verdict.APPROVE in open_to:
        open_to.remove(Verdict.APPROVE)
    steps = ladder.of(reading.row, reading.person, version=reading.card.version)
    must_open = steps.must_open and not reading.in_full
    blocked = reading.is_stale or must_open
    return {
        "buttons": [verdict.value for verdict in open_to],
        "may_decide": Verdict.DENY in open_to,
        "may_cancel": reading.may_cancel,
        "may_revoke": reading.may_revoke,
        "added": moments.span(reading.time_to_add) if reading.time_to_add else "",
        "is_held": is_held,
        "is_muted": reading.card.is_open and bool(muting.muted_by(reading.person, [reading.row])),
        "is_stale": reading.is_stale,
        "must_open": must_open and Verdict.APPROVE in open_to,
        "is_one_click": steps.is_one_click
        and not ladder.confirms_first(steps, reading.row)
        and not reading.card.flags,
        "cannot_approve": _no_approve(reading, no_approve),
        "why_not": _why_not(reading, no_approve),
        "dialogs": _dialogs(
            reading, [each for each in open_to if each is not Verdict.APPROVE or not blocked], typed
        ),
    }


def _no_approve(reading: Reading, no: Refusal | None) -> str:
    if no is not None:
        return _spoken(no)
    return "" if reading.card.readable else NOT_DRAWABLE


def _dialogs(reading: Reading, open_to: list[Verdict], typed: Typed) -> list[Dialog]:
    card, row, state = reading.card, reading.row, reading.state
    found = []
    if Verdict.APPROVE in open_to:
        found.append(dialogs.approve(card, row, state, _asked(reading), typed))
    if Verdict.DENY in open_to:
        may_stop = stopping.may_stop(reading.person, row.agent)
        found.append(dialogs.deny(card, typed, may_stop=may_stop))
    if Verdict.INVESTIGATE in open_to:
        found.append(dialogs.investigate(card, row, state, typed, now=reading.now))
    if reading.time_to_add:
        found.append(dialogs.add_time(card, state, typed, reading.time_to_add))
    if card.is_open:
        found.append(dialogs.assign(card, typed, *people.who_can_be_asked()))
    if reading.may_cancel:
        found.append(dialogs.cancel(card, typed))
    if reading.may_revoke:
        found.append(dialogs.revoke(card, typed))
    return found


def _asked(reading: Reading) -> Asked:
    version = reading.card.version
    steps = ladder.of(reading.row, reading.person, version=version)
    proof = ladder.opened(reading.row, reading.person, version=version) if reading.in_full else ""
    return Asked(steps, steps.needs_fresh and not reading.view.is_fresh, proof)


def _why_not(reading: Reading, no: Refusal | None) -> str:
    """Why this person cannot decide, and who can."""
    if no is None:
        return ""
    able = sorted(
        {str(person) for _, asked in queries.approvers_of(reading.state) for person in asked}
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
    return most[0] if len(most) == 1 else f"{', '.join(most[:-1])} and {most[-1]}"
