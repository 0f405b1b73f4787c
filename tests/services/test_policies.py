"""Changing the policy: stricter at once, weaker only with somebody else's yes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from approvals import queries
from approvals.domain import errors
from approvals.domain.policy.reading import PolicyInvalid
from approvals.domain.terms import Status, Verdict
from approvals.models import ApprovalRequest, AuditEvent, Person, PolicyDraft, PolicyVersion
from approvals.services import agents, clock, own, policies, policy_changes
from approvals.services.policy_changes import Answer, Proposal
from tests.support import cast

pytestmark = pytest.mark.django_db(transaction=True)
DEFAULT = policies.read_directory(cast.POLICIES)
NAME = "default.yaml"


def files(*changes: tuple[str, str]) -> dict[str, str]:
    """The default policy with words replaced."""
    text = DEFAULT[NAME]
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    return {**DEFAULT, NAME: text}


WEAKER = files(
    ("{name: drop_database, approval: forbidden", "{name: drop_database, risk: critical")
)
STRICTER = files(("{name: scale_up, risk: medium", "{name: scale_up, approval: forbidden"))


def offered(
    wanted: dict[str, str], *, asked_by: Person | None = None, author: str = "sam", **more: Any
) -> Answer:
    proposal = Proposal(wanted, author, asked_by=asked_by, **more)
    return policy_changes.offer(proposal, actor=cast.OPERATOR, at=clock.now())


def request_of(answer: Answer) -> ApprovalRequest:
    assert answer.request is not None
    return answer.request


def events(kind: str) -> list[dict[str, Any]]:
    found = AuditEvent.objects.filter(type=kind).order_by("pk")
    return [event.entry["detail"] for event in found]


def test_the_first_policy_applies_at_once() -> None:
    answer = offered(DEFAULT, commit="abc")
    assert (answer.status, answer.version and answer.version.number) == ("applied", 1)
    assert answer.version is not None
    assert (answer.version.author, answer.version.commit) == ("sam", "abc")


def test_the_same_files_again_change_nothing() -> None:
    offered(DEFAULT)
    before = AuditEvent.objects.count()
    assert offered(DEFAULT).status == "unchanged"
    assert (PolicyVersion.objects.count(), AuditEvent.objects.count()) == (1, before)


def test_what_is_stricter_or_only_worded_otherwise_applies_at_once() -> None:
    cast.policy()
    assert offered(STRICTER).status == "applied"
    reworded = files(
        ("{name: scale_up, risk: medium", "{name: scale_up, approval: forbidden"),
        ("Scaling up costs money.", "Scaling up costs."),
    )
    assert offered(reworded).status == "applied"
    assert policies.current().version == 3


def test_what_is_weaker_waits_for_people_who_read_what_is_lost() -> None:
    cast.policy()
    answer = offered(WEAKER, commit="abc", reason="We need it.")
    row = request_of(answer)
    assert (answer.status, policies.current().version) == ("proposed", 1)
    assert (row.status, row.risk, row.action) == (Status.PENDING, "high", "apply_policy")
    asked = {each["team"] for each in row.plan["stages"][0]["requirements"]}
    assert asked == {"managers", "security"}
    [words] = row.submission["parameters"]["weakens"]
    assert words.startswith("default.yaml:")
    assert "was drop_database (forbidden), is drop_database (of risk critical)" in words
    assert words in row.submission["impact"]["summary"]
    assert row.submission["reasoning"] == "We need it."
    card = queries.card(row)
    assert card.because[0] == "Making guardrails weaker takes a second person."
    assert not any("No rule classifies" in why for why in card.because)
    assert [claim.shown.text for claim in card.claims] == ["We need it."]
    facts = {fact.name: fact.value for fact in card.facts}
    assert facts["Effect"].startswith("Weakens 1 and strengthens 0 things of policy version 1")
    assert facts["Difference"].endswith("lines, on the request's page")
    assert words in [parameter.shown.text for parameter in card.parameters]
    diff = row.submission["context"]["diff"]
    assert any(line.startswith("+") and "drop_database" in line for line in diff)
    [proposed] = events("policy.proposed")
    assert (proposed["request"], proposed["weakens"], proposed["author"]) == (
        row.ref,
        [words],
        "sam",
    )


def test_the_approval_puts_the_draft_in_force_in_one_move() -> None:
    cast.policy()
    row = request_of(offered(WEAKER, commit="abc"))
    cast.decide(row, cast.person("ada"))
    assert policies.current().version == 1
    cast.decide(row, cast.person("grace"))
    row.refresh_from_db()
    assert policies.current().version == 2
    version = PolicyVersion.objects.get(pk=2)
    assert (version.files, version.author, version.commit) == (WEAKER, "sam", "abc")
    assert (row.status, row.outcome_status) == (Status.APPROVED, "success")
    assert row.consumed_at is not None
    applied = events("policy.applied")[-1]
    assert (applied["request"], applied["version"]) == (row.ref, 2)
    assert "break_glass" not in applied


def test_the_same_draft_again_is_the_same_request_until_it_is_decided() -> None:
    cast.policy()
    first, again = request_of(offered(WEAKER)), request_of(offered(WEAKER))
    assert first.pk == again.pk
    assert PolicyDraft.objects.count() == 1
    cast.decide(first, cast.person("ada"), Verdict.DENY, "Not now.")
    assert policies.current().version == 1
    assert request_of(offered(WEAKER)).pk != first.pk


def test_who_proposes_cannot_approve() -> None:
    ada = cast.person("ada")
    cast.policy()
    row = request_of(offered(WEAKER, asked_by=ada, author=ada.email))
    with pytest.raises(errors.SelfApproval, match="You asked for this change, so somebody else"):
        cast.decide(row, ada)
    assert events("decision.refused")[-1]["refused_because"] == "self_approval"
    cast.decide(row, cast.person("sam"))
    cast.decide(row, cast.person("grace"))
    assert policies.current().version == 2


def test_nobody_gets_to_decide_a_draft_they_offered_second() -> None:
    ada, sam = cast.person("ada"), cast.person("sam")
    cast.policy()
    row = request_of(offered(WEAKER, asked_by=sam, author=sam.email))
    words = f"{row.ref} asks for exactly these files already; {sam.email} proposed it"
    with pytest.raises(errors.Conflict, match=words):
        offered(WEAKER, asked_by=ada, author=ada.email)
    assert request_of(offered(WEAKER, asked_by=sam, author=sam.email)).pk == row.pk
    assert (ApprovalRequest.objects.count(), PolicyDraft.objects.count()) == (1, 1)


def test_a_proposal_is_cancelled_when_another_version_comes_into_force() -> None:
    ada, grace = cast.person("ada"), cast.person("grace")
    row = request_of(offered(WEAKER))
    cast.decide(row, ada)
    offered(STRICTER)
    row.refresh_from_db()
    assert (row.status, row.basis, row.reason_code) == (Status.CANCELLED, "policy", "overtaken")
    assert row.closed_by == "the service, since policy version 2 came into force"
    cancelled = events("request.cancelled")
    assert [each["in_force"] for each in cancelled] == [2]
    with pytest.raises(errors.AlreadyDecided, match="since policy version 2 came into force"):
        cast.decide(row, grace)
    assert policies.current().version == 2


def test_an_approved_draft_and_a_broken_glass_cancel_the_proposals_beside_them() -> None:
    robo = cast.agent()[0]
    other = cast.request(robo, **cast.HIGH)
    looser = files(("{name: scale_up, risk: medium", "{name: scale_up, risk: low"))
    first, second = request_of(offered(WEAKER)), request_of(offered(looser))
    cast.decide(first, cast.person("ada"))
    cast.decide(first, cast.person("grace"))
    second.refresh_from_db()
    assert (second.status, policies.current().version) == (Status.CANCELLED, 2)
    third = request_of(offered(looser))
    proposal = Proposal(DEFAULT, "sam", reason="A drill.")
    policy_changes.break_glass(proposal, actor=cast.OPERATOR, at=clock.now())
    for row in (first, third, other):
        row.refresh_from_db()
    said = (first.status, third.status, other.status)
    assert said == (Status.APPROVED, Status.CANCELLED, Status.PENDING)


def test_an_approval_that_comes_after_another_version_changes_nothing() -> None:
    ada, grace = cast.person("ada"), cast.person("grace")
    row = request_of(offered(WEAKER))
    cast.decide(row, ada)
    policies.apply(files=STRICTER, author="sam", actor=cast.OPERATOR, at=clock.now())
    with pytest.raises(errors.Conflict, match="version 2 is in force by now"):
        cast.decide(row, grace)
    row.refresh_from_db()
    assert (row.status, policies.current().version) == (Status.PENDING, 2)


def test_a_draft_that_was_tampered_with_is_not_applied() -> None:
    cast.policy()
    row = request_of(offered(WEAKER))
    PolicyDraft.objects.update(files=files(("approval: forbidden", "risk: low")))
    cast.decide(row, cast.person("ada"))
    with pytest.raises(errors.Conflict, match="not the one that was shown"):
        cast.decide(row, cast.person("grace"))
    assert policies.current().version == 1


def test_breaking_the_glass_applies_at_once_and_is_loud() -> None:
    cast.policy()
    with pytest.raises(errors.Invalid, match="--reason"):
        policy_changes.break_glass(Proposal(WEAKER, "sam"), actor=cast.OPERATOR, at=clock.now())
    proposal = Proposal(WEAKER, "sam", reason="Nobody of security can be reached.")
    answer = policy_changes.break_glass(proposal, actor=cast.OPERATOR, at=clock.now())
    assert (answer.status, policies.current().version) == ("applied", 2)
    applied = events("policy.applied")[-1]
    assert applied["break_glass"] is True
    assert applied["reason"] == "Nobody of security can be reached."
    assert "drop_database" in applied["weakens"][0]


def test_files_that_cannot_be_read_change_nothing() -> None:
    cast.policy()
    broken = files(("quorum: 2", "quorom: 2"))
    with pytest.raises(PolicyInvalid):
        offered(broken)
    assert not ApprovalRequest.objects.exists()
    assert policies.current().version == 1


def test_open_requests_never_get_easier() -> None:
    robo, ada, grace = cast.agent()[0], cast.person("ada"), cast.person("grace")
    row = cast.request(robo, **cast.HIGH)
    plan = row.plan
    easier = files(
        ("approvers: [{team: managers, quorum: 1}, {team: security, quorum: 1}]",
         "approvers: [{team: managers, quorum: 1}]"),
    )  # fmt: skip
    proposal = Proposal(easier, "sam", reason="A drill.")
    policy_changes.break_glass(proposal, actor=cast.OPERATOR, at=clock.now())

    cast.decide(row, ada)
    row.refresh_from_db()
    assert (row.status, row.plan) == (Status.PENDING, plan)
    cast.decide(row, grace)
    row.refresh_from_db()
    assert row.status == Status.APPROVED
    later = cast.request(robo, **{**cast.HIGH, "target": "another"})
    assert [each["team"] for each in later.plan["stages"][0]["requirements"]] == ["managers"]


def test_limits_on_agents_do_not_lock_the_door_to_changing_them() -> None:
    cast.policy()
    frozen = {**DEFAULT, "freeze.yaml": "name: freeze\nactions: {forbidden: [apply_policy]}\n"}
    assert offered(frozen).status == "applied"
    answer = offered(DEFAULT)
    assert answer.status == "proposed"
    assert request_of(answer).status == Status.PENDING


def test_nobody_else_asks_as_the_service() -> None:
    with pytest.raises(errors.Conflict, match="reads like it"):
        agents.add(name="Countersign", owner=None, actor=cast.OPERATOR, at=clock.now())
    itself = own.itself(at=clock.now())
    with pytest.raises(errors.Invalid, match="has no key"):
        agents.issue_key(agent=itself, name="key", by=None, actor=cast.OPERATOR, at=clock.now())


def test_an_unanswered_proposal_expires_and_changes_nothing() -> None:
    cast.policy()
    row = request_of(offered(WEAKER))
    cast.person("ada")
    with pytest.raises(errors.Expired):
        cast.decide(row, cast.person("ada"), at=row.expires_at + timedelta(seconds=1))
    row.refresh_from_db()
    assert (row.status, policies.current().version) == (Status.EXPIRED, 1)


def test_examples_beside_policies_are_no_policies(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: 1")
    (tmp_path / "a.test.yaml").write_text("[]")
    assert list(policies.read_directory(tmp_path)) == ["a.yaml"]
    assert list(policies.read_examples(tmp_path)) == ["a.test.yaml"]


@pytest.mark.postgres
def test_the_same_draft_from_many_sides_at_once_is_one_request() -> None:
    cast.policy()

    def one_side(_: int) -> str:
        try:
            return request_of(offered(WEAKER)).ref
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        refs = set(pool.map(one_side, range(16)))
    assert len(refs) == 1
    assert (ApprovalRequest.objects.count(), PolicyDraft.objects.count()) == (1, 1)


@pytest.mark.postgres
def test_the_same_files_from_many_sides_at_once_are_one_version() -> None:
    cast.policy()

    def one_side(_: int) -> str:
        try:
            return offered(STRICTER).status
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        said = sorted(pool.map(one_side, range(16)))
    assert said == ["applied"] + ["unchanged"] * 15
    assert PolicyVersion.objects.count() == 2
