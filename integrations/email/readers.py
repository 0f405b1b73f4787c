"""Who reads a letter: what to call them, what their clock shows, and why it came to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from approvals.domain import display
from approvals.models import Person
from approvals.ports import BEHIND
from approvals.services import quiet
from integrations.email import configuration

LONGEST_NAME = 40
THEIR_OWN = "You get this because the rules name your address for such requests."
NOBODYS = (
    "You get this because the rules name this address for such requests. "
    "Whoever keeps the rules can change that."
)
CHANGE = "Change how: Settings › You."  # noqa: RUF001  # it stands between a page and its part


@dataclass(frozen=True, slots=True)
class Reader:
    """`name` is what one person is called, empty where several read it or nobody is known; `zone` is
    theirs, where they said it. `why` is why they have it, and how they change that."""

    why: str
    name: str = ""
    zone: ZoneInfo | None = None

    def local(self, moment: datetime) -> str:
        """The moment by their own clock, e.g. `14:00 in Berlin`; empty where that is UTC or unknown."""
        there = moment.astimezone(self.zone) if self.zone else moment
        if self.zone is None or not there.utcoffset():
            return ""
        place = self.zone.key.rpartition("/")[2].replace("_", " ")
        day = "" if there.date() == moment.date() else f" on {there.day} {there:%b}"
        return f"{there:%H:%M}{day} in {place}"


def of(address: str) -> Reader:
    """Who reads what is written to this address: one person, or the people of a team."""
    team = address.partition(BEHIND)[0]
    if not configuration.is_address(team):
        return Reader(
            f"You get this because you belong to the team {team}, or stand in for somebody there. {CHANGE}"
        )
    person = Person.objects.filter(email=team, is_active=True).first()
    if person is None:
        return Reader(NOBODYS)
    first = (person.name.split() or [""])[0]
    return Reader(
        f"{THEIR_OWN} {CHANGE}",
        name=display.show_identifier(first, limit=LONGEST_NAME).text,
        zone=quiet.zones([person.pk]).get(person.pk),
    )
