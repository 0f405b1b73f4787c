"""What a waiting request is found by beside its columns: rules that ask for it, and namespaces it names.

Both stand in texts that never change while a version stands, so each is read once in each process.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db.models import TextField
from django.db.models.functions import Cast

from approvals.domain.policy import resource_names
from approvals.domain.policy.checks import Layer
from approvals.domain.policy.subject import subject_of
from approvals.domain.terms import Approval
from approvals.models import ApprovalRequest

REMEMBERED = 8_192
READ_AT_ONCE = 50
# More than this many in one request tell nobody anything.
MOST_NAMED = 100
_RULED = frozenset({Layer.FORBIDDEN.value, Layer.RULE.value})


@dataclass(frozen=True, slots=True)
class Findable:
    """Of one request: `asking` are the rules that ask people or that its action fits, `judging` every rule
    its evaluation names, `namespaces` what it declares and what its parameters name."""

    asking: frozenset[str] = frozenset()
    judging: frozenset[str] = frozenset()
    namespaces: frozenset[str] = frozenset()

    def is_asked_by(self, policy: str) -> bool:
        """Whether a rule of this name asks, or one of the policy of this name."""
        wanted = policy.casefold()
        names = (name.casefold() for name in self.asking)
        return any(name == wanted or name.startswith(f"{wanted}.") for name in names)

    def names(self, namespace: str) -> bool:
        wanted = namespace.casefold()
        return any(name.casefold() == wanted for name in self.namespaces)


_NOTHING = Findable()
_known: dict[tuple[int, int, str], Findable] = {}


def of(rows: Iterable[ApprovalRequest]) -> dict[int, Findable]:
    """By number; one statement for those not known yet, none when all are."""
    wanted = list(rows)
    _learn({row.pk: row for row in wanted if _key(row) not in _known})
    return {row.pk: _known.get(_key(row), _NOTHING) for row in wanted}


def policies(found: Iterable[Findable]) -> list[str]:
    """Every rule that asks, and every policy with one, by name."""
    rules = {rule for each in found for rule in each.asking}
    return sorted(rules | {rule.partition(".")[0] for rule in rules})


def namespaces(found: Iterable[Findable]) -> list[str]:
    return sorted({name for each in found for name in each.namespaces})


def _learn(rows: Mapping[int, ApprovalRequest]) -> None:
    if not rows:
        return
    if len(_known) > REMEMBERED:
        _known.clear()
    told = (
        ApprovalRequest.objects.filter(pk__in=list(rows))
        .annotate(sent=Cast("submission", TextField()), judged=Cast("evaluation", TextField()))
        .values_list("pk", "sent", "judged")
    )
    for pk, sent, judged in told.iterator(chunk_size=READ_AT_ONCE):
        _known[_key(rows[pk])] = _read(json.loads(sent), json.loads(judged))


def _read(submission: Mapping[str, Any], evaluation: Sequence[Mapping[str, Any]]) -> Findable:
    judged = [check for check in evaluation if check.get("rule")]
    asking = (
        str(check["rule"])
        for check in judged
        if check.get("leads_to") == Approval.REQUIRED.value or check.get("check") in _RULED
    )
    named = (each.name for each in resource_names.namespaces(subject_of("", submission)))
    return Findable(
        frozenset(asking),
        frozenset(str(check["rule"]) for check in judged),
        frozenset(islice((name for name in named if name), MOST_NAMED)),
    )


def _key(row: ApprovalRequest) -> tuple[int, int, str]:
    return row.pk, row.version, row.action_sha256
