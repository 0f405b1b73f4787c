"""The forms of an export, each written slice by slice: what to add to the file, and where to go on."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from approvals.domain import search
from approvals.models import ApprovalRequest, ExportPart
from approvals.queries import history
from approvals.services import audit, chains, dossiers, packs

CSV, JSONL, PDF, VERIFY = "csv", "jsonl", "pdf", "verify"
FILES = (CSV, JSONL, PDF)
PER_SLICE = {CSV: 500, JSONL: 100, PDF: 50, VERIFY: 200}
# Beyond these a file is of no use to a person; `countersign audit export` has no bound.
MOST = {CSV: 200_000, JSONL: 50_000, PDF: 5_000}
PIECE = 1024 * 1024  # bytes of a finished file in one part
Place = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """What an export needs to know of itself. `place` is where its last slice ended."""

    form: str
    asked_by: str
    asked_at: datetime
    place: Place
    done: int

    @property
    def text(self) -> str:
        return str(self.place.get("q", ""))


@dataclass(frozen=True, slots=True)
class Slice:
    """What one step made. `content` is None where there is nothing to add; `place` is None at the end."""

    content: bytes | None
    rows: int
    place: Place | None


def write(job: Job) -> Slice:
    """The next slice. Reads only; writing it down is the caller's."""
    return _WRITERS[job.form](job)


def page(job: Job, most: int) -> tuple[list[int], int | None]:
    """The numbers of the next requests, newest first, and below which number to go on."""
    found = history.page(
        search.parse(job.text),
        now=job.asked_at,
        below=job.place["below"],
        limit=most,
        with_facets=False,
    )
    return [row.number for row in found.rows], found.older


def _csv(job: Job) -> Slice:
    found = history.page(
        search.parse(job.text), now=job.asked_at, below=job.place["below"], limit=PER_SLICE[CSV],
        with_facets=False,
    )  # fmt: skip
    return Slice(sheet(found.rows, with_head=not job.place.get("begun")), len(found.rows),
                 _further(job, found.older))  # fmt: skip


def sheet(rows: Iterable[ApprovalRequest], *, with_head: bool) -> bytes:
    """Lines of CSV, one a request; no cell that a spreadsheet takes for a formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    if with_head:
        writer.writerow(dossiers.COLUMNS)
    writer.writerows(dossiers.cells(row) for row in rows)
    return text.getvalue().encode()


def _jsonl(job: Job) -> Slice:
    numbers, older = page(job, PER_SLICE[JSONL])
    return Slice(lines(dossiers.gather(numbers)), len(numbers), _further(job, older))


def lines(found: Iterable[dossiers.Dossier]) -> bytes:
    return "".join(f"{dossiers.as_json(each)}\n" for each in found).encode()


def _pdf(job: Job) -> Slice:
    """One volume; a pack that fits into one has no other cover."""
    numbers, older = page(job, PER_SLICE[PDF])
    volume = int(job.place.get("volume", 0)) + 1
    is_whole = volume == 1 and older is None
    named = "" if is_whole else f"volume {volume}"
    if not numbers and not is_whole:
        return Slice(None, 0, _further(job, older))
    content = packs.write(dossiers.gather(numbers), cover(job, len(numbers), named))
    return Slice(content, len(numbers), _further(job, older, volume=volume))


def cover(job: Job, count: int, volume: str = "") -> packs.Cover:
    return packs.Cover(job.asked_by, job.asked_at, job.text, count, settings.PUBLIC_URL, volume)


def _verify(job: Job) -> Slice:
    """Some chains more; the report at the end, or at the first break."""
    place = job.place
    found, after = chains.walk_slice(int(place.get("after", 0)), most=PER_SLICE[VERIFY])
    events = int(place.get("events", 0)) + found.events
    if after is not None:
        return Slice(None, found.chains, place | {"after": after, "events": events})
    broken = found.broken
    report = {
        "intact": broken is None,
        "chains": job.done + found.chains,
        "events": events,
        "as_of": audit.stamp(job.asked_at),
        "broken": {"chain": broken.chain, "seq": broken.seq, "why": broken.why} if broken else None,
    }
    return Slice(json.dumps(report).encode(), found.chains, None)


def _further(job: Job, older: int | None, **more: Any) -> Place | None:
    """Where to go on; None at the end."""
    if older is None:
        return None
    return job.place | {"below": older, "begun": True} | more


_WRITERS: dict[str, Callable[[Job], Slice]] = {
    CSV: _csv,
    JSONL: _jsonl,
    PDF: _pdf,
    VERIFY: _verify,
}


def assembled(job: Job, parts: Sequence[ExportPart]) -> bytes | None:
    """The volumes of a pack in one ZIP file with a cover; None where the parts are the file already."""
    if job.form != PDF or len(parts) < 2:
        return None
    names = [f"volume-{number:03}.pdf" for number in range(1, len(parts) + 1)]
    digests = [hashlib.sha256(part.content).hexdigest() for part in parts]
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as archive:
        day = job.asked_at.timetuple()[:6]
        front = packs.index(list(zip(names, digests, strict=True)), cover(job, job.done))
        for name, content in [
            ("cover.pdf", front),
            *zip(names, (bytes(p.content) for p in parts), strict=True),
        ]:
            archive.writestr(zipfile.ZipInfo(name, day), content)
    return held.getvalue()


def pieces(content: bytes) -> list[bytes]:
    return [content[start : start + PIECE] for start in range(0, len(content), PIECE)] or [b""]
