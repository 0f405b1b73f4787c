"""Ask about every open pull request that changes policy, for the commit that is its head now."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from approvals.domain.canonical import Malformed
from approvals.domain.errors import Refusal
from approvals.domain.terms import OPEN
from approvals.models import ApprovalRequest
from approvals.ports import DeliveryError
from approvals.services import asking as services_asking
from approvals.services import lifecycle, replays
from integrations import inbound
from integrations.github import asking, deciding, payloads, wire
from integrations.github.configuration import Configuration
from integrations.github.payloads import Account
from integrations.github.places import FULL_NAME, SHA, Repository
from integrations.github.wire import GitHub

logger = logging.getLogger(__name__)

LOOKED, READ = "github-pull", "github-review"
PER_PAGE, MOST_PAGES = 100, 10
FILE_FACTS = ("filename", "previous_filename", "status", "sha", "additions", "deletions")


@dataclass(frozen=True, slots=True)
class Pull:
    """An open pull request as the list of them tells it."""

    number: int
    sha: str
    base: str
    author: Account | None

    @property
    def facts(self) -> Mapping[str, Any]:
        return {"number": self.number, "sha": self.sha, "base": self.base}


def look(github: GitHub, settings: Configuration, *, at: datetime, ends: float) -> None:
    """Ask for new heads, withdraw what is about old ones, and read reviews. Raises DeliveryError."""
    repository = _repository(github, settings)
    pulls = _open(github, repository)
    for pull in pulls:
        if time.monotonic() > ends:
            raise DeliveryError("There were more pull requests than one look could ask about.")
        _ask(github, repository, pull, settings, at=at)
    _withdraw(repository, pulls, settings, at=at)
    for row, pull in _waiting(repository, pulls, settings):
        if time.monotonic() > ends:
            raise DeliveryError("There were more reviews than one look could read.")
        _read_reviews(github, repository, pull, settings, row=row, at=at)


def _ask(
    github: GitHub, repository: Repository, pull: Pull, settings: Configuration, *, at: datetime
) -> None:
    head = asking.pull_key(repository.id, pull.number, pull.sha)
    seen = inbound.replay_key(LOOKED, head.encode())
    if replays.is_known(provider=LOOKED, key=seen):
        return
    files = _policy_files(github, repository, pull, settings)
    try:
        if files:
            asking.policy_change(
                repository, pull.facts, files, settings=settings, author=pull.author, at=at
            )
    except services_asking.KeyReused:
        pass  # asked before; the base was changed since, the commit was not
    except Refusal as refusal:
        raise DeliveryError(f"Pull request {pull.number}: {refusal.words}") from refusal
    replays.first_time(provider=LOOKED, key=seen, at=at)


def _withdraw(
    repository: Repository, pulls: list[Pull], settings: Configuration, *, at: datetime
) -> None:
    """A commit that is no longer the head of an open pull request needs no decision."""
    heads = {(pull.number, pull.sha) for pull in pulls}
    for row in _ours(repository, settings):
        if _head(row) not in heads:
            try:
                lifecycle.cancel(ref=row.ref, agent=row.agent, at=at)
            except Refusal as refusal:
                logger.info("github request ended by itself", extra={"why": refusal.words})


def _waiting(
    repository: Repository, pulls: list[Pull], settings: Configuration
) -> list[tuple[ApprovalRequest, Pull]]:
    by_head = {(pull.number, pull.sha): pull for pull in pulls}
    rows = _ours(repository, settings)
    return [(row, by_head[_head(row)]) for row in rows if _head(row) in by_head]


def _read_reviews(
    github: GitHub,
    repository: Repository,
    pull: Pull,
    settings: Configuration,
    *,
    row: ApprovalRequest,
    at: datetime,
) -> None:
    """Count reviews whose webhook never came; each once for each request and state."""
    path = f"/repos/{repository.name}/pulls/{pull.number}/reviews"
    for found in _all(github, repository, path):
        try:
            review = payloads.review_of(
                found, repository=repository, head=pull.sha, pull=pull.number, by=None
            )
        except Malformed:
            continue  # a review by an account that is gone, or a pending one
        key = inbound.replay_key(READ, f"{row.pk} {review.id} {review.state}".encode())
        if review.commit != pull.sha or replays.is_known(provider=READ, key=key):
            continue
        if review.state == "dismissed":
            deciding.dismissed(review, settings)
        elif not _has_said(row, review):
            deciding.review(review, settings, authenticated_by=deciding.BY_READING)
        replays.first_time(provider=READ, key=key, at=at)


def _has_said(row: ApprovalRequest, review: payloads.Review) -> bool:
    """Whether the webhook brought this verdict already."""
    person, verdict = asking.person_of(review.user), deciding.VERDICTS.get(review.state)
    return verdict is None or row.decisions.filter(person=person, verdict=verdict.value).exists()


def _ours(repository: Repository, settings: Configuration) -> list[ApprovalRequest]:
    rows = ApprovalRequest.objects.filter(
        agent__name=settings.agent,
        action=asking.CHANGE_POLICY,
        status__in=[each.value for each in OPEN],
        idempotency_key__startswith=f"github-pull {repository.id} ",
    )
    return list(rows.select_related("agent").order_by("number"))


def _head(row: ApprovalRequest) -> tuple[int, str]:
    parameters = row.submission["parameters"]
    return parameters["pull_request"], parameters["head_sha"]


def _repository(github: GitHub, settings: Configuration) -> Repository:
    """The policy repository, with its number and the installation that sees it."""
    name = settings.policy_repository
    if not FULL_NAME.fullmatch(name):
        raise DeliveryError("GITHUB_POLICY_REPOSITORY is no owner/name.", permanent=True)
    found = wire.mapping(github.as_app("GET", f"/repos/{name}/installation")).get("id")
    if not isinstance(found, int) or (
        settings.installations and found not in settings.installations
    ):
        raise DeliveryError("The app is not installed where policies are.", permanent=True)
    seen = Repository(name, 0, found)
    whole = wire.mapping(github.call("GET", f"/repos/{name}", at=seen)).get("id")
    if not isinstance(whole, int):
        raise DeliveryError("GitHub did not say which repository this is.", unknown=True)
    return Repository(name, whole, found)


def _open(github: GitHub, repository: Repository) -> list[Pull]:
    path = f"/repos/{repository.name}/pulls?state=open"
    return [pull for each in _all(github, repository, path) if (pull := _pull(each)) is not None]


def _pull(found: Mapping[str, Any]) -> Pull | None:
    head, base, number = found.get("head"), found.get("base"), found.get("number")
    sha = head.get("sha") if isinstance(head, Mapping) else None
    ref = base.get("ref") if isinstance(base, Mapping) else None
    if not isinstance(number, int) or not isinstance(sha, str) or not SHA.fullmatch(sha):
        raise DeliveryError("GitHub answered with something else than it documents.", unknown=True)
    return Pull(number, sha, str(ref or ""), payloads.account(found.get("user")))


def _policy_files(
    github: GitHub, repository: Repository, pull: Pull, settings: Configuration
) -> list[dict[str, Any]]:
    """The files below the policy folder that a pull request touches, also by moving them away."""
    files = _all(github, repository, f"/repos/{repository.name}/pulls/{pull.number}/files")
    folder = settings.policy_path
    return [
        {name: each[name] for name in FILE_FACTS if each.get(name) is not None}
        for each in files
        if any(str(each.get(name) or "").startswith(folder) for name in FILE_FACTS[:2])
    ]


def _all(github: GitHub, repository: Repository, path: str) -> list[dict[str, Any]]:
    """All pages of a list. Raises DeliveryError, also for more pages than are read."""
    path, _, asked = path.partition("?")
    query = dict(part.split("=", 1) for part in asked.split("&") if part)
    found: list[dict[str, Any]] = []
    for page in range(1, MOST_PAGES + 1):
        answer = github.call(
            "GET", path, at=repository, query={**query, "per_page": PER_PAGE, "page": page}
        )
        more = wire.rows(answer)
        found += more
        if len(more) < PER_PAGE:
            return found
    raise DeliveryError(
        f"GitHub lists more than {PER_PAGE * MOST_PAGES} at {path}.", permanent=True
    )
