"""Warnings about policies that can be applied, and still may not be meant as they stand.

A warning never keeps a policy from being applied. What only the service knows (`Facts`) may be left out,
and then nothing is said about it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from difflib import get_close_matches

from approvals.domain.channels import CHANNELS
from approvals.domain.policy import matrix, reachable, staffing
from approvals.domain.policy.classes import matches
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.reading import Place
from approvals.domain.policy.remarks import NOTHING_KNOWN, Code, Facts, Warning
from approvals.domain.terms import Approval


def warnings(policy: PolicySet, facts: Facts = NOTHING_KNOWN) -> tuple[Warning, ...]:
    """All of them, in the order of files and lines."""
    found: list[Warning] = []
    for look in _LOOKS:
        found += look(policy, facts)
    return tuple(
        sorted(
            set(found),
            key=lambda each: (each.place.file, each.place.line, each.place.column, each.words),
        )
    )


def _no_matrix(policy: PolicySet, facts: Facts) -> Iterator[Warning]:
    del facts
    places = [each.place for each in policy.policies] + [
        team.place for team in policy.teams.values()
    ]
    if not policy.matrix and places:
        first = min(places, key=lambda place: place.file)
        words = (
            "no file here has a document of kind RiskMatrix; these files are part of a policy, "
            "and cannot be applied alone: copy policies/default.yaml beside them, or apply them "
            "together with the files that have it"
        )
        yield Warning(Place(first.file, 1, 1), Code.NO_MATRIX, words)


def _unreachable(policy: PolicySet, facts: Facts) -> Iterator[Warning]:
    del facts
    for place, words in reachable.never(policy.policies):
        yield Warning(place, Code.UNREACHABLE, words)


def _shadowed(policy: PolicySet, facts: Facts) -> Iterator[Warning]:
    del facts
    for place, words in reachable.shadowed(policy.policies):
        yield Warning(place, Code.SHADOWED, words)


def _unused(policy: PolicySet, facts: Facts) -> Iterator[Warning]:
    """Rules no request met; a rule that forbids is best when it meets none."""
    if not facts.asked:
        return
    for one in policy.policies:
        actions = {action for agent, action in facts.asked if one.concerns(agent)}
        for rule in one.rules:
            is_new = facts.in_force is not None and rule.pattern not in facts.in_force
            if rule.approval is Approval.FORBIDDEN or is_new:
                continue
            if not any(matches(action, (rule.pattern,)) for action in actions):
                words = f"{rule.name} matched no request in the last 90 days"
                yield Warning(rule.place, Code.UNUSED, words)


def _nobody_concerned(policy: PolicySet, facts: Facts) -> Iterator[Warning]:
    """Names of agents that no agent has: a limit meant for one would hold nobody."""
    if not facts.agents:
        return
    for one in policy.policies:
        for name in one.agents:
            if any(matches(agent, (name,)) for agent in facts.agents):
                continue
            near = get_close_matches(name, sorted(facts.agents), n=1)
            meant = f"; did you mean {near[0]!r}?" if near else ""
            words = f"{one.name} concerns {name}, and no agent here has such a name{meant}"
            yield Warning(one.place, Code.NO_AGENT, words)


def _unheard(policy: PolicySet, facts: Facts) -> Iterator[Warning]:
    """Channels a row names that are not set up, so that nobody hears of its requests there."""
    if facts.channels is None:
        return
    for level, row in policy.matrix.items():
        for name in matrix.systems(row.plan.channels):
            if name not in CHANNELS or name in facts.channels:
                continue
            title = CHANNELS[name].title
            does = (
                f"opens a change request in {title}"
                if name in matrix.CHANGE_REQUESTS
                else f"announces its requests in {title}"
            )
            words = (
                f"the row {level.value!r} {does}, which is not set up here; see docs/settings.md"
            )
            yield Warning(row.place, Code.CHANNEL_OFF, words)


_LOOKS: tuple[Callable[[PolicySet, Facts], Iterator[Warning]], ...] = (
    _no_matrix,
    _unreachable,
    _shadowed,
    _unused,
    _nobody_concerned,
    _unheard,
    staffing.members,
    staffing.owners,
    staffing.off_duty,
)
