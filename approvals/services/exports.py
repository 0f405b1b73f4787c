"""Exports: files people ask for, written by workers in slices, kept for a week, and told in history.

A worker holds an export under a lease while it writes one slice. A slice, the place it ended and the lease
change in one transaction, so a worker that dies loses at most the slice it was at, and another goes on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import Error, transaction
from django.db.models import F, Max, Q, QuerySet

from approvals.domain import errors, search
from approvals.models import ApprovalRequest, Export, ExportPart, Person
from approvals.models.desk import ExportState
from approvals.models.people import Role
from approvals.queries import bounded, given, history
from approvals.services import actors, audit, clock, dossiers, export_forms, packs
from approvals.services.export_forms import FILES, PDF, VERIFY, Job, Slice

logger = structlog.get_logger(__name__)
DIRECT = 1_000  # requests that are written while somebody waits
DIRECT_PACK = 20  # the same for a pack, whose pages take longer
DIRECT_CHARACTERS = 200_000  # of what is asked, in a pack somebody waits for
LEASE = timedelta(minutes=2)
LEASE_OF_PACK = timedelta(minutes=20)  # fifty requests of five thousand parameters take minutes
KEPT = timedelta(days=7)
PER_PAGE = 50
MOST_OPEN = 5
LONGEST_PLACE = 2_000
UNDER_WAY = (ExportState.WAITING.value, ExportState.WRITING.value)
FAULT = (
    "A fault of ours stopped it; the service's log says which. What was written is kept: try again."
)
Clock = Callable[[], datetime]


def direct(*, person: Person, form: str, text: str, at: datetime) -> bytes | None:
    """The file at once; None where it is too long for somebody to wait for. Told in history."""
    wanted = _understood(person, form, text)
    most = DIRECT_PACK if form == PDF else DIRECT
    job = Job(form, str(person), at, {"q": text, "below": history.newest() + 1}, 0)
    try:
        found = history.page(
            wanted, now=at, below=job.place["below"], limit=most, with_facets=False,
            seconds=bounded.SECONDS,
        )  # fmt: skip
    except bounded.LooksAtTooMuch:
        return None
    if found.older is not None or (form == PDF and _is_long(found.rows)):
        return None
    numbers = [row.number for row in found.rows]
    if form == export_forms.CSV:
        content = export_forms.sheet(found.rows, with_head=True)
    elif form == PDF:
        gathered = dossiers.gather(numbers)
        content = packs.write(gathered, export_forms.cover(job, len(numbers)))
    else:
        content = export_forms.lines(dossiers.gather(numbers))
    _tell(person, form, text, count=len(numbers), digest=_sha256([content]), at=at)
    return content


def _is_long(rows: Iterable[ApprovalRequest]) -> bool:
    return sum(len(json.dumps(row.submission)) for row in rows) > DIRECT_CHARACTERS


def ask(*, person: Person, form: str, text: str, at: datetime) -> Export:
    """Have a file written in the background. Raises Invalid, TooMany."""
    wanted = _understood(person, form, text)
    below = history.newest() + 1
    most = export_forms.MOST[form]
    counted = history.count(wanted, now=at, below=below, most=most + 1, seconds=bounded.SECONDS)
    total = counted or 0
    if total > most:
        raise errors.Invalid(f"Not begun: {_too_many(form)}")
    return _begin(person, form, {"q": text, "below": below}, total=total, at=at)


def _begin(
    person: Person, form: str, place: export_forms.Place, *, total: int, at: datetime
) -> Export:
    kept = json.dumps(place, ensure_ascii=False)
    if len(kept) > LONGEST_PLACE - 400:
        raise errors.Invalid("Not begun: this search is too long to export. Take a few tokens out.")
    if Export.objects.filter(person=person, state__in=UNDER_WAY).count() >= MOST_OPEN:
        raise errors.TooMany(
            f"Not begun: {MOST_OPEN} exports of yours are being written. Wait until one is ready.",
            retry_after=60,
        )
    return Export.objects.create(
        person=person, form=form, query=kept, total=total, asked_at=at, kept_until=at + KEPT
    )


def verify(*, person: Person, at: datetime, total: int) -> Export:
    """Have every chain walked in the background; one walk at a time is enough for everybody."""
    running = Export.objects.filter(form=VERIFY, state__in=UNDER_WAY).first()
    return running or _begin(person, VERIFY, {}, total=total, at=at)


def of(person: Person, *, below: int | None = None) -> tuple[list[Export], int | None]:
    """What this person may download or watch, newest first: their own; for auditors everybody's. A page of
    them, and the number the next page begins below, where there are more."""
    rows = _visible(person).exclude(form=VERIFY).order_by("-id")
    if below is not None:
        rows = rows.filter(id__lt=below)
    found = list(rows[: PER_PAGE + 1])
    return found[:PER_PAGE], found[PER_PAGE - 1].pk if len(found) > PER_PAGE else None


def one(person: Person, public_id: UUID) -> Export:
    """One export, by its asker or an auditor. Raises NotFound."""
    found = _visible(person).filter(public_id=public_id).first()
    if found is None:
        raise errors.NotFound(
            "There is no such export, or it is somebody else's, or its week is over. Ask for a new one."
        )
    return found


def _visible(person: Person) -> QuerySet[Export]:
    rows = Export.objects.select_related("person")
    return rows if person.role == Role.AUDITOR else rows.filter(Q(person=person) | Q(form=VERIFY))


def text_of(export: Export) -> str:
    """What was searched."""
    return str(json.loads(export.query or "{}").get("q", ""))


def retry(*, person: Person, public_id: UUID) -> Export:
    """Let a failed export go on where it stopped. Raises NotFound, Conflict."""
    export = one(person, public_id)
    changed = Export.objects.filter(pk=export.pk, state=ExportState.FAILED.value).update(
        state=ExportState.WAITING.value, why_failed="", leased_until=None
    )
    if not changed:
        raise errors.Conflict("This export has not failed. Nothing was changed.")
    return export


def content(export: Export) -> Iterator[bytes]:
    """The file of a finished export, piece by piece."""
    for number in export.parts.order_by("number").values_list("number", flat=True):
        yield bytes(export.parts.get(number=number).content)


def forget_old(*, at: datetime) -> int:
    """Delete exports whose week is over, with their files; the last report on the chains stays."""
    last = Export.objects.filter(form=VERIFY, state=ExportState.READY.value).order_by("-id").first()
    old = Export.objects.filter(kept_until__lte=at)
    gone, _ = (old.exclude(pk=last.pk) if last else old).delete()
    return gone


def write_due(*, now: Clock = clock.now) -> bool:
    """Write one slice of one export that nobody is at; True when there was one."""
    export = _take(at=now())
    if export is None:
        return False
    try:
        _advance(export, now=now)
    except Error:
        raise  # the database is not there: the lease ends, and somebody goes on
    except Exception:
        logger.exception("export met a bug", export=str(export.public_id))
        _fail(export, FAULT)
    return True


def _fail(export: Export, words: str) -> None:
    Export.objects.filter(pk=export.pk, state=ExportState.WRITING.value).update(
        state=ExportState.FAILED.value, why_failed=words, leased_until=None
    )


def _take(*, at: datetime) -> Export | None:
    """Lease the oldest export that waits; of several workers only one gets it."""
    free = Q(leased_until=None) | Q(leased_until__lte=at)
    for export in Export.objects.filter(free, state__in=UNDER_WAY).order_by("id")[:5]:
        taken = Export.objects.filter(free, pk=export.pk, state__in=UNDER_WAY).update(
            state=ExportState.WRITING.value,
            leased_until=at + (LEASE_OF_PACK if export.form == PDF else LEASE),
        )
        if taken:
            return Export.objects.select_related("person").get(pk=export.pk)
    return None


def _advance(export: Export, *, now: Clock) -> None:
    job = Job(
        export.form,
        str(export.person),
        export.asked_at,
        json.loads(export.query or "{}"),
        export.done,
    )
    made = export_forms.write(job)
    if job.form in FILES and job.done + made.rows > export_forms.MOST[job.form]:
        _fail(export, _too_many(job.form))
        return
    with transaction.atomic():
        if not _still_ours(export).update(
            done=F("done") + made.rows,
            query=json.dumps(
                made.place if made.place is not None else job.place, ensure_ascii=False
            ),
            leased_until=None,
        ):
            return  # the lease ended meanwhile, and another worker writes this slice
        _add(export, made)
        if made.place is None:
            export.refresh_from_db()
            _finish(export, job, at=now())


def _too_many(form: str) -> str:
    return (
        f"A {form} export holds at most {export_forms.MOST[form]:,} requests. Narrow the search by date, and "
        "ask again; `countersign audit export` writes all of history."
    )


def _still_ours(export: Export) -> QuerySet[Export]:
    return Export.objects.filter(
        pk=export.pk, state=ExportState.WRITING.value, leased_until=export.leased_until
    )


def _add(export: Export, made: Slice) -> None:
    if made.content is None:
        return
    last = export.parts.aggregate(last=Max("number"))["last"] or 0
    ExportPart.objects.create(export=export, number=last + 1, content=made.content)


def _finish(export: Export, job: Job, *, at: datetime) -> None:
    parts = list(export.parts.order_by("number")) if export.form == PDF else []
    last = Job(job.form, job.asked_by, job.asked_at, job.place, export.done)
    whole = export_forms.assembled(last, parts)
    if whole is not None:
        export.parts.all().delete()
        for number, piece in enumerate(export_forms.pieces(whole), 1):
            ExportPart.objects.create(export=export, number=number, content=piece)
    digest, size = hashlib.sha256(), 0
    for piece in content(export):
        digest.update(piece)
        size += len(piece)
    export.sha256, export.size, export.total = digest.hexdigest(), size, export.done
    export.state, export.finished_at, export.kept_until = ExportState.READY.value, at, at + KEPT
    export.leased_until = None
    export.save()
    if export.form in FILES:
        _tell(export.person, export.form, job.text, count=export.done, digest=export.sha256, at=at)


def _understood(person: Person, form: str, text: str) -> search.Search:
    if form not in FILES:
        raise errors.Invalid("Not begun: an export is csv, jsonl or pdf.")
    wanted = given.allowed(search.parse(text), person)
    if wanted.problems:
        raise errors.Invalid(f"Not begun: {wanted.problems[0].words}")
    return wanted


def _tell(person: Person, form: str, text: str, *, count: int, digest: str, at: datetime) -> None:
    filters = {"search": text, "requests": str(count), "sha256": digest}
    audit.exported(actor=actors.person(person), at=at, filters=filters, form=form)


def _sha256(parts: list[bytes]) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()
