"""Read what GitHub sends, field by field. GitHub's schemas require little, so nothing is taken for given.

Every reader raises `Malformed` for what it cannot do without.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from approvals.domain.canonical import Malformed
from approvals.domain.terms import Verdict
from integrations.github.places import FULL_NAME, SHA, Repository

IDENTIFIER = re.compile(r"(?P<verdict>approve|deny|investigate):v(?P<version>[1-9][0-9]{0,8})")
TEXT_LIMIT, WORDS_LIMIT = 500, 5_000
LARGEST = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody on GitHub. Only the number stays the same when the name changes."""

    id: int
    login: str
    is_person: bool

    def __str__(self) -> str:
        return f"{self.login} ({self.id})"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that waits for our protection rule."""

    repository: Repository
    environment: str
    callback_url: str
    sender: Account
    creator: Account | None
    deployment: int
    sha: str
    ref: str
    event: str


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button of a check run; `version` is the one it was drawn at."""

    repository: Repository
    check_run: int
    app: int | None
    request: str
    sha: str
    verdict: Verdict | None
    version: int
    sender: Account


@dataclass(frozen=True, slots=True)
class Review:
    """What a reviewer said of one commit; `state` in small letters. `by` is whoever did this now."""

    repository: Repository
    id: int
    state: str
    body: str
    commit: str
    head: str
    pull: int
    user: Account
    by: Account


def waiting(body: object) -> Waiting:
    """`deployment_protection_rule`, action `requested`."""
    payload = _object(body, "The body")
    facts = _object(payload.get("deployment"), "deployment")
    creator = facts.get("creator")
    return Waiting(
        repository=_repository(payload),
        environment=_text(payload, "environment", limit=255),
        callback_url=_text(payload, "deployment_callback_url", limit=2_000),
        sender=_account(payload, "sender"),
        creator=_account(facts, "creator") if isinstance(creator, Mapping) else None,
        deployment=_number(facts, "id"),
        sha=_maybe_text(facts.get("sha")),
        ref=_maybe_text(facts.get("ref")),
        event=_maybe_text(payload.get("event")),
    )


def pressed(body: object) -> Pressed:
    """`check_run`, action `requested_action`. A button we never drew has no verdict."""
    payload = _object(body, "The body")
    check = _object(payload.get("check_run"), "check_run")
    action = _object(payload.get("requested_action"), "requested_action")
    app = check.get("app")
    button = IDENTIFIER.fullmatch(_maybe_text(action.get("identifier")))
    return Pressed(
        repository=_repository(payload),
        check_run=_number(check, "id"),
        app=_maybe_number(app.get("id")) if isinstance(app, Mapping) else None,
        request=_public_id(check.get("external_id")),
        sha=_sha(check, "head_sha"),
        verdict=Verdict(button["verdict"]) if button else None,
        version=int(button["version"]) if button else 0,
        sender=_account(payload, "sender"),
    )


def review(body: object) -> Review:
    """`pull_request_review`, whatever was done to it."""
    payload = _object(body, "The body")
    pull = _object(payload.get("pull_request"), "pull_request")
    said = _object(payload.get("review"), "review")
    return review_of(
        said,
        repository=_repository(payload),
        head=_sha(_object(pull.get("head"), "pull_request.head"), "sha"),
        pull=_number(pull, "number"),
        by=_account(payload, "sender"),
    )


def review_of(
    said: Mapping[str, Any], *, repository: Repository, head: str, pull: int, by: Account | None
) -> Review:
    """One review; webhooks write its state in small letters, lists of reviews in capitals."""
    user = _account(said, "user")
    return Review(
        repository=repository,
        id=_number(said, "id"),
        state=_text(said, "state", limit=40).lower(),
        body=_maybe_text(said.get("body"), limit=WORDS_LIMIT),
        commit=_sha(said, "commit_id"),
        head=head,
        pull=pull,
        user=user,
        by=by or user,
    )


def action(body: object) -> str:
    """What was done; empty for events without it."""
    return _maybe_text(_object(body, "The body").get("action"))


def account(found: object) -> Account | None:
    """Somebody named beside something else; None where nobody is."""
    return _account({"it": found}, "it") if isinstance(found, Mapping) else None


def _repository(payload: Mapping[str, Any]) -> Repository:
    found = _object(payload.get("repository"), "repository")
    installation = _object(payload.get("installation"), "installation")
    name = _text(found, "full_name", limit=201)
    if not FULL_NAME.fullmatch(name):
        raise Malformed("repository.full_name is no name of a repository. Nothing was recorded.")
    return Repository(name, _number(found, "id"), _number(installation, "id"))


def _account(facts: Mapping[str, Any], key: str) -> Account:
    found = _object(facts.get(key), key)
    return Account(
        _number(found, "id"),
        _maybe_text(found.get("login"), limit=100),
        found.get("type") == "User",
    )


def _object(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Malformed(f"{name} is not an object. Nothing was recorded.")
    return value


def _text(facts: Mapping[str, Any], key: str, *, limit: int) -> str:
    value = facts.get(key)
    if not isinstance(value, str) or not value.strip() or len(value) > limit:
        raise Malformed(f"{key} is missing or too long. Nothing was recorded.")
    return value


def _maybe_text(value: object, *, limit: int = TEXT_LIMIT) -> str:
    return value[:limit] if isinstance(value, str) else ""


def _number(facts: Mapping[str, Any], key: str) -> int:
    found = _maybe_number(facts.get(key))
    if found is None:
        raise Malformed(f"{key} is no number. Nothing was recorded.")
    return found


def _maybe_number(value: object) -> int | None:
    is_number = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST
    return value if is_number and isinstance(value, int) else None


def _sha(facts: Mapping[str, Any], key: str) -> str:
    value = facts.get(key)
    if not isinstance(value, str) or not SHA.fullmatch(value):
        raise Malformed(f"{key} is no commit. Nothing was recorded.")
    return value


def _public_id(value: object) -> str:
    """A request's public id, or nothing: other programs write into this field what they like."""
    try:
        return str(UUID(value)) if isinstance(value, str) and len(value) == 36 else ""
    except ValueError:
        return ""
