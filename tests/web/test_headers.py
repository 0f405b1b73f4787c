"""What every page says to the browser: no frame, no script or style of its own, cookies kept close."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.test import Client

from approvals.models import Agent
from tests.support import cast
from tests.web.conftest import Browser

ROOT = Path(__file__).parents[2]
PAGES = (
    "/queue", "/queue?tab=all", "/r/{ref}", "/r/{ref}?open=deny", "/r/{ref}/evidence", "/history",
    "/history?q=outcom:denied", "/history/changes", "/history/exports", "/history/integrity",
    "/agents", "/agents/robo", "/agents/new", "/agents/stop", "/policies", "/policies/versions",
    "/policies/versions/1", "/policies/draft", "/policies/simulate", "/guardrails", "/insights",
    "/oncall", "/settings", "/settings/messages", "/settings/showing", "/settings/webhooks",
    "/settings/you", "/sign-in/again", "/r/REQ-999999",
)  # fmt: skip
OWN = re.compile(r"<style|<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)
COOKIES = """
import json, django
from django.conf import settings
django.setup()
print(json.dumps({name: getattr(settings, name) for name in (
    "SESSION_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "SESSION_COOKIE_SAMESITE",
    "SESSION_COOKIE_NAME", "CSRF_COOKIE_SECURE", "CSRF_COOKIE_SAMESITE", "CSRF_COOKIE_NAME")}))
"""


EXPECTED = {
    "default-src": "'none'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "script-src": "'self'",
    "style-src": "'self'",
}


def faults(answer: Any) -> list[str]:
    """What one answer does not say as it should; empty when it says all of it."""
    text = answer.headers["Content-Security-Policy"]
    policy = dict(part.strip().partition(" ")[::2] for part in text.split(";"))
    said = {
        "X-Frame-Options": answer.headers["X-Frame-Options"] == "DENY",
        "X-Content-Type-Options": answer.headers["X-Content-Type-Options"] == "nosniff",
        "Referrer-Policy": answer.headers["Referrer-Policy"] == "same-origin",
        "Content-Security-Policy": policy.items() >= EXPECTED.items() and "unsafe" not in text,
        "nothing of its own": OWN.search(answer.content.decode()) is None,
    }
    return [name for name, is_right in said.items() if not is_right]


def test_no_page_can_be_framed_or_runs_anything_of_its_own(ada: Browser, robo: Agent) -> None:
    ref = cast.request(robo).ref
    answers = {address: ada.client.get(address.format(ref=ref)) for address in PAGES}
    assert {answer.status_code for answer in answers.values()} <= {200, 404, 422}
    assert {address: wrong for address, it in answers.items() if (wrong := faults(it))} == {}


def test_the_way_in_is_held_to_the_same(db: None) -> None:
    assert faults(Client().get("/sign-in")) == []


def test_the_session_is_out_of_reach_of_scripts_and_other_sites(db: None) -> None:
    person = cast.person("lin", password=cast.PASSWORD)
    client = Client()
    client.get("/sign-in")
    answer = client.post("/sign-in", {"email": person.email, "password": cast.PASSWORD})
    session, csrf = answer.cookies["session"], client.cookies["csrf"]
    assert (session["httponly"], session["samesite"]) == (True, "Lax")
    assert csrf["samesite"] == "Strict"


def test_behind_https_cookies_are_bound_to_this_host_and_never_sent_in_clear(
    tmp_path: Path,
) -> None:
    said = subprocess.run(
        [sys.executable, "-c", COOKIES],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DATA_DIR": str(tmp_path),
            "PUBLIC_URL": "https://approve.example.com",
            "DJANGO_SETTINGS_MODULE": "approvals.project.settings",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(said.stdout.splitlines()[-1]) == {
        "SESSION_COOKIE_SECURE": True,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_NAME": "__Host-session",
        "CSRF_COOKIE_SECURE": True,
        "CSRF_COOKIE_SAMESITE": "Strict",
        "CSRF_COOKIE_NAME": "__Host-csrf",
    }
