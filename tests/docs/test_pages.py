"""The pages say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from approvals.domain.policy import documents
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


def yaml_blocks() -> list[str]:
    text = (ROOT / "docs/policies.md").read_text()
    return re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)


def test_the_examples_on_the_policy_page_load_together_with_the_default_teams() -> None:
    teams = "\n---\n".join(
        f"apiVersion: guardrails.io/v1\nkind: Team\nmetadata: {{name: {name}}}\nspec: {{members: []}}"
        for name in ("team-leads", "managers", "change-board")
    )
    files = {f"{number}.yaml": text for number, text in enumerate([*yaml_blocks(), teams])}
    policy = documents.load(files)
    assert isinstance(policy, PolicySet)
    assert len(yaml_blocks()) == 3


@pytest.mark.parametrize("page", sorted(path.name for path in (ROOT / "docs").glob("*.md")))
def test_links_between_pages_lead_somewhere(page: str) -> None:
    text = (ROOT / "docs" / page).read_text()
    targets = [target for target in re.findall(r"\]\(([^)#]+)", text) if "://" not in target]
    assert [target for target in targets if not (ROOT / "docs" / target).exists()] == []
