"""The address of the page where somebody signs in and says: this Teams account is mine.

The page shows the account's name before anybody agrees, and allows a link fifteen minutes. It is
given to the account's owner alone: in anybody else's hands it would bind the account to them.
"""

from __future__ import annotations

from django.conf import settings
from django.core import signing

from integrations.teams.activities import Account

SALT = "link-account"
KIND = "teams"
PATH = "/link/teams"


def url(account: Account) -> str:
    """Where this account's owner signs in to link it."""
    id_ = account.external_id
    body = {
        "kind": KIND,
        "external_id": id_,
        "label": f"{account.name} ({id_})" if account.name else id_,
    }
    return f"{settings.PUBLIC_URL}{PATH}?token={signing.dumps(body, salt=SALT)}"
