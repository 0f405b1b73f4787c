"""`make demo` beside the real service, as processes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.processes import free_port
from tests.support.service import ROOT, Service, StartService

pytestmark = pytest.mark.slow


def demo(service: Service, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "countersign.demo", *options],
        cwd=ROOT,
        env=service.env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_the_approvers_are_played_through_slacks_own_door(start_service: StartService) -> None:
    slack = f"http://127.0.0.1:{free_port()}/api/"
    service = start_service(
        SLACK_SIGNING_SECRET="demo",
        SLACK_BOT_TOKEN="xoxb-demo",
        SLACK_API_URL=slack,
        SLACK_CHANNEL="C0DEMO",
        SLACK_CRITICAL_ON_WEB="0",  # else the critical one would wait for a dashboard
    )
    ended = demo(service, "--decide", "--wait", "60")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    rows = [
        line for line in ended.stdout.splitlines() if line.endswith("success") and "REQ-" in line
    ]
    assert len(rows) == 5
    assert "approved by Ada (manager) and Grace (security), basis person" in ended.stdout
    verified = subprocess.run(
        [sys.executable, "-m", "countersign", "audit", "verify"],
        cwd=ROOT,
        env=service.env,
        check=False,
    )
    assert verified.returncode == 0


def test_without_people_it_says_what_waits_and_where(service: Service) -> None:
    ended = demo(service, "--wait", "2")
    assert ended.returncode == 0, ended.stderr
    assert "Still waiting: REQ-2, REQ-3, REQ-4, REQ-5" in ended.stdout
    assert f"{service.url}/queue" in ended.stdout


def test_a_service_without_slack_is_told_how_to_get_one(service: Service) -> None:
    ended = demo(service, "--decide")
    assert ended.returncode == 3
    assert "make run DEMO_SLACK=1" in ended.stderr


def test_without_a_service_it_says_how_to_start_one(tmp_path: os.PathLike[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "countersign.demo"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), "PORT": str(free_port())},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ended.returncode, "make run" in ended.stderr) == (3, True)
