"""A policy pull request is asked about on its newest commit, and decided by buttons and reviews."""

from __future__ import annotations

from datetime import timedelta

import pytest

from approvals.domain.terms import Status, Verdict
from approvals.models import ApprovalRequest, Decision
from approvals.services import clock, deliveries, ledger, lifecycle
from tests.fakes.github import HEAD, CheckRun, FakeGitHub
from tests.fakes.github_events import pressed, reviewed
from tests.fakes.server import says
from tests.support import cast
from tests.support.github import agent, asked, linked, look, refusals, send, shown

pytestmark = pytest.mark.django_db
ADA, MALLORY, NEWER = 11, 66, "b" * 40


@pytest.fixture
def change(github: FakeGitHub) -> tuple[ApprovalRequest, CheckRun]:
    """A pull request that waits; Ada is linked."""
    linked("ada", ADA)
    cast.person("lin")
    return asked(github)


def read(check: CheckRun) -> str:
    """The text of a check run, on one line."""
    return " ".join(check.text.split())


def second_seat(row: ApprovalRequest) -> None:
    """High risk takes two people of two teams; this is the other one."""
    cast.decide(row, cast.person("grace"))


def status(row: ApprovalRequest) -> str:
    row.refresh_from_db()
    return row.status


def test_the_commit_gets_a_check_run_with_three_buttons(
    change: tuple[ApprovalRequest, CheckRun],
) -> None:
    row, check = change
    assert row.target == "octo/policies#7"
    assert row.risk == "high"
    assert row.submission["parameters"]["files"][0]["filename"] == "policies/default.yaml"
    assert check.body["head_sha"] == HEAD
    assert check.body["external_id"] == str(row.public_id)
    assert (check.body["status"], check.body["conclusion"]) == ("completed", "action_required")
    assert [each["label"] for each in check.body["actions"]] == ["Approve", "Deny", "Investigate"]
    assert check.button("investigate") == "investigate:v1"


def test_other_pull_requests_are_left_alone_and_files_are_read_once(github: FakeGitHub) -> None:
    agent()
    github.add_pull(3, filename="README.md")
    look()
    look()
    assert not ApprovalRequest.objects.exists()
    assert len(github.called("GET", "/repos/octo/policies/pulls/3/files")) == 1


def test_moving_a_file_out_of_the_folder_changes_policy_too(github: FakeGitHub) -> None:
    agent()
    github.add_pull(4, filename="old.yaml", previous_filename="policies/default.yaml")
    look()
    assert ApprovalRequest.objects.count() == 1


@pytest.mark.parametrize(
    ("verdict", "ends", "conclusion"),
    [("approve", Status.APPROVED, "success"), ("deny", Status.DENIED, "failure")],
)
def test_a_button_decides_and_the_check_run_says_so(
    github: FakeGitHub,
    change: tuple[ApprovalRequest, CheckRun],
    verdict: str,
    ends: Status,
    conclusion: str,
) -> None:
    row, check = change
    second_seat(row)
    assert send("check_run", pressed(github, check, verdict, by=ADA)).status_code == 202
    assert status(row) == ends
    decision = Decision.objects.get(channel="github")
    assert (decision.person.name, decision.authenticated_by) == ("Ada", "github_signature")
    assert decision.shown_sha256 == row.action_sha256
    assert shown(github, row).body["conclusion"] == conclusion
    assert check.body["actions"] == []
    assert len(github.checks) == 1


def test_investigate_stops_the_clock_and_the_old_buttons_are_too_old(
    github: FakeGitHub, change: tuple[ApprovalRequest, CheckRun]
) -> None:
    row, check = change
    stale = pressed(github, check, "approve", by=ADA)
    send("check_run", pressed(github, check, "investigate", by=ADA))
    assert status(row) == Status.INVESTIGATING
    send("check_run", stale)
    assert status(row) == Status.INVESTIGATING
    assert refusals(row) == ["changed"]
    assert "Read it again" in read(shown(github, row))


def test_somebody_unknown_is_written_down_and_told_in_the_check_run(
    github: FakeGitHub, change: tuple[ApprovalRequest, CheckRun]
) -> None:
    row, check = change
    send("check_run", pressed(github, check, "approve", by=MALLORY))
    assert status(row) == Status.PENDING
    assert refusals(row) == ["unknown_person"]
    summary = read(shown(github, row))
    assert "### Last click" in summary
    assert "user-66 (66) is linked to nobody here" in summary
    assert check.body["actions"] != []


def test_a_program_is_nobody_even_when_its_number_is_linked(
    github: FakeGitHub, change: tuple[ApprovalRequest, CheckRun]
) -> None:
    row, check = change
    body = pressed(github, check, "approve", by=ADA)
    body["sender"]["type"] = "Bot"
    send("check_run", body)
    assert (status(row), refusals(row)) == (Status.PENDING, ["unknown_person"])


@pytest.mark.parametrize("where", ["check_run", "repository", "commit", "identifier"])
def test_a_button_that_stands_elsewhere_counts_for_nothing(
    github: FakeGitHub, change: tuple[ApprovalRequest, CheckRun], where: str
) -> None:
    row, check = change
    body = pressed(github, check, "approve", by=ADA)
    if where == "check_run":
        body["check_run"]["id"] += 1
    elif where == "repository":
        body["repository"]["id"] += 1
    elif where == "commit":
        body["check_run"]["head_sha"] = NEWER
    else:
        body["requested_action"]["identifier"] = "approve"
    assert send("check_run", body).status_code == 202
    assert (status(row), refusals(row)) == (Status.PENDING, ["not_our_button"])


def test_another_apps_button_and_another_apps_check_run_are_not_ours(
    github: FakeGitHub, change: tuple[ApprovalRequest, CheckRun]
) -> None:
    row, check = change
    other_app = pressed(github, check, "approve", by=ADA)
    other_app["check_run"]["app"]["id"] = 1
    no_request = pressed(github, check, "approve", by=ADA)
    no_request["check_run"]["external_id"] = "lgtm"
    for body in (other_app, no_request):
        assert send("check_run", body).status_code == 202
    assert (status(row), refusals(row)) == (Status.PENDING, [])


def test_a_button_pressed_before_its_receipt_is_written_comes_again(
    github: FakeGitHub, change: tuple[ApprovalRequest, CheckRun]
) -> None:
    row, check = change
    [receipt] = row.receipts.all()
    receipt.delete()
    body = pressed(github, check, "approve", by=ADA)
    assert send("check_run", body).status_code == 503
    receipt.save(force_insert=True)
    second_seat(row)
    assert send("check_run", body).status_code == 202
    assert status(row) == Status.APPROVED


def test_what_is_not_shown_in_full_has_no_approve_button(github: FakeGitHub) -> None:
    linked("ada", ADA)
    agent()
    github.add_pull()
    github.files[7] = [
        {"filename": f"policies/{number:03}-{'x' * 200}.yaml", "sha": "a" * 40}
        for number in range(90)
    ]
    row, check = asked(github)
    assert [each["label"] for each in check.body["actions"]] == ["Deny", "Investigate"]
    body = pressed(github, check, "deny", by=ADA)
    body["requested_action"]["identifier"] = "approve:v1"
    send("check_run", body)
    send("pull_request_review", reviewed("approved", by=ADA))
    assert (status(row), refusals(row)) == (Status.PENDING, ["not_allowed"] * 2)


@pytest.mark.parametrize(
    ("state", "ends"),
    [
        ("approved", Status.APPROVED),
        ("APPROVED", Status.APPROVED),
        ("changes_requested", Status.DENIED),
        ("commented", Status.PENDING),
        ("pending", Status.PENDING),
    ],
)
def test_a_review_of_the_newest_commit_decides(
    change: tuple[ApprovalRequest, CheckRun], state: str, ends: Status
) -> None:
    row, _ = change
    second_seat(row)
    answer = send("pull_request_review", reviewed(state, by=ADA, body="As discussed."))
    assert answer.status_code == 202
    assert status(row) == ends
    if ends is not Status.PENDING:
        assert Decision.objects.get(channel="github").comment == "As discussed."


def test_a_review_of_an_older_commit_does_not_count(
    github: FakeGitHub, change: tuple[ApprovalRequest, CheckRun]
) -> None:
    row, _ = change
    send("pull_request_review", reviewed("approved", by=ADA, commit=NEWER))
    assert (status(row), refusals(row)) == (Status.PENDING, ["changed"])
    assert "earlier commit" in read(shown(github, row))


def test_a_review_by_somebody_unknown_is_written_down(
    change: tuple[ApprovalRequest, CheckRun],
) -> None:
    row, _ = change
    send("pull_request_review", reviewed("approved", by=MALLORY))
    assert (status(row), refusals(row)) == (Status.PENDING, ["unknown_person"])


def test_a_new_commit_is_a_new_question_and_the_old_one_is_withdrawn(
    github: FakeGitHub, change: tuple[ApprovalRequest, CheckRun]
) -> None:
    row, check = change
    late = pressed(github, check, "approve", by=ADA)
    github.add_pull(sha=NEWER)
    newer, other = asked(github)
    assert newer.pk != row.pk
    assert status(row) == Status.CANCELLED
    assert (check.body["conclusion"], other.body["conclusion"]) == ("cancelled", "action_required")
    send("check_run", late)
    assert (status(row), status(newer)) == (Status.CANCELLED, Status.PENDING)


def test_a_closed_pull_request_needs_no_decision(
    github: FakeGitHub, change: tuple[ApprovalRequest, CheckRun]
) -> None:
    row, _ = change
    github.pulls.clear()
    look()
    assert status(row) == Status.CANCELLED


def test_its_author_cannot_approve_it(github: FakeGitHub) -> None:
    linked("ada", ADA)
    github.add_pull(author=ADA)
    row, check = asked(github)
    send("check_run", pressed(github, check, "approve", by=ADA))
    assert (status(row), refusals(row)) == (Status.PENDING, ["own_agent"])


def test_a_dismissed_approval_stops_counting_and_people_are_asked_anew(
    github: FakeGitHub, change: tuple[ApprovalRequest, CheckRun]
) -> None:
    row, _ = change
    send("pull_request_review", reviewed("approved", by=ADA))
    send("pull_request_review", reviewed("dismissed", by=ADA))
    assert status(row) == Status.CANCELLED
    newer = ApprovalRequest.objects.latest("number")
    assert newer.pk != row.pk
    assert newer.parameters_sha256 == row.parameters_sha256
    assert (newer.status, newer.decisions.count()) == (Status.PENDING, 0)
    look()
    assert shown(github, newer).body["conclusion"] == "action_required"
    send("pull_request_review", reviewed("dismissed", by=ADA, id=1))
    assert ApprovalRequest.objects.count() == 2


def test_an_approval_is_revoked_by_whoever_dismisses_the_review_it_rests_on(
    github: FakeGitHub, change: tuple[ApprovalRequest, CheckRun]
) -> None:
    row, _ = change
    second_seat(row)
    send("pull_request_review", reviewed("approved", by=ADA))
    assert status(row) == Status.APPROVED
    send(
        "pull_request_review",
        reviewed("dismissed", by=ADA) | {"sender": {"id": MALLORY, "type": "User"}},
    )
    assert status(row) == Status.APPROVED
    assert "the approval stands" in read(shown(github, row))
    send("pull_request_review", reviewed("dismissed", by=ADA))
    assert status(row) == Status.REVOKED
    assert shown(github, row).body["conclusion"] == "failure"


def test_a_review_that_no_webhook_brought_is_read(
    github: FakeGitHub, change: tuple[ApprovalRequest, CheckRun]
) -> None:
    row, _ = change
    github.reviews[7] = [
        reviewed("APPROVED", by=ADA, commit=NEWER)["review"] | {"id": 1},
        reviewed("APPROVED", by=MALLORY)["review"] | {"id": 2},
        {"id": 3, "user": None, "state": "APPROVED", "commit_id": HEAD},
    ]
    look()
    look()
    assert (status(row), refusals(row)) == (Status.PENDING, ["unknown_person"])
    github.reviews[7].append(reviewed("APPROVED", by=ADA)["review"] | {"id": 4})
    second_seat(row)
    look()
    assert status(row) == Status.APPROVED
    assert Decision.objects.get(channel="github").authenticated_by == "github_api"


def test_silence_is_no_failure_of_the_check(
    github: FakeGitHub, change: tuple[ApprovalRequest, CheckRun]
) -> None:
    row, check = change
    late = row.expires_at + timedelta(days=1)
    ledger.let_time_pass(row.pk, at=late)
    deliveries.send_due(now=lambda: late)
    assert check.body["conclusion"] == "timed_out"
    assert "denied" not in check.text.lower()


def test_while_github_is_down_buttons_are_kept_and_the_check_run_catches_up(
    github: FakeGitHub, change: tuple[ApprovalRequest, CheckRun]
) -> None:
    row, check = change
    second_seat(row)
    github.will(*[says(503)] * 3)
    send("check_run", pressed(github, check, "approve", by=ADA))
    moment = clock.now()
    for _ in range(6):
        deliveries.send_due(now=lambda at=moment: at)  # type: ignore[misc]
        moment += timedelta(minutes=2)
    assert (status(row), check.body["conclusion"]) == (Status.APPROVED, "success")
    assert len(github.checks) == 1


def test_the_same_body_under_another_delivery_has_no_second_effect(
    github: FakeGitHub, change: tuple[ApprovalRequest, CheckRun]
) -> None:
    row, check = change
    body = pressed(github, check, "investigate", by=ADA)
    for _ in range(3):
        assert send("check_run", body).status_code == 202
    lifecycle.add_message(ref=row.ref, text="Because.", agent=agent(), at=clock.now())
    send("check_run", body)
    assert Decision.objects.filter(verdict=Verdict.INVESTIGATE.value).count() == 1
    assert refusals(row) == []
