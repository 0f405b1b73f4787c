"""One request: everything that would run, in a fixed order, as text and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from approvals.domain.terms import Verdict
from approvals.models import Agent, AgentStage, ApprovalRequest
from approvals.services import clock, grants, lifecycle, policies, policy_changes
from tests.support import cast
from tests.web.conftest import Browser
from tests.web.reading import Element, Page

At = Callable[[str], Browser]
HOSTILE = "<b>x</b> *x* <!channel> [a](http://b) {{ request.user }} {% now 'Y' %}"
LONG_AGO = timedelta(minutes=30)


@pytest.fixture
def row(robo: Agent) -> ApprovalRequest:
    return cast.request(robo)


def read(answer: object) -> Page:
    return Page(answer.content.decode())  # type: ignore[attr-defined]  # Django's test response


def test_the_facts_stand_before_what_the_agent_says(lin: Browser, row: ApprovalRequest) -> None:
    page = lin.get(f"/r/{row.ref}")

    aside = {"Who can decide", "About", "Similar requests before"}
    body = [heading for heading in page.headings if heading not in aside]
    assert body[:7] == [
        "What will run",
        "What changes",
        "Why a person is asked",
        "Checked by us",
        "The agent says · not checked",
        "Questions and answers",
        "History here",
    ]
    assert page.every("h1")[0].text == "robo wants to run scale deployment on production-api"
    before, _, after = page.text.partition("The agent says · not checked")
    assert "CPU utilization exceeded" in after
    assert "CPU utilization exceeded" not in before


def test_no_name_of_a_parameter_passes_for_a_change(lin: Browser, robo: Agent) -> None:
    name = "replicas (the agent's word, not checked) → 4"
    row = cast.request(robo, parameters={f"from_{name}": 1, f"to_{name}": {"a": "1, b: 2"}})

    page = lin.get(f"/r/{row.ref}")
    assert f'["{name}"]' in [each.text for each in page.every("p")]
    assert 'a: "1, b: 2"' in page.text


def said(cell: Element) -> str:
    """What a cell says, without the button that copies it."""
    return " ".join(found.text for found in cell.every("bdi")) or cell.text


def test_every_parameter_is_shown_as_it_is_with_its_type(lin: Browser, robo: Agent) -> None:
    values = {
        "amount": 124000,
        "order": "1182",
        "force": True,
        "owner": None,
        "note": "",
        "deep": {"list": [1.5]},
    }
    row = cast.request(robo, parameters=values)

    page = lin.get(f"/r/{row.ref}")

    table = next(table for table in page.every("table") if "Parameter" in table.text)
    lines = [[said(cell) for cell in line.every("td")][:3] for line in table.every("tr")[1:]]
    assert sorted(lines) == [
        ["amount", "124000", "integer"],
        ["deep.list[0]", "1.5", "number"],
        ["force", "true", "true/false"],
        ["note", '""', "empty text"],
        ["order", '"1182"', "text"],
        ["owner", "null", "null"],
    ]
    assert "6 of 6 shown" in page.text


def test_hostile_text_is_shown_letter_for_letter(lin: Browser, robo: Agent) -> None:
    row = cast.request(
        robo, target=HOSTILE, parameters={"text": HOSTILE, HOSTILE: 1}, reasoning=HOSTILE
    )

    answer = lin.client.get(f"/r/{row.ref}").content.decode()

    assert "<b>x</b>" not in answer
    page = Page(answer)
    values = [said(cell) for cell in page.every("td") if cell.attributes.get("class") == "value"]
    assert f'"{HOSTILE}"' in values
    assert HOSTILE in [claim.text for claim in page.every("dd")]
    links = {link.attributes["href"] for link in page.every("a")}
    assert not [link for link in links if link.startswith("http")]


def test_what_changes_is_drawn_from_pairs_or_says_why_it_is_not(lin: Browser, robo: Agent) -> None:
    paired = lin.get(f"/r/{cast.request(robo).ref}")
    unknown = lin.get(f"/r/{cast.request(robo, **cast.HIGH, rollback=None).ref}")

    assert [paired.every(tag)[0].text for tag in ("del", "ins")] == ["removed: 5", "added: 8"]
    assert "We cannot see the present value, and the agent says nothing of it" in unknown.text


def test_the_buttons_name_what_they_do(lin: Browser, row: ApprovalRequest) -> None:
    buttons = lin.get(f"/r/{row.ref}").buttons

    for name in (
        "Approve now: scale deployment · production-api",
        "Approve with a note… scale deployment · production-api",
        "Approve scale deployment · production-api",
        "Deny… scale deployment · production-api",
        "Deny scale deployment · production-api",
        "Investigate… scale deployment · production-api",
    ):
        assert name in buttons


def test_an_answer_of_the_agent_is_marked_as_its_claim(lin: Browser, row: ApprovalRequest) -> None:
    cast.decide(row, lin.person, Verdict.INVESTIGATE, "Why?")
    lifecycle.add_message(ref=row.ref, text="<i>Trust me</i>", agent=row.agent, at=clock.now())

    thread = [line for line in lin.get(f"/r/{row.ref}").every("li") if "Trust me" in line.text]

    assert thread[0].text.startswith("The agent says · not checked")
    assert "<i>Trust me</i>" in thread[0].text


def test_a_used_approval_says_that_it_ran(lin: Browser, robo: Agent) -> None:
    row = cast.approved(robo)
    grants.consume(ref=row.ref, agent=robo, key="k", parameters=None, at=clock.now())

    page = lin.get(f"/r/{row.ref}")

    assert "▷ Running" in page.text
    assert not [name for name in page.buttons if "Revoke" in name]


@pytest.mark.parametrize("verb", ["decide", "messages", "cancel", "revoke"])
def test_looking_never_changes_anything(lin: Browser, row: ApprovalRequest, verb: str) -> None:
    address = f"/r/{row.ref}/{verb}?verdict=approve&version=1&shown={row.action_sha256}&text=x"

    assert lin.client.get(address).status_code == 405
    assert lin.client.head(address).status_code == 405
    row.refresh_from_db()
    assert (row.status, row.position) == ("pending", 1)


def test_an_address_without_a_page_says_so(lin: Browser) -> None:
    page = lin.get("/no-such-page", status=404)
    assert page.every("h1")[0].text == "Not here"
    assert page.every("a")[0].attributes["href"] == "/queue"


@pytest.mark.parametrize(
    "ref", ["REQ-999999999999999999999", "REQ-0", "nonsense", "REQ-٣", "%00", "REQ-1%27"]
)
def test_what_does_not_exist_is_not_here(lin: Browser, ref: str) -> None:
    assert lin.get(f"/r/{ref}", status=404).every("h1")[0].text == "Not here"
    assert lin.post(f"/r/{ref}/cancel").status_code == 404
    fields = {"verdict": "deny", "version": "1", "shown": "0" * 64, "comment": "x"}
    assert lin.post(f"/r/{ref}/decide", **fields).status_code == 404


def test_a_form_can_be_opened_without_a_script(lin: Browser, row: ApprovalRequest) -> None:
    page = lin.get(f"/r/{row.ref}?open=deny")

    assert "open" in page.by_id("dialog-deny").attributes
    assert "open" not in page.by_id("dialog-approve").attributes


def test_a_request_decided_by_policy_says_that_nobody_was_asked(lin: Browser, robo: Agent) -> None:
    page = lin.get(f"/r/{cast.request(robo, **cast.LOW).ref}")

    assert "Why nobody was asked" in page.headings
    assert "Approved by policy at " in page.by_id("actions").text


def test_the_parts_of_an_open_page_can_be_drawn_again(lin: Browser, row: ApprovalRequest) -> None:
    page = lin.get(f"/r/{row.ref}/live", x_live="1")

    regions = [element.attributes.get("data-region") for element in page.every_element()]
    assert {"top", "people", "thread", "timeline", "dialogs", "actions"} <= set(regions)


GUARDED = """
apiVersion: guardrails.io/v1
kind: AgentPolicy
metadata: {name: guarded}
spec:
  actions:
    - {name: scale_deployment, approval: auto, conditions: [{maxPercentChange: 50}]}
  blastRadius: {pods: 2}
"""


def guarded() -> None:
    files = cast.frame() | {"guarded.yaml": GUARDED}
    policies.apply(files=files, author="tests", actor=cast.OPERATOR, at=clock.now())


def evaluation(page: Page) -> list[list[str]]:
    table = next(
        each for each in page.every("table") if "evaluation" in each.attributes.get("class", "")
    )
    return [[cell.text for cell in line.children if not isinstance(cell, str)]
            for line in table.every("tr")[1:]]  # fmt: skip


def test_every_check_is_shown_in_order_with_its_values_rule_and_line(
    lin: Browser, robo: Agent
) -> None:
    guarded()
    row = cast.request(robo)

    lines = evaluation(lin.get(f"/r/{row.ref}"))

    assert [line[0] for line in lines] == [
        str(check["check"]).replace("_", " ") for check in row.evaluation
    ]
    blast = next(line for line in lines if line[0] == "blast radius")
    assert blast[1] == "Failed asks a person"
    assert blast[2:4] == ["3 pods, at most 2.", "pods 3most 2"]
    assert blast[4].startswith("guarded.blast_radius")
    assert "guarded.yaml:8" in blast[4]


def test_why_a_person_is_asked_begins_with_what_asks(lin: Browser, robo: Agent) -> None:
    guarded()
    row = cast.request(robo)

    page = lin.get(f"/r/{row.ref}")

    why = next(each for each in page.every("section") if "Why a person is asked" in each.text)
    assert why.every("li")[0].text == "3 pods, at most 2."
    assert "Automatic only within its conditions" in why.every("li")[1].text


def test_what_policy_refused_says_so_and_why(lin: Browser, robo: Agent) -> None:
    page = lin.get(f"/r/{cast.request(robo, **cast.FORBIDDEN).ref}")

    assert "Why policy refused it" in page.headings
    why = next(each for each in page.every("section") if "Why policy refused it" in each.text)
    assert why.every("li")[0].text == "No agent drops a database."


def test_an_evaluation_of_an_earlier_release_is_still_shown(lin: Browser, robo: Agent) -> None:
    row = cast.request(robo)
    old = [
        {name: value for name, value in check.items() if name not in {"leads_to", "values"}}
        for check in row.evaluation
    ]
    ApprovalRequest.objects.filter(pk=row.pk).update(evaluation=old)

    lines = evaluation(lin.get(f"/r/{row.ref}"))

    assert len(lines) == len(old)
    assert lines[0][1] == "Passed"


def test_the_agents_words_in_a_value_are_shown_letter_for_letter(lin: Browser, robo: Agent) -> None:
    row = cast.request(robo)
    first = {**row.evaluation[0], "values": {"found": f"{HOSTILE}\u202e"}, "words": HOSTILE}
    ApprovalRequest.objects.filter(pk=row.pk).update(evaluation=[first])

    answer = lin.client.get(f"/r/{row.ref}").content.decode()

    assert "<b>x</b>" not in answer
    assert "\u202e" not in answer
    assert evaluation(Page(answer))[0][2] == HOSTILE


def test_every_recipient_can_be_read_however_many(lin: Browser, robo: Agent) -> None:
    everybody = [f"p{n}@example.com" for n in range(60)]
    row = cast.request(robo, recipients=everybody)
    page = lin.get(f"/r/{row.ref}")
    assert "All 60 recipients" in page.text
    assert "p59@example.com" in page.text
    assert any(button.name.startswith("Approve now") for button in page.every("button"))


def test_what_the_service_computed_is_not_said_by_the_agent(lin: Browser) -> None:
    cast.policy()
    files = dict(policies.newest().files)  # type: ignore[union-attr]  # one was just applied
    text = files["default.yaml"]
    weaker = "{name: drop_database, risk: critical"
    files["default.yaml"] = text.replace("{name: drop_database, approval: forbidden", weaker)
    proposal = policy_changes.Proposal(files, "sam", reason="We need it.")
    answer = policy_changes.offer(proposal, actor=cast.OPERATOR, at=clock.now())
    assert answer.request is not None

    page = lin.get(f"/r/{answer.request.ref}")

    before, _, after = page.text.partition("The proposer says · not checked")
    assert "Making guardrails weaker takes a second person." in before
    assert "is drop_database (of risk critical)" in before
    [diff] = [pre for pre in page.every("pre") if "in force/default.yaml" in pre.text]
    assert any("+" in line and weaker in line for line in diff._raw().splitlines())
    assert "We need it." in after


@pytest.fixture
def suggestion(robo: Agent) -> ApprovalRequest:
    cast.policy()
    AgentStage.objects.create(
        agent=robo, action_class="*", stage="shadow", since=clock.now(), changed_by="tests"
    )
    return cast.request(robo)


def test_a_suggestion_says_what_would_have_become_of_it_and_takes_a_mark(
    lin: Browser, suggestion: ApprovalRequest
) -> None:
    address = f"/r/{suggestion.ref}"
    page = lin.get(address)
    assert "Without it, people would have been asked." in page.text
    assert {"Right", "Wrong"} <= {button.name for button in page.every("button")}

    refused = lin.post(f"{address}/mark", mark="wrong", comment=" ")
    assert refused.status_code == 422
    assert "Say what is wrong about it. Nothing was marked." in read(refused).text
    assert lin.post(f"{address}/mark", mark="nonsense").status_code == 422

    assert lin.post(f"{address}/mark", mark="wrong", comment="Wrong cluster").status_code == 302
    page = lin.get(address)
    assert "marked it wrong: Wrong cluster" in page.text
    assert "Right" not in {button.name for button in page.every("button")}


def test_what_shadow_mode_did_not_deny_takes_no_mark(lin: Browser, row: ApprovalRequest) -> None:
    assert "Was this suggestion right?" not in lin.get(f"/r/{row.ref}").text
    assert lin.post(f"/r/{row.ref}/mark", mark="right").status_code == 409


DECEIVING = {
    "turned": "in\u202evoice.exe",
    "isolated": "\u2066EUR 1\u2069",
    "zero_width": "de\u200blete",
    "tags": "ok\U000e0061\U000e0070\U000e0070",
    "selectors": "a\ufe01\ufe02b",
    "mixed": "p\u0430ypal.com",
    "all_cyrillic": "\u0430\u0440\u0440\u04cf\u0435.com",
    "terminal": "\x1b[2Kok",
    "blank_lines": "ok" + "\n" * 60 + "rm -rf /",
    "odd_space": "1\u00a0240.00",
    "filler": "a\u3164b",
    "stacked": "Z\u0301\u0302\u0303\u0304\u0305",
}
HONEST = {
    "plain": "Refund for a damaged parcel",
    "german": "Größe geändert",
    "japanese": "返金をお願いします",
    "arabic": "يرجى رد المبلغ",
    "greek": "Παρακαλώ επιστροφή",
    "emoji": "👩\u200d🔧 on it",
}


def test_each_deceiving_text_is_marked_and_no_honest_one(lin: Browser, robo: Agent) -> None:
    row = cast.request(robo, parameters={**DECEIVING, **HONEST})

    page = lin.get(f"/r/{row.ref}")

    table = next(table for table in page.every("table") if "Parameter" in table.text)
    flagged = {
        line.every("td")[0].text
        for line in table.every("tr")[1:]
        if any("flag" in each.attributes.get("class", "") for each in line.every("span"))
    }
    assert flagged == set(DECEIVING)
    assert "⟦59 empty lines⟧" in table.text
