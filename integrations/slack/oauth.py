"""Install the app in one more workspace: an operator asks, Slack asks there, and gives us a token."""

from __future__ import annotations

import hmac
import logging
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_safe
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from approvals.models import Person
from approvals.models.people import Role
from approvals.services import actors, clock
from integrations.slack import configuration, manifest, wire, workspaces
from integrations.slack.workspaces import Installed

logger = logging.getLogger(__name__)

SESSION = "slack_install"
LIFE = timedelta(minutes=10)
SECONDS = 10
PATH = "/integrations/slack/oauth"
NOTHING = "Nothing was installed."


class NotInstalled(Exception):
    """Why it came to nothing, in words for the operator."""

    def __init__(self, words: str, *, status: int = 400) -> None:
        super().__init__(words)
        self.words = words
        self.status = status


@require_safe
def install(request: HttpRequest) -> HttpResponse:
    """Send a signed-in operator to Slack, which asks which workspace to install in."""
    person = _operator(request)
    if not isinstance(person, Person):
        return person
    if not workspaces.is_shared():
        return _told(
            request,
            "Slack serves one workspace",
            "Set SLACK_CLIENT_ID and SLACK_CLIENT_SECRET to let other workspaces install the app.",
            status=404,
        )
    state = secrets.token_urlsafe(32)
    request.session[SESSION] = {"state": state, "at": clock.now().isoformat(), "by": person.pk}
    asked = {
        "client_id": settings.SLACK_CLIENT_ID,
        "scope": ",".join(manifest.SCOPES),
        "redirect_uri": redirect_uri(),
        "state": state,
    }
    return _private(HttpResponseRedirect(f"{authorise_url()}?{urlencode(asked)}"))


@require_safe
def oauth(request: HttpRequest) -> HttpResponse:
    """Slack sends the operator back, with a code to be changed for a token."""
    person = _operator(request)
    if not isinstance(person, Person):
        return person
    kept = request.session.pop(SESSION, None)
    try:
        _refuse_other_state(request, kept, person, at=clock.now())
        row = workspaces.install(
            _exchanged(_code(request)), by=actors.person(person), at=clock.now()
        )
    except NotInstalled as error:
        return _told(request, "Not installed", f"{error.words} {NOTHING}", status=error.status)
    words = (
        f"The app is installed in {row}. Invite it to a private channel there, and name that channel "
        f"{row.team_id}/C… in policies."
    )
    return _told(request, "Installed", words, status=200)


def redirect_uri() -> str:
    """Where Slack sends the operator back to; it stands in the app's manifest."""
    return f"{settings.PUBLIC_URL}{PATH}"


def authorise_url() -> str:
    """Slack's page that asks, at the host its API is at."""
    base = configuration.current().api_url.rstrip("/").removesuffix("/api")
    return f"{base}/oauth/v2/authorize"


def _refuse_other_state(
    request: HttpRequest, kept: object, person: Person, *, at: datetime
) -> None:
    """Only who began it, in this browser, within ten minutes, and once."""
    given = request.GET.get("state", "")
    if not isinstance(kept, dict) or kept.get("by") != person.pk:
        raise NotInstalled("This installation was not begun here. Begin at the settings page.")
    if not hmac.compare_digest(str(kept["state"]).encode(), given.encode("utf-8", "replace")):
        raise NotInstalled("This answer belongs to another installation. Begin again.")
    if at - datetime.fromisoformat(str(kept["at"])) > LIFE:
        raise NotInstalled(
            "The installation took longer than ten minutes. Begin again.", status=410
        )


def _code(request: HttpRequest) -> str:
    error = request.GET.get("error", "")
    if error == "access_denied":
        raise NotInstalled("The installation was refused at Slack.")
    code = request.GET.get("code", "")
    if error or not 0 < len(code) <= 500:
        raise NotInstalled("Slack sent no code. Begin again.")
    return code


def _exchanged(code: str) -> Installed:
    client = WebClient(base_url=configuration.current().api_url, timeout=SECONDS, retry_handlers=[])
    try:
        answer = client.oauth_v2_access(
            client_id=settings.SLACK_CLIENT_ID,
            client_secret=settings.SLACK_CLIENT_SECRET,
            code=code,
            redirect_uri=redirect_uri(),
        ).data
    except SlackApiError as error:
        raise NotInstalled(f"Slack refused the code: {wire.code(error)[:80]}.") from error
    except wire.BROKEN as error:
        logger.warning("slack did not answer an installation", extra={"error": str(error)[:200]})
        raise NotInstalled("Slack did not answer. Begin again.", status=502) from error
    return _installed(answer if isinstance(answer, dict) else {})


def _installed(answer: Mapping[str, Any]) -> Installed:
    team, enterprise = _part(answer, "team"), _part(answer, "enterprise")
    installed = Installed(
        team=_text(team, "id"),
        enterprise=_text(enterprise, "id"),
        name=_text(team, "name", most=200) or _text(enterprise, "name", most=200),
        bot_user=_text(answer, "bot_user_id"),
        token=_text(answer, "access_token", most=500),
        scopes=[scope for scope in _text(answer, "scope", most=2_000).split(",") if scope],
    )
    app_id = configuration.current().app_id
    if app_id and _text(answer, "app_id") != app_id:
        raise NotInstalled("Slack installed another app than SLACK_APP_ID names.")
    if answer.get("expires_in") or answer.get("refresh_token"):
        raise NotInstalled("The app rotates its tokens. Switch token rotation off in its manifest.")
    if not installed.token or not (installed.team or installed.enterprise):
        raise NotInstalled("Slack gave no bot token. Begin again.", status=502)
    return installed


def _operator(request: HttpRequest) -> Person | HttpResponse:
    """The signed-in operator, or the answer to anybody else."""
    person = request.user
    if not isinstance(person, Person) or not person.is_active:
        # The answer of Slack holds a code, which no address of ours shall keep: begin again.
        way_back = urlencode({"next": "/integrations/slack/install"})
        return HttpResponseRedirect(f"/sign-in?{way_back}")
    if person.role != Role.OPERATOR.value:
        words = f"Operators install the app; your role is {person.role}. {NOTHING}"
        return _told(request, "Not yours to do", words, status=403)
    return person


def _told(request: HttpRequest, title: str, words: str, *, status: int) -> HttpResponse:
    return _private(
        render(request, "problem.html", {"title": title, "words": words}, status=status)
    )


def _private(response: HttpResponse) -> HttpResponse:
    response.headers["Cache-Control"] = "no-store"
    return response


def _part(answer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = answer.get(name)
    return part if isinstance(part, dict) else {}


def _text(holder: Mapping[str, Any], name: str, *, most: int = 40) -> str:
    value = holder.get(name)
    return value[:most] if isinstance(value, str) else ""
