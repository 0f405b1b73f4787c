"""Read what a card in Teams says of a decision that can still be undone, and press on it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from approvals.models import ApprovalRequest, Knock
from approvals.services import clock, deliveries, timers
from integrations.teams import activities, kept
from tests.fakes import adaptive
from tests.fakes.teams import Body, FakeTeams
from tests.support.teams import clicked, shown

CARD = "application/vnd.microsoft.card.adaptive"
LINE, BADGE = 2, 0  # where they stand in the head of a card


def status(row: ApprovalRequest) -> str:
    row.refresh_from_db()
    return row.status


def card_of(answer: Body) -> Body:
    assert (answer["statusCode"], answer["type"]) == (200, CARD)
    assert adaptive.faults(answer["value"]) == []
    return dict(answer["value"])


def head(card: Body) -> list[str]:
    """The badge, the headline and the line below it."""
    first = next(each for each in card["body"] if each.get("bleed"))
    return ["".join(run["text"] for run in line["inlines"]) for line in first["items"]]


def words(answer: Body) -> str:
    return "\n".join(adaptive.runs(card_of(answer)))


def offered(card: Body) -> list[str]:
    return [each.get("verb") or each["title"] for each in card["actions"]]


def press(teams: FakeTeams, row: ApprovalRequest, verb: str, **said: Any) -> Body:
    """What is answered to a press on the common card as it stands now."""
    return clicked(teams, teams.click(shown(teams, row), verb, **said))


def own(teams: FakeTeams, row: ApprovalRequest, *, by: int) -> Body:
    """The card as it is shown to one person whom the bot has met."""
    return card_of(clicked(teams, teams.refresh(shown(teams, row), by=by)))


def carried_out(row: ApprovalRequest) -> None:
    """The time to undo passes."""
    later = clock.now() + timedelta(minutes=1)
    timers.fire_due(at=later)
    deliveries.send_due(now=lambda: later)


def left_behind(teams: FakeTeams, activity: Body) -> None:
    """The click came in, and the process that wrote it down died; its hold has run out."""
    raw = teams.signed(activity).body
    found = kept.keep(activities.read(raw), raw)
    assert found is not None
    ran_out = clock.now() - timedelta(seconds=1)
    Knock.objects.filter(pk=found.id).update(leased_until=ran_out)
