"""The Bolt application: which listener hears what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from slack_bolt import Ack, App, BoltContext, BoltRequest, BoltResponse
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient

from approvals.domain.terms import Verdict
from integrations.slack import listeners, wire
from integrations.slack.configuration import Configuration

# Two calls at most are made for one click, and Slack waits three seconds for its answer.
CLICK_SECONDS = 1.3
SIGNED = "slack_signature"
SOCKET = "slack_socket"
ANYTHING = re.compile(r".*", re.DOTALL)


def answer(
    payload: Mapping[str, Any], *, configuration: Configuration, authenticated_by: str
) -> BoltResponse:
    """Let Bolt answer one sound payload; what nobody listens for is answered with nothing.

    The payload was verified and checked by the caller: Bolt's own check reads headers it can raise
    on, and knows nothing of replays.
    """
    request = BoltRequest(
        body=dict(payload),
        mode="socket_mode",
        context={"authenticated_by": authenticated_by},
    )
    response = application(configuration).dispatch(request)
    return BoltResponse(status=200) if response.status == 404 else response


@lru_cache(maxsize=4)
def application(configuration: Configuration) -> App:
    """One application for each configuration, made at its first click."""
    client = wire.client(configuration, seconds=CLICK_SECONDS)
    app = App(
        name="countersign",
        signing_secret=configuration.signing_secret,
        client=WebClient(base_url=configuration.api_url, retry_handlers=[]),
        authorize=_authorize(configuration),
        process_before_response=True,
        token_verification_enabled=False,
        request_verification_enabled=False,
    )
    for verdict in Verdict:
        _listen(app, verdict, client)
    _listen_for_the_rest(app, client)
    return app


def _authorize(configuration: Configuration) -> Any:
    """One workspace, one token: to ask Slack about it at every click would cost its time."""

    def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=enterprise_id, team_id=team_id, bot_token=configuration.bot_token
        )

    return authorize


def _listen(app: App, verdict: Verdict, client: WebClient) -> None:
    def pressed(ack: Ack, body: dict[str, Any], context: BoltContext) -> None:
        by = str(context["authenticated_by"])
        listeners.press(body, verdict, client=client, authenticated_by=by)
        ack()

    def submitted(ack: Ack, body: dict[str, Any], context: BoltContext) -> None:
        by = str(context["authenticated_by"])
        ack(**listeners.submit(body, verdict, client=client, authenticated_by=by))

    app.action(verdict.value)(pressed)
    app.view(verdict.value)(submitted)


def _listen_for_the_rest(app: App, client: WebClient) -> None:
    """A link button tells us it was pressed and wants a bare answer; old buttons get words."""

    def opened(ack: Ack) -> None:
        ack()

    def unknown(ack: Ack, body: dict[str, Any]) -> None:
        listeners.outdated(body, client=client)
        ack()

    app.action("open")(opened)
    app.action(ANYTHING)(unknown)
    app.view_submission(ANYTHING)(opened)
    app.view_closed(ANYTHING)(opened)
