"""The address of the page where somebody signs in and says: this Slack account is mine.

The page shows the account's name before anybody agrees: a link sent on by somebody else would give
that somebody the reader's authority. The page itself allows a link fifteen minutes.
"""

from __future__ import annotations

from django.conf import settings
from django.core import signing

from integrations.slack.payloads import Account

SALT = "link-account"
KIND = "slack"
PATH = "/link/slack"


def url(account: Account) -> str:
    """Where this account's owner signs in to link it."""
    label = f"@{account.name} ({account.external_id})" if account.name else account.external_id
    body = {"kind": KIND, "external_id": account.external_id, "label": label}
    return f"{settings.PUBLIC_URL}{PATH}?token={signing.dumps(body, salt=SALT)}"
