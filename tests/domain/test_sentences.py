"""Rules and limits read as plain sentences."""

from __future__ import annotations

from pathlib import Path

import pytest

from approvals.domain.policy import documents, sentences
from approvals.domain.policy.documents import PolicySet
from approvals.domain.terms import RiskLevel

ROOT = Path(__file__).parents[2]
DEFAULT = (ROOT / "policies" / "default.yaml").read_text()
EXAMPLES = sorted((ROOT / "examples" / "policies").glob("*.yaml"))


def loaded(name: str) -> PolicySet:
    text = (ROOT / "examples" / "policies" / name).read_text()
    return documents.load({"default.yaml": DEFAULT, name: text})


def rule(policy: PolicySet, pattern: str) -> str:
    found = next(each for each in policy.rules if each.pattern == pattern)
    return sentences.of_rule(policy, found)


def test_a_rule_says_whether_it_asks_whom_and_what_silence_means() -> None:
    policy = documents.load({"default.yaml": DEFAULT})
    assert rule(policy, "drop_database") == "is refused."
    assert rule(policy, "view_*") == "runs at low risk without anybody being asked."
    assert rule(policy, "restart_service") == (
        "is rated medium risk: 1 of Team leads within 5 minutes, then with Managers for 5 minutes more; "
        "if nobody decides, it expires."
    )


def test_a_row_names_everybody_who_must_say_yes() -> None:
    policy = documents.load({"default.yaml": DEFAULT})
    assert sentences.of_row(policy, RiskLevel.HIGH) == (
        "1 of Managers and 1 of Security within 4 hours; if nobody decides, it expires."
    )


def test_a_row_says_what_approving_takes() -> None:
    row = "timeout: 1d\n    reason_required: true\n    step_up: true"
    policy = documents.load({"default.yaml": DEFAULT.replace("timeout: 1d", row)})
    assert sentences.of_row(policy, RiskLevel.CRITICAL).endswith(
        "; approving takes a reason; approving takes a fresh sign-in."
    )


def test_a_row_says_whose_managers_are_asked_in_the_end() -> None:
    text = DEFAULT.replace("escalate_to: [{team: managers, after: 5m}]", "escalate_to: manager")
    assert sentences.of_row(documents.load({"default.yaml": text}), RiskLevel.MEDIUM) == (
        "1 of Team leads within 5 minutes, then with the managers of Team leads for 5 minutes more; "
        "if nobody decides, it expires."
    )


def test_an_automatic_rule_with_conditions_says_what_happens_beyond_them() -> None:
    assert rule(loaded("deployment-agent.yaml"), "scale") == (
        "runs without anybody being asked while maxReplicas is within 20 and maxPercentChange is within "
        "50; otherwise a person is asked."
    )


def test_limits_are_told_in_their_own_units() -> None:
    policy = next(each for each in loaded("limits.yaml").policies if each.name == "limits")
    said = list(sentences.of_limits(policy))
    assert "At most 5 deployments an hour." in said
    assert any("cost spike reaches 200 %" in each for each in said)
    assert any("rollback count reaches 3 within 1 hour" in each for each in said)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_rule_and_limit_of_the_examples_has_a_sentence(path: Path) -> None:
    policy = loaded(path.name)
    said = [sentences.of_rule(policy, each) for each in policy.rules]
    said += [words for each in policy.policies for words in sentences.of_limits(each)]
    assert said
    assert all(words.endswith(".") and "None" not in words for words in said)
