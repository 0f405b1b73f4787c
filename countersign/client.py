"""Ask for approvals over HTTP: submit, wait, consume, report."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import httpx

from countersign import answers
from countersign.answers import ApprovalRequest
from countersign.errors import NotApproved, Refused, StillWaiting, Unreachable

SHORTEST_HOLD, LONGEST_HOLD = 1.0, 25.0
SLACK_FOR_HOLD = 10.0
LARGEST_ANSWER = 8 * 1024 * 1024
PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)
REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
LOOPBACK = ("http://127.0.0.1", "http://localhost", "http://[::1]")


class Countersign:
    """One agent's, or one person's, connection to the service.

    `key` is an agent's key or a person's token. Every call that cannot be answered is tried
    `attempts` times in all where that is safe, and then raises `Unreachable`; nothing is ever taken
    for approved because something else went wrong. May be shared between threads.
    """

    def __init__(self, url: str, key: str, *, timeout: float = 10.0, attempts: int = 4) -> None:
        self.url = url.rstrip("/")
        self.timeout = timeout
        self.attempts = attempts
        self._http = httpx.Client(
            base_url=f"{self.url}/api/v1/",
            headers={"Authorization": f"Bearer {key}", "Accept": "application/json"},
            timeout=timeout,
            follow_redirects=False,
            trust_env=not self.url.startswith(LOOPBACK),
        )

    @classmethod
    def from_environment(cls) -> Self:
        """The service that COUNTERSIGN_URL names, with the key in COUNTERSIGN_KEY. Raises KeyError."""
        return cls(os.environ["COUNTERSIGN_URL"], os.environ["COUNTERSIGN_KEY"])

    def submit(
        self,
        action: str,
        target: str,
        parameters: Mapping[str, Any],
        *,
        idempotency_key: str | None = None,
        **more: Any,
    ) -> ApprovalRequest:
        """Ask. `more` are the other fields of a request: reasoning, impact, risk, rollback, ….

        Repeating it with the same `idempotency_key` gives the same request; without one, each call
        is a request of its own, and is still safe against lost answers.
        """
        body = {"action": action, "target": target, "parameters": dict(parameters), **more}
        body = _as_json({name: value for name, value in body.items() if value is not None})
        request = self._write("requests", body, key=idempotency_key or str(uuid4()))
        _refuse_another(request, body)
        return request

    def read(self, ref: str) -> ApprovalRequest:
        """The request as it stands."""
        return self._patiently(lambda: self._get(ref))

    def wait(self, request: ApprovalRequest | str, seconds: float = 3600.0) -> ApprovalRequest:
        """The request once it is final, whatever became of it.

        Raises StillWaiting after `seconds`, or Unreachable when the service was silent at the end.
        A service that is restarted meanwhile is waited for.
        """
        ref, ends_at, failures = _ref(request), time.monotonic() + seconds, 0
        while True:
            left = ends_at - time.monotonic()
            try:
                seen = self._get(ref, hold=min(LONGEST_HOLD, left))
            except Unreachable as error:
                failures += 1
                if left <= 0:
                    raise
                _rest(error, failures, at_most=left)
                continue
            failures = 0
            if isinstance(request, ApprovalRequest):
                _refuse_another(seen, request.body)
            if seen.is_final:
                return seen
            if left <= 0:
                raise StillWaiting(
                    f"{seen.ref} still waits for people. Nothing was approved.", request=seen
                )
            if left < SHORTEST_HOLD:
                time.sleep(left)

    def require(self, request: ApprovalRequest | str, seconds: float = 3600.0) -> ApprovalRequest:
        """The approved request. Raises NotApproved for any other end, and what `wait` raises."""
        seen = self.wait(request, seconds)
        if not seen.is_approved:
            raise NotApproved(f"{seen}. It must not run.", request=seen)
        return seen

    def consume(
        self,
        request: ApprovalRequest | str,
        parameters: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> ApprovalRequest:
        """Redeem the approval, once, for exactly these parameters; run the action only after this.

        Raises Refused with `parameters_changed`, `already_consumed`, `not_approved`, `grant_expired`.
        """
        body = {} if parameters is None else _as_json({"parameters": dict(parameters)})
        used = self._write(
            f"requests/{_ref(request)}/consume",
            body,
            key=idempotency_key or str(uuid4()),
            ref=_ref(request),
        )
        if isinstance(request, ApprovalRequest):
            _refuse_another(used, request.body)
        if parameters is not None and not answers.same(used.parameters, body["parameters"]):
            raise Unreachable("The answer tells of other parameters. Nothing may run.")
        if not used.is_approved or used.consumed_at is None:
            raise NotApproved(
                f"{used}. The service did not redeem it, so it must not run.", request=used
            )
        return used

    def outcome(self, request: ApprovalRequest | str, status: str, **more: Any) -> ApprovalRequest:
        """Report how it went: `success`, `failure` or `rolled_back`.

        `more` are detail, duration_ms, cost and rollback. The same report again changes nothing.
        """
        body = {"status": status, **more}
        return self._write(f"requests/{_ref(request)}/outcome", body, ref=_ref(request))

    def cancel(self, request: ApprovalRequest | str) -> ApprovalRequest:
        """Withdraw a request that still waits."""
        return self._once(f"requests/{_ref(request)}/cancel", {}, ref=_ref(request))

    def answer(
        self,
        request: ApprovalRequest | str,
        text: str,
        *,
        evidence: Mapping[str, Any] | None = None,
    ) -> ApprovalRequest:
        """Answer a question that somebody asked while investigating. Not repeated by itself."""
        body = {"text": text} if evidence is None else {"text": text, "evidence": dict(evidence)}
        return self._once(f"requests/{_ref(request)}/messages", body, ref=_ref(request))

    def decide(self, request: ApprovalRequest, verdict: str, comment: str = "") -> ApprovalRequest:
        """A person's verdict on what `request` shows; refused if it changed since. Not repeated by itself."""
        body = {"verdict": verdict, "comment": comment, "version": request.version}
        body["shown_sha256"] = str(request.body.get("action_sha256", ""))
        return self._once(f"requests/{_ref(request)}/decisions", body, ref=request.ref)

    def mark(self, ref: str, *, is_right: bool, comment: str = "") -> dict[str, Any]:
        """A person's word on what shadow mode denied; the same again changes nothing."""
        body = {"right": is_right, "comment": comment}
        return answers.document(self._send("POST", f"requests/{_ref(ref)}/mark", json=body))

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _get(self, ref: str, *, hold: float = 0.0) -> ApprovalRequest:
        query = {"wait": str(int(hold))} if hold >= SHORTEST_HOLD else {}
        return answers.approval_request(
            self._send("GET", f"requests/{_ref(ref)}", params=query, timeout=self._patience(hold)),
            ref=ref,
        )

    def _write(
        self, path: str, body: Mapping[str, Any], *, key: str = "", ref: str = ""
    ) -> ApprovalRequest:
        """A call that may be repeated: the key, or its own meaning, makes the second one harmless."""
        headers = {"Idempotency-Key": key} if key else {}
        return self._patiently(
            lambda: answers.approval_request(
                self._send("POST", path, json=body, headers=headers), ref=ref
            )
        )

    def _once(self, path: str, body: Mapping[str, Any], *, ref: str) -> ApprovalRequest:
        return answers.approval_request(self._send("POST", path, json=body), ref=ref)

    def _patiently(self, call: Callable[[], ApprovalRequest]) -> ApprovalRequest:
        for attempt in range(1, self.attempts):
            try:
                return call()
            except Unreachable as error:
                _rest(error, attempt, at_most=self.timeout)
        return call()

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One exchange, bounded in time and size. Raises Unreachable."""
        try:
            with self._http.stream(method, path, **options) as response:
                ends_at = time.monotonic() + self._longest(options)
                content = bytearray()
                for piece in response.iter_bytes():
                    content += piece
                    if len(content) > LARGEST_ANSWER or time.monotonic() > ends_at:
                        raise Unreachable(
                            "The answer is too long or too slow. Nothing was approved."
                        )
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise Unreachable(
                f"The service at {self.url} could not be asked: {type(error).__name__}. Nothing was approved."
            ) from error
        headers = {
            name: value
            for name, value in response.headers.items()
            if name in {"content-type", "retry-after"}
        }
        return httpx.Response(response.status_code, headers=headers, content=bytes(content))

    def _patience(self, hold: float) -> float:
        return max(self.timeout, hold + SLACK_FOR_HOLD) if hold >= SHORTEST_HOLD else self.timeout

    def _longest(self, options: Mapping[str, Any]) -> float:
        return float(options.get("timeout", self.timeout))


def _refuse_another(request: ApprovalRequest, asked: Mapping[str, Any]) -> None:
    """An answer about another action than was asked for is no answer."""
    if (request.action, request.target) != (asked["action"], asked["target"]):
        raise Unreachable(
            "The answer tells of another action than was asked for. Nothing was approved."
        )
    if not answers.same(request.parameters, asked["parameters"]):
        raise Unreachable(
            "The answer tells of other parameters than were asked for. Nothing was approved."
        )


def _as_json(value: Mapping[str, Any]) -> dict[str, Any]:
    """The value as the service will read it. Raises TypeError or ValueError for what JSON cannot carry."""
    body: dict[str, Any] = json.loads(json.dumps(dict(value), allow_nan=False))
    return body


def _ref(request: ApprovalRequest | str) -> str:
    ref = request.ref if isinstance(request, ApprovalRequest) else request.strip()
    if not REFERENCE.fullmatch(ref):
        raise Refused(
            f"{ref[:60]!r} is no reference; write REQ-12 or an id.", code="not_found", status=404
        )
    return ref


def _rest(error: Unreachable, attempt: int, *, at_most: float) -> None:
    pause = (
        PAUSES[min(attempt, len(PAUSES)) - 1] if error.retry_after is None else error.retry_after
    )
    time.sleep(max(0.0, min(pause, at_most)))
