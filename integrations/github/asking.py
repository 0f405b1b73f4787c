"""Turn what waits on GitHub into requests of the agent the operator named, each once."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from approvals.domain import errors
from approvals.domain.errors import Refusal
from approvals.models import Agent, ApprovalRequest, Person
from approvals.services import asking, people
from integrations.github import places
from integrations.github.configuration import Configuration
from integrations.github.payloads import Account, Waiting
from integrations.github.places import Check, Deployment, Place, Repository

logger = logging.getLogger(__name__)

KIND = "github"
DEPLOY, CHANGE_POLICY = "deploy_environment", "change_policy_files"
CALLBACK = re.compile(
    r"/repos/(?P<name>[^/]+/[^/]+)/actions/runs/(?P<run>[1-9][0-9]{0,18})/deployment_protection_rule"
)


class OtherAddress(errors.NotAllowed):
    """The answer is wanted at an address that is not GitHub's own for this repository."""

    code = "other_address"


class NoAgent(Refusal):
    """The agent in whose name GitHub asks does not exist, or was stopped."""

    code = "no_agent"
    status = 503


def deployment(waiting: Waiting, settings: Configuration, *, at: datetime) -> ApprovalRequest:
    """The request for a job that waits; the same one however often GitHub tells of it.

    Raises OtherAddress, NoAgent, and what `asking.submit` raises.
    """
    place = Deployment(waiting.repository, _run(waiting, settings), waiting.environment)
    parameters = {
        "repository": waiting.repository.name,
        "repository_id": waiting.repository.id,
        "environment": waiting.environment,
        "sha": waiting.sha,
        "ref": waiting.ref,
        "deployment_id": waiting.deployment,
        "run_id": place.run,
    }
    submission = {
        "action": DEPLOY,
        "target": f"{waiting.repository.name}:{waiting.environment}",
        "parameters": {name: value for name, value in parameters.items() if value},
        "resource": {"namespace": waiting.environment[:200], "type": "environment"},
        "context": {
            "triggered_by": f"GitHub user {waiting.sender}",
            **({"event": waiting.event} if waiting.event else {}),
        },
    }
    environment = hashlib.sha256(waiting.environment.encode()).hexdigest()[:16]
    key = (
        f"github-deployment {waiting.repository.id} {place.run} {waiting.deployment} {environment}"
    )
    behind = [waiting.sender, *([waiting.creator] if waiting.creator else [])]
    return _submit(submission, place, key, behind, settings, at=at)


def policy_change(
    repository: Repository,
    pull: Mapping[str, Any],
    files: Sequence[Mapping[str, Any]],
    *,
    round: str = "",
    settings: Configuration,
    author: Account | None,
    at: datetime,
) -> ApprovalRequest:
    """The request for the head of a pull request that changes policy; one for each commit and round."""
    place = Check(repository, pull["sha"])
    submission = {
        "action": CHANGE_POLICY,
        "target": f"{repository.name}#{pull['number']}",
        "parameters": {
            "repository": repository.name,
            "repository_id": repository.id,
            "pull_request": pull["number"],
            "head_sha": pull["sha"],
            "base": pull["base"],
            "files": list(files),
        },
        "risk": "high",
        "risk_reason": "It changes what agents may do.",
        "context": {"triggered_by": f"GitHub user {author or 'unknown'}"},
    }
    key = pull_key(repository.id, pull["number"], pull["sha"], round)
    return _submit(submission, place, key, [author] if author else [], settings, at=at)


def again(
    row: ApprovalRequest, *, round: str, settings: Configuration, at: datetime
) -> ApprovalRequest:
    """Ask the same of people once more, with nothing of what they said before."""
    place = places.of(row.submission["labels"])
    if place is None:
        raise errors.NotFound("This was not asked from GitHub.")
    agent = _agent(settings)
    new, _ = asking.submit(
        agent=agent,
        key=None,
        submission=dict(row.submission),
        idempotency_key=f"{(row.idempotency_key or '').partition('+')[0]}+{round}"[:255],
        at=at,
        asked_by=row.owner_at_submission,
        by_door=True,
    )
    return new


def pull_key(repository: int, number: int, sha: str, round: str = "") -> str:
    """The idempotency key of a pull request's head."""
    return f"github-pull {repository} {number} {sha}" + (f"+{round}" if round else "")


def person_of(account: Account) -> Person | None:
    """The active person this account was linked to; programs are nobody."""
    if not account.is_person:
        return None
    return people.by_identity(kind=KIND, external_id=str(account.id))


def _submit(
    submission: dict[str, Any],
    place: Place,
    key: str,
    behind: Sequence[Account],
    settings: Configuration,
    *,
    at: datetime,
) -> ApprovalRequest:
    """Ask; whoever is `behind` it on GitHub cannot approve it here."""
    known = (person for each in behind if (person := person_of(each)) is not None)
    row, is_new = asking.submit(
        agent=_agent(settings),
        key=None,
        submission={**submission, "labels": {places.LABEL: str(place)}},
        idempotency_key=key,
        at=at,
        asked_by=next(known, None),
        by_door=True,
    )
    if is_new:
        logger.info("github asked", extra={"ref": row.ref, "place": str(place)[:200]})
    return row


def _agent(settings: Configuration) -> Agent:
    agent = Agent.objects.filter(name=settings.agent, is_enabled=True).first()
    if agent is None:
        raise NoAgent(
            f"There is no enabled agent {settings.agent!r}. Nothing was recorded. "
            "Add it, or mend GITHUB_AGENT."
        )
    return agent


def _run(waiting: Waiting, settings: Configuration) -> int:
    """The run the answer belongs to. A token is sent there later, so the address must be GitHub's own."""
    base, url = settings.api_url, waiting.callback_url
    found = CALLBACK.fullmatch(url.removeprefix(base)) if url.startswith(f"{base}/") else None
    if found is None or found["name"].casefold() != waiting.repository.name.casefold():
        logger.error("github callback leads elsewhere", extra={"url": url[:200]})
        raise OtherAddress(
            "deployment_callback_url is not the API's address for this repository. "
            "Nothing was recorded and nothing is sent there."
        )
    return int(found["run"])
