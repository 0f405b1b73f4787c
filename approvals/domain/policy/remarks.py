"""What a warning about a policy consists of, and what it may rest on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from approvals.domain.plan import Plan
from approvals.domain.policy import sentences
from approvals.domain.policy.agent_policy import AgentPolicy
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.reading import Place


class Code(StrEnum):
    """The kinds of warning; stable, for programs."""

    UNREACHABLE = "never_reachable"
    SHADOWED = "shadowed"
    UNUSED = "matches_nothing"
    OWNER_ONLY = "only_approver_is_the_owner"
    NOBODY_ON_DUTY = "nobody_on_duty"
    EMPTY_TEAM = "team_without_members"
    NO_MANAGER = "nobody_manages"
    TOO_FEW = "too_few_members"
    NO_MATRIX = "no_risk_matrix"
    NO_AGENT = "no_such_agent"
    CHANNEL_OFF = "channel_not_set_up"


@dataclass(frozen=True, slots=True)
class Warning:
    """One thing to look at again, where it stands, in a sentence."""

    place: Place
    code: Code
    words: str

    def __str__(self) -> str:
        return f"{self.place}: warning: {self.words} [{self.code}]"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the service knows. None means that it is not known.

    `asked` counts the requests of the last 90 days by agent and action; `members` are the e-mail
    addresses of the active people of each team, in small letters, and `managers` those of their active
    managers by theirs; `owners` are those of agents; `agents` are the names of all; `in_force` are the
    globs of the rules in force by now; `channels` are the adapters that are set up.
    """

    asked: Mapping[tuple[str, str], int] | None = None
    members: Mapping[str, frozenset[str]] | None = None
    managers: Mapping[str, str] | None = None
    owners: Mapping[str, str] | None = None
    agents: frozenset[str] | None = None
    in_force: frozenset[str] | None = None
    channels: frozenset[str] | None = None
    at: datetime | None = None


NOTHING_KNOWN = Facts()


@dataclass(frozen=True, slots=True)
class Asking:
    """A plan that some policy leads to, and who it is for (None: any agent)."""

    plan: Plan
    place: Place
    what: str
    policy: AgentPolicy | None = None


def plans(policy: PolicySet) -> Iterator[Asking]:
    """Every row that asks people, and every rule that names its own."""
    for level, row in policy.matrix.items():
        if row.plan.stages:
            yield Asking(row.plan, row.place, f"the row {level.value!r} of the matrix")
    for one in policy.policies if policy.matrix else ():
        for rule in one.rules:
            if rule.approvers:
                yield Asking(
                    sentences.plan_of(policy, rule), rule.place, f"the rule {rule.name}", one
                )
