"""The evidence for trusting an agent more opens, figure by figure, the requests it is counted from."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.domain.autonomy import Denied, weigh
from approvals.domain.terms import Stage, Verdict
from approvals.models import Agent, ApprovalRequest
from approvals.services import autonomy, clock, lifecycle, suggestions
from approvals.web import agents_trust
from tests.support import cast
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db
LONG_AGO = timedelta(days=30)


@pytest.fixture
def robo(db: None) -> Agent:
    agent, _ = cast.agent()
    return agent


def held(robo: Agent, action_class: str, stage: Stage, *, ago: timedelta) -> None:
    autonomy.set_stage(
        agent=robo, action_class=action_class, stage=stage, reason="New.",
        actor=cast.OPERATOR, at=clock.now() - ago,
    )  # fmt: skip


def figures(who: Browser, action_class: str) -> dict[str, tuple[str, list[str]]]:
    """Each figure that leads to a list: what it says, and the requests on that list."""
    page = who.get(f"/agents/robo?class={action_class}")
    lists = [each for each in page.every("dl") if "figures-row" in each.attributes.get("class", "")]
    found = {}
    for each in lists[0].every("div"):
        for link in each.every("a"):
            rows = who.get(link.attributes["href"]).rows
            refs = sorted(row.attributes["data-ref"] for row in rows)
            found[each.every("dt")[0].text] = (link.text.split()[0], refs)
    return found


def refs(*rows: ApprovalRequest) -> list[str]:
    return sorted(row.ref for row in rows)


def test_each_figure_lists_the_requests_of_its_class_since_its_stage_began(
    robo: Agent, lin: Browser
) -> None:
    before = cast.request(at=clock.now() - 2 * LONG_AGO)
    held(robo, "scaling_events", Stage.SUPERVISED, ago=LONG_AGO)
    yes, no, waits = (cast.request(parameters={"n": number}) for number in range(3))
    cast.decide(yes, lin.person)
    cast.decide(no, lin.person, Verdict.DENY, "Wrong target.")
    cast.request(cast.agent("other")[0])
    other = cast.request(**cast.HIGH)

    scaling, rest = figures(lin, "scaling_events"), figures(lin, "*")

    median = scaling.pop("Half took at most")
    assert scaling == {
        "Requests": ("3", refs(yes, no, waits)),
        "Decided by people": ("2", refs(yes, no)),
        "Approved": ("50%", refs(yes, no)),
        "Denied": ("1", refs(no)),
        "Named an incident": ("100%", refs(yes, no, waits)),
    }
    assert median[1] == refs(yes, no)
    assert rest == {"Requests": ("1", refs(other)), "Named an incident": ("100%", refs(other))}
    assert before.ref not in scaling["Requests"][1]


def test_what_names_an_incident_is_told_from_what_only_holds_the_word(
    robo: Agent, lin: Browser
) -> None:
    word = {"related_incidents": ["INC-1"], "context": {"related_incidents": ["INC-2"]}}
    named = cast.request(context={"related_incidents": ["INC-3", 'a "quoted" one']})
    cast.request(context={"related_incidents": []}, parameters=word)
    cast.request(context={"triggered_by": '"related_incidents":["INC-4"]'}, parameters={"n": 1})
    cast.request(context=None, parameters={"n": 2})
    assert figures(lin, "*")["Named an incident"] == ("25%", refs(named))


def test_what_was_taken_back_after_a_question_is_listed(robo: Agent, lin: Browser) -> None:
    asked, unasked = cast.request(), cast.request(parameters={"n": 1})
    cast.decide(asked, lin.person, Verdict.INVESTIGATE, "Why eight?")
    for row in (asked, unasked):
        lifecycle.cancel(ref=row.ref, agent=robo, at=clock.now())
    assert figures(lin, "*")["Taken back after a question"] == ("1", refs(asked))


def test_in_shadow_mode_what_people_marked_is_listed(robo: Agent, lin: Browser) -> None:
    held(robo, "*", Stage.SHADOW, ago=timedelta(hours=1))
    marked, unmarked = cast.request(), cast.request(parameters={"n": 1})
    suggestions.mark(ref=marked.ref, person=lin.person, is_right=True, comment="", at=clock.now())
    assert figures(lin, "*") == {
        "Requests": ("2", refs(marked, unmarked)),
        "Decided by people": ("1", refs(marked)),
        "Approved": ("100%", refs(marked)),
        "Named an incident": ("100%", refs(marked, unmarked)),
    }


def test_all_denials_are_counted_where_only_the_newest_tell_their_reasons() -> None:
    none = weigh([], stage=None, since=None, until=clock.now())
    assert agents_trust.denied(none) == 0
    shown = (Denied("REQ-1", "Lin", "Wrong."),) * 20
    for count in (1_999, 1_333, 37):
        decided = 2_000
        agreement = round((decided - count) / decided, 4)
        some = replace(none, decided=decided, agreement=agreement, denials=shown)
        assert agents_trust.denied(some) == count


def test_the_statements_behind_the_evidence_do_not_grow(robo: Agent, lin: Browser) -> None:
    address = "/history?q=agent:robo+evidence:*+evidence:scaling_events+"
    address += "is:decided+is:escalated+is:names-incident"
    counts = []
    for _ in range(2):
        for number in range(4):
            cast.decide(cast.request(parameters={"n": number}), lin.person)
        with CaptureQueriesContext(connection) as asked:
            lin.get(address)
            lin.get("/agents/robo")
        counts.append(len(asked))
    assert counts[0] == counts[1]
