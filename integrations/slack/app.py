"""The Bolt application: which listener hears what."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from slack_bolt import Ack, App, BoltContext, BoltRequest, BoltResponse
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient

from approvals.domain.terms import Verdict
from approvals.services import clock
from integrations.slack import (
    answers,
    buttons,
    commands,
    events,
    home,
    home_tabs,
    listeners,
    payloads,
    strangers,
    wire,
    workspaces,
)
from integrations.slack.configuration import Configuration
from integrations.slack.turns import CLICK_SECONDS, Turn

logger = logging.getLogger(__name__)

SIGNED = "slack_signature"
SOCKET = "slack_socket"
ANYTHING = re.compile(r".*", re.DOTALL)
REFUSED = {
    "code": "workspace_not_installed",
    "detail": "The app is not installed in this workspace, or was removed from it. "
    "Nothing was recorded but the refusal.",
}


def answer(
    payload: Mapping[str, Any],
    *,
    configuration: Configuration,
    authenticated_by: str,
    turn: Turn | None = None,
) -> BoltResponse:
    """Let Bolt answer one sound payload; what nobody listens for is answered with nothing.

    The payload was verified and checked by the caller: Bolt's own check reads headers it can raise
    on, and knows nothing of replays.
    """
    token = ""
    if payload.get("type") != payloads.HANDSHAKE:
        found = workspaces.answering(payload)
        if found is None:
            return _refused(payload)
        token = found
    request = BoltRequest(
        body=dict(payload),
        mode="socket_mode",
        context={
            "authenticated_by": authenticated_by,
            "configuration": configuration,
            "token_of_workspace": token,
            "turn": turn,
        },
    )
    response = application(configuration.signing_secret, configuration.api_url).dispatch(request)
    return BoltResponse(status=200) if response.status == 404 else response


@lru_cache(maxsize=4)
def application(signing_secret: str, api_url: str) -> App:
    """One application, made at its first click; what else is set comes with each request."""
    app = App(
        name="countersign",
        signing_secret=signing_secret,
        client=WebClient(base_url=api_url, retry_handlers=[]),
        authorize=_authorize,
        process_before_response=True,
        token_verification_enabled=False,
        request_verification_enabled=False,
    )
    for verdict in Verdict:
        _listen(app, verdict)
    _listen_for_answers(app)
    _listen_for_wishes(app)
    _listen_at_home(app)
    _listen_for_commands(app)
    _listen_for_the_rest(app)
    return app


def speaking(context: BoltContext) -> WebClient:
    """A client for the workspace a request came from."""
    token, turn = context.bot_token or "", context.get("turn")
    if isinstance(turn, Turn):
        return turn.client(context["configuration"], token=token)
    return wire.client(context["configuration"], seconds=CLICK_SECONDS, token=token)


def _authorize(
    context: BoltContext, enterprise_id: str | None, team_id: str | None
) -> AuthorizeResult:
    """The token of the workspace this comes from. Asking Slack about it at every click would cost
    its time, so it is taken as it was given at installation until Slack says that it ended."""
    return AuthorizeResult(
        enterprise_id=enterprise_id,
        team_id=team_id,
        bot_token=str(context.get("token_of_workspace") or ""),
    )


def _refused(payload: Mapping[str, Any]) -> BoltResponse:
    """Nothing is done for a workspace we are not in. Its last words about that are no attack: they are
    taken and forgotten, since events that are refused too often are switched off for every workspace."""
    if payload.get("type") == events.KIND and workspaces.was_here(payload):
        return BoltResponse(status=200)
    strangers.write_down(payload)
    headers: dict[str, str | Sequence[str]] = {
        "content-type": ["application/json"],
        "x-slack-no-retry": ["1"],
    }
    return BoltResponse(status=403, body=json.dumps(REFUSED), headers=headers)


def _listen(app: App, verdict: Verdict) -> None:
    def pressed(ack: Ack, body: dict[str, Any], context: BoltContext) -> None:
        by = str(context["authenticated_by"])
        listeners.press(body, verdict, client=speaking(context), authenticated_by=by)
        ack()

    def submitted(ack: Ack, body: dict[str, Any], context: BoltContext) -> None:
        by = str(context["authenticated_by"])
        ack(**listeners.submit(body, verdict, client=speaking(context), authenticated_by=by))

    app.action(verdict.value)(pressed)
    app.view(verdict.value)(submitted)


def _listen_for_answers(app: App) -> None:
    def pressed(ack: Ack, body: dict[str, Any], context: BoltContext) -> None:
        answers.press(body, client=speaking(context))
        ack()

    def submitted(ack: Ack, body: dict[str, Any], context: BoltContext) -> None:
        ack(**answers.submit(body, client=speaking(context)))

    app.action(answers.WISH)(pressed)
    app.view(answers.WISH)(submitted)


def _listen_for_wishes(app: App) -> None:
    """What decides nothing: one's own decision taken back, more time."""

    def undone(ack: Ack, body: dict[str, Any], context: BoltContext) -> None:
        listeners.undo(body, client=speaking(context))
        ack()

    def more_time(ack: Ack, body: dict[str, Any], context: BoltContext) -> None:
        listeners.add_time(body, client=speaking(context))
        ack()

    app.action(buttons.UNDO)(undone)
    app.action(buttons.MORE_TIME)(more_time)


def _listen_at_home(app: App) -> None:
    def opened(body: dict[str, Any], context: BoltContext) -> None:
        owner = home.opened(body, client=speaking(context))
        if owner is not None:
            home_tabs.remember(*owner, at=clock.now())

    def switched(ack: Ack, body: dict[str, Any], context: BoltContext) -> None:
        owner = home.switched(body, client=speaking(context))
        home_tabs.remember(*owner, at=clock.now())
        ack()

    def ended(body: dict[str, Any]) -> None:
        events.end(body)

    app.event(events.HOME)(opened)
    for wish in home.ACTIONS:
        app.action(wish)(switched)
    for ending in events.ENDINGS:
        app.event(ending)(ended)


def _listen_for_commands(app: App) -> None:
    """By any name: the app hears no command but those its manifest gives it."""

    def called(ack: Ack, body: dict[str, Any], context: BoltContext) -> None:
        ack(**commands.answer(body, client=speaking(context)))

    app.command(ANYTHING)(called)


def _listen_for_the_rest(app: App) -> None:
    """A link button tells us it was pressed and wants a bare answer; old buttons get words."""

    def opened(ack: Ack) -> None:
        ack()

    def unknown(ack: Ack, body: dict[str, Any], context: BoltContext) -> None:
        listeners.outdated(body, client=speaking(context))
        ack()

    app.action("open")(opened)
    app.action(ANYTHING)(unknown)
    app.view_submission(ANYTHING)(opened)
    app.view_closed(ANYTHING)(opened)
