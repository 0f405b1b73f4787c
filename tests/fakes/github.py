"""A GitHub for the tests: repositories, check runs, deployments that wait, reviews and deliveries.

Tokens and bodies are checked against GitHub's documentation. What breaks a rule is answered as GitHub
answers it, and kept in `wrong`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.fakes.server import Answer, Call, Fault, Vendor

Body = dict[str, Any]
APP, INSTALLATION = 4242, 77
SECRET = "It's a Secret to Everybody"
REPOSITORY, REPOSITORY_ID = "octo/policies", 1296269
HEAD = "ec26c3e57ca3a959ca5aad62de7213c562f8c821"
AGENT = "github"
CONCLUSIONS = (
    "action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out",
)  # fmt: skip
CHECK_FIELDS = {
    "name", "head_sha", "external_id", "details_url", "status", "conclusion", "output", "actions",
    "started_at", "completed_at",
}  # fmt: skip
MOST_SUMMARY, MOST_COMMENT, MOST_REPORTS = 65_535, 1_024, 10


@cache
def key_pair() -> tuple[str, str]:
    """The app's key, and the half of it that GitHub has."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


@dataclass(slots=True)
class CheckRun:
    """One check run and every body that made it what it is."""

    id: int
    body: Body
    history: list[Body] = field(default_factory=list)

    @property
    def text(self) -> str:
        return f"{self.body['output']['title']}\n{self.body['output']['summary']}"

    def button(self, verdict: str) -> str:
        """The identifier of the button that begins so."""
        found = [each["identifier"] for each in self.body["actions"]]
        return str(next(each for each in found if each.startswith(verdict)))


@dataclass(slots=True)
class Gate:
    """A deployment that waits: its reports, and its answer."""

    environment: str
    reports: list[str] = field(default_factory=list)
    answers: list[Body] = field(default_factory=list)


class FakeGitHub(Vendor):
    """The REST API of one server with one app installed on one repository."""

    def __init__(self) -> None:
        super().__init__()
        self.checks: dict[int, CheckRun] = {}
        self.gates: dict[int, Gate] = {}
        self.pulls: dict[int, Body] = {}
        self.files: dict[int, list[Body]] = {}
        self.reviews: dict[int, list[Body]] = {}
        self.deliveries: list[Body] = []
        self.asked_again: list[int] = []
        self.tokens: dict[str, float] = {}
        self.wrong: list[str] = []
        self.lifetime = 3_600.0

    @property
    def settings(self) -> dict[str, Any]:
        """What the service is told to find us."""
        return {
            "GITHUB_APP_ID": str(APP),
            "GITHUB_PRIVATE_KEY": key_pair()[0],
            "GITHUB_WEBHOOK_SECRET": SECRET,
            "GITHUB_API_URL": self.url,
            "GITHUB_AGENT": AGENT,
            "GITHUB_INSTALLATIONS": str(INSTALLATION),
            "GITHUB_POLICY_REPOSITORY": REPOSITORY,
            "GITHUB_POLICY_PATH": "policies/",
            "GITHUB_CRITICAL_ON_WEB": True,
        }

    def fault(self) -> Fault | None:
        """Faults are for the calls that matter, not for the token before them."""
        is_token = bool(self.calls) and self.calls[-1].path.endswith("/access_tokens")
        return None if is_token else super().fault()

    def add_pull(self, number: int = 7, *, sha: str = HEAD, author: int = 900, **file: Any) -> None:
        """An open pull request that changes one policy file, unless `filename` says another."""
        self.pulls[number] = {
            "number": number,
            "state": "open",
            "head": {"sha": sha, "ref": "changes"},
            "base": {"sha": "f" * 40, "ref": "main"},
            "user": {"id": author, "login": f"user-{author}", "type": "User"},
        }
        whole = {"filename": "policies/default.yaml", "status": "modified", "sha": "a" * 40}
        self.files[number] = [whole | {"additions": 3, "deletions": 1} | file]
        self.reviews.setdefault(number, [])

    def add_delivery(self, event: str, *, code: int, guid: str, ago: float = 300.0) -> int:
        """A webhook we sent, and what we were answered; the id of this attempt."""
        at = datetime.now(UTC) - timedelta(seconds=ago)
        number = len(self.deliveries) + 1
        entry = {
            "id": number, "guid": guid, "event": event, "status_code": code,
            "delivered_at": at.isoformat().replace("+00:00", "Z"), "redelivery": False,
        }  # fmt: skip
        self.deliveries.insert(0, entry)
        return number

    def answer(self, call: Call) -> Answer:
        for pattern, method, needs_app, act in ROUTES:
            found = re.fullmatch(pattern, call.path)
            if found and method == call.method:
                refused = self._unknown(call, as_app=needs_app)
                return refused or act(self, call, *found.groups())
        return self._no(call, 404, "Not Found")

    def _unknown(self, call: Call, *, as_app: bool) -> Answer | None:
        """GitHub's 401, where the header does not prove who calls."""
        if call.headers.get("accept") != "application/vnd.github+json":
            self.wrong.append(f"{call.path}: no Accept")
        if call.headers.get("x-github-api-version") != API_VERSION:
            self.wrong.append(f"{call.path}: no version of the API")
        kind, _, given = call.headers.get("authorization", "").partition(" ")
        if kind != "Bearer":
            return self._no(call, 401, "Requires authentication")
        if not as_app:
            is_live = self.tokens.get(given, 0.0) > time.time()
            return None if is_live else self._no(call, 401, "Bad credentials")
        try:
            claims = jwt.decode(given, key_pair()[1], algorithms=["RS256"], issuer=str(APP))
        except jwt.PyJWTError as error:
            return self._no(call, 401, f"A JSON web token could not be decoded: {error}")
        if claims["exp"] > time.time() + 600:
            return self._no(call, 401, "'Expiration time' claim ('exp') is too far in the future")
        return None

    def give_token(self, call: Call, installation: str) -> Answer:
        if int(installation) != INSTALLATION:
            return self._no(call, 404, "Not Found")
        if not set(call.body or {}) <= {"permissions", "repositories", "repository_ids"}:
            return self._no(call, 422, "Invalid request")
        # Since 2026 a token carries a token, and is as long as it likes.
        token = f"ghs_{APP}_{'x' * 600}{len(self.tokens)}"
        self.tokens[token] = time.time() + self.lifetime
        ends = datetime.fromtimestamp(self.tokens[token], UTC)
        return Answer(201, {"token": token, "expires_at": f"{ends:%Y-%m-%dT%H:%M:%SZ}"})

    def make_check(self, call: Call, _: str) -> Answer:
        broken = _check_rules(call.body, is_new=True)
        if broken:
            return self._no(call, 422, broken)
        number = 1_000 + len(self.checks)
        made = CheckRun(number, {"actions": [], **call.body}, [call.body])
        self.checks[number] = made
        return Answer(201, self.told(made))

    def change_check(self, call: Call, _: str, number: str) -> Answer:
        check = self.checks.get(int(number))
        if check is None:
            return self._no(call, 404, "Not Found")
        broken = _check_rules(call.body, is_new=False)
        if broken:
            return self._no(call, 422, broken)
        check.body |= call.body
        check.history.append(call.body)
        return Answer(200, self.told(check))

    def list_checks(self, call: Call, _: str, sha: str) -> Answer:
        found = [self.told(c) for c in self.checks.values() if c.body["head_sha"] == sha]
        return Answer(200, {"total_count": len(found), "check_runs": found})

    def told(self, check: CheckRun) -> Body:
        """A check run as GitHub tells of it."""
        facts = {name: check.body.get(name) for name in sorted(CHECK_FIELDS - {"actions"})}
        return {"id": check.id, **facts, "app": {"id": APP, "slug": "countersign"}}

    def take_answer(self, call: Call, _: str, run: str) -> Answer:
        gate, body = self.gates.get(int(run)), call.body or {}
        if gate is None or gate.answers:
            return self._no(call, 422, "There is nothing to review", is_wrong=False)
        comment, state = body.get("comment", ""), body.get("state")
        if body.get("environment_name") != gate.environment or len(comment) > MOST_COMMENT:
            return self._no(call, 422, "Invalid environment_name or comment")
        if state is None and (not comment or len(gate.reports) >= MOST_REPORTS):
            return self._no(call, 422, "Too many status reports, or an empty one")
        if state not in (None, "approved", "rejected"):
            return self._no(call, 422, "Invalid state")
        if not set(body) <= {"environment_name", "state", "comment"}:
            return self._no(call, 422, "Invalid request")
        gate.answers.append(body) if state else gate.reports.append(comment)
        return Answer(204)

    def list_pulls(self, call: Call, _: str) -> Answer:
        page = int(call.query.get("page", 1))
        return Answer(200, list(self.pulls.values()) if page == 1 else [])

    def list_files(self, call: Call, _: str, number: str) -> Answer:
        return Answer(200, self.files[int(number)])

    def list_reviews(self, call: Call, _: str, number: str) -> Answer:
        return Answer(200, self.reviews[int(number)])

    def list_deliveries(self, call: Call) -> Answer:
        start = int(call.query.get("cursor", 0))
        size = int(call.query.get("per_page", 30))
        rest = self.deliveries[start : start + size]
        more = start + size < len(self.deliveries)
        link = f'<{self.url}/app/hook/deliveries?per_page={size}&cursor={start + size}>; rel="next"'
        return Answer(200, rest, {"Link": link} if more else {})

    def deliver_again(self, call: Call, number: str) -> Answer:
        self.asked_again.append(int(number))
        return Answer(202, {})

    def _no(self, call: Call, status: int, words: str, *, is_wrong: bool = True) -> Answer:
        if is_wrong:
            self.wrong.append(f"{call.method} {call.path}: {status} {words}")
        return Answer(status, {"message": words, "documentation_url": "https://docs.github.com"})


def _check_rules(body: Mapping[str, Any] | None, *, is_new: bool) -> str:
    """The first rule a check run breaks; empty when it breaks none."""
    found = body or {}
    output, actions = found.get("output") or {}, found.get("actions") or []
    url = str(found.get("details_url", "https://"))
    rules = {
        "name and head_sha": not is_new
        or (found.get("name") and len(found.get("head_sha", "")) == 40),
        "unknown fields": set(found) <= CHECK_FIELDS,
        "conclusion": found.get("status") != "completed" or found.get("conclusion") in CONCLUSIONS,
        "title and summary": bool(output.get("title")) and bool(output.get("summary")),
        "summary too long": len(output.get("summary", "").encode()) <= MOST_SUMMARY,
        "details_url": url.startswith(("https://", "http://")),
        "at most 3 actions": len(actions) <= 3,
        "actions": all(set(each) == {"label", "description", "identifier"} for each in actions),
        "label": all(0 < len(each["label"]) <= 20 for each in actions),
        "description": all(0 < len(each["description"]) <= 40 for each in actions),
        "identifier": all(0 < len(each["identifier"]) <= 20 for each in actions),
    }
    return next((rule for rule, is_kept in rules.items() if not is_kept), "")


API_VERSION = "2022-11-28"
Act = Callable[..., Answer]
NAME = r"([^/]+/[^/]+)"
ROUTES: tuple[tuple[str, str, bool, Act], ...] = (
    (r"/app/installations/(\d+)/access_tokens", "POST", True, FakeGitHub.give_token),
    (r"/app/hook/deliveries", "GET", True, FakeGitHub.list_deliveries),
    (r"/app/hook/deliveries/(\d+)/attempts", "POST", True, FakeGitHub.deliver_again),
    (r"/app", "GET", True, lambda *_: Answer(200, {"id": APP, "slug": "countersign"})),
    (rf"/repos/{NAME}/installation", "GET", True, lambda *_: Answer(200, {"id": INSTALLATION})),
    (rf"/repos/{NAME}", "GET", False, lambda *_: Answer(200, {"id": REPOSITORY_ID})),
    (rf"/repos/{NAME}/check-runs", "POST", False, FakeGitHub.make_check),
    (rf"/repos/{NAME}/check-runs/(\d+)", "PATCH", False, FakeGitHub.change_check),
    (rf"/repos/{NAME}/commits/([0-9a-f]+)/check-runs", "GET", False, FakeGitHub.list_checks),
    (rf"/repos/{NAME}/actions/runs/(\d+)/deployment_protection_rule", "POST", False, FakeGitHub.take_answer),
    (rf"/repos/{NAME}/pulls", "GET", False, FakeGitHub.list_pulls),
    (rf"/repos/{NAME}/pulls/(\d+)/files", "GET", False, FakeGitHub.list_files),
    (rf"/repos/{NAME}/pulls/(\d+)/reviews", "GET", False, FakeGitHub.list_reviews),
)  # fmt: skip
