"""What somebody pressed on a card in Teams, by either way clients send it."""

from __future__ import annotations

from dataclasses import dataclass

from approvals.domain.canonical import Malformed
from approvals.domain.terms import Verdict
from integrations.teams import activities
from integrations.teams.actions import INPUT, REFRESH, UNDO, WHOM, WHY
from integrations.teams.activities import Account, Activity
from integrations.teams.elements import WORDS_LIMIT

VERBS = frozenset({REFRESH, UNDO, *(verdict.value for verdict in Verdict)})


@dataclass(frozen=True, slots=True)
class Click:
    """Who clicked what, on which message, and with which words; `why` is the reason picked with a denial, and
    `whom` a question is for."""

    account: Account
    conversation: str
    message: str
    verb: str
    sealed: str
    words: str
    why: str = ""
    whom: str = ""

    @property
    def verdict(self) -> Verdict | None:
        """What it says about the request; None for a view, and for an undo."""
        return Verdict(self.verb) if self.verb in INPUT else None

    @property
    def changes(self) -> bool:
        """Whether it asks for more than a view."""
        return self.verb != REFRESH


def read(activity: Activity) -> Click:
    """The click in an activity of either kind. Raises Malformed."""
    if activity.type == activities.INVOKE:
        action = activities.part(activity.value, "action")
        data = activities.part(action, "data")
        verb = activities.text(action, "verb")
    else:
        data, verb = activity.value, activities.text(activity.value, "verb")
    if verb not in VERBS or activities.text(data, "verb") != verb:
        raise Malformed("Nothing happened. This button is from an earlier version of the message.")
    name = INPUT[Verdict(verb)] if verb in INPUT else ""
    return Click(
        account=activity.sender,
        conversation=activity.conversation,
        message=activity.message,
        verb=verb,
        sealed=activities.text(data, "sealed"),
        words=activities.text(data, name, limit=10 * WORDS_LIMIT).strip(),
        why=activities.text(data, WHY) if verb == Verdict.DENY else "",
        whom=activities.text(data, WHOM) if verb == Verdict.INVESTIGATE else "",
    )
