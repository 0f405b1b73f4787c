"""The pages say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from approvals.domain.policy import documents, examples
from approvals.domain.policy.documents import PolicySet

ROOT = Path(__file__).resolve().parents[2]
SETTINGS_READ_BY = (
    ROOT / "approvals/project/settings.py",
    ROOT / "approvals/project/environment.py",
    ROOT / "approvals/management/commands/up.py",
    ROOT / "approvals/management/commands/web.py",
)
ASKED = re.compile(
    r"(?:env\.(?:text|flag|whole|words)|whole|environ\.get|environ\[)\(?\"([A-Z][A-Z0-9_]+)\""
)


def test_every_setting_has_a_line_on_the_settings_page() -> None:
    page = (ROOT / "docs/settings.md").read_text()
    read = {name for path in SETTINGS_READ_BY for name in ASKED.findall(path.read_text())}
    assert len(read) > 30
    assert [name for name in sorted(read) if f"`{name}`" not in page] == []


PAGE = (ROOT / "docs/policies.md").read_text()
BLOCK = re.compile(r"```yaml( test)?\n(.*?)```", re.DOTALL)
TEAMS = "\n---\n".join(
    f"apiVersion: guardrails.io/v1\nkind: Team\nmetadata: {{name: {name}}}\nspec: {{members: []}}"
    for name in ("team-leads", "managers", "change-board")
)


def policy_blocks() -> list[str]:
    return [text for is_test, text in BLOCK.findall(PAGE) if not is_test]


def tried() -> list[tuple[str, str]]:
    """Each block of tests with the policy right before it."""
    found, policy = [], ""
    for is_test, text in BLOCK.findall(PAGE):
        if is_test:
            found.append((policy, text))
        policy = policy if is_test else text
    return found


def test_all_examples_on_the_policy_page_load_together() -> None:
    files = {f"{number}.yaml": text for number, text in enumerate([*policy_blocks(), TEAMS])}
    assert isinstance(documents.load(files), PolicySet)
    assert len(policy_blocks()) >= 14


@pytest.mark.parametrize(("policy", "tests"), tried(), ids=range(len(tried())))
def test_an_example_judges_as_the_page_says(policy: str, tests: str) -> None:
    files = {"default.yaml": (ROOT / "policies/default.yaml").read_text(), "page.yaml": policy}
    ran = list(examples.run(documents.load(files), examples.read("page.test.yaml", tests)))
    assert [str(miss) for each in ran for miss in each.misses] == []
    assert ran


@pytest.mark.parametrize("page", sorted(path.name for path in (ROOT / "docs").glob("*.md")))
def test_links_between_pages_lead_somewhere(page: str) -> None:
    text = (ROOT / "docs" / page).read_text()
    targets = [target for target in re.findall(r"\]\(([^)#]+)", text) if "://" not in target]
    assert [target for target in targets if not (ROOT / "docs" / target).exists()] == []
