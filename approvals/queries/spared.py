"""Questions a person need not have been asked: of which rules they were, and that all ended in a yes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from approvals.domain.terms import OPEN, OutcomeStatus, RiskLevel, Status
from approvals.models import ApprovalRequest
from approvals.queries import ruled

MOST = 1_000  # the newest of somebody's requests that are looked at: each evaluation is taken apart
ENOUGH = 3  # fewer say nothing about a rule
_OPEN = [status.value for status in OPEN]
_WENT_WRONG = frozenset({OutcomeStatus.FAILURE.value, OutcomeStatus.ROLLED_BACK.value})


@dataclass(frozen=True, slots=True)
class Spared:
    """What the same rules asked together, every time approved, and none of it went wrong."""

    rules: str
    requests: tuple[int, ...]


def by_rules(requests: Sequence[int]) -> tuple[Spared, ...]:
    """Of these requests, the newest first, those that changed rules would have spared,
    and by the rules that asked most first; one statement.

    What still waits tells nothing yet. Rules that led to a single no, to something that failed, or to what
    is of critical risk asked for a reason.
    """
    asked = ApprovalRequest.objects.filter(number__in=requests[:MOST], asked=True, effect="")
    found: defaultdict[str, list[int]] = defaultdict(list)
    needed = set()
    rows = asked.exclude(status__in=_OPEN).order_by("-number")
    for number, risk, status, outcome, told in rows.values_list(
        "number", "risk", "status", "outcome_status", ruled.asking()
    ):
        rules = ruled.asked_by(told)
        found[rules].append(number)
        is_critical = risk == RiskLevel.CRITICAL.value
        if is_critical or status != Status.APPROVED.value or outcome in _WENT_WRONG:
            needed.add(rules)
    spared = [
        Spared(rules, tuple(numbers))
        for rules, numbers in found.items()
        if rules and rules not in needed and len(numbers) >= ENOUGH
    ]
    return tuple(sorted(spared, key=lambda each: (-len(each.requests), each.rules)))
