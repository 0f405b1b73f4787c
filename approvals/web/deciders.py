"""Who is asked about a request, what each of them has said or does now, and who is asked next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from approvals.domain.plan import Stage
from approvals.domain.policy import seats
from approvals.domain.state import RequestState
from approvals.models import Absence, HeldDecision, Person, RequestLook, Team
from approvals.queries import request_page
from approvals.services.looks import NOW_IS

SAID = {"approve": "✔ Approved", "deny": "✖ Denied", "investigate": "? Asked"}
SEEN = "Seen"
SOON = {"approve": "✔ Approved, takes effect soon", "deny": "✖ Denied, takes effect soon"}


@dataclass(frozen=True, slots=True)
class Member:
    name: str
    state: str
    has_spoken: bool
    is_you: bool
    is_looking: bool = False
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AskedTeam:
    """A team of the present stage; `quorum` is zero for those asked in addition."""

    title: str
    quorum: int
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Next:
    """A later step: who is asked too, or that it ends, and when at the latest."""

    at: datetime
    words: str


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the people who are asked, by their numbers."""

    state: RequestState
    you: Person
    said: Mapping[int, str]
    held: Mapping[int, HeldDecision]
    looks: Mapping[int, RequestLook]
    now: datetime


def teams(known: Known) -> list[AskedTeam]:
    """Every team of the present stage, with what each member has said or does now."""
    state = known.state
    if not state.plan.stages:
        return []
    quorums = {need.team: need.quorum for need in state.current.requirements}
    found = Team.objects.filter(name__in=state.teams_asked).prefetch_related("people")
    by_name = {team.name: team for team in found}
    everybody = {one.pk: one for team in found for one in team.people.all() if one.is_active}
    away = request_page.away(everybody.values(), at=known.now) if not state.status.is_final else {}
    return [
        AskedTeam(
            title=_title(by_name[name]),
            quorum=quorums.get(name, 0),
            members=tuple(
                _member(one, known, away)
                for one in sorted(by_name[name].people.all(), key=str)
                if one.is_active
            ),
        )
        for name in state.teams_asked
        if name in by_name
    ]


def _title(team: Team) -> str:
    return team.title or seats.spoken(team.name)


def _member(someone: Person, known: Known, away: Mapping[int, Absence]) -> Member:
    look = known.looks.get(someone.pk)
    is_looking = (
        not known.state.status.is_final and look is not None and known.now - look.last_at < NOW_IS
    )
    words = _words(someone, known, away, is_looking=is_looking)
    return Member(
        name=str(someone),
        state=words,
        seen_at=look.last_at if look is not None and words == SEEN else None,
        has_spoken=someone.pk in known.said or someone.pk in known.held,
        is_you=someone.pk == known.you.pk,
        is_looking=is_looking and someone.pk != known.you.pk,
    )


def _words(someone: Person, known: Known, away: Mapping[int, Absence], *, is_looking: bool) -> str:
    if someone.pk in known.said:
        return SAID.get(known.said[someone.pk], "")
    if someone.pk in known.held:
        return SOON[known.held[someone.pk].verdict]
    if known.state.is_close(someone.pk):
        return "Own agent"
    if known.state.status.is_final:
        return ""
    if someone.pk in away:
        instead = away[someone.pk].stand_in
        return f"Away, {instead} stands in" if instead else "Away"
    if someone.pk == known.you.pk or someone.pk not in known.looks:
        return "Awaiting"
    return "Looking now" if is_looking else SEEN


def others_looking(known: Known, asked: list[AskedTeam]) -> list[str]:
    """Who looks at this now beside the reader and those who are asked."""
    if known.state.status.is_final:
        return []
    listed = {member.name for team in asked for member in team.members}
    return sorted(
        str(look.person)
        for look in known.looks.values()
        if known.now - look.last_at < NOW_IS
        and look.person_id != known.you.pk
        and str(look.person) not in listed
    )


def next_steps(state: RequestState, titles: Mapping[str, str]) -> list[Next]:
    """What follows if nobody decides: each later window of this stage, at the latest, and its end."""
    if state.status.is_final or not state.plan.stages:
        return []
    found, at = [], state.decide_by
    stage: Stage = state.current
    for rung in stage.rungs[state.rung + 1 :]:
        if at >= state.expires_at:
            break
        also = " and ".join(titles.get(name, seats.spoken(name)) for name in rung.also)
        words = f"{also} are asked too" if also else "the same people are asked again"
        found.append(Next(at, words))
        at = min(at + rung.window, state.expires_at)
    end = "silence approves it" if state.silence_consents else "it expires, and nothing runs"
    return [*found, Next(at, end)]
