"""GitHub repeats no webhook by itself, so what failed is asked for again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from approvals.models import ApprovalRequest
from approvals.ports import DeliveryError, Looker
from approvals.services import clock, looking
from integrations.github import configuration, reconciling, wire
from integrations.github.adapter import GitHubAdapter
from tests.fakes.github import HEAD, REPOSITORY, REPOSITORY_ID, FakeGitHub
from tests.fakes.github_events import repository, signed, waiting
from tests.fakes.server import says
from tests.support import cast
from tests.support.github import agent, knock, look, send, shown

pytestmark = pytest.mark.django_db


@pytest.fixture
def vendor(github: FakeGitHub) -> FakeGitHub:
    agent()
    return github


def test_the_adapter_is_one_that_looks(github: FakeGitHub) -> None:
    assert isinstance(GitHubAdapter(), Looker)


@pytest.mark.parametrize("code", [0, 429, 500, 502, 503])
def test_what_did_not_get_through_is_asked_for_again(vendor: FakeGitHub, code: int) -> None:
    number = vendor.add_delivery("deployment_protection_rule", code=code, guid="a")
    look()
    assert vendor.asked_again == [number]
    assert looking.last_well("github") is not None


@pytest.mark.parametrize("code", [200, 202, 400, 401, 403, 413])
def test_what_was_taken_or_refused_is_not(vendor: FakeGitHub, code: int) -> None:
    vendor.add_delivery("check_run", code=code, guid="a")
    vendor.add_delivery("push", code=503, guid="b")
    look()
    assert vendor.asked_again == []


def test_what_got_through_at_a_later_attempt_is_left_alone(vendor: FakeGitHub) -> None:
    vendor.add_delivery("check_run", code=503, guid="a", ago=900)
    vendor.add_delivery("check_run", code=202, guid="a", ago=600)
    look()
    assert vendor.asked_again == []


def test_what_keeps_failing_is_asked_for_ever_more_rarely(vendor: FakeGitHub) -> None:
    for ago in (1_000, 900, 800, 700):
        vendor.add_delivery("check_run", code=503, guid="a", ago=ago)
    last = vendor.add_delivery("check_run", code=503, guid="a", ago=300)
    look()
    assert vendor.asked_again == []
    for entry in vendor.deliveries:
        entry["delivered_at"] = (clock.now() - timedelta(minutes=20)).isoformat()
    look()
    assert len(vendor.asked_again) == 1
    assert last == 5


def test_all_pages_are_read_back_to_the_last_look_and_no_further(vendor: FakeGitHub) -> None:
    vendor.add_delivery("check_run", code=503, guid="old", ago=9_000)
    missed = vendor.add_delivery("check_run", code=503, guid="missed", ago=3_000)
    for number in range(150):
        vendor.add_delivery("check_run", code=202, guid=f"fine-{number}", ago=2_000)
    github = wire.GitHub(configuration.current())
    now, ends = clock.now(), 1e12
    reconciling.ask_again(github, at=now, since=now - timedelta(minutes=1), ends=ends)
    assert missed in vendor.asked_again
    assert len(vendor.called("GET", "/app/hook/deliveries")) == 2


def test_a_webhook_that_came_too_early_is_delivered_again_and_counts(github: FakeGitHub) -> None:
    cast.policy()
    sent = signed("deployment_protection_rule", waiting(github), guid="g")
    assert knock(sent).status_code == 503
    number = github.add_delivery("deployment_protection_rule", code=503, guid="g")
    agent()
    look()
    assert github.asked_again == [number]
    assert knock(sent).status_code == 202
    assert ApprovalRequest.objects.count() == 1


def test_one_failing_look_does_not_hide_the_other(vendor: FakeGitHub) -> None:
    vendor.add_pull()
    vendor.will(says(502))
    look()
    assert ApprovalRequest.objects.count() == 1
    assert looking.last_well("github") is None


def test_a_limit_is_waited_for(vendor: FakeGitHub) -> None:
    soon = str(int(clock.now().timestamp()) + 90)
    vendor.will(says(403, {}, X_RateLimit_Remaining="0", X_RateLimit_Reset=soon))
    github = wire.GitHub(configuration.current())
    with pytest.raises(DeliveryError) as error:
        github.as_app("GET", "/app")
    assert error.value.retry_after is not None
    assert timedelta(seconds=80) < error.value.retry_after <= timedelta(seconds=90)
    assert not error.value.permanent


def test_a_repository_that_moved_is_not_followed(vendor: FakeGitHub) -> None:
    vendor.will(says(301, {"message": "Moved"}, Location="https://evil.example/"))
    github = wire.GitHub(configuration.current())
    with pytest.raises(DeliveryError) as error:
        github.as_app("GET", "/app")
    assert error.value.permanent
    assert "moved" in error.value.words


def test_a_half_read_list_withdraws_nothing(vendor: FakeGitHub) -> None:
    vendor.add_pull()
    look()
    vendor.will(says(200, []), says(200, {"id": 77}), says(200, {"id": 1296269}), says(200, [{}]))
    look()
    assert ApprovalRequest.objects.get().status == "pending"
    assert ApprovalRequest.objects.get().submission["parameters"]["head_sha"] == HEAD


@pytest.mark.parametrize("act", ["opened", "synchronize"])
def test_a_pull_request_told_of_is_looked_at_and_gets_its_check_run(
    vendor: FakeGitHub, act: str
) -> None:
    look()
    assert looking.look_due() == 0  # the next look is not due yet
    vendor.add_pull(7)
    body = {"action": act, "pull_request": {"number": 7}} | repository(REPOSITORY, REPOSITORY_ID)
    assert send("pull_request", body).status_code == 202
    assert looking.look_due() == 1
    row = ApprovalRequest.objects.get(target__endswith="#7")
    offered = [each["label"] for each in shown(vendor, row).body["actions"]]
    assert offered == ["Approve", "Deny", "Investigate"]
