"""A click is written down before it is decided, so that one left behind is decided all the same."""

from __future__ import annotations

from approvals.domain import canonical
from approvals.domain.canonical import Malformed
from approvals.services import knocks
from approvals.services.knocks import Kept
from integrations import inbound
from integrations.teams import activities, clicks, presses, sayings, trusting, whispers
from integrations.teams.activities import Activity
from integrations.teams.answers import Outcome
from integrations.teams.presses import Click

PROVIDER = "teams"


def keep(activity: Activity, raw: bytes) -> Kept | None:
    """Write it down, held by the caller; None when the same click came before.

    Microsoft's token does not cover the body, so the click itself is what is remembered. Raises Malformed,
    or DatabaseError; then nothing was recorded.
    """
    if not activity.id:
        raise Malformed("The activity has no id. Nothing was recorded.")
    who = str(activity.sender)
    said = [activity.conversation, activity.id, activity.message, who, dict(activity.value)]
    key = inbound.replay_key(PROVIDER, canonical.dumps(said))
    return knocks.keep(provider=PROVIDER, key=key, body=raw, facts={})


def count(kept: Kept, click: Click) -> Outcome:
    """What came of it. Where it took so long that somebody else does it now, what is there."""
    try:
        with knocks.in_hand(kept):
            outcome = clicks.answer(click, is_new=True)
    except knocks.TakenOver:
        return clicks.answer(click, is_new=False)
    knocks.finish(kept)
    return outcome


class Clicks:
    """What a process that ended left behind, done by whoever finds it."""

    def do(self, kept: Kept) -> None:
        """Decide it, and tell its clicker if it did not count. Raises when it shall be tried again."""
        activity = activities.read(kept.body)
        outcome = count(kept, presses.read(activity))
        if kept.is_lost:
            return  # somebody else does it, and says what came of it
        if kept.is_left:
            raise RuntimeError("It cannot be told whether the click was recorded.")
        whispers.tell(activity, outcome)

    def give_up(self, kept: Kept) -> None:
        """Say in history, and to whoever clicked, that it did not count."""
        activity = activities.read(kept.body)
        click = presses.read(activity)
        words = sayings.of(click)
        trusting.write_down_given_up(click, words.given_up)
        whispers.tell(activity, Outcome(words.given_up, in_short=words.in_short))
