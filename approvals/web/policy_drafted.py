"""The rules that only an open draft holds: what would hold once somebody else says yes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from approvals.domain.policy import documents, sentences
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.reading import PolicyInvalid
from approvals.models import ApprovalRequest
from approvals.queries import policies as reads

MOST = 3  # drafts; as many wait only where nobody decides
MOST_RULES = 60


@dataclass(frozen=True, slots=True)
class Drafted:
    """A rule as it would read, and the request that waits to put it in force."""

    policy: str
    pattern: str
    words: str
    because: str
    place: str
    ref: str


def rules(live: PolicySet, waiting: Sequence[ApprovalRequest]) -> list[Drafted]:
    """Rules of the oldest open drafts that read otherwise than every rule in force; one statement."""
    asked = {int(row.submission["parameters"]["draft"]): row.ref for row in waiting[:MOST]}
    if not asked:
        return []
    held = {(policy, pattern, words) for policy, pattern, words, _, _ in _read(live)}
    found = [
        Drafted(policy, pattern, words, because, place, asked[draft.pk])
        for draft in reads.drafts(asked)
        if (drafted := _understood(tuple(sorted(draft.files.items())))) is not None
        for policy, pattern, words, because, place in _read(drafted)
        if (policy, pattern, words) not in held
    ]
    return found[:MOST_RULES]


def _read(whole: PolicySet) -> Iterator[tuple[str, str, str, str, str]]:
    for policy in whole.policies:
        for rule in policy.rules:
            place = f"{rule.place.file}:{rule.place.line}"
            yield policy.name, rule.pattern, sentences.of_rule(whole, rule), rule.because, place


@lru_cache(maxsize=MOST)
def _understood(files: tuple[tuple[str, str], ...]) -> PolicySet | None:
    """Each process reads a draft once; nothing where a newer release cannot read it any more."""
    try:
        return documents.load(dict(files))
    except PolicyInvalid:
        return None
