"""Show requests as check runs, and answer deployments that wait for a protection rule."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from approvals import queries
from approvals.domain.cards import Card
from approvals.domain.errors import Refusal
from approvals.domain.terms import EventKind, Status
from approvals.models import ApprovalRequest
from approvals.ports import DeliveryError, Message, MessageKind, Notice
from approvals.services import grants
from integrations.github import answers, configuration, output, places, reconciling, wire
from integrations.github.answers import Answer
from integrations.github.places import Check, Deployment

logger = logging.getLogger(__name__)

ENDS = frozenset({EventKind.APPROVED, EventKind.DENIED, EventKind.EXPIRED, EventKind.CANCELLED})
CHANGES_NOTHING_SHOWN = frozenset(
    {
        EventKind.REMINDED,
        EventKind.DECISION_REFUSED,
        EventKind.CONSUME_REFUSED,
        EventKind.DELIVERY_DEAD,
    }
)
# What is worth one of the few status reports a deployment may get.
REPORTED = frozenset(
    {
        EventKind.SUBMITTED,
        EventKind.STAGE_PASSED,
        EventKind.SEAT_FILLED,
        EventKind.ESCALATED,
        EventKind.INVESTIGATING,
        EventKind.RESUMED,
    }
)
USED_AS = "github"


class GitHubAdapter:
    """One check run for each request about a commit, one answer for each about a deployment."""

    name = "github"

    def __init__(self) -> None:
        self._configuration = configuration.current()
        self._github = wire.GitHub(self._configuration)

    def addresses(self, notice: Notice) -> Sequence[tuple[MessageKind, str]]:
        """Where GitHub itself asked; nothing for what was asked elsewhere."""
        place = places.of(notice.labels)
        if isinstance(place, Check):
            shows = notice.kind not in CHANGES_NOTHING_SHOWN
            return [(MessageKind.CARD, str(place))] if shows else []
        if not isinstance(place, Deployment):
            return []
        if notice.kind in ENDS:
            return [(MessageKind.EVENT, str(place))]
        if notice.kind in REPORTED and notice.opened:
            # A lane of its own: a report that waits for its turn must not keep the answer waiting.
            report = Deployment(place.repository, place.run, place.environment, reports=True)
            return [(MessageKind.CARD, str(report))]
        return []

    def deliver(self, message: Message) -> Mapping[str, Any]:
        """Create or edit a check run, report, or answer. Raises DeliveryError.

        The receipt of a check run is `{check_run}`; of reports `{reports, told}`.
        """
        place = places.read(message.address)
        if isinstance(place, Check) and message.card is not None:
            return self._show(message, message.card, place)
        if isinstance(place, Deployment) and place.reports and message.card is not None:
            return self._report(message, message.card, place)
        if isinstance(place, Deployment) and message.kind is MessageKind.EVENT:
            return self._answer(message, place)
        raise DeliveryError("There is no such place on GitHub.", permanent=True)

    def look(self, *, at: datetime, since: datetime | None) -> None:
        """Find what GitHub could not tell us, and what it forgot to. Raises DeliveryError."""
        reconciling.look(self._github, self._configuration, at=at, since=since)

    def _show(self, message: Message, card: Card, check: Check) -> Mapping[str, Any]:
        words = message.words if message.kind is MessageKind.NOTE else ""
        body = output.body(card, critical_on_web=self._configuration.critical_on_web, words=words)
        known = message.receipt.get("check_run")
        if known is None and message.kind is MessageKind.NOTE:
            return {}
        if known is None and message.attempt > 1:
            known = self._find(card, check)
        path = f"/repos/{check.repository.name}/check-runs"
        if known is None:
            body = {**body, "head_sha": check.sha}
            answer = self._github.call("POST", path, at=check.repository, body=body)
        else:
            answer = self._github.call("PATCH", f"{path}/{known}", at=check.repository, body=body)
        return {"check_run": _id(wire.mapping(answer))}

    def _find(self, card: Card, check: Check) -> int | None:
        """Our own check run from an earlier attempt whose answer we never got."""
        answer = self._github.call(
            "GET",
            f"/repos/{check.repository.name}/commits/{check.sha}/check-runs",
            at=check.repository,
            query={"check_name": output.NAME, "filter": "all", "per_page": 100},
        )
        found = wire.mapping(answer).get("check_runs")
        for each in found if isinstance(found, list) else ():
            if isinstance(each, dict) and each.get("external_id") == card.public_id:
                return _id(each)
        return None

    def _report(self, message: Message, card: Card, place: Deployment) -> Mapping[str, Any]:
        given = int(message.receipt.get("reports") or 0)
        words = answers.report(card)
        if (
            not card.is_open
            or given >= answers.MOST_REPORTS
            or words == message.receipt.get("told")
        ):
            return dict(message.receipt)
        body = {"environment_name": place.environment, "comment": words}
        self._github.call("POST", place.path, at=place.repository, body=body)
        return {"reports": given + 1, "told": words}

    def _answer(self, message: Message, place: Deployment) -> Mapping[str, Any]:
        row = queries.request(str(message.event.get("data", {}).get("request", "")))
        if row.submission.get("labels", {}).get(places.LABEL) != message.address:
            raise DeliveryError("This request was not asked from there.", permanent=True)
        answer = _used(row, at=message.at)
        body = {
            "environment_name": place.environment,
            "state": answer.state,
            "comment": answer.comment,
        }
        try:
            self._github.call("POST", place.path, at=place.repository, body=body)
        except wire.Refused as refusal:
            raise DeliveryError(
                f"{refusal.words} GitHub takes no answer to {row.ref}: it has one already, or the "
                "run has ended. Look at the run.",
                permanent=True,
            ) from refusal
        return {"answered": answer.state}


def _used(row: ApprovalRequest, *, at: datetime) -> Answer:
    """The answer; an approval is used by giving it, so that it cannot be given twice or taken back."""
    if not Status(row.status).is_final:
        raise DeliveryError("It is not decided yet.")
    if row.status == Status.APPROVED:
        parameters = row.submission["parameters"]
        try:
            grants.consume(ref=row.ref, agent=row.agent, key=USED_AS, parameters=parameters, at=at)
        except Refusal as refusal:
            return answers.too_late(row, refusal.words)
    return answers.final(row)


def _id(check_run: Mapping[str, Any]) -> int:
    found = check_run.get("id")
    if not isinstance(found, int) or isinstance(found, bool):
        raise DeliveryError("GitHub answered without naming the check run.", unknown=True)
    return found
