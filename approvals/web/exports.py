"""Exports: ask for a file, watch it being written, download it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, cast
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from approvals.domain import errors, search
from approvals.models import Export, Person
from approvals.models.desk import ExportState
from approvals.services import clock, exports, integrity
from approvals.web.access import signed_in
from approvals.web.paging import whole

FORM_TITLES = (
    ("csv", "CSV", "one line a request, for a spreadsheet"),
    ("jsonl", "JSON Lines", "everything, raw, one request a line"),
    ("pdf", "PDF evidence pack", "on paper, one section a request"),
)
SHORT = {key: title for key, title, _ in FORM_TITLES}
ENDINGS = {"csv": ("csv", "text/csv; charset=utf-8"), "jsonl": ("jsonl", "application/x-ndjson"),
           "pdf": ("pdf", "application/pdf")}  # fmt: skip
KILO = 1024
Answer = TypeVar("Answer", bound=HttpResponseBase)


@dataclass(frozen=True, slots=True)
class Line:
    """One export as the list and its page show it."""

    key: str
    title: str
    text: str
    by: str
    state: str
    done: int
    total: int
    percent: int
    size: str
    sha256: str
    why_failed: str
    asked_at: datetime
    finished_at: datetime | None
    kept_until: datetime

    @property
    def is_under_way(self) -> bool:
        return self.state in exports.UNDER_WAY


def direct(person: Person, *, form: str, text: str) -> HttpResponse | None:
    """The file as an answer, where it is small enough to wait for."""
    at = clock.now()
    content = exports.direct(person=person, form=form, text=text, at=at)
    if content is None:
        return None
    ending, kind = ENDINGS[form]
    name = f"{_alone(text) or 'history'}-{at:%Y%m%d-%H%M%S}.{ending}"
    return _offered(HttpResponse(content, content_type=kind), name)


def _alone(text: str) -> str:
    """The one request a search names and nothing else, so that its file is called after it."""
    terms = search.parse(text).terms
    return str(terms[0]) if len(terms) == 1 and terms[0].key == search.REF else ""


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def exported(request: HttpRequest, person: Person) -> HttpResponse:
    """The list of exports; a form posted here asks for another."""
    if request.method == "POST":
        return _ask(request, person)
    return _list(request, person, text=request.GET.get("q", ""), refusal="")


def _ask(request: HttpRequest, person: Person) -> HttpResponse:
    form, text = request.POST.get("form", ""), request.POST.get("q", "")
    try:
        answer = direct(person, form=form, text=text)
        if answer is not None:
            return answer
        made = exports.ask(person=person, form=form, text=text, at=clock.now())
    except errors.Refusal as refusal:
        return _list(request, person, text=text, refusal=refusal.words, status=refusal.status)
    return HttpResponseRedirect(f"/history/exports/{made.public_id}")


def _list(
    request: HttpRequest, person: Person, *, text: str, refusal: str, status: int = 200
) -> HttpResponse:
    below = whole(request.GET.get("before", ""))
    found, following = exports.of(person, below=below)
    facts = {
        "section": "history",
        "tab": "exports",
        "now": clock.now(),
        "text": text,
        "refusal": refusal,
        "forms": FORM_TITLES,
        "exports": [_line(export) for export in found],
        "following": following,
        "is_later": below is not None,
        "direct": exports.DIRECT,
        "direct_pack": exports.DIRECT_PACK,
    }
    return render(request, "history_exports.html", facts, status=status)


@require_safe
@signed_in
def export(request: HttpRequest, person: Person, key: UUID) -> HttpResponse:
    """One export: how far it is, or its file, or why it failed."""
    try:
        found = exports.one(person, key)
    except errors.NotFound as missing:
        return _problem(request, missing)
    facts = {"section": "history", "tab": "exports", "now": clock.now(), "export": _line(found)}
    return render(request, "history_export.html", facts)


@require_POST
@signed_in
def retry(request: HttpRequest, person: Person, key: UUID) -> HttpResponse:
    """Let a failed export go on."""
    try:
        exports.retry(person=person, public_id=key)
    except errors.Conflict:
        return HttpResponseRedirect(f"/history/exports/{key}")
    except errors.NotFound as missing:
        return _problem(request, missing)
    return HttpResponseRedirect(f"/history/exports/{key}")


@require_safe
@signed_in
def download(request: HttpRequest, person: Person, key: UUID) -> HttpResponse:
    """The file, as it was hashed."""
    try:
        found = exports.one(person, key)
    except errors.NotFound as missing:
        return _problem(request, missing)
    if found.state != ExportState.READY or found.form not in ENDINGS:
        return HttpResponseRedirect(f"/history/exports/{key}")
    ending, kind = _ending(found)
    answer = StreamingHttpResponse(_streamed(request, exports.content(found)), content_type=kind)
    answer.headers["Content-Length"] = str(found.size)
    answer.headers["X-Content-SHA256"] = found.sha256
    answer.headers["Cache-Control"] = "no-store"
    name = f"history-{found.asked_at:%Y%m%d-%H%M%S}.{ending}"
    return cast(HttpResponse, _offered(answer, name))  # every view here is typed as a plain answer


def _streamed(request: HttpRequest, pieces: Iterator[bytes]) -> Any:
    """As the server at hand can stream it; an ASGI server would collect all of it first."""
    if not hasattr(request, "scope"):
        return pieces

    async def awaited() -> Any:
        while (piece := await sync_to_async(_following)(pieces)) is not None:
            yield piece

    return awaited()


def _following(pieces: Iterator[bytes]) -> bytes | None:
    return next(pieces, None)


def _ending(found: Export) -> tuple[str, str]:
    if found.form == "pdf" and next(exports.content(found), b"")[:2] == b"PK":
        return "zip", "application/zip"
    return ENDINGS[found.form]


def _offered(answer: Answer, name: str) -> Answer:
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _problem(request: HttpRequest, refusal: errors.Refusal) -> HttpResponse:
    facts = {"title": "Not here", "words": refusal.words}
    return render(request, "problem.html", facts, status=refusal.status)


def _line(found: Export) -> Line:
    text = exports.text_of(found)
    return Line(
        key=str(found.public_id),
        title=SHORT.get(found.form, "Check of the record"),
        text=str(search.parse(text)) or "everything",
        by=str(found.person),
        state=found.state,
        done=found.done,
        total=found.total,
        percent=integrity.percent(found),
        size=_size(found.size),
        sha256=found.sha256,
        why_failed=found.why_failed,
        asked_at=found.asked_at,
        finished_at=found.finished_at,
        kept_until=found.kept_until,
    )


def _size(count: int) -> str:
    if count < KILO:
        return f"{count} bytes"
    return f"{count / KILO:,.0f} KB" if count < KILO * KILO else f"{count / KILO / KILO:,.1f} MB"
