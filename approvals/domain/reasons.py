"""Why a request became what it is, in sentences: first what asked or refused, then how risky it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from approvals.domain import display
from approvals.domain.terms import Approval

MATRIX = "risk_matrix"  # says that a person is asked, but not why: so it comes last
LONGEST = 400


def told(
    checks: Sequence[Mapping[str, Any]], because: Sequence[str], approval: Approval
) -> tuple[str, ...]:
    """The words of the checks that led to `approval`, then of the risk; each once.

    A request that was let through has no check to name; one of an earlier release does not say which.
    """
    spoke = [check for check in checks if check.get("leads_to") == approval.value]
    naming = [str(check["words"]) for check in spoke if check.get("check") != MATRIX]
    last = [str(check["words"]) for check in spoke if check.get("check") == MATRIX]
    lines = because if approval is Approval.AUTO else [*naming, *because, *last]
    return tuple(dict.fromkeys(display.show(line.strip(), limit=LONGEST).text for line in lines))
