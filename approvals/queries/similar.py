"""Earlier requests like one: the same action, on the same target before others. Always bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import QuerySet

from approvals.domain.terms import OPEN
from approvals.models import ApprovalRequest

LOOKED_AT = 50
SHOWN = 6
_OPEN = frozenset(status.value for status in OPEN)
_COLUMNS = (
    *("number", "action", "target", "agent__name", "status", "basis", "closed_at", "closed_by"),
    *("outcome_status", "consumed_at", "grant_lapsed", "action_sha256"),
)


@dataclass(frozen=True, slots=True)
class Similar:
    """`rows` are the nearest; `ended` counts how the last ones of this action ended, `of` how many."""

    rows: tuple[ApprovalRequest, ...]
    ended: Mapping[str, int]
    of: int


def similar_to(row: ApprovalRequest) -> Similar:
    """Two reads by index, each of at most `LOOKED_AT` rows, the newest first."""
    earlier = ApprovalRequest.objects.filter(number__lt=row.number).order_by("-number")
    same_action = _closed(earlier.filter(action=row.action))
    on_target = [
        each for each in _closed(earlier.filter(target=row.target)) if each.action == row.action
    ]
    near = {each.pk: each for each in [*on_target, *same_action]}
    return Similar(
        rows=tuple(near.values())[:SHOWN],
        ended=Counter(each.status for each in same_action),
        of=len(same_action),
    )


def _closed(rows: QuerySet[ApprovalRequest]) -> list[ApprovalRequest]:
    found = rows.select_related("agent").only(*_COLUMNS)[:LOOKED_AT]
    return [each for each in found if each.status not in _OPEN]
