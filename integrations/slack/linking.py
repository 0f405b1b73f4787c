"""The token of the page where somebody signs in and says: this Slack account is mine.

Whoever opens the page must be shown the account's name before they agree: a link sent by somebody
else would give that somebody their authority.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.core import signing

from integrations.slack.payloads import Account

SALT = "link-slack-account"
LIFE = timedelta(minutes=15)
PATH = "/link/slack"


class LinkRefused(Exception):
    """The link is not ours, or too old."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The account a link was made for: `external_id` to store, `name` to show."""

    external_id: str
    name: str


def make_token(account: Account) -> str:
    """A signed token for this account, good for 15 minutes."""
    return signing.dumps({"id": account.external_id, "name": account.name}, salt=SALT)


def read_token(token: str) -> Claim:
    """The account a token was made for. Raises LinkRefused in words for the reader."""
    try:
        body = signing.loads(token, salt=SALT, max_age=LIFE)
    except signing.SignatureExpired:
        raise LinkRefused("This link is over 15 minutes old. Click in Slack again.") from None
    except signing.BadSignature:
        raise LinkRefused("This link is not valid. Click in Slack again.") from None
    return Claim(external_id=str(body["id"]), name=str(body["name"]))


def url(account: Account) -> str:
    """Where this account's owner signs in to link it."""
    return f"{settings.PUBLIC_URL}{PATH}?token={make_token(account)}"
