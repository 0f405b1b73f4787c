"""What is installed is what was asked for: pinned, hashed, and accounted for."""

import ast
import re
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from scripts import check_locks
from tests.support.service import ROOT

OURS = {"approvals", "bench", "countersign", "integrations", "scripts", "tests"}
SHIPPED = ("approvals", "countersign", "integrations")


@pytest.fixture
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the requirements to spoil."""
    for file in (ROOT / "requirements").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(check_locks, "FOLDER", tmp_path)
    return tmp_path


def test_the_locks_are_fresh() -> None:
    assert check_locks.main() == 0


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("runtime.in", "PyYAML", "PyYAML>=7", "runtime.in asks for PyYAML>=7"),
        ("runtime.in", "rfc8785\n", "", "runtime.txt pins rfc8785, which nothing needs."),
        ("runtime.txt", "amqp==", "amqp-forgotten==", "runtime.txt lacks amqp"),
        ("runtime.txt", "amqp==", "--index-url x\namqp==", "names an address or an option"),
        ("test.txt", "# via", "# https://example.com", "names an address or an option"),
        ("build.txt", "--hash=sha256:", "--hash=md5:", "pins setuptools without a hash"),
    ],
)
def test_a_spoilt_lock_is_named(
    locks: Path, capsys: pytest.CaptureFixture[str], file: str, old: str, new: str, complaint: str
) -> None:
    spoilt = locks / file
    spoilt.write_text(spoilt.read_text().replace(old, new))
    assert check_locks.main() == 1
    assert complaint in capsys.readouterr().err


def test_what_the_service_imports_is_asked_for_by_name() -> None:
    asked = {canonicalize_name(name) for name in names_in("runtime")}
    owners = packages_distributions()
    imported = {
        canonicalize_name(owners[package][0])
        for package in imported_packages()
        if package in owners and package not in OURS
    }
    assert imported - asked == set()


@pytest.mark.parametrize("lock", check_locks.LOCKS)
def test_every_dependency_is_accounted_for(lock: str) -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text()
    named = set(re.findall(r"[\w.-]+", "".join(re.findall(r"^\|([^|]+)\|", page, re.MULTILINE))))
    assert set(names_in(lock)) - named == set()


def names_in(lock: str) -> list[str]:
    text = (ROOT / "requirements" / f"{lock}.in").read_text()
    return [requirement.name for requirement in check_locks.requirements_of(text)]


def imported_packages() -> Iterator[str]:
    for file in (file for folder in SHIPPED for file in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.partition(".")[0]
