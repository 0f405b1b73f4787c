"""Ask people to let an agent touch what its scope refused: from the alert, once, by changing the policy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from django.db import transaction

from approvals.domain import canonical, errors
from approvals.domain.policy import classes, scope_edits, strictness
from approvals.domain.policy.differences import NOTHING, Found
from approvals.domain.policy.documents import PolicySet
from approvals.domain.policy.reading import PolicyInvalid
from approvals.domain.policy.scope_edits import Added, Edited
from approvals.domain.terms import AlertKind, EventKind
from approvals.models import Alert, ApprovalRequest, Person, PolicyVersion
from approvals.services import actors, alerts, audit, policies, policy_changes
from approvals.services.policy_changes import Proposal

__all__ = ["Added", "Wanted", "ask", "concerned", "may_ask", "wanted"]
ASKED_IN = "asked_in"  # among an alert's values: the request that asks for the change
LONGEST_REASON = 2_000
MOST_NAMED = 20  # of the agents a policy concerns, in words


class MayNotAsk(errors.NotAllowed):
    """More scope is asked for by managers, operators and who answers for the agent."""


class NothingToAsk(errors.Conflict):
    """No change to the scope is offered for this alert; the words say why."""

    code = "nothing_to_ask"


class ScopeChanged(errors.Conflict):
    """The change that was shown is not the one that would be made by now."""

    code = "scope_changed"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an alert's request would need, compared with the policy in force.

    `sha256` names the files that would be proposed. `obstacle` says why nothing is offered.
    """

    alert: Alert
    version: PolicyVersion
    policy: PolicySet
    edited: Edited
    found: Found = NOTHING
    lines: tuple[str, ...] = ()
    sha256: str = ""
    obstacle: str = ""


def may_ask(person: Person, alert: Alert) -> bool:
    """Whether this person may ask for more scope because of this alert."""
    is_owner = alert.agent is not None and alert.agent.owner_id == person.pk
    return person.role in alerts.CLOSERS or is_owner


def wanted(*, number: int) -> Wanted:
    """The smallest change that would have let the request of an alert into its agent's scope.

    Raises NoSuchAlert, or Conflict where the policy in force cannot be read.
    """
    return _wanted(_found(number), policies.newest())


def ask(*, number: int, person: Person, reason: str, shown: str, at: datetime) -> ApprovalRequest:
    """Propose the change whose files were `shown`, by their digest; asking twice is asking once.

    Raises MayNotAsk, Invalid without a reason, AlreadyClosed, NothingToAsk, ScopeChanged, and what
    `policy_changes.offer` raises. Nothing is changed by asking: somebody else decides.
    """
    alert = _found(number)
    _refuse(alert, person, reason)
    now = _wanted(alert, policies.newest())  # before the lock, as it takes a while
    with transaction.atomic():
        version = policies.newest(lock=True)
        alert = _found(number, lock=True)
        _refuse(alert, person, reason)
        _refuse_stale(now, shown, version)
        if now.obstacle:
            raise NothingToAsk(f"{now.obstacle} Nothing was asked.")
        proposal = Proposal(
            files=now.edited.files,
            author=person.email,
            reason=_reason(alert, reason),
            asked_by=person,
            concerns=_concerns(now.edited.added),
        )
        row = policy_changes.offer(proposal, actor=actors.person(person), at=at).request
        if row is None:
            raise NothingToAsk("The change would weaken nothing. Nothing was asked.")
        _remember(alert, row, person, at=at)
    return row


def _found(number: int, *, lock: bool = False) -> Alert:
    rows = Alert.objects.select_related("agent__owner", "request__agent")
    rows = rows.select_for_update(of=("self",)) if lock else rows
    alert = rows.filter(pk=number).first() if number <= alerts.LARGEST else None
    if alert is None or alert.kind != AlertKind.SCOPE_VIOLATION.value:
        raise alerts.NoSuchAlert(f"There is no alert {number} about a scope. Nothing was changed.")
    return alert


def _refuse(alert: Alert, person: Person, reason: str) -> None:
    if not may_ask(person, alert):
        raise MayNotAsk(
            f"Managers, operators and the owner of {alert.agent} ask for more scope; you are none of "
            "them. Nothing was asked."
        )
    if alert.closed_at is not None:
        raise alerts.AlreadyClosed(
            f"{alert.closed_by} closed this alert at {audit.stamp(alert.closed_at)}. Nothing was asked.",
            closed_by=alert.closed_by,
        )
    if not reason.strip():
        raise errors.Invalid(
            "Say why it should be allowed; whoever decides reads it. Nothing was asked.",
            field="reason",
        )


def _refuse_stale(now: Wanted, shown: str, version: PolicyVersion | None) -> None:
    if now.version == version and now.sha256 == shown:
        return
    number = version.number if version else now.version.number
    raise ScopeChanged(
        f"The policy changed since you looked; version {number} is in force. Nothing was "
        "asked. What stands below is how it is now."
    )


def _wanted(alert: Alert, version: PolicyVersion | None) -> Wanted:
    if version is None:
        raise errors.Conflict("No policy was ever applied, so there is no scope to change.")
    try:
        policy = policies.understood(version)
    except PolicyInvalid as error:
        raise errors.Conflict(
            f"Policy version {version.number}, which is in force, cannot be read: {error.problems[0]}. "
            "Nothing was changed."
        ) from error
    row = alert.request
    if row is None:
        none = Edited(version.files, policy, obstacle=_NO_REQUEST)
        return Wanted(alert, version, policy, none, obstacle=_NO_REQUEST)
    body = json.dumps(row.submission, sort_keys=True)
    made = _change(version.number, version.sha256, row.agent.name, body)
    return Wanted(
        alert, version, policy, made.edited, made.found, made.lines, made.sha256, made.obstacle
    )


@dataclass(frozen=True, slots=True)
class _Change:
    edited: Edited
    found: Found = NOTHING
    lines: tuple[str, ...] = ()
    sha256: str = ""
    obstacle: str = ""


@lru_cache(maxsize=8)
def _change(number: int, sha256: str, agent: str, body: str) -> _Change:
    """What one version and one submission come to; the page may be opened by anybody, again and again."""
    del sha256  # versions never change; it guards against another database
    version = PolicyVersion.objects.get(pk=number)
    files, policy = version.files, policies.understood(version)
    edited = scope_edits.smallest(files, policy, agent, json.loads(body))
    if edited.obstacle or not edited.added:
        return _Change(edited, obstacle=edited.obstacle or _ALLOWED)
    found = strictness.compare(policy, edited.policy)
    return _Change(
        edited,
        found,
        lines=tuple(policy_changes.differences(files, edited.files)),
        sha256=canonical.digest(dict(edited.files)),
        obstacle="" if found.weaker else _NO_WEAKER,
    )


_ALLOWED = "Its scope lets this in as the policy stands by now."
_NO_WEAKER = "What would be added is no more than is allowed already. Change the policy itself."
_NO_REQUEST = "The alert names no request to compare with."


def _reason(alert: Alert, reason: str) -> str:
    ref = alert.request.ref if alert.request else ""
    return f"{reason.strip()[:LONGEST_REASON]} (Alert {alert.pk}: {ref} left the scope.)"


def _concerns(added: Sequence[Added]) -> tuple[str, ...]:
    """For whom it widens, by policy: an approver sees how far one alert of one agent reaches."""
    return tuple(dict.fromkeys(f"{concerned(each)}, by {each.policy}" for each in added))


def concerned(added: Added) -> str:
    """Whom the policy that grows concerns, in words; agents are named as the policy writes them."""
    if classes.all_covered(added.agents, ["*"]):
        return "all agents"
    shown, more = added.agents[:MOST_NAMED], len(added.agents) - MOST_NAMED
    named = ", ".join(json.dumps(each, ensure_ascii=False) for each in shown)
    word = "agent" if len(added.agents) == 1 else "agents"
    return f"the {word} {named}" + (f" and {more} more" if more > 0 else "")


def _remember(alert: Alert, row: ApprovalRequest, person: Person, *, at: datetime) -> None:
    """The alert names the request; asked again, there is nothing new to write."""
    if alert.values.get(ASKED_IN) == row.ref:
        return
    alert.values = {**alert.values, ASKED_IN: row.ref}
    alert.save(update_fields=["values"])
    detail = {
        "alert": alert.pk,
        "kind": alert.kind,
        "agent": alert.agent.name if alert.agent else "",
        "request": row.ref,
    }
    audit.append_service(
        EventKind.ALERT_SCOPE_ASKED, actor=actors.person(person), at=at, detail=detail
    )
