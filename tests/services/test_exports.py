"""Exports: the same rows in every form, in slices that survive their worker, for their asker alone."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from datetime import datetime, timedelta
from typing import Any

import pytest
from pypdf import PdfReader

from approvals.domain import errors
from approvals.domain.terms import Verdict
from approvals.models import Agent, ApprovalRequest, AuditEvent, Export, Person
from approvals.models.desk import ExportState
from approvals.models.people import Role
from approvals.services import absence, clock, export_forms, exports, grants, integrity, outcomes
from tests.support import cast

HOSTILE = "invoice\u202egpj.exe"
FORMULA = '=HYPERLINK("http://evil.example","pay")'


@pytest.fixture
def lin(db: None) -> Person:
    return cast.person("lin")


@pytest.fixture
def robo(db: None) -> Agent:
    return cast.agent()[0]


def made(form: str, person: Person, text: str = "") -> bytes:
    content = exports.direct(person=person, form=form, text=text, at=clock.now())
    assert content is not None
    return content


def paper(content: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)


def sheet(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def finish(export: Export, *, most: int = 200) -> Export:
    """Let a worker write until the export is under way no more."""
    for _ in range(most):
        export.refresh_from_db()
        if export.state not in exports.UNDER_WAY:
            break
        exports.write_due()
    return export


def many(robo: Agent, count: int) -> None:
    """Copies of one request, put beside it: what is tested is their number."""
    first = cast.request(robo, **cast.LOW)
    fields = [
        field.attname
        for field in ApprovalRequest._meta.concrete_fields
        if field.name not in {"number", "public_id", "idempotency_key"}
    ]
    values = {name: getattr(first, name) for name in fields}
    ApprovalRequest.objects.bulk_create(
        [ApprovalRequest(**values) for _ in range(count - 1)], batch_size=500
    )


def test_every_form_holds_the_same_requests(lin: Person, robo: Agent) -> None:
    for number in range(3):
        cast.decide(cast.request(robo, session=str(number)), lin, Verdict.DENY, "Not today.")
    cast.request(robo, **cast.LOW)

    text = "agent:robo outcome:denied"
    rows = sheet(made("csv", lin, text))
    lines = [json.loads(line) for line in made("jsonl", lin, text).splitlines()]
    pack = paper(made("pdf", lin, text))

    refs = [row["ref"] for row in rows]
    assert len(refs) == 3
    assert [line["ref"] for line in lines] == refs
    assert pack.count("Recorded by this service") == 3
    assert all(ref in pack for ref in refs)
    assert "agent:robo outcome:denied" in pack


def test_a_pack_alone_answers_who_what_when_why_and_whether_it_ran(
    lin: Person, robo: Agent
) -> None:
    row = cast.decide(cast.request(robo), lin, comment="Load is real.")
    grants.consume(ref=row.ref, agent=robo, key="k", parameters=None, at=clock.now())
    outcomes.report(ref=row.ref, agent=robo, outcome={"status": "success"}, at=clock.now())

    pack = paper(made("pdf", lin, row.ref))

    row.refresh_from_db()
    at = row.decisions.get().at
    for words in (
        "Scale deployment · production-api",
        f"APPROVE at {at:%H:%M:%S} UTC on {at:%-d %b %Y} ({at:%Y-%m-%dT%H:%M:%S.%f}Z)",
        "Failed. 8 replicas from 5 is +60 %, at most 25 %.  Rule default-actions.blast_radius",
        "agent robo",
        "lin@example.com",
        "Load is real.",
        "from_replicas",
        "CPU utilization exceeded",
        f"version {row.policy_version}",
        "It ran, and its agent reports success.",
        "every link holds",
        "Texts of the rules",
        row.parameters_sha256,
        row.chain_head,
    ):
        assert words.replace(" ", "") in pack.replace("\n", "").replace(" ", ""), words


def test_whom_somebody_stood_in_for_is_in_every_form(lin: Person) -> None:
    sam, now = cast.person("sam"), clock.now()
    digger, _ = cast.agent("digger", owner=cast.person("chen"))
    row = cast.request(digger)
    cast.request(digger, **cast.LOW)
    until = now + timedelta(days=1)
    absence.begin(lin, starts_at=now, ends_at=until, stand_in=sam, by=lin, at=now)
    cast.decide(row, sam)

    told = "Sam, standing in for Lin"
    (line,) = sheet(made("csv", lin, "is:stand-in"))
    assert (line["ref"], line["by"]) == (row.ref, told)
    raw = json.loads(made("jsonl", lin, row.ref))
    assert raw["by"] == told
    assert raw["events"][-1]["detail"]["standing_in_for"]["name"] == "Lin"
    assert told.replace(" ", "") in paper(made("pdf", lin, row.ref)).replace("\n", "").replace(
        " ", ""
    )


def test_hostile_texts_are_marked_in_every_form(lin: Person, robo: Agent) -> None:
    cast.request(
        robo, target=HOSTILE, parameters={"cell": FORMULA}, reasoning="返金 \U0001f680 مرحبا"
    )
    cast.request(robo, action="=HYPERLINK", target="+1", parameters={})

    rows = sheet(made("csv", lin))
    raw = made("jsonl", lin)
    pack = paper(made("pdf", lin))

    assert all(
        not cell.lstrip().startswith(("=", "+", "@")) for row in rows for cell in row.values()
    )
    assert "⟦U+202E⟧" in rows[1]["target"]
    assert rows[0]["action"].startswith("'=")
    assert raw.isascii()
    assert b"\\u202e" in raw
    assert "⟦U+202E⟧" in pack
    assert "\u202e" not in pack
    assert "⟦U+1F680⟧" in pack
    assert "Characters that are not drawn" in pack
    assert "返" in pack


def test_an_export_is_told_in_history_with_filter_and_count(lin: Person, robo: Agent) -> None:
    cast.request(robo)

    content = made("csv", lin, "agent:robo")

    told = AuditEvent.objects.get(type="audit.exported")
    assert told.actor == "person:lin@example.com"
    assert told.entry["detail"] == {
        "filters": {
            "search": "agent:robo",
            "requests": "1",
            "sha256": hashlib.sha256(content).hexdigest(),
        },
        "format": "csv",
    }


def test_a_long_export_is_written_in_slices_with_its_progress(
    lin: Person, robo: Agent, tampering: None
) -> None:
    many(robo, 2_500)
    assert exports.direct(person=lin, form="csv", text="agent:robo", at=clock.now()) is None

    export = exports.ask(person=lin, form="csv", text="agent:robo", at=clock.now())
    seen = []
    while exports.write_due():
        export.refresh_from_db()
        seen.append(integrity.percent(export))

    content = b"".join(exports.content(export))
    assert export.state == ExportState.READY
    assert seen == [20, 40, 60, 80, 100]
    assert len({row["ref"] for row in sheet(content)}) == 2_500
    assert (export.size, export.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert AuditEvent.objects.filter(type="audit.exported").count() == 1


def test_requests_that_come_while_it_is_written_are_not_in_it(
    lin: Person, robo: Agent, tampering: None
) -> None:
    many(robo, 1_200)
    export = exports.ask(person=lin, form="csv", text="", at=clock.now())
    exports.write_due()
    cast.request(robo)

    assert finish(export).done == 1_200


def test_another_worker_goes_on_where_a_killed_one_stopped(
    lin: Person, robo: Agent, tampering: None
) -> None:
    many(robo, 1_100)
    export = exports.ask(person=lin, form="csv", text="", at=clock.now())
    exports.write_due()
    Export.objects.filter(pk=export.pk).update(leased_until=clock.now() + exports.LEASE)

    assert not exports.write_due()  # somebody seems to be at it
    later: datetime = clock.now() + 2 * exports.LEASE
    while exports.write_due(now=lambda: later):
        pass

    rows = sheet(b"".join(exports.content(export)))
    assert len(rows) == len({row["ref"] for row in rows}) == 1_100


def test_a_worker_that_lost_its_lease_adds_nothing(
    lin: Person, robo: Agent, tampering: None
) -> None:
    many(robo, 1_100)
    export = exports.ask(person=lin, form="csv", text="", at=clock.now())
    now = clock.now()
    slow = exports._take(at=now)
    assert slow is not None
    later = now + 2 * exports.LEASE
    exports.write_due(now=lambda: later)

    exports._advance(slow, now=clock.now)

    export.refresh_from_db()
    assert (export.done, export.parts.count()) == (500, 1)


def test_a_pack_of_many_requests_is_a_zip_of_volumes(lin: Person, robo: Agent) -> None:
    for number in range(52):
        cast.request(robo, **cast.LOW, session=str(number))
    export = exports.ask(person=lin, form="pdf", text="agent:robo", at=clock.now())

    finish(export)

    with zipfile.ZipFile(io.BytesIO(b"".join(exports.content(export)))) as archive:
        assert archive.namelist() == ["cover.pdf", "volume-001.pdf", "volume-002.pdf"]
        volumes = [paper(archive.read(name)) for name in archive.namelist()[1:]]
        cover = paper(archive.read("cover.pdf"))
        digest = hashlib.sha256(archive.read("volume-001.pdf")).hexdigest()
    assert sum(volume.count("Recorded by this service") for volume in volumes) == 52
    assert digest in cover.replace("\n", "")
    assert export.done == 52


def test_only_its_asker_and_auditors_find_an_export(lin: Person, robo: Agent) -> None:
    cast.request(robo)
    export = exports.ask(person=lin, form="csv", text="", at=clock.now())
    manager, auditor = cast.person("ada"), cast.person("grace")
    assert auditor.role == Role.AUDITOR

    assert exports.one(lin, export.public_id) == export
    assert exports.one(auditor, export.public_id) == export
    with pytest.raises(errors.NotFound):
        exports.one(manager, export.public_id)
    assert exports.of(manager) == ([], None)


def test_an_export_is_deleted_when_its_week_is_over(lin: Person, robo: Agent) -> None:
    cast.request(robo)
    export = finish(exports.ask(person=lin, form="csv", text="", at=clock.now()))

    exports.forget_old(at=clock.now() + timedelta(days=6))
    assert Export.objects.filter(pk=export.pk).exists()
    exports.forget_old(at=clock.now() + timedelta(days=8))
    assert not Export.objects.filter(pk=export.pk).exists()


def test_an_export_that_failed_says_so_and_goes_on_when_asked(
    lin: Person, robo: Agent, tampering: None
) -> None:
    many(robo, 1_100)
    export = exports.ask(person=lin, form="csv", text="", at=clock.now())
    exports.write_due()
    place = Export.objects.values_list("query", flat=True).get(pk=export.pk)
    Export.objects.filter(pk=export.pk).update(query='{"q": ""}')  # a place nobody can go on from

    exports.write_due()
    export.refresh_from_db()
    assert export.state == ExportState.FAILED
    assert "try again" in export.why_failed

    Export.objects.filter(pk=export.pk).update(query=place)
    exports.retry(person=lin, public_id=export.public_id)
    assert len(sheet(b"".join(exports.content(finish(export))))) == 1_100


@pytest.mark.parametrize("asked", [("odd", ""), ("csv", "agnet:x"), ("pdf", "risk:huge")])
def test_what_cannot_be_exported_is_refused(lin: Person, asked: tuple[str, str]) -> None:
    with pytest.raises(errors.Invalid):
        exports.ask(person=lin, form=asked[0], text=asked[1], at=clock.now())


def test_nobody_has_more_than_a_few_exports_written_at_once(lin: Person, robo: Agent) -> None:
    for _ in range(exports.MOST_OPEN):
        exports.ask(person=lin, form="csv", text="", at=clock.now())

    with pytest.raises(errors.TooMany):
        exports.ask(person=lin, form="csv", text="", at=clock.now())


def test_a_walk_along_the_chains_is_kept_with_what_it_found(lin: Person, robo: Agent) -> None:
    for number in range(3):
        cast.request(robo, **cast.LOW, session=str(number))
    assert integrity.last().at is None

    finish(integrity.ask(person=lin, at=clock.now()))

    found = integrity.last()
    assert found.is_intact
    assert found.events == AuditEvent.objects.count()
    assert found.chains == 4


def test_a_second_walk_joins_the_one_under_way(lin: Person) -> None:
    first = integrity.ask(person=lin, at=clock.now())

    assert integrity.ask(person=cast.person("ada"), at=clock.now()) == first


def test_a_broken_chain_is_found_and_named(lin: Person, robo: Agent, tampering: None) -> None:
    row = cast.request(robo)
    ApprovalRequest.objects.filter(pk=row.pk).update(chain_head="0" * 64)

    finish(integrity.ask(person=lin, at=clock.now()))

    broken: dict[str, Any] | None = integrity.last().broken
    assert broken is not None
    assert broken["chain"] == row.ref


def test_a_walk_over_more_chains_than_a_slice_reaches_the_end(lin: Person, robo: Agent) -> None:
    for number in range(5):
        cast.request(robo, **cast.LOW, session=str(number))
    job = export_forms.Job("verify", "Lin", clock.now(), {"after": 0}, 0)

    assert export_forms.write(job).place is None


def test_a_pack_of_thousands_of_parameters_says_what_it_left_out(lin: Person, robo: Agent) -> None:
    cast.request(robo, parameters={f"key{number:04}": number for number in range(600)})

    told = paper(made("pdf", lin))

    assert "Parameters (500 of 600)" in told
    assert "100 are not drawn here; the JSON Lines export has them." in told
    assert made("jsonl", lin).count(b"key0599") >= 1


def test_nobody_waits_for_a_pack_of_long_requests(lin: Person, robo: Agent) -> None:
    for number in range(3):
        cast.request(robo, parameters={"text": f"{number} " + "words " * 15_000})

    assert exports.direct(person=lin, form="pdf", text="", at=clock.now()) is None
    assert exports.direct(person=lin, form="csv", text="", at=clock.now()) is not None


def test_a_pack_is_held_for_as_long_as_its_slice_takes(lin: Person, robo: Agent) -> None:
    cast.request(robo)
    now = clock.now()
    export = exports.ask(person=lin, form="pdf", text="", at=now)

    assert exports._take(at=now) == export
    assert exports._take(at=now + timedelta(minutes=10)) is None
    assert exports._take(at=now + timedelta(minutes=21)) == export
