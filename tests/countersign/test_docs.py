"""The examples of the client's page run as they stand."""

from __future__ import annotations

import contextlib
import io
import re
import threading
from typing import Any

import pytest
from django.db import connection

from approvals import queries
from countersign import Countersign, verify_grant
from tests.support import cast
from tests.support.service import ROOT

EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "sdk.md").read_text(), re.DOTALL)


def run(example: str, **names: Any) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(example, "docs/sdk.md", "exec"), names)
    return printed.getvalue()


def test_the_guarded_function_waits_for_the_team_lead(
    live: str, lin: Countersign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTERSIGN_URL", live)
    monkeypatch.setenv("COUNTERSIGN_KEY", cast.agent()[1])
    with approving(lin):
        assert run(EXAMPLES[0]) == "production-api has 8 replicas\n"
    row = queries.requests().get()
    assert (row.action, row.target) == ("scale_deployment", "production-api")
    assert row.outcome["status"] == "success"


def test_the_steps_go_one_after_another(live: str, lin: Countersign) -> None:
    with approving(lin):
        run(EXAMPLES[1], url=live, key=cast.agent()[1])
    assert queries.requests().get().outcome["detail"] == "2 of 2 ready"


def test_a_grant_verifies_elsewhere(robo: Countersign) -> None:
    assert "verify_grant(" in EXAMPLES[2]
    asked = robo.submit("create_ticket", "ops", {"replicas": 2})
    keys = robo._http.get(f"{robo.url}/.well-known/jwks.json").json()
    token = asked.grant or ""
    issuer = str(asked.body["links"]["self"]).partition("/api/")[0]
    names = {"token": token, "jwks": keys, "verify_grant": verify_grant}
    run(EXAMPLES[2].replace("https://approvals.example.com", issuer), **names)


@contextlib.contextmanager
def approving(person: Countersign) -> Any:
    """Somebody approves the next request, from another thread."""
    cast.policy()
    ended = threading.Event()
    thread = threading.Thread(target=_approve_first, args=(person, ended))
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _approve_first(person: Countersign, ended: threading.Event) -> None:
    try:
        while not ended.wait(0.05):
            row = queries.requests().first()
            if row is not None:
                person.decide(person.read(row.ref), "approve")
                return
    finally:
        connection.close()
