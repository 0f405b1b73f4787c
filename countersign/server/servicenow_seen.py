"""ServiceNow, as the doctor sees it: a few bounded reads that change nothing there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
from django.conf import settings
from django.db import Error

from approvals.domain.policy import matrix
from approvals.domain.policy.reading import PolicyInvalid
from approvals.models import Receipt
from approvals.services import clock, looking, policies
from countersign.server.findings import Finding, fail, unknown, warn, well

SECONDS = 5.0
NAME = "servicenow"
TABLES = {
    "change_request": "change requests cannot be followed",
    "sysapproval_approver": "no decision made there can be read back",
}
# What a change request of ours cannot do without; others may be dropped harmlessly.
KEPT = ("correlation_id", "correlation_display", "description")
LATE = timedelta(minutes=5)


def findings() -> Iterator[Finding]:
    """Whether the account works and may read, whether we look, and what the instance drops."""
    if not (
        settings.SERVICENOW_URL and (settings.SERVICENOW_CLIENT_ID or settings.SERVICENOW_USER)
    ):
        yield from _unused()
        return
    try:
        with httpx.Client(timeout=SECONDS, follow_redirects=False, trust_env=False) as http:
            yield from _account(http)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        words = f"{settings.SERVICENOW_URL} gave no answer we can read ({type(error).__name__})"
        yield unknown(NAME, words, "Check SERVICENOW_URL and the way to it; wake the instance")
    except Error as error:
        yield unknown(f"{NAME} fields", f"the database does not say ({error})", "Mend it first")
    yield _looks()


def _unused() -> Iterator[Finding]:
    """Well, unless the policy in force counts on it."""
    try:
        rows = policies.current().matrix
    except (policies.NoPolicy, PolicyInvalid, Error):
        yield well(NAME, "not used")
        return
    named = [level for level, row in rows.items() if NAME in matrix.systems(row.plan.channels)]
    if not named:
        yield well(NAME, "not used")
        return
    words = f"the policy opens change requests there for risk {' and '.join(named)}, and it is not set up"
    fix = "Set SERVICENOW_URL and an account, or take change_request out of the risk matrix"
    yield fail(NAME, words, fix)


def _account(http: httpx.Client) -> Iterator[Finding]:
    proof = _proof(http)
    if isinstance(proof, Finding):
        yield proof
        return
    for table, otherwise in TABLES.items():
        answer = _read(http, proof, table, sysparm_limit="1", sysparm_fields="sys_id")
        if not answer.is_success:
            words = f"{table} cannot be read ({answer.status_code}): {otherwise}"
            yield fail(NAME, words, "Look at the account's password and its roles")
            return
    yield well(NAME, f"signed in at {settings.SERVICENOW_URL}; both tables can be read")
    yield from _dropped(http, proof)


def _proof(http: httpx.Client) -> dict[str, Any] | Finding:
    """What every call proves itself with."""
    if not settings.SERVICENOW_CLIENT_ID:
        return {"auth": (settings.SERVICENOW_USER, settings.SERVICENOW_PASSWORD)}
    form = {
        "grant_type": "client_credentials",
        "client_id": settings.SERVICENOW_CLIENT_ID,
        "client_secret": settings.SERVICENOW_CLIENT_SECRET,
    }
    answer = http.post(f"{settings.SERVICENOW_URL.rstrip('/')}/oauth_token.do", data=form)
    body = answer.json() if answer.is_success else None
    token = body.get("access_token") if isinstance(body, dict) else None
    if not isinstance(token, str):
        fix = "Check SERVICENOW_CLIENT_ID and _SECRET, and that the grant is client credentials"
        return fail(NAME, f"it gives no token ({answer.status_code})", fix)
    return {"headers": {"Authorization": f"Bearer {token}"}}


def _dropped(http: httpx.Client, proof: dict[str, Any]) -> Iterator[Finding]:
    """What the newest change request of ours has lost of what we wrote into it."""
    receipt = Receipt.objects.filter(adapter=NAME).order_by("-id").first()
    sys_id = str(receipt.handle.get("sys_id") or "") if receipt else ""
    if not sys_id or not sys_id.isalnum():
        return
    asked = {"sysparm_query": f"sys_id={sys_id}", "sysparm_fields": ",".join(("number", *KEPT))}
    told = _read(http, proof, "change_request", sysparm_limit="1", **asked).json().get("result")
    record = told[0] if isinstance(told, list) and told else told
    if not isinstance(record, dict) or not record:
        words = "our newest change request cannot be read"
        yield warn(
            f"{NAME} fields", words, "Look at the account's roles, or whether it was deleted"
        )
        return
    lost = [name for name in KEPT if not record.get(name)]
    if not lost:
        yield well(f"{NAME} fields", "kept as we wrote them")
        return
    words = f"{record.get('number')} has lost {', '.join(lost)}: dropped without an error"
    yield fail(f"{NAME} fields", words, "Let the account write these fields of change_request")


def _looks() -> Finding:
    fix = "Start a worker (countersign up), and look for 'look failed' in its log"
    try:
        last, at = looking.last_well(NAME), clock.now()
    except Error as error:
        return unknown(f"{NAME} looks", f"the database does not say ({error})", fix)
    if last is None:
        return unknown(f"{NAME} looks", "decisions made there were not read back yet", fix)
    if at - last > LATE:
        words = f"decisions made there were last read back at {last:%Y-%m-%d %H:%M} UTC"
        return warn(f"{NAME} looks", words, fix)
    return well(f"{NAME} looks", "decisions made there are read back")


def _read(http: httpx.Client, proof: dict[str, Any], table: str, **query: str) -> httpx.Response:
    url = f"{settings.SERVICENOW_URL.rstrip('/')}/api/now/table/{table}"
    return http.get(url, params=query, **proof)
