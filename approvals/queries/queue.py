"""Rows of the queue, read in few statements and without what only a request's page needs.

Submissions and evaluations can be large and many, so a row of the queue is drawn from columns alone;
what must be looked for in a submission is looked for only in the rows shown, up to a size.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from django.db.models import Count, Q, QuerySet, TextField
from django.db.models.functions import Cast, Left, Length

from approvals.domain import display
from approvals.domain.display import Flag
from approvals.domain.state import Approver, RequestState, Seat
from approvals.domain.terms import OPEN, Verdict
from approvals.models import ApprovalRequest, Decision, Person, absences, states
from approvals.models.desk import Assignment, RequestLook

_OPEN = [status.value for status in OPEN]
# Nobody works through more; the count then says "2,000+".
MOST_WAITING = 2_000
# Longer submissions are searched in their first part, and the row says so; one that is not plain
# ASCII costs more, so of a long one less is searched.
SEARCHED_CHARACTERS = 20_000
SEARCHED_CLOSELY = 4_000
REMEMBERED = 8_192
JUDGED_CHARACTERS = 800
# How the first check of an evaluation says that its agent has no history with the action.
NEVER_ASKED = '"history":{"asked":0,'
_ESCAPED = re.compile(r"\\[ubf]")
_EMPTINESS = re.compile(r"(?:\\n[ \\rt]*){10,}| {40,}")
_SPELLED = re.compile(r"\\u([0-9a-fA-F]{4})")
_SLIM = (
    "public_id", "agent__name", "agent__owner", "agent_key__created_by", "owner_at_submission",
    "effect", "action", "target", "plan", "risk", "status", "basis", "reason_code", "version",
    "stage", "rung", "reminded", "window_opened_at", "decide_by", "expires_at", "paused_at",
    "pause_left", "investigator", "created_at", "updated_at", "closed_at", "closed_by", "joined",
    "action_sha256", "grant_expires_at", "grant_lapsed", "consumed_at", "consumed_key",
    "outcome", "outcome_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Waiting:
    """One card: its request without the large columns, its state, and how many requests share it."""

    row: ApprovalRequest
    state: RequestState
    requests: int
    assigned: frozenset[int]


@dataclass(frozen=True, slots=True)
class Marks:
    """What else a row says of its request: what is odd about its texts, and what is new for its reader."""

    flags: tuple[Flag, ...] = ()
    is_searched_whole: bool = True
    is_first: bool = False
    has_changed: bool = False


def slim() -> QuerySet[ApprovalRequest]:
    """Requests with what a row shows; the open ones on the same card are counted as `beside_it`."""
    beside = Count("joiners", filter=Q(joiners__status__in=_OPEN))
    return (
        ApprovalRequest.objects.select_related("agent", "agent_key")
        .only(*_SLIM)
        .annotate(beside_it=beside)
    )


def cards(rows: Sequence[ApprovalRequest]) -> list[Waiting]:
    """The rows with their states, in their order; three statements, however many."""
    seats = seats_of(Q(request__in=rows))
    assigned = assigned_to(Q(request__in=rows))
    return [
        Waiting(
            row=row,
            state=replace(states.of(row, decisions=()), approvals=seats.get(row.pk, ())),
            requests=1 + int(getattr(row, "beside_it", 0)),
            assigned=assigned.get(row.pk, frozenset()),
        )
        for row in rows
    ]


def assigned_to(which: Q) -> dict[int, frozenset[int]]:
    """To whom requests were given to look at; `which` is a condition on `request`."""
    found: dict[int, frozenset[int]] = {}
    for request, person in Assignment.objects.filter(which).values_list("request", "person"):
        found[request] = found.get(request, frozenset()) | {person}
    return found


_APPROVAL = ("person_id", "person__name", "person__email", "request_id", "stage", "at")


def seats_of(which: Q) -> dict[int, tuple[Seat, ...]]:
    """The approvals of many requests, with what their givers belong to now; `which` is a condition on
    `request`."""
    approvals = Decision.objects.filter(which, verdict=Verdict.APPROVE.value).order_by("id")
    # Columns, not rows: this is read for everything that waits whenever anything changed.
    given = list(approvals.values_list(*_APPROVAL))
    known = absences.membership({person for person, *_ in given})
    found: dict[int, tuple[Seat, ...]] = {}
    for person, name, email, request, stage, at in given:
        approver = Approver(person, name or email, known.teams[person], known.lent[person])
        found[request] = (*found.get(request, ()), Seat(approver, stage, at))
    return found


# --- what only the rows shown are asked ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Told:
    """What a submission, which never changes, says about itself."""

    flags: tuple[Flag, ...] = ()
    is_searched_whole: bool = True
    is_first: bool = False


_told: dict[tuple[int, str], _Told] = {}


def marks(rows: Sequence[ApprovalRequest], *, person: Person | None) -> dict[int, Marks]:
    """What to say beside each of these rows, for this reader or for anybody; two statements at most.

    A submission is looked into once in each process.
    """
    _look_into({row.pk: row for row in rows if _key(row) not in _told})
    looks = RequestLook.objects.filter(person=person, request__in=rows)
    seen = dict(looks.values_list("request_id", "version"))
    found = {}
    for row in rows:
        told = _told.get(_key(row), _Told())
        changed = seen.get(row.pk, row.version) < row.version
        found[row.pk] = Marks(told.flags, told.is_searched_whole, told.is_first, changed)
    return found


def seen_by(
    rows: Sequence[ApprovalRequest], people: Sequence[Person]
) -> dict[tuple[int, int], int]:
    """The version of each request, by number, that each of these people saw last; one statement."""
    looks = RequestLook.objects.filter(person__in=people, request__in=rows)
    found = looks.values_list("request_id", "person_id", "version")
    return {(request, person): version for request, person, version in found}


def _key(row: ApprovalRequest) -> tuple[int, str]:
    return row.pk, row.action_sha256


def _look_into(rows: Mapping[int, ApprovalRequest]) -> None:
    if not rows:
        return
    if len(_told) > REMEMBERED:
        _told.clear()
    text = Cast("submission", TextField())
    found = (
        ApprovalRequest.objects.filter(pk__in=list(rows))
        .annotate(
            length=Length(text),
            start=Left(text, SEARCHED_CHARACTERS),
            judged=Left(Cast("evaluation", TextField()), JUDGED_CHARACTERS),
        )
        .values_list("pk", "length", "start", "judged")
    )
    for pk, length, start, judged in found:
        if length <= SEARCHED_CLOSELY:
            whole, found_in = True, _leaves(start)
        elif start.isascii() and not _ESCAPED.search(start):
            whole, found_in = length <= SEARCHED_CHARACTERS, _padding(start)
        else:
            whole, found_in = False, _raw(start[:SEARCHED_CLOSELY])
        _told[_key(rows[pk])] = _Told(_odd(rows[pk], found_in), whole, NEVER_ASKED in judged)


def _odd(row: ApprovalRequest, found: Iterable[frozenset[Flag]]) -> tuple[Flag, ...]:
    """Every reason to read a text of this request twice, in the order of their names."""
    action = display.show_identifier(row.action).flags
    target = display.show_identifier(row.target).flags
    return tuple(sorted(action.union(target, *found)))


def _leaves(submission: str) -> Iterable[frozenset[Flag]]:
    values = display.parameters(json.loads(submission)["parameters"])
    return [value.shown.flags for value in values]


def _padding(start: str) -> Iterable[frozenset[Flag]]:
    """Long emptiness: all that plain ASCII without escapes can hide behind."""
    return [frozenset({Flag.PADDING})] if _EMPTINESS.search(start) else []


def _raw(start: str) -> Iterable[frozenset[Flag]]:
    """The first part of a long submission as the text it is, with what it spells by number."""
    spelled = _SPELLED.sub(lambda found: chr(int(found[1], 16)), start).replace("\\n", "\n")
    return [display.show(spelled).flags]
