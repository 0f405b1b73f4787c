"""One person looking at one request at one moment: everything its page is drawn from, read once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from approvals import queries
from approvals.domain import more_time
from approvals.domain.cards import Card
from approvals.domain.errors import Refusal
from approvals.domain.state import Approver, RequestState
from approvals.domain.terms import Status, Verdict
from approvals.models import (
    ApprovalRequest,
    AuditEvent,
    HeldDecision,
    Person,
    RequestLook,
    Team,
    states,
)
from approvals.queries import request_page
from approvals.services import more_time as adding
from approvals.web import since
from approvals.web.since import Since
from approvals.web.verdicts import refusal


@dataclass(frozen=True, slots=True)
class View:
    """How the page was asked for.

    `known`: the version the reader knew before; what came after it is listed. `drawn`: the version
    an open page was drawn at, when only its parts are asked for. `in_full`: nothing is cut or folded.
    `is_fresh`: the reader signed in a moment ago.
    """

    known: int | None = None
    drawn: int | None = None
    in_full: bool = False
    is_fresh: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read; `view` says how. `held` waits on this request or did, and `held_for` on the leader
    of its card, where it counts for this one, too."""

    row: ApprovalRequest
    state: RequestState
    card: Card
    person: Person
    approver: Approver
    events: tuple[AuditEvent, ...]
    looks: tuple[RequestLook, ...]
    held: tuple[HeldDecision, ...]
    held_for: tuple[HeldDecision, ...]
    view: View
    now: datetime

    @property
    def in_full(self) -> bool:
        return self.view.in_full

    @property
    def since(self) -> Since | None:
        """What came after the version this reader knew."""
        messages = list(self.row.messages.all())
        version = self.view.drawn or self.view.known
        return since.of(self.row, self.events, messages, version=version)

    @property
    def is_stale(self) -> bool:
        """An open page was drawn at an earlier version than the present one."""
        return self.view.drawn is not None and self.view.drawn < self.row.version

    @property
    def live_query(self) -> str:
        """What an open page adds when it asks for its parts again."""
        named = {"seen": self.view.drawn or self.row.version}
        if self.in_full:
            named["full"] = 1
        return urlencode(named)

    @property
    def titles(self) -> dict[str, str]:
        return dict(Team.objects.values_list("name", "title"))

    def refusal(self, verdict: Verdict) -> Refusal | None:
        return refusal(self.state, self.approver, verdict, now=self.now)

    @property
    def may_approve(self) -> bool:
        return self.refusal(Verdict.APPROVE) is None

    @property
    def is_owner(self) -> bool:
        return self.person.pk in {self.row.agent.owner_id, self.row.owner_at_submission_id}

    @property
    def may_cancel(self) -> bool:
        return self.card.is_open and self.is_owner

    @property
    def time_to_add(self) -> timedelta:
        """How much this reader could add to the deadline; each does it once."""
        may = self.card.is_open and self.refusal(Verdict.DENY) is None
        if not may or adding.was_added_by(self.person, self.events):
            return timedelta(0)
        return more_time.room(self.state)

    @property
    def may_revoke(self) -> bool:
        grant = self.state.grant
        if (
            self.state.status is not Status.APPROVED
            or grant is None
            or grant.consumed_at
            or grant.lapsed
        ):
            return False
        asked = {team for stage in self.state.plan.stages for team in stage.teams(len(stage.rungs))}
        rights = self.approver.rights(at=self.now)
        return bool(rights & asked) or self.person.pk in self.state.conflicted


def read(ref: str, person: Person, view: View, *, now: datetime) -> Reading:
    """Raises NotFound."""
    row = queries.request(ref)
    return Reading(
        row=row,
        state=states.of(row, decisions=row.decisions.all()),
        card=queries.card(row),
        person=person,
        approver=states.approver(person),
        events=tuple(queries.events_of(row)),
        looks=tuple(request_page.looks_at(row)),
        held=tuple(request_page.held_on(row)),
        held_for=tuple(request_page.held_for(row)),
        view=view,
        now=now,
    )
