"""The channels there are: what each is called, what sets it up, and what mends its usual failures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from approvals.domain import display


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to people or programs, whether or not it is set up.

    `identity` is the kind of account by which it knows people, empty where it needs none. `beware`
    says whom a test of it reaches besides whoever sends it; `no_test` why there can be none.
    """

    name: str
    title: str
    settings: tuple[str, ...]
    identity: str = ""
    is_two_way: bool = True
    beware: str = ""
    no_test: str = "It has no default address to send a test to."


_ALL = (
    Channel(
        "slack",
        "Slack",
        ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN", "SLACK_CHANNEL"),
        "slack",
        no_test="Set SLACK_CHANNEL, so that a test has somewhere to go.",
    ),
    Channel(
        "teams",
        "Microsoft Teams",
        ("TEAMS_APP_ID", "TEAMS_APP_PASSWORD", "TEAMS_TENANT_ID", "TEAMS_CHANNEL"),
        "teams",
        no_test="Set TEAMS_CHANNEL, so that a test has somewhere to go.",
    ),
    Channel(
        "teams_workflow", "Teams workflow", ("TEAMS_WORKFLOW_URL",), is_two_way=False,
    ),
    Channel(
        "pagerduty",
        "PagerDuty",
        ("PAGERDUTY_ROUTING_KEY", "PAGERDUTY_ROUTING_KEYS", "PAGERDUTY_API_TOKEN"),
        "pagerduty",
        beware="it pages whoever is on call for the default service.",
    ),
    Channel(
        "servicenow",
        "ServiceNow",
        ("SERVICENOW_URL", "SERVICENOW_USER", "SERVICENOW_PASSWORD", "SERVICENOW_CLIENT_ID",
         "SERVICENOW_CLIENT_SECRET"),
        "servicenow",
        beware="it opens a change request that its approvers see, and only they can decide it there.",
    ),
    Channel(
        "github",
        "GitHub",
        ("GITHUB_APP_ID", "GITHUB_PRIVATE_KEY", "GITHUB_WEBHOOK_SECRET"),
        "github",
        no_test="GitHub asks by itself; start a deployment to a protected environment to try it.",
    ),
    Channel("email", "E-mail", ("EMAIL_URL", "EMAIL_FROM", "EMAIL_TO"), is_two_way=False),
    Channel(
        "webhook",
        "Webhooks",
        ("WEBHOOK_SIGNING_KEY",),
        is_two_way=False,
        no_test="An agent names the address with each request; send a dead one again to try it.",
    ),
    Channel("console", "Console log", ("CONSOLE_CARDS",), is_two_way=False),
)  # fmt: skip
CHANNELS: Mapping[str, Channel] = {channel.name: channel for channel in _ALL}
# An adapter that writes beside the cards of another is a part of that channel to everybody.
_PARTS: Mapping[str, str] = {"slack_thread": "slack"}

# In order: the first that fits what went wrong says how to mend it. `{to}` is the address.
_FIXES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "slack": (
        ("not_in_channel", "The bot is not in {to}: write /invite @countersign there."),
        ("channel_not_found", "There is no {to} that the bot can see. Invite it, or mend the address."),
        ("is_archived", "{to} is archived. Unarchive it, or name another channel in the policy."),
        ("invalid_auth|token_revoked|token_expired|account_inactive|not_authed",
         "Slack refuses the token. Install the app again and set SLACK_BOT_TOKEN."),
        ("missing_scope", "The app lacks a right. Run countersign doctor, add the scope, reinstall."),
        ("restricted_action|ekm_access_denied|team_access", "Its workspace forbids it. Ask its owners."),
        ("asks us to wait", "Nothing: Slack limits how fast we may write, and it is sent after that."),
    ),
    "teams": (
        ("BotNotInConversationRoster|Forbidden|answered 403", "Install the app in {to} again."),
        ("gives the bot no token", "Check TEAMS_APP_ID, TEAMS_TENANT_ID and TEAMS_APP_PASSWORD."),
        ("no conversation|not know|404", "Install the app in {to}, or mend the channel's name."),
    ),
    "teams_workflow": (("refuses its address", "Copy the workflow's address anew into TEAMS_WORKFLOW_URL."),),
    "pagerduty": (
        ("no routing key", "Add it to PAGERDUTY_ROUTING_KEYS, or mend the policy's channels."),
        ("40[013]", "Check the routing key, and that its service is enabled."),
    ),
    "servicenow": (
        ("40[13]", "Look at the account's password and its roles."),
        ("sleeping", "Wake the instance, or wait until it has woken."),
    ),
    "github": (
        ("401|does not know the app", "Check GITHUB_APP_ID and its private key."),
        ("403|404", "Let the app into the repository, and accept the rights it asks for."),
    ),
    "email": (
        ("535|refuses them", "Mend the user and password in EMAIL_URL."),
        (r"55[0-9]|no e-mail address", "The address {to} is refused. Mend it in the policy or in EMAIL_TO."),
        ("no team|Nobody in the team", "Add people to the team, or name an address instead."),
    ),
    "webhook": (
        ("no secret", "Make one: countersign agent webhook-secret NAME --rotate."),
        ("410", "If it is back, send this again; when it arrives, others are sent. Or let the agent name "
                "another address."),
        ("40[0-9]", "The receiver refuses it. Look at its log, and whether it has the present secret."),
    ),
}  # fmt: skip
_ANYWHERE = (
    ("could not be reached|connection|broke|took too long|gave no answer|broke off",
     "Look whether it is up, and whether this machine may reach it. It is tried again anyway."),
    (r"failed with 5|answered 5|failed \(5", "It has trouble of its own. It is tried again anyway."),
    ("asks us to wait|answered 429", "Nothing: it limits how fast we may write, and is tried after that."),
)  # fmt: skip
_ELSE = "Run countersign doctor; then send it again."
_SECRET = re.compile(r"(?i)(xox[a-z]-|Bearer |token[= ]|secret[= ]|password[= ])\S+")


def whole(adapter: str) -> str:
    """The channel an adapter is, or is a part of."""
    return _PARTS.get(adapter, adapter)


def parts(channel: str) -> list[str]:
    """The adapters of a channel."""
    return [channel, *(part for part, of in _PARTS.items() if of == channel)]


def known(adapter: str) -> Channel:
    """What is known of a channel; of one that was added here, its name."""
    return CHANNELS.get(whole(adapter)) or Channel(
        adapter, adapter.capitalize(), (), is_two_way=False
    )


def title(adapter: str) -> str:
    """What people call a channel."""
    found = CHANNELS.get(whole(adapter))
    return found.title if found else adapter


def fix(adapter: str, error: str, address: str) -> str:
    """What mends this failure, as a sentence for whoever can."""
    to = place(address)
    for pattern, words in (*_FIXES.get(whole(adapter), ()), *_ANYWHERE):
        if re.search(pattern, error, re.IGNORECASE):
            return words.replace("{to}", to)
    return _ELSE


def place(address: str, *, limit: int = 60) -> str:
    """An address as it can be drawn: without what is secret behind a `?`, and with nothing hidden."""
    bare = address.removeprefix("teams:").removeprefix("email:")
    before, mark, _ = bare.partition("?")
    return display.show_identifier(f"{before}?…" if mark else before, limit=limit).text


def reason(error: str) -> str:
    """Why a delivery failed, as one line that can be drawn and bears no secret."""
    line = display.show(error, limit=200).text.replace("\n", " ").strip()
    return _SECRET.sub(r"\1…", line) or "No reason was kept."


def when(at: datetime, now: datetime) -> str:
    """A moment as state words bear it: the minute, with its day unless that is today."""
    return f"{at:%H:%M} UTC" if at.date() == now.date() else f"{at.day} {at:%b %H:%M} UTC"


def seconds(value: float) -> str:
    """A delay as people read it."""
    if value >= 120:
        return f"{value / 60:.0f} min"
    return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"
