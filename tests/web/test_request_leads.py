"""Where the page of a request leads: to its agent, its rule, its session, and to stopping the agent."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from approvals.models import Agent
from approvals.services import clock, policies, stopping
from tests.support import cast
from tests.web.conftest import Browser
from tests.web.reading import Page

At = Callable[[str], Browser]
LARGE = """
apiVersion: guardrails.io/v1
kind: AgentPolicy
metadata: {name: large}
spec:
  agents: ["*"]
  actions:
    - {name: "scale_*", risk: medium, because: Scaling costs.}
    - {name: "scale_*", approval: required, because: Look first.}
"""


def links(page: Page) -> dict[str, str]:
    return {link.text: link.attributes["href"] for link in page.every("a")}


def test_who_may_stop_the_agent_finds_the_way_under_more(
    at: At, max_: Browser, robo: Agent
) -> None:
    row = cast.request(robo, **cast.HIGH)

    found = links(max_.get(f"/r/{row.ref}"))

    assert found["Stop robo…"] == "/agents/stop?agent=robo"
    assert "Stop robo" in max_.get(found["Stop robo…"]).text
    assert "Stop robo…" not in links(at("mallory").get(f"/r/{row.ref}"))
    stopping.stop(agent=robo, person=max_.person, reason="It loops.", at=clock.now())
    assert "Stop robo…" not in links(max_.get(f"/r/{row.ref}"))


def test_the_page_leads_to_the_agent_the_rule_and_the_session(lin: Browser, robo: Agent) -> None:
    files = policies.read_directory(cast.POLICIES) | {"large.yaml": LARGE}
    policies.apply(files=files, author="tests", actor=cast.OPERATOR, at=clock.now())
    row = cast.request(robo, session="run 7:a")

    found = links(lin.get(f"/r/{row.ref}"))

    assert found["robo"] == "/agents/robo"
    assert found["large.scale_*"] == "/policies#rule-large.scale_%2A"
    rules = [
        each.text
        for each in lin.get("/policies").every_element()
        if each.attributes.get("id") == "rule-large.scale_*"
    ]
    assert len(rules) == 1
    assert row.ref in lin.get(found["run 7:a"]).text
    elsewhere = cast.request(robo, target="elsewhere", session="run 8")
    assert elsewhere.ref not in lin.get(found["run 7:a"]).text


@pytest.mark.parametrize("odd", ['x"y', "a\u202eb", "<i>s</i>", "..", "a b:c=d&e#f"])
def test_an_odd_session_leads_to_its_own_requests_or_nowhere(
    lin: Browser, robo: Agent, odd: str
) -> None:
    row = cast.request(robo, session=odd)

    page = lin.get(f"/r/{row.ref}")

    ways = [w for w in page.every("a") if w.attributes["href"].startswith("/history?q=session")]
    assert len(ways) <= 1
    for way in ways:
        assert row.ref in lin.get(way.attributes["href"]).text
