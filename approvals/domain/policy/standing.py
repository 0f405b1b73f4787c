"""Standing grants: a person's yes to the same action again, within bounds, so often, until then.

One covers what rules, the matrix, the stage of autonomy or the blast radius ask, up to medium risk;
never what another layer asks, and never a refusal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from approvals.domain.policy import checks, matrix
from approvals.domain.policy.checks import Check, Layer, Result
from approvals.domain.policy.circumstances import Circumstances, Standing
from approvals.domain.policy.subject import Subject
from approvals.domain.terms import RiskLevel

COVERED = frozenset({Layer.RULE, Layer.MATRIX, Layer.AUTONOMY, Layer.BLAST})
UP_TO = matrix.AUTO_UP_TO
LONGEST = timedelta(days=30)
MOST_USES = 100
REASON = "standing_grant"


def covering(
    asking: Sequence[Check], subject: Subject, effective: RiskLevel, now: Circumstances
) -> Standing | None:
    """The grant that answers every one of these asks; of several the one that ends first."""
    if not asking or effective.rank > UP_TO.rank:
        return None
    if any(check.name not in COVERED for check in asking):
        return None
    fitting = [each for each in now.standing if not gap(each, subject, now)]
    return min(fitting, key=lambda each: (each.expires_at, each.ref), default=None)


def used(grant: Standing) -> Check:
    """The last check of a request that a standing grant answers."""
    words = (
        f"Covered by standing grant {grant.ref} of {grant.given_by}: "
        f"use {grant.most_uses - grant.uses_left + 1} of {grant.most_uses}, "
        f"until {grant.expires_at:%d %b %Y %H:%M} UTC."
    )
    return checks.passed(Layer.STANDING, words, rule=grant.ref, bounds=_plain(grant.bounds))


def missed(subject: Subject, now: Circumstances) -> list[Check]:
    """Why grants for this very action and target do not cover it: for the record, asking nothing more."""
    near = [
        each
        for each in now.standing
        if each.action == subject.action and each.target == subject.target
    ]
    return [
        Check(
            Layer.STANDING,
            Result.FAIL,
            f"Standing grant {each.ref} does not cover this: {why}.",
            each.ref,
        )
        for each in sorted(near, key=lambda each: each.ref)
        if (why := gap(each, subject, now))
    ]


def gap(grant: Standing, subject: Subject, now: Circumstances) -> str:
    """What of the request lies outside the grant, in words; empty when nothing does."""
    if grant.action != subject.action or grant.target != subject.target:
        return "it is for another action or target"
    if grant.expires_at <= now.now:
        return "it has ended"
    if grant.uses_left < 1:
        return "it is used up"
    return _other_surroundings(grant, subject) or _out_of_bounds(grant.bounds, subject.parameters)


def _other_surroundings(grant: Standing, subject: Subject) -> str:
    """Nothing beside the parameters may be wider than what people saw either."""
    if (subject.namespace, subject.resource_type) != (grant.namespace, grant.resource_type):
        return "the resource is another one"
    if subject.data_class is not grant.data_class:
        return "the data are of another class"
    if not set(subject.recipients) <= set(grant.recipients):
        return "it names other recipients"
    for name, value in subject.impact.items():
        if name != "summary" and not _at_most(value, grant.impact.get(name)):
            return f"its impact states more {name} than was approved"
    return ""


def _out_of_bounds(bounds: Mapping[str, Mapping[str, Any]], parameters: Mapping[str, Any]) -> str:
    """A parameter left out may widen an action as much as one added, so the names must be the same."""
    for name in sorted(parameters.keys() ^ bounds.keys()):
        return f"the parameter {name} is {'new' if name in parameters else 'missing'}"
    for name in sorted(bounds):
        if why := _outside(parameters[name], bounds[name]):
            return f"{name} {why}"
    return ""


def _outside(value: Any, bound: Mapping[str, Any]) -> str:
    if "equals" in bound:
        return "" if same(value, bound["equals"]) else "differs"
    most, least = bound.get("most"), bound.get("least", 0)
    if not is_number(most) or not is_number(least):
        return "has no bound"
    if not is_number(value):
        return "is no number"
    if not value <= most:
        return f"is more than {most}"
    return "" if value >= least else f"is less than {least}"


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are written alike; 1, 1.0 and true are three values."""
    try:
        return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return False


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _at_most(value: Any, most: Any) -> bool:
    return is_number(value) and is_number(most) and value <= most


def _plain(bounds: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {name: dict(bound) for name, bound in bounds.items()}
