"""From all checks of a request to one verdict: what refuses, what asks, and what may answer the asks.

The verdict is the strictest of the checks, but for two things that answer an ask: stage full lifts
what a rule asks, and a standing grant covers every ask or none. A refusal stays whatever happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from approvals.domain.policy import autonomy, standing
from approvals.domain.policy.checks import Check
from approvals.domain.policy.circumstances import Circumstances, Standing
from approvals.domain.policy.subject import Subject
from approvals.domain.terms import Approval, Basis, RiskLevel


@dataclass(frozen=True, slots=True)
class Reached:
    """The verdict, all checks for the record, and what decided.

    `refused` is the first refusal; `grant` the standing grant that is used; `would_be` is told for
    an agent in shadow mode alone.
    """

    verdict: Approval
    checks: tuple[Check, ...]
    refused: Check | None = None
    grant: Standing | None = None
    would_be: Approval | None = None

    @property
    def basis(self) -> Basis:
        return Basis.STANDING_GRANT if self.grant else Basis.POLICY

    def reason(self, effective: RiskLevel) -> str:
        """The reason code of the request."""
        if self.refused is not None:
            return self.refused.reason
        return standing.REASON if self.grant else f"risk_{effective}_{self.verdict}"


def reach(
    made: Sequence[Check],
    subject: Subject,
    effective: RiskLevel,
    now: Circumstances,
    *,
    free: bool,
) -> Reached:
    """`made` are the checks of every layer; `free` says that stage full applies."""
    refusals = [check for check in made if check.leads_to is Approval.FORBIDDEN]
    asking = [
        check
        for check in made
        if check.leads_to is Approval.REQUIRED and not (free and autonomy.lifts(check))
    ]
    grant = standing.covering(asking, subject, effective, now)
    if refusals:
        would_be = _but_for_shadow(refusals, asking, grant)
        return Reached(Approval.FORBIDDEN, tuple(made), refused=refusals[0], would_be=would_be)
    if grant is not None:
        return Reached(Approval.AUTO, (*made, standing.used(grant)), grant=grant)
    if asking:
        return Reached(Approval.REQUIRED, (*made, *standing.missed(subject, now)))
    return Reached(Approval.AUTO, tuple(made))


def _but_for_shadow(
    refusals: Sequence[Check], asking: Sequence[Check], grant: Standing | None
) -> Approval | None:
    """What would have become of it at a higher stage; None when no shadow lies on it."""
    others = [check for check in refusals if check.reason != autonomy.SHADOW_MODE]
    if len(others) == len(refusals):
        return None
    if others:
        return Approval.FORBIDDEN
    return Approval.REQUIRED if asking and grant is None else Approval.AUTO
