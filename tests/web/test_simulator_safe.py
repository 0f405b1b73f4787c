"""What an agent hid in a name stands in no answer of the simulator, and the second person can replay."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.domain.terms import Verdict
from approvals.models import ApprovalRequest
from approvals.services import own, policy_changes
from tests.support import cast
from tests.web.conftest import Browser
from tests.web.reading import Page
from tests.web.test_policies import ONE_MORE, WEAKER

pytestmark = pytest.mark.django_db
HIDDEN = ("\u202e", "\u200b")
CASE = """- name: "scale_deployment on api\u202e-2\u200b"
  request: {agent: robo, action: view_dashboard, target: x, parameters: {}}
  expect: {verdict: forbidden}
"""


@pytest.fixture
def drafted(ada: Browser) -> ApprovalRequest:
    """The request for a policy that asks less."""
    fields = {"file": "less.yaml", "text": WEAKER, "propose": "yes", "reason": "r"}
    ada.client.post("/policies/draft", fields)
    return own.waiting(policy_changes.EFFECT).get()


@pytest.mark.parametrize("hidden", HIDDEN)
def test_no_answer_of_the_simulator_holds_what_was_hidden_in_a_name(
    lin: Browser, drafted: ApprovalRequest, hidden: str
) -> None:
    past = cast.request(target=f"production{hidden}-api", **ONE_MORE)
    cast.decide(past, lin.person, Verdict.APPROVE)
    number = drafted.submission["parameters"]["draft"]
    page = lin.get(f"/policies/simulate?request={past.ref}&draft={number}&replay=yes")
    [listed] = [each for each in page.every("li") if past.ref in each.text]
    assert f"⟦U+{ord(hidden):04X}⟧" in listed.text
    assert [each for each in listed.every("span") if "flag" in each.attributes.get("class", "")]
    assert hidden not in page.text


def test_no_checked_draft_holds_it_either(lin: Browser, ada: Browser) -> None:
    past = cast.request(target="production\u202e-api", **ONE_MORE)
    cast.decide(past, lin.person, Verdict.APPROVE)
    fields: dict[str, Any] = {"file": "less.yaml", "text": WEAKER, "check": "yes", "cases": CASE}
    page = Page(ada.client.post("/policies/draft", fields).content.decode())
    sections = [each for each in page.every("section") if each.attributes.get("aria-labelledby")]
    told = {each.attributes["aria-labelledby"]: each.text for each in sections}
    assert "⟦U+202E⟧" in told["tried"]
    assert past.ref in told["replayed"]
    for text in (told["tried"], told["replayed"]):
        assert not [each for each in HIDDEN if each in text]


def test_whoever_decides_about_a_draft_can_judge_the_past_by_it(
    lin: Browser, drafted: ApprovalRequest
) -> None:
    past = cast.request(**ONE_MORE)
    cast.decide(past, lin.person, Verdict.APPROVE)
    grace = Browser(cast.person("grace"))
    [link] = [
        each for each in grace.get(f"/r/{drafted.ref}").every("a") if "by this draft" in each.text
    ]
    replayed = grace.get(link.attributes["href"])
    assert "1 would stop asking" in replayed.text
    assert past.ref in replayed.text
