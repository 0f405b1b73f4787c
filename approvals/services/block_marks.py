"""What people think of a refusal: was the rule right to block this? It teaches about rules, not agents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from approvals.domain import errors
from approvals.domain.policy.autonomy import SHADOW_MODE
from approvals.domain.terms import Basis, EventKind, Status
from approvals.models import ApprovalRequest, AuditEvent, Person
from approvals.models.people import Role
from approvals.services import actors, ledger

MARKERS = frozenset({Role.MANAGER.value, Role.OPERATOR.value, Role.AUDITOR.value})


class MayNotMark(errors.NotAllowed):
    """Rules are judged by managers, operators and auditors, never by who answers for the agent."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Who said of one refusal that it was right, and who that it was wrong, as history names them."""

    right: frozenset[str] = frozenset()
    wrong: frozenset[str] = frozenset()

    def by(self, person: Person) -> bool:
        """Whether this person has said anything."""
        return str(actors.person(person)) in self.right | self.wrong


def may_mark(person: Person) -> bool:
    return person.is_active and person.role in MARKERS


def mark(*, ref: str, person: Person, is_right: bool, reason: str = "", at: datetime) -> None:
    """One mark for each person and refusal, never edited; the same again changes nothing.

    Raises NotFound, MayNotMark, Conflict for what no rule refused or for another mark than before, and
    Invalid for a wrong without a reason.
    """
    with transaction.atomic(durable=True):
        row = ledger.locked(ref)
        _refuse_others(row, person)
        said = of([row.pk]).get(row.pk, Marks())
        if said.by(person):
            if (str(actors.person(person)) in said.right) is is_right:
                return
            raise errors.Conflict("You answered this before; an answer is never edited.")
        if not is_right and not reason.strip():
            raise errors.Invalid("Say what is wrong about it. Nothing was marked.", field="reason")
        detail = {"right": is_right, "rule": row.reason_code, "reason": reason.strip()[:2000]}
        ledger.note(row, EventKind.BLOCK_MARKED, actor=actors.person(person), at=at, detail=detail)


def of(numbers: Iterable[int]) -> Mapping[int, Marks]:
    """The marks of these requests, by number; one statement."""
    right: defaultdict[int, set[str]] = defaultdict(set)
    wrong: defaultdict[int, set[str]] = defaultdict(set)
    events = AuditEvent.objects.filter(type=EventKind.BLOCK_MARKED.value, request__in=list(numbers))
    for number, actor, entry in events.values_list("request_id", "actor", "entry"):
        if number is not None:
            (right if entry["detail"]["right"] else wrong)[number].add(actor)
    return {
        number: Marks(frozenset(right[number]), frozenset(wrong[number]))
        for number in {*right, *wrong}
    }


def _refuse_others(row: ApprovalRequest, person: Person) -> None:
    is_block = row.status == Status.DENIED.value and row.basis == Basis.POLICY.value
    if not is_block or row.reason_code == SHADOW_MODE:
        raise errors.Conflict(f"No rule refused {row.ref}. Nothing was marked.")
    if not may_mark(person):
        raise MayNotMark(
            "Managers, operators and auditors say whether a rule was right. Nothing was marked."
        )
    if person.pk in {row.agent.owner_id, row.owner_at_submission_id}:
        raise MayNotMark(
            f"You answer for {row.agent.name}, so somebody else judges what it was refused. "
            "Nothing was marked."
        )
