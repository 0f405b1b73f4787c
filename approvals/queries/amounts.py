"""How much each of many requests is about, read once in each process: a submission never changes."""

from __future__ import annotations

import json
from collections.abc import Sequence

from django.db.models import TextField
from django.db.models.functions import Cast, Left

from approvals.domain import amounts
from approvals.models import ApprovalRequest

# Longer submissions are not read for this; their own page shows everything.
READ_CHARACTERS = 4_000
REMEMBERED = 8_192
_told: dict[tuple[int, str], str] = {}


def learn(rows: Sequence[ApprovalRequest]) -> None:
    """One statement for those not known yet, none when all are."""
    unknown = {row.pk: row for row in rows if _key(row) not in _told}
    if not unknown:
        return
    if len(_told) > REMEMBERED:
        _told.clear()
    start = Left(Cast("submission", TextField()), READ_CHARACTERS + 1)
    found = ApprovalRequest.objects.filter(pk__in=list(unknown)).annotate(start=start)
    for pk, text in found.values_list("pk", "start"):
        is_whole = len(text) <= READ_CHARACTERS
        parameters = json.loads(text)["parameters"] if is_whole else {}
        _told[_key(unknown[pk])] = amounts.told(parameters)


def known(row: ApprovalRequest) -> str:
    """What was learnt of a request; empty where nothing was."""
    return _told.get(_key(row), "")


def _key(row: ApprovalRequest) -> tuple[int, str]:
    return row.pk, row.action_sha256
