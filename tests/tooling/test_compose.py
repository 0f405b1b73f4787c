"""The containers are what the operations page promises: unprivileged, watched, closed."""

import subprocess
from typing import Any

import pytest
import yaml

from tests.support.service import ROOT

COMPOSE = ROOT / "compose.yaml"
# https://github.com/compose-spec/compose-spec: the elements used here, and no misspelt one.
TOP_LEVEL = {"name", "services", "networks", "volumes", "secrets"}
OF_A_SERVICE = {
    "build", "cap_drop", "command", "depends_on", "deploy", "environment", "healthcheck", "image",
    "init", "networks", "ports", "read_only", "restart", "secrets", "security_opt", "shm_size",
    "stop_grace_period", "tmpfs", "user", "volumes",
}  # fmt: skip
STORES = ("postgres", "redis")


def docker_compose(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", "compose", *words], capture_output=True, text=True)


def has_compose() -> bool:
    try:
        return docker_compose("version").returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return {key: value for key, value in content.items() if not key.startswith("x-")}


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = compose["services"]
    return found


def test_only_elements_of_the_specification_are_used(compose: dict[str, Any]) -> None:
    assert compose.keys() <= TOP_LEVEL
    for service in compose["services"].values():
        assert service.keys() <= OF_A_SERVICE


def test_what_is_referred_to_is_there(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert set(service.get("networks", ())) <= compose["networks"].keys()
        assert set(service.get("secrets", ())) <= compose["secrets"].keys()
        assert set(service.get("depends_on", ())) <= compose["services"].keys()
        mounted = {volume.partition(":")[0] for volume in service.get("volumes", ())}
        assert mounted <= compose["volumes"].keys()


def test_the_parts_are_web_two_workers_and_the_stores(services: dict[str, Any]) -> None:
    assert services.keys() == {"migrate", "web", "worker", *STORES}
    assert services["worker"]["deploy"]["replicas"] == 2
    assert [services[name]["command"] for name in ("migrate", "web", "worker")] == [
        ["prepare"],
        ["web"],
        ["worker"],
    ]


def test_nothing_runs_as_root_or_may_become_it(services: dict[str, Any]) -> None:
    for service in services.values():
        assert service["user"].partition(":")[0] not in {"", "0", "root"}
        assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]
        assert service["read_only"] is True


def test_every_part_that_stays_is_watched(services: dict[str, Any]) -> None:
    image_checks_itself = "HEALTHCHECK" in (ROOT / "Dockerfile").read_text()
    for name, service in services.items():
        if name == "web":
            assert image_checks_itself
        elif name != "migrate":
            assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}


def test_web_and_workers_wait_for_the_stores_and_the_migration(services: dict[str, Any]) -> None:
    for name in ("web", "worker"):
        conditions = {on: how["condition"] for on, how in services[name]["depends_on"].items()}
        assert conditions == {
            "postgres": "service_healthy",
            "redis": "service_healthy",
            "migrate": "service_completed_successfully",
        }


def test_the_stores_are_reached_from_inside_only(compose: dict[str, Any]) -> None:
    assert compose["networks"]["inside"] == {"internal": True}
    for name in STORES:
        assert "ports" not in compose["services"][name]
        assert compose["services"][name]["networks"] == ["inside"]


def test_redis_keeps_what_it_is_given(services: dict[str, Any]) -> None:
    words = services["redis"]["command"]
    assert words[words.index("--appendonly") + 1] == "yes"
    assert words[words.index("--maxmemory-policy") + 1] == "noeviction"


def test_no_secret_stands_in_the_environment(services: dict[str, Any]) -> None:
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            if any(word in name for word in ("PASSWORD", "SECRET", "TOKEN", "DATABASE_URL")):
                assert name.endswith("_FILE")
                assert value.startswith("/run/secrets/")


@pytest.mark.skipif(not has_compose(), reason="docker compose is not on this machine")
def test_compose_itself_finds_it_valid() -> None:
    checked = docker_compose("--file", str(COMPOSE), "config", "--quiet")
    assert checked.returncode == 0, checked.stderr


class TestImage:
    """What the Dockerfile says of the image."""

    lines = tuple((ROOT / "Dockerfile").read_text().splitlines())

    def test_its_base_is_named_by_version(self) -> None:
        bases = [line.split()[1] for line in self.lines if line.startswith("FROM")]
        assert bases
        assert all(base.startswith("python:3.12-slim-") for base in bases)

    def test_it_installs_only_what_is_locked(self) -> None:
        text = "\n".join(self.lines).replace("\\\n", "")
        installs = [line for line in text.splitlines() if "pip install" in line]
        assert len(installs) == 2
        assert "--require-hashes --no-deps" in installs[0]
        assert "--no-deps --no-build-isolation" in installs[1]

    def test_it_runs_as_nobody_in_particular(self) -> None:
        assert [line for line in self.lines if line.startswith("USER")][-1] == "USER 10001:10001"

    def test_it_holds_what_runs_and_nothing_beside_it(self) -> None:
        allowed = (ROOT / ".dockerignore").read_text().split()
        assert allowed[allowed.index("*") - 1] == "it."
        assert not any(name in allowed for name in ("!tests", "!secrets", "!.git", "!data"))
