"""What open queue pages are told at once: rows that closed or changed, and how much waits for each reader."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.template.loader import get_template

from approvals.domain import trial
from approvals.domain.state import Approver
from approvals.domain.terms import Status
from approvals.models import Person, absences
from approvals.queries import amounts
from approvals.queries import queue as reads
from approvals.queries.queue import Marks, Waiting
from approvals.services import clock
from approvals.web import boards, rows
from approvals.web.boards import Reader, Shared

CLOSED = "closed"
_NOBODY = Approver(0, "", frozenset())


@dataclass(frozen=True, slots=True)
class News:
    """What became of some requests.

    `closed` is the rows of those that closed, as HTML, the same for whoever reads; `open` is the rows of
    those that changed and still wait, by person; `newest` is when the newest of these was asked, in
    seconds, so that a page knows whether it could have shown it. `rest` says that something changed
    which a page must ask for. `tallies` is the count beside each tab by person, read at `read`; `marks`
    is what to give back as `told`, so that nothing is told twice.
    """

    closed: str
    open: dict[int, str]
    newest: float
    rest: bool
    tallies: dict[int, dict[str, str]]
    read: float
    marks: dict[str, str]


def news(
    ids: Collection[str], *, heard: float, people: Collection[int], told: Mapping[str, str]
) -> News:
    """What to tell these people about these requests; the statements do not grow with either.

    Everybody signed in may see every request, so a closed row goes to all of them.
    """
    now = clock.now()
    found = reads.cards(list(reads.slim().filter(public_id__in=list(ids))))
    marks = {str(card.row.public_id): _mark(card) for card in found}
    changed = [
        card
        for card in found
        if told.get(str(card.row.public_id)) != marks[str(card.row.public_id)]
    ]
    amounts.learn([card.row for card in changed])
    shared = boards.shared(heard=heard)
    readers = _readers(shared, people, now=now)
    waiting = _waiting(changed, shared)
    return News(
        closed=_drawn([card for card in changed if card.state.status.is_final], now=now),
        open=_by_person(waiting, readers),
        newest=max((card.row.created_at.timestamp() for card in waiting), default=0.0),
        rest=any(_is_shared(card) for card in changed),
        tallies=_tallies(shared, readers, now=now),
        read=shared.board.began,
        marks=marks,
    )


def _mark(card: Waiting) -> str:
    """A row that closed stays as it is; an open one is news whenever its mark is another."""
    return CLOSED if card.state.status.is_final else rows.mark(card, needs_you=False, stage="")


def _waiting(changed: Iterable[Waiting], shared: Shared) -> list[Waiting]:
    """Those that wait, as the board everybody shares has them: who is needed is remembered with it."""
    open_ones = {card.row.pk for card in changed if not card.state.status.is_final}
    return [
        card for card in shared.board.cards if card.row.pk in open_ones and not _is_shared(card)
    ]


def _is_shared(card: Waiting) -> bool:
    """Whether the card of another request changes with it."""
    return card.row.joined_id is not None or card.requests > 1


def _readers(shared: Shared, people: Collection[int], *, now: datetime) -> list[Reader]:
    """Those of these people who may still look; two statements."""
    known = absences.membership(people)
    return [
        Reader(
            person,
            Approver(person.pk, str(person), known.teams[person.pk], known.lent[person.pk]),
            shared,
            now,
        )
        for person in Person.objects.filter(pk__in=people, is_active=True).only("name", "email")
    ]


def _drawn(cards: Collection[Waiting], *, now: datetime) -> str:
    """Rows that are alike for everybody."""
    if not cards:
        return ""
    marks = reads.marks([card.row for card in cards], person=None)
    template = get_template("parts/row.html")
    drawn = [
        rows.one(
            card,
            marks.get(card.row.pk, Marks()),
            reader=_NOBODY,
            needs_you=False,
            titles={},
            now=now,
        )
        for card in cards
    ]
    return "".join(template.render({"row": row}) for row in drawn)


def _by_person(cards: Sequence[Waiting], readers: Sequence[Reader]) -> dict[int, str]:
    """The rows of cards that wait, as each of these people sees them; what two see alike is drawn once."""
    if not cards or not readers:
        return {}
    marks = reads.marks([card.row for card in cards], person=None)
    seen = reads.seen_by([card.row for card in cards], [reader.person for reader in readers])
    template = get_template("parts/row.html")
    drawn: dict[tuple[int, bool, bool, bool], str] = {}
    found = {}
    for reader in readers:
        who, parts = reader.person.pk, []
        for card in cards:
            if reader.is_hidden(card):
                continue
            row = card.row
            has_changed = seen.get((row.pk, who), row.version) < row.version
            kind = (row.pk, reader.is_needed(card), who in card.assigned, has_changed)
            if kind not in drawn:
                mark = replace(marks.get(row.pk, Marks()), has_changed=has_changed)
                drawn[kind] = template.render({"row": reader.row(card, mark)})
            parts.append(drawn[kind])
        found[who] = "".join(parts)
    return found


# --- how much waits for each person ---------------------------------------------------------------


def _tallies(
    shared: Shared, readers: Iterable[Reader], *, now: datetime
) -> dict[int, dict[str, str]]:
    """The count beside each tab for each of these people."""
    board, alike = shared.board, _alike(shared, now=now)
    questions = sum(card.state.status is Status.INVESTIGATING for card in board.cards)
    tests = [card for card in board.cards if card.row.effect == trial.EFFECT]
    found = {}
    for reader in readers:
        mine, teams = _counted(reader, alike)
        shown = len(board.cards) - sum(reader.is_hidden(card) for card in tests)
        found[reader.person.pk] = {
            "mine": str(mine),
            "teams": str(teams),
            "all": f"{shown}{'+' if board.is_cut else ''}",
            "questions": str(questions),
        }
    return found


def _counted(reader: Reader, alike: Iterable[tuple[Waiting, int]]) -> tuple[int, int]:
    """How many need this person, and how many ask a team of theirs."""
    mine = teams = 0
    for card, count in alike:
        if reader.is_asked(card):
            teams += count
            mine += count * reader.is_needed(card)
    return mine, teams


def _alike(shared: Shared, *, now: datetime) -> list[tuple[Waiting, int]]:
    """One card of each kind that nobody's rights tell apart, with how many there are of it; what is about
    somebody in particular is a kind of its own."""
    kinds: dict[tuple[object, ...], tuple[Waiting, int]] = {}
    for card in shared.board.cards:
        state = card.state
        apart = (state.conflicted, state.asked_by, state.investigator)
        kind = (shared.kind(card), now >= state.decide_by, apart)
        first, count = kinds.get(kind, (card, 0))
        kinds[kind] = (first, count + 1)
    return list(kinds.values())
