"""A deployment that waits on GitHub becomes a request, and its end becomes the answer."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from approvals.domain.terms import Status, Verdict
from approvals.models import ApprovalRequest, Delivery
from approvals.services import clock, deliveries, ledger, lifecycle
from integrations.github import answers
from tests.fakes.github import FakeGitHub, Gate
from tests.fakes.github_events import RUN, SHOP, waiting
from tests.fakes.server import done_and_gone, hangs_up, says
from tests.integrations.contract import DECEIVING, HOSTILE
from tests.support import cast
from tests.support.github import agent, linked, send

pytestmark = pytest.mark.django_db
SPAN = re.compile(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)")


@pytest.fixture
def gate(github: FakeGitHub) -> Gate:
    """The deployment of the tests, asked about."""
    agent()
    assert send("deployment_protection_rule", waiting(github)).status_code == 202
    return github.gates[RUN]


def the_request() -> ApprovalRequest:
    return ApprovalRequest.objects.get(action="deploy_environment")


def test_it_is_asked_in_the_name_of_the_agent_with_what_would_run(gate: Gate) -> None:
    row = the_request()
    assert row.agent == agent()
    assert row.target == f"{SHOP}:production"
    assert row.submission["parameters"] == {
        "repository": SHOP,
        "repository_id": 555,
        "environment": "production",
        "sha": "ec26c3e57ca3a959ca5aad62de7213c562f8c821",
        "ref": "main",
        "deployment_id": RUN + 1,
        "run_id": RUN,
    }
    assert row.status == Status.PENDING


def test_a_yes_lets_it_go_on_and_says_who_and_why(gate: Gate) -> None:
    cast.decide(the_request(), cast.person("lin"), comment="Looks *good* @everyone")
    deliveries.send_due()
    [answer] = gate.answers
    assert answer["state"] == "approved"
    assert "`Lin`" in answer["comment"]
    assert "`Looks *good* @everyone`" in answer["comment"]
    row = the_request()
    assert (row.consumed_key, row.consumed_at is not None) == ("github", True)


def test_a_no_stops_it_with_its_reason(gate: Gate) -> None:
    cast.decide(the_request(), cast.person("lin"), Verdict.DENY, "Not on a Friday.")
    deliveries.send_due()
    [answer] = gate.answers
    assert answer["state"] == "rejected"
    assert "Denied by `Lin`." in answer["comment"]
    assert "`Not on a Friday.`" in answer["comment"]


@pytest.mark.parametrize("said", [*HOSTILE, *(words for words, _, _ in DECEIVING.values())])
def test_whatever_reason_was_given_stands_as_code_and_within_the_limit(
    gate: Gate, said: str
) -> None:
    cast.decide(the_request(), cast.person("lin"), Verdict.DENY, said)
    deliveries.send_due()
    [answer] = gate.answers
    comment = answer["comment"]
    assert len(comment) <= answers.COMMENT_LIMIT
    plain = SPAN.sub("", comment)
    assert plain.startswith("Denied by")
    assert not [word for word in ("@", "<", "*", "evil", "\x1b", "\u202e", "`") if word in plain]
    assert not [char for char in "\x1b\x07\u202e\u202c\n" if char in comment]


def test_reasons_that_are_too_long_are_left_out_whole() -> None:
    link, named = "[REQ-1](https://a.example/r/REQ-1)", "Approved by `J. Smith, R. Roe`."
    reasons = [f"`J. Smith`: `{'It is fine. ' * 40}`", f"`R. Roe`: `{'So it is. ' * 50}`"]
    assert answers.within(named, link, reasons=reasons) == f"{named} {reasons[0]} {link}"
    assert answers.within(named, link, reasons=[reasons[0] * 3]) == f"{named} {link}"
    assert answers.within(named * 40, link) == link


def test_silence_is_answered_as_silence_and_never_as_a_denial(gate: Gate) -> None:
    row = the_request()
    late = row.expires_at + timedelta(days=3)
    ledger.let_time_pass(row.pk, at=late)
    row.refresh_from_db()
    assert row.status == Status.EXPIRED
    deliveries.send_due(now=lambda: late)
    [answer] = gate.answers
    assert answer["state"] == "rejected"
    assert answer["comment"].startswith("Nobody decided in time")
    assert "denied" not in answer["comment"].lower()


def test_what_is_withdrawn_is_rejected_in_these_words(gate: Gate) -> None:
    lifecycle.cancel(ref=the_request().ref, agent=agent(), at=clock.now())
    deliveries.send_due()
    assert gate.answers[0]["state"] == "rejected"
    assert gate.answers[0]["comment"].startswith("Withdrawn by")


def test_what_is_taken_back_before_github_was_told_does_not_go_on(gate: Gate) -> None:
    row = cast.decide(the_request(), cast.person("lin"))
    lifecycle.revoke(ref=row.ref, person=cast.person("lin"), at=clock.now())
    deliveries.send_due()
    assert [answer["state"] for answer in gate.answers] == ["rejected"]
    assert "taken back" in gate.answers[0]["comment"]


def test_it_is_told_how_it_stands_at_most_ten_times(gate: Gate) -> None:
    cast.person("lin")
    deliveries.send_due()
    assert len(gate.reports) == 1
    assert "Needs" in gate.reports[0]
    row = the_request()
    for number in range(14):
        verdict = Verdict.INVESTIGATE
        row = lifecycle.decide(
            ref=row.ref, person=cast.person("lin"), verdict=verdict, comment="Why?", at=clock.now()
        )
        deliveries.send_due()
        lifecycle.add_message(ref=row.ref, text=f"Because {number}", agent=agent(), at=clock.now())
        deliveries.send_due()
        if number == 0:
            assert len(gate.reports) >= 2
    assert len(gate.reports) <= 10
    assert all(len(report) <= 1_024 for report in gate.reports)
    cast.decide(the_request(), cast.person("lin"))
    deliveries.send_due()
    assert len(gate.answers) == 1


def test_whoever_started_it_cannot_let_it_on(github: FakeGitHub) -> None:
    agent()
    linked("lin", 900)
    send("deployment_protection_rule", waiting(github, sender=900))
    with pytest.raises(Exception, match="someone else must decide"):
        cast.decide(the_request(), cast.person("lin"))


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/repos/octo/shop/actions/runs/1/deployment_protection_rule",
        "{api}.evil.example/repos/octo/shop/actions/runs/1/deployment_protection_rule",
        "{api}@evil.example/repos/octo/shop/actions/runs/1/deployment_protection_rule",
        "/repos/octo/shop/actions/runs/1/deployment_protection_rule",
        "{api}/repos/octo/other/actions/runs/1/deployment_protection_rule",
        "{api}/repos/octo/shop/actions/runs/1/pending_deployments",
        "{api}/repos/octo/shop/actions/runs/1/deployment_protection_rule?x=1",
        "{api}/repos/octo/shop/actions/runs/../1/deployment_protection_rule",
    ],
)
def test_no_answer_is_promised_to_another_address(github: FakeGitHub, url: str) -> None:
    agent()
    body = waiting(github, deployment_callback_url=url.format(api=github.url))
    assert send("deployment_protection_rule", body).status_code == 403
    assert not ApprovalRequest.objects.exists()


def test_an_installation_that_may_not_ask_is_refused(github: FakeGitHub) -> None:
    agent()
    body = waiting(github, installation={"id": 78})
    assert send("deployment_protection_rule", body).status_code == 403
    assert not ApprovalRequest.objects.exists()


def test_without_its_agent_github_is_asked_to_come_again(github: FakeGitHub) -> None:
    cast.policy()
    body = waiting(github)
    assert send("deployment_protection_rule", body).status_code == 503
    agent()
    assert send("deployment_protection_rule", body).status_code == 202
    assert ApprovalRequest.objects.count() == 1


def test_told_again_and_again_it_is_one_request(github: FakeGitHub) -> None:
    agent()
    for _ in range(3):
        assert send("deployment_protection_rule", waiting(github)).status_code == 202
    assert ApprovalRequest.objects.count() == 1


def test_while_github_is_down_nothing_is_lost(gate: Gate, github: FakeGitHub) -> None:
    cast.decide(the_request(), cast.person("lin"))
    github.will(hangs_up, says(502), says(429, {}, Retry_After="2"), done_and_gone)
    moment = clock.now()
    for _ in range(8):
        moment += timedelta(hours=1) if gate.answers else timedelta(minutes=3)
        deliveries.send_due(now=lambda at=moment: at)  # type: ignore[misc]
    assert [answer["state"] for answer in gate.answers] == ["approved"]


def test_an_answer_github_does_not_take_is_not_hidden(gate: Gate, github: FakeGitHub) -> None:
    gate.answers.append({"state": "rejected"})
    cast.decide(the_request(), cast.person("lin"))
    deliveries.send_due()
    [dead] = Delivery.objects.filter(state="dead", kind="event")
    assert "has one already" in dead.last_error


def test_tokens_are_kept_until_they_are_nearly_over(gate: Gate, github: FakeGitHub) -> None:
    deliveries.send_due()
    cast.decide(the_request(), cast.person("lin"))
    deliveries.send_due()
    assert len(github.tokens) == 1
    assert len(gate.reports) + len(gate.answers) == 2


def test_a_token_that_github_forgot_is_replaced(gate: Gate, github: FakeGitHub) -> None:
    deliveries.send_due()
    github.tokens.clear()
    cast.decide(the_request(), cast.person("lin"))
    deliveries.send_due()
    deliveries.send_due(now=lambda: clock.now() + timedelta(minutes=1))
    assert gate.answers[0]["state"] == "approved"
    github.wrong.clear()  # the 401 itself
