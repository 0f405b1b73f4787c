"""What stands above the queue when something is wrong: who cannot be reached, asked or let through."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime

from approvals.domain.plan import seated
from approvals.domain.policy import on_call
from approvals.domain.terms import OPEN
from approvals.models import BreakerTrip, Delivery, Person, TeamMember
from approvals.models.outbox import DeliveryState
from approvals.queries import away
from approvals.queries.queue import Waiting

MOST_NAMED = 3
MOST_COUNTED = 100


@dataclass(frozen=True, slots=True)
class Alarm:
    """One sentence, and where to look."""

    words: str
    href: str
    link: str


def of_everybody(cards: Sequence[Waiting]) -> tuple[Alarm, ...]:
    """Nobody can decide, messages were given up, breakers are open: a statement each."""
    found = [_uncovered(cards), _dead(), _breakers()]
    return tuple(alarm for alarm in found if alarm is not None)


def of_reader(reader: Person, *, at: datetime) -> tuple[Alarm, ...]:
    """People of this reader's are away; one statement."""
    alarm = _away(reader, at)
    return () if alarm is None else (alarm,)


def _uncovered(cards: Sequence[Waiting]) -> Alarm | None:
    """Requests whose open seats no set of active people could fill."""
    asked = {team for card in cards for team in card.state.teams_asked}
    members: dict[str, set[int]] = {}
    active = TeamMember.objects.filter(team__name__in=asked, person__is_active=True)
    for team, person in active.values_list("team__name", "person_id"):
        members.setdefault(team, set()).add(person)
    known: dict[Hashable, bool] = {}
    found = []
    for card in cards:
        state = card.state
        kind = (id(state.plan), state.stage, state.rung, state.conflicted)
        if kind not in known:
            known[kind] = _is_covered(card, members)
        if not known[kind]:
            found.append(card.row.ref)
    if not found:
        return None
    words = "Nobody can decide {} as things stand.".format(_some(found, "request"))
    return Alarm(words, f"/r/{found[0]}", f"Open {found[0]}")


def _is_covered(card: Waiting, members: dict[str, set[int]]) -> bool:
    state = card.state
    if any(on_call.team_of(name) for name in state.teams_asked):
        return True  # a provider says who that is, and its own page tells when it does not
    teams: dict[int, set[str]] = {}
    too_close = frozenset() if state.plan.owner_may_decide else state.conflicted
    for name in state.teams_asked:
        for person in members.get(name, set()) - too_close:
            teams.setdefault(person, set()).add(name)
    seats = state.current.seat_teams(state.rung)
    # As many free people as seats in every team settle it without matching them.
    if all(
        len({p for t in seat for p in members.get(t, set())} - too_close) >= len(seats)
        for seat in seats
    ):
        return True
    return seated(seats, [frozenset(names) for names in teams.values()]) >= len(seats)


def _dead() -> Alarm | None:
    """Messages about what still waits that were given up."""
    dead = Delivery.objects.filter(
        state=DeliveryState.DEAD.value, request__status__in=[status.value for status in OPEN]
    )
    found = len(dead.values_list("request_id", flat=True)[: MOST_COUNTED + 1])
    if not found:
        return None
    count = f"{MOST_COUNTED}+" if found > MOST_COUNTED else f"{found}"
    plural = "message" if found == 1 else "messages"
    words = f"{count} {plural} about waiting requests could not be delivered."
    return Alarm(words, "/settings", "See the channels")


def _breakers() -> Alarm | None:
    trips = BreakerTrip.objects.filter(closed_at=None).order_by("-opened_at")
    found = list(trips.values_list("agent__name", flat=True)[: MOST_COUNTED + 1])
    if not found:
        return None
    names = list(dict.fromkeys(found[:MOST_COUNTED]))
    words = _some(names, "agent", is_cut=len(found) > MOST_COUNTED)
    words = f"A circuit breaker is open for {words}."
    return Alarm(words, "/guardrails", "See the guardrails")


def _away(reader: Person, at: datetime) -> Alarm | None:
    """A manager hears it here: whoever goes away need not tell them."""
    rows, is_cut = away.managed(reader, at)
    if not rows:
        return None
    said = " ".join(away.words(row) for row in rows[:MOST_NAMED])
    count = f"{len(rows) - MOST_NAMED}{'+' if is_cut else ''}"
    more = f" {count} more are away." if len(rows) > MOST_NAMED else ""
    return Alarm(f"{said}{more}", "/oncall#away", "See on call")


def _some(names: Sequence[str], noun: str, *, is_cut: bool = False) -> str:
    """The first few by name, and how many more; `is_cut`: at least so many."""
    named = ", ".join(names[:MOST_NAMED])
    more = len(names) - MOST_NAMED
    if more > 0:
        return f"{noun}s {named} and {more}{'+' if is_cut else ''} more"
    if is_cut:
        return f"{noun}s {named} and perhaps others"
    return f"{noun if len(names) == 1 else f'{noun}s'} {named}"
