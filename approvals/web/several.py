"""Several requests at once: deny with one reason, assign, mute, export, or make a rule. Never approve."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from approvals.domain import errors
from approvals.domain.display import csv_cell
from approvals.domain.errors import Refusal
from approvals.domain.terms import Verdict
from approvals.models import Person
from approvals.models.requests import lookup
from approvals.queries import amounts
from approvals.queries import people as people_reads
from approvals.queries import queue as reads
from approvals.queries.queue import Waiting
from approvals.services import actors, assigning, audit, clock, muting
from approvals.web import boards, queue_lists, several_denied
from approvals.web.access import signed_in
from approvals.web.boards import Reader
from approvals.web.rows import Row
from approvals.web.several_denied import NO_DENIAL, Denial
from approvals.web.verdicts import refusal

MOST = 50
LONGEST_REASON = 4_000
SHORTEST_REASON = 10
COLUMNS = (
    "asked_at", "ref", "risk", "action", "target", "agent", "approvals", "waits_for", "decide_by",
    "needs_you", "flags",
)  # fmt: skip
DO = ("deny", "assign", "mute", "export", "rule", "denied", "assigned", "muted", "unmuted")


@dataclass(frozen=True, slots=True)
class Item:
    """One of the selected requests: as a row, what it is bound to, and why it cannot be part."""

    row: Row
    seen: str
    why_not: str = ""
    went_wrong: bool = False
    denial: Denial = NO_DENIAL


@require_safe
@signed_in
def several(request: HttpRequest, person: Person) -> HttpResponse:
    """What was selected, one by one, before anything is done to it; or after, how each stands."""
    do = request.GET.get("do", "")
    refs = request.GET.getlist("ref")
    if do not in DO or not refs:
        return _said(request, "Nothing was selected", "Tick requests in the queue first.", 422)
    if len(refs) > MOST:
        return _too_many(request, refs)
    if do == "rule":
        return HttpResponseRedirect(f"/policies/simulate?{urlencode({'from': ','.join(refs)})}")
    if do == "export":
        return _exported(person, refs)
    return _page(request, person, do, refs)


@require_POST
@signed_in
def deny(request: HttpRequest, person: Person) -> HttpResponse:
    """Deny each for the same reason; each is its own decision, with its own record."""
    reason = request.POST.get("reason", "").strip()
    seen = [part.split("~") for part in request.POST.getlist("seen")]
    if len(seen) > MOST:
        return _too_many(request, seen)
    marked = [part for part in seen if len(part) == 3 and part[1].isdecimal() and len(part[1]) < 9]
    refs = [part[0] for part in marked]
    if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
        problem = f"Write a reason of {SHORTEST_REASON} to {LONGEST_REASON:,} characters. Nothing was denied."
        return _page(request, person, "deny", refs, typed=reason, problem=problem)
    wrong = several_denied.deny_each(request, person, marked, reason=reason)
    return _done(request, person, "denied", refs, wrong)


@require_POST
@signed_in
def undo(request: HttpRequest, person: Person) -> HttpResponse:
    """Take back one denial of several, or all that can be; nothing that was said after them."""
    refs, held = request.POST.getlist("ref"), request.POST.getlist("held")
    if max(len(refs), len(held)) > MOST:
        return _too_many(request, max(refs, held, key=len))
    wanted = request.POST.getlist("undo")[:1]
    if wanted == ["all"]:
        wanted = held
    wrong = several_denied.undo_each(person, wanted)
    return _done(request, person, "denied", refs, wrong, is_undo=True)


@require_POST
@signed_in
def assign(request: HttpRequest, person: Person) -> HttpResponse:
    """Ask somebody by name to look at each."""
    refs = request.POST.getlist("ref")
    if len(refs) > MOST:
        return _too_many(request, refs)
    chosen = people_reads.somebody(request.POST.get("person", ""))
    if chosen is None:
        problem = "Choose somebody from the list. Nobody was assigned."
        return _page(request, person, "assign", refs, problem=problem)
    wrong = {}
    for ref in refs:
        try:
            assigning.assign(ref=ref, person=chosen, by=person, at=clock.now())
        except Refusal as no:
            wrong[ref] = no.words
    return _done(request, person, "assigned", refs, wrong)


@require_POST
@signed_in
def mute(request: HttpRequest, person: Person) -> HttpResponse:
    """Remind this person of none of them any more; with `mute=no`, of each again."""
    refs = request.POST.getlist("ref")
    is_wanted = request.POST.get("mute") != "no"
    try:
        if is_wanted:
            wrong = muting.mute_several(refs, person=person, at=clock.now())
        else:
            wrong = muting.unmute_several(refs, person=person)
    except Refusal as no:
        return _said(request, "Too many at once", no.words, no.status)
    return _done(request, person, "muted" if is_wanted else "unmuted", refs, wrong)


@require_safe
@signed_in
def export(request: HttpRequest, person: Person) -> HttpResponse:
    """The view of an address as CSV, all its pages; written down as an export of history is."""
    wanted = queue_lists.wish(request.GET)
    reader = boards.reader(person, now=clock.now())
    cards = queue_lists.shown(reader, wanted).whole
    return _csv(reader, cards, filters={"tab": wanted.tab} | wanted.filters)


def _exported(person: Person, refs: Sequence[str]) -> HttpResponse:
    """What was selected, as CSV; what exists of it."""
    reader = boards.reader(person, now=clock.now())
    cards = _cards(refs)
    return _csv(reader, cards, filters={"requests": " ".join(card.row.ref for card in cards)})


def _csv(reader: Reader, cards: Sequence[Waiting], *, filters: dict[str, str]) -> HttpResponse:
    audit.exported(
        actor=actors.person(reader.person), at=reader.now, filters=filters, form="csv of the queue"
    )
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([csv_cell(cell) for cell in line] for line in _lines(reader, cards))
    answer = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = 'attachment; filename="queue.csv"'
    return answer


def _lines(reader: Reader, cards: Sequence[Waiting]) -> Iterator[tuple[str, ...]]:
    for card, row in zip(cards, reader.drawn(cards), strict=True):
        yield (
            _stamp(row.created_at), row.ref, row.risk.value, card.row.action, card.row.target,
            card.row.agent.name, f"{row.filled} of {row.seats}", row.standing,
            _stamp(card.row.decide_by), "yes" if row.needs_you else "no", "; ".join(row.flags),
        )  # fmt: skip


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")


def _page(
    request: HttpRequest,
    person: Person,
    do: str,
    refs: Sequence[str],
    *,
    typed: str = "",
    problem: str = "",
    wrong: dict[str, str] | None = None,
    is_undo: bool = False,
) -> HttpResponse:
    reader = boards.reader(person, now=clock.now())
    items = _items(reader, refs, do, wrong or {})
    people, people_cut = people_reads.who_can_be_asked() if do == "assign" else ([], False)
    facts: dict[str, Any] = {
        "section": "queue",
        "now": reader.now,
        "do": do,
        "items": items,
        "possible": [item for item in items if not item.why_not],
        "typed": typed,
        "problem": problem,
        "failed": len(wrong or {}),
        "is_undo": is_undo,
        "denied": sum(item.denial.stands for item in items),
        "held": [item for item in items if item.denial.undo],
        "again": urlencode({"do": do, "ref": refs}, doseq=True) if do == "denied" else "",
        "people": people,
        "people_cut": people_cut,
        "shortest": SHORTEST_REASON,
        "longest": LONGEST_REASON,
    }
    return render(request, "queue_several.html", facts, status=422 if problem or wrong else 200)


def _items(reader: Reader, refs: Sequence[str], do: str, wrong: dict[str, str]) -> list[Item]:
    cards = _cards(refs)
    amounts.learn([card.row for card in cards])
    verdict = Verdict.DENY if do == "deny" else None
    muted = muting.muted_by(reader.person, [card.row for card in cards]) if do == "mute" else ()
    denials = several_denied.of(cards, reader.person, now=reader.now) if do == "denied" else {}
    found = []
    for card, row in zip(cards, reader.drawn(cards), strict=True):
        denial = denials.get(card.row.pk, NO_DENIAL)
        no = refusal(card.state, reader.approver, verdict, now=reader.now) if verdict else None
        if do in {"assign", "mute"} and card.state.status.is_final:
            no = errors.AlreadyDecided("It is decided already.")
        if card.row.pk in muted:
            no = no or errors.Conflict("You muted your reminders of it before.")
        words = wrong.get(row.ref, "") or (no.words if no else denial.lost)
        seen = f"{row.ref}~{card.row.version}~{card.row.action_sha256}"
        found.append(Item(row, seen, words, row.ref in wrong, denial))
    return found


def _cards(refs: Sequence[str]) -> list[Waiting]:
    return reads.cards(list(reads.slim().filter(pk__in=_numbers(refs)).order_by("number")))


def _numbers(refs: Sequence[str]) -> list[int]:
    found = []
    for ref in refs[:MOST]:
        try:
            found.append(lookup(ref).get("number"))
        except errors.NotFound:
            continue
    return [number for number in found if number is not None]


def _done(
    request: HttpRequest,
    person: Person,
    do: str,
    refs: Sequence[str],
    wrong: dict[str, str],
    *,
    is_undo: bool = False,
) -> HttpResponse:
    if wrong:
        return _page(request, person, do, refs, wrong=wrong, is_undo=is_undo)
    return HttpResponseRedirect(
        f"/queue/several?{urlencode({'do': do, 'ref': refs}, doseq=True)}", status=303
    )


def _too_many(request: HttpRequest, chosen: Sequence[object]) -> HttpResponse:
    words = (
        f"At most {MOST} can be acted on at once; {len(chosen)} were selected. Nothing was done."
    )
    return _said(request, "Too many at once", words, 422)


def _said(request: HttpRequest, title: str, words: str, status: int) -> HttpResponse:
    return render(request, "problem.html", {"title": title, "words": words}, status=status)
