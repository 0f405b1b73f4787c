"""Make one call of Slack's Web API for a delivery, and say what its failure means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from approvals.ports import DeliveryError
from integrations.slack import places, wire, workspaces
from integrations.slack.configuration import Configuration


class RefusedBlocks(DeliveryError):
    """Slack would not draw what we sent."""


class MessageMissing(DeliveryError):
    """The message we meant to edit is gone."""


class Caller:
    """Slack's client for each address: the configured workspace's, or that of an installed one."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self.client: WebClient = wire.client(configuration, seconds=wire.DELIVERY_SECONDS)

    def call(
        self, address: str, method: str, body: Mapping[str, Any], *, as_form: bool = False
    ) -> Mapping[str, Any]:
        """The answer as an object. Raises DeliveryError."""
        client = self._client(address)
        try:
            answer = (
                client.api_call(method, params=dict(body))
                if as_form
                else client.api_call(method, json=dict(body))
            )
        except SlackApiError as error:
            raise _refused(error) from error
        except wire.BROKEN as error:
            raise wire.failure(error) from error
        return answer.data if isinstance(answer.data, dict) else {}

    def channel(self, address: str) -> str:
        """The channel to write to; somebody's own conversation is opened, which changes nothing there."""
        place = workspaces.channel_of(address)
        if not places.is_person(address):
            return place
        opened = self.call(address, "conversations.open", {"users": place}).get("channel")
        found = opened.get("id") if isinstance(opened, dict) else None
        if not found:
            raise DeliveryError("Slack opened no conversation with this person.")
        return str(found)

    def _client(self, address: str) -> WebClient:
        token = workspaces.token_for(address)
        if token == self._configuration.bot_token:
            return self.client
        return wire.client(self._configuration, seconds=wire.DELIVERY_SECONDS, token=token)


def _refused(error: SlackApiError) -> DeliveryError:
    word = wire.code(error)
    if word in wire.REFUSED_BLOCKS:
        return RefusedBlocks(f"Slack said {word}.", permanent=True)
    if word == wire.NO_MESSAGE:
        return MessageMissing(f"Slack said {word}.", permanent=True)
    return wire.failure(error)
