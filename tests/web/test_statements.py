"""A page takes as many statements beside three hundred requests as beside three."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.domain.terms import EventKind, Verdict
from approvals.models import Agent, AuditEvent, Person
from approvals.services import clock, exports, own, policy_changes
from tests.support import cast, many
from tests.web.conftest import Browser
from tests.web.test_policies import WEAKER

SEARCHES = (
    "",
    "agent:robo outcome:denied risk:medium by:lin after:2d param.to_replicas>1",
    "agent:robo",
    "by:lin",
    "production",
    "xylophone",
    "is:stand-in",
    "is:asked",
    "rule:x",
    "team:team-leads",
    "ran:yes ran:failed ran:rolled-back",
    "before:2030-01-01",
    "outcome:approved is:asked",
)
PAGES = (
    *(f"/history?q={quote(text)}" for text in SEARCHES),
    "/history?older=3",
    "/history?q=production&older=3",
    "/history?q=after%3A7d&show=why",
    "/history/newer?q=production&above=1",
    "/history/exports",
    "/insights",
    "/guardrails",
    "/agents",
    "/agents/robo",
    "/agents/stop?agent=robo",
    "/policies/versions",
    "/policies/simulate?request=REQ-1",
    "/guardrails/breakers",
    "/history/integrity",
    "/r/REQ-1",
    "/r/REQ-1/evidence",
    "/r/REQ-1/live",
    "/agents/new",
    "/agents/stop",
    "/agents/stop-several?agent=robo",
    "/guardrails/alerts?kind=unusual_action_patterns",
    "/history/changes",
    "/history/changes/SEQ",
    "/history/exports/KEY",
    "/oncall",
    "/policies",
    "/policies/draft",
    "/policies/draft?from=REQ-1",
    "/policies/versions/1",
    "/queue/export?ref=REQ-1",
    "/queue/names?field=policy",
    "/queue/several?do=assign&ref=REQ-1",
    "/queue/several?do=mute&ref=REQ-1",
    "/queue/waiting",
    "/settings",
    "/settings/channels/slack",
    "/settings/showing",
    "/settings/you",
)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_takes_as_many_statements_however_much_is_past(
    lin: Browser, robo: Agent, page: str
) -> None:
    _hold(lin, page, lin.person, robo)


@pytest.mark.parametrize("page", ["/settings/messages", "/settings/webhooks"])
def test_a_page_of_managers_takes_as_many_however_much_is_past(
    lin: Browser, ada: Browser, robo: Agent, page: str
) -> None:
    _hold(ada, page, lin.person, robo)


def test_a_request_is_judged_by_a_draft_in_as_many_statements_however_much_is_past(
    lin: Browser, ada: Browser, robo: Agent
) -> None:
    fields = {"file": "less.yaml", "text": WEAKER, "propose": "yes", "reason": "r"}
    ada.client.post("/policies/draft", fields)
    draft = own.waiting(policy_changes.EFFECT).get().submission["parameters"]["draft"]
    _hold(lin, f"/policies/simulate?draft={draft}&request=REQ-1", lin.person, robo)


def _hold(who: Browser, page: str, decider: Person, robo: Agent) -> None:
    """As many statements beside two closed requests as beside three hundred more."""
    first = cast.decide(cast.request(robo), decider)
    denied = cast.decide(cast.request(robo, target="other-api"), decider, Verdict.DENY, "No.")
    page = page.replace("REQ-1", first.ref).replace("older=3", f"older={denied.number + 1}")
    if "KEY" in page:
        export = exports.ask(person=decider, form="csv", text="", at=clock.now())
        page = page.replace("KEY", str(export.public_id))
    page = page.replace("SEQ", str(_change()))

    _statements(who, page)  # the first look at a request is written down
    few = _statements(who, page)
    for row in (first, denied):
        row.refresh_from_db()
        many.requests(row, [{}] * 150)
    assert _statements(who, page) == few
    assert few <= 45


def _change() -> int:
    """Where the newest change of policy stands on its chain."""
    told = AuditEvent.objects.filter(type=EventKind.POLICY_APPLIED.value)
    return told.latest("pk").seq


def test_deciding_on_several_takes_as_many_statements_for_three_as_for_thirty(
    lin: Browser, robo: Agent
) -> None:
    counts = []
    for how_many in (3, 30):
        rows = [cast.request(robo, parameters={"n": number}) for number in range(how_many)]
        page = "/queue/several?do=deny&" + "&".join(f"ref={row.ref}" for row in rows)
        _statements(lin, page)
        counts.append(_statements(lin, page))
    assert counts[0] == counts[1] <= 45


def _statements(who: Browser, page: str) -> int:
    with CaptureQueriesContext(connection) as seen:
        answer = who.client.get(page)
    assert answer.status_code == 200, answer.content[:500]
    return len(seen)
