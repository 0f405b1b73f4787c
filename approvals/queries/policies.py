"""Which policies there were, which wait for a yes, and how often each rule was met."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from approvals.domain.policy.documents import PolicySet
from approvals.domain.terms import Status
from approvals.models import ApprovalRequest, PolicyDraft, PolicyVersion

MOST = 20_000
PER_PAGE = 30


@dataclass(frozen=True, slots=True)
class Met:
    """How the requests went that name an action of one rule, and which actions of which agents they were."""

    asked: int = 0
    allowed: int = 0
    blocked: int = 0
    actions: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()

    @property
    def all(self) -> int:
        return self.asked + self.allowed + self.blocked


@dataclass(frozen=True, slots=True)
class Tally:
    """`by_rule` maps a rule's name to what it met since a moment, of at most `MOST` requests."""

    by_rule: Mapping[str, Met]
    requests: int
    is_whole: bool


def met(policy: PolicySet, *, since: datetime) -> Tally:
    """Count the requests since a moment for each rule whose pattern names their action.

    A request counts for every rule that names it: that is what reading the rules one by one means.
    """
    rows = list(
        ApprovalRequest.objects.filter(effect="")
        .order_by("-number")
        .values_list("agent__name", "action", "status", "asked", "created_at")[: MOST + 1]
    )
    recent = [row for row in rows if row[4] >= since]
    counts: Counter[tuple[str, str, str]] = Counter(
        (agent, action, _went(status, asked)) for agent, action, status, asked, _ in recent[:MOST]
    )
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    who: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for (agent, action, went), count in counts.items():
        for one in policy.concerning(agent):
            for rule in one.naming(action):
                found[rule.name][went] += count
                who[rule.name].add((agent, action))
    by_rule = {
        name: Met(
            went["asked"], went["allowed"], went["blocked"],
            actions=frozenset(action for _, action in who[name]),
            agents=frozenset(agent for agent, _ in who[name]),
        )
        for name, went in found.items()
    }  # fmt: skip
    return Tally(by_rule, min(len(recent), MOST), len(recent) <= MOST)


def _went(status: str, asked: bool) -> str:
    if asked:
        return "asked"
    return "blocked" if status == Status.DENIED.value else "allowed"


def versions(*, before: int | None = None) -> tuple[list[PolicyVersion], int | None]:
    """The newest versions below `before`, without their files, and where the next page goes on."""
    rows = PolicyVersion.objects.defer("files").order_by("-number")
    if before is not None:
        rows = rows.filter(number__lt=before)
    found = list(rows[: PER_PAGE + 1])
    return found[:PER_PAGE], found[PER_PAGE - 1].number if len(found) > PER_PAGE else None


def version(number: int) -> PolicyVersion | None:
    """One version with its files."""
    return PolicyVersion.objects.filter(pk=number).first() if number < 2**31 else None


def drafts(numbers: Iterable[int]) -> list[PolicyDraft]:
    """These drafts with their files, oldest first."""
    return list(PolicyDraft.objects.filter(pk__in=list(numbers)).order_by("pk"))


def draft(number: int) -> PolicyDraft | None:
    """One draft with its files."""
    return PolicyDraft.objects.filter(pk=number).first() if number < 2**31 else None
