"""The files for Prometheus and Grafana fit the service: every metric they name is one it tells."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from tests.support import cast
from tests.support.service import ROOT

OPS = ROOT / "ops"
RULES = OPS / "prometheus" / "countersign.rules.yaml"
TESTS = OPS / "prometheus" / "countersign.test.yaml"
DASHBOARD = OPS / "grafana" / "countersign.json"
OURS = re.compile(
    r"\b(?:countersign_\w+|approval_requests_pending|actions_blocked_by_policy|rate_limit_approaches"
    r"|circuit_breaker_activations|repeated_approval_denials|unusual_action_patterns"
    r"|scope_violation_attempts)\b"
)
LABELS = re.compile(r"\b(\w+)(?:=~|!~|!=|=)\s*\"")
PANELS = {
    "approval_requests_pending": "Waiting now",
    "actions_blocked_by_policy": "Blocked by a rule",
    "circuit_breaker_activations": "Breakers opened",
    "rate_limit_approaches": "Near limit",
    "repeated_approval_denials": "Keeps asking after No",
    "unusual_action_patterns": "Not like usual",
    "scope_violation_attempts": "Asked for more than allowed",
}


def rules() -> list[dict[str, Any]]:
    return [
        rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
    ]


def panels() -> list[dict[str, Any]]:
    return [each for each in json.loads(DASHBOARD.read_text())["panels"] if each["type"] != "row"]


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in rules())
    yield from (target["expr"] for panel in panels() for target in panel["targets"])


def without_labels(expression: str) -> str:
    return re.sub(r"\{[^}]*\}|\b(?:by|on|without) \([^)]*\)", "", expression)


@pytest.fixture
def told(db: None) -> dict[str, set[str]]:
    """What /metrics tells: each sample's name, histograms' parts too, with the names of its labels."""
    cast.request(cast.agent()[0])
    Client().get("/healthz")
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(Client().get("/metrics").content.decode()):
        found.setdefault(family.name, set())
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def test_every_metric_that_rules_and_panels_name_is_told(told: dict[str, set[str]]) -> None:
    named = {name for each in expressions() for name in OURS.findall(without_labels(each))}

    assert named
    assert named - told.keys() == set()


def test_every_metric_told_is_used_or_left_out_on_purpose(told: dict[str, set[str]]) -> None:
    named = {name for each in expressions() for name in OURS.findall(without_labels(each))}
    unused = {
        "countersign_requests",
        "countersign_timers_open",
        "countersign_policy_version",
        "countersign_alerts",
        "countersign_last_request_seconds",
        "countersign_http_seconds",
        "countersign_http_seconds_sum",
        "countersign_http_seconds_created",
    }

    assert told.keys() - named == unused


def test_every_label_they_ask_by_is_one_of_the_metrics(told: dict[str, set[str]]) -> None:
    known = {label for labels in told.values() for label in labels} | {"job"}
    asked = {label for each in expressions() for label in LABELS.findall(each)}

    assert asked <= known


def test_recorded_series_that_panels_read_are_recorded() -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    read = {name for each in expressions() for name in re.findall(r"countersign:[\w:]+", each)}

    assert read <= recorded


def test_the_dashboard_has_a_panel_for_each_signal_and_says_what_no_data_means() -> None:
    by_title = {panel["title"]: panel for panel in panels()}

    for metric, title in PANELS.items():
        assert metric in " ".join(target["expr"] for target in by_title[title]["targets"])
    for panel in panels():
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["noValue"]


def test_panels_neither_overlap_nor_share_a_number() -> None:
    placed = json.loads(DASHBOARD.read_text())["panels"]
    squares = [
        (x, y)
        for each in placed
        for x in range(each["gridPos"]["x"], each["gridPos"]["x"] + each["gridPos"]["w"])
        for y in range(each["gridPos"]["y"], each["gridPos"]["y"] + each["gridPos"]["h"])
    ]

    assert len(set(squares)) == len(squares)
    assert max(x for x, _ in squares) == 23
    assert len({each["id"] for each in placed}) == len(placed)


def test_every_alert_says_what_to_do_and_is_tested() -> None:
    alerts = [rule for rule in rules() if "alert" in rule]
    tested = {
        each["alertname"]
        for test in yaml.safe_load(TESTS.read_text())["tests"]
        for each in test["alert_rule_test"]
        if each.get("exp_alerts")
    }

    assert {rule["alert"] for rule in alerts} == tested
    for rule in alerts:
        assert rule["labels"]["severity"] in {"info", "warning", "critical"}
        assert {"summary", "description"} == rule["annotations"].keys()


# --- by Prometheus itself --------------------------------------------------------------------


def promtool(*words: str, within: Path = TESTS.parent) -> str:
    """What promtool says; skips where Debian has none (scripts/install-test-services fetches it)."""
    path = shutil.which("promtool", path=f"{ROOT / '.venv/bin'}:/usr/bin:/usr/local/bin")
    if path is None:
        pytest.skip("promtool is not here; scripts/install-test-services fetches it")
    ran = subprocess.run([path, *words], cwd=within, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def test_prometheus_takes_the_rules() -> None:
    assert f"{len(rules())} rules found" in promtool("check", "rules", str(RULES))


def test_the_rules_fire_and_stay_silent_as_their_tests_say() -> None:
    assert "SUCCESS" in promtool("test", "rules", TESTS.name)


def test_prometheus_can_read_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    asked = [target["expr"] for panel in panels() for target in panel["targets"]]
    plain = [each.replace("$__range", "24h").replace("$job", ".*") for each in asked]
    file = tmp_path / "panels.yaml"
    written = [{"record": f"panel:{number}", "expr": each} for number, each in enumerate(plain)]
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": written}]}))

    assert f"{len(plain)} rules found" in promtool("check", "rules", str(file))


def test_prometheus_can_read_the_page_of_metrics(told: dict[str, set[str]], tmp_path: Path) -> None:
    """Syntax alone: promtool's style advice about names and units concerns names that were given."""
    del told
    path = shutil.which("promtool", path=f"{ROOT / '.venv/bin'}:/usr/bin:/usr/local/bin")
    if path is None:
        pytest.skip("promtool is not here; scripts/install-test-services fetches it")
    page = Client().get("/metrics").content
    ran = subprocess.run([path, "check", "metrics"], input=page, capture_output=True, timeout=60)

    assert ran.returncode in {0, 3}, ran.stderr  # 3: read, with advice
    assert b"error while linting" not in ran.stderr
