"""Apply policy files as immutable versions, and know which one is in force.

Nothing here asks anybody: `policy_changes` does, since what weakens the policy is a request of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.db import transaction

from approvals.domain import canonical
from approvals.domain.policy import documents, yaml_text
from approvals.domain.policy.documents import PolicySet
from approvals.domain.terms import EventKind
from approvals.models import Person, PolicyVersion, Team, TeamMember
from approvals.services import audit, superiors
from approvals.services.actors import Actor

EXAMPLES = (".test.yaml", ".test.yml")


def read_directory(directory: Path) -> dict[str, str]:
    """The policy files of a directory, by their path below it, without the examples beside them.

    Raises PolicyInvalid for a file that is not UTF-8.
    """
    return _read(directory, examples=False)


def read_examples(directory: Path) -> dict[str, str]:
    """The examples of a directory. Raises PolicyInvalid for a file that is not UTF-8."""
    return _read(directory, examples=True)


def is_examples(name: str) -> bool:
    """Whether a file beside policies says how they must judge, and is none itself."""
    return name.endswith(EXAMPLES)


def apply(
    *,
    files: Mapping[str, str],
    author: str,
    actor: Actor,
    at: datetime,
    commit: str = "",
    facts: Mapping[str, Any] | None = None,
) -> tuple[PolicyVersion, bool]:
    """Put these files in force as a new version, whatever it weakens; the same files are the same version.

    `facts` are written into history beside the rest. Returns the version and whether it is new.
    Raises PolicyInvalid, and then the version before stays.
    """
    policy = _understood(tuple(sorted(files.items())))
    sha256 = canonical.digest(dict(files))
    with transaction.atomic():
        before = newest(lock=True)
        if before is not None and before.sha256 == sha256:
            return before, False
        version = PolicyVersion.objects.create(
            number=(before.number if before else 0) + 1,
            files=dict(files),
            sha256=sha256,
            author=author,
            commit=commit,
            applied_at=at,
        )
        _teams(policy)
        detail = {"version": version.number, "sha256": sha256, "commit": commit, "author": author}
        detail |= facts or {}
        audit.append_service(EventKind.POLICY_APPLIED, actor=actor, at=at, detail=detail)
    return version, True


def newest(*, lock: bool = False) -> PolicyVersion | None:
    """The version in force; locked, so that none is applied beside the caller's transaction."""
    rows = PolicyVersion.objects.order_by("-number")
    found = (rows.select_for_update() if lock else rows).first()
    while lock and found is not None and found != rows.first():
        found = rows.select_for_update().first()  # another was applied while we waited for this one
    return found


def current() -> PolicySet:
    """The policy in force. Raises `NoPolicy` when none was ever applied."""
    version = PolicyVersion.objects.order_by("-number").values_list("number", "sha256").first()
    if version is None:
        raise NoPolicy("No policy was ever applied. Run: countersign policy apply policies/")
    return _compiled(*version)


def understood(version: PolicyVersion) -> PolicySet:
    """What a version says; each process reads it once. Raises PolicyInvalid."""
    return _compiled(version.number, version.sha256)


def _read(directory: Path, *, examples: bool) -> dict[str, str]:
    found = sorted([*directory.rglob("*.yaml"), *directory.rglob("*.yml")])
    named = {str(path.relative_to(directory)): path for path in found}
    return {
        name: yaml_text.decoded(name, path.read_bytes())
        for name, path in named.items()
        if is_examples(name) is examples
    }


class NoPolicy(RuntimeError):
    """The service was not prepared: there is nothing to judge requests by."""


@lru_cache(maxsize=2)
def _understood(files: tuple[tuple[str, str], ...]) -> PolicySet:
    """Pipelines apply the same files again and again: each process reads them once."""
    return documents.load(dict(files))


@lru_cache(maxsize=8)
def _compiled(number: int, sha256: str) -> PolicySet:
    """Versions never change, so each process reads one once; the hash guards against another database."""
    del sha256
    return documents.load(PolicyVersion.objects.get(pk=number).files, version=number)


def _teams(policy: PolicySet) -> None:
    for document in policy.teams.values():
        team, _ = Team.objects.update_or_create(
            name=document.name, defaults={"title": document.title}
        )
        for person in Person.objects.filter(
            email__in=[member.lower() for member in document.members]
        ):
            TeamMember.objects.get_or_create(team=team, person=person)
    superiors.seat(policy)
