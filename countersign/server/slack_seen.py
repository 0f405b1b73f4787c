"""Slack, as the doctor sees it: one bounded call that changes nothing."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from django.conf import settings

from countersign.server.findings import Finding, fail, unknown, warn, well
from countersign.server.slack_asked import Answer, NoAnswer, ask

NEEDED = {"chat:write": "cards cannot be posted"}
USEFUL = {
    "users:read.email": "people are not recognised by their e-mail address and must link their accounts",
    "commands": "/countersign is not there",
    "channels:history": "a card whose answer was lost may be posted twice",
}
FIX_SCOPE = "Add it on the app's OAuth page and install the app again"


def findings() -> Iterator[Finding]:
    """What Slack says of the token, and what the token may do; what is set, the settings' checks say."""
    used = (settings.SLACK_BOT_TOKEN, settings.SLACK_SIGNING_SECRET, settings.SLACK_APP_TOKEN)
    if not any(used) and not settings.SLACK_CLIENT_ID:
        yield well("slack", "not used")
        return
    if settings.SLACK_BOT_TOKEN:
        answer = yield from token()
        if answer is not None:
            yield from _scopes(answer)


def token() -> Generator[Finding, None, Answer | None]:
    """Whether Slack takes the token; gives its answer on to whoever asked, None without one."""
    try:
        answer = ask("auth.test", settings.SLACK_BOT_TOKEN)
    except NoAnswer as error:
        yield unknown("slack", error.words, "Check SLACK_API_URL and the way to it")
        return None
    if not answer.is_yes:
        fix = "Set SLACK_BOT_TOKEN to the app's bot token"
        yield fail("slack", f"it refuses the token: {answer.word}", fix)
        return None
    who = answer.body
    yield well("slack", f"signed in as {who.get('user')} in {who.get('team')}")
    return answer


def _scopes(answer: Answer) -> Iterator[Finding]:
    if answer.scopes is None:
        yield scopes_unknown()
        return
    lacking = [
        fail("slack scopes", f"{scope} is missing: {words}", FIX_SCOPE)
        for scope, words in NEEDED.items()
        if scope not in answer.scopes
    ]
    lacking += [
        warn("slack scopes", f"{scope} is missing: {words}", FIX_SCOPE)
        for scope, words in USEFUL.items()
        if scope not in answer.scopes
    ]
    yield from lacking or [well("slack scopes", "all there")]


def scopes_unknown() -> Finding:
    return unknown("slack scopes", "Slack did not name them", "Look at the app's OAuth page")
