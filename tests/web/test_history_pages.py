"""Exports, changes and integrity as people meet them: at a browser."""

from __future__ import annotations

import hashlib
import io
import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pypdf import PdfReader

from approvals.models import Agent, AuditEvent, Export
from approvals.services import clock, exports
from tests.support import cast
from tests.web.conftest import Browser
from tests.web.reading import Page


def body(answer: object) -> bytes:
    return b"".join(getattr(answer, "streaming_content", [getattr(answer, "content", b"")]))


def test_small_exports_come_at_once_and_hold_what_the_page_lists(lin: Browser, robo: Agent) -> None:
    for number in range(4):
        cast.request(robo, **cast.LOW, session=str(number))
    cast.request(robo)
    listed = [row.attributes["data-ref"] for row in lin.get("/history?q=agent:robo+risk:low").rows]

    files = {
        form: body(lin.post("/history/exports", form=form, q="agent:robo risk:low"))
        for form in ("csv", "jsonl", "pdf")
    }

    assert len(listed) == 4
    assert len(files["csv"].splitlines()) == 1 + 4
    assert [json.loads(line)["ref"] for line in files["jsonl"].splitlines()] == listed
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(files["pdf"])).pages)
    assert text.count("Recorded by this service") == 4


def test_the_pack_of_one_request_is_a_button_on_its_evidence(lin: Browser, robo: Agent) -> None:
    row = cast.request(robo, target="ours-alone")
    cast.request(robo, target="somewhere-else")
    page = lin.get(f"/r/{row.ref}/evidence")
    (form,) = page.every("form")
    fields = {each.attributes["name"]: each.attributes["value"] for each in form.every("input")}
    (button,) = form.every("button")
    assert button.name == f"PDF of {row.ref}, as an evidence pack"
    answer = lin.post(form.attributes["action"], **fields)
    assert answer["Content-Type"] == "application/pdf"
    assert f'filename="{row.ref}-' in answer["Content-Disposition"]
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.content)).pages)
    assert "ours-alone" in text
    assert "somewhere-else" not in text
    told = AuditEvent.objects.filter(request=None).latest("id").entry
    assert row.ref in json.dumps(told)


def test_a_long_export_is_watched_and_downloaded_with_its_digest(
    lin: Browser, ada: Browser, robo: Agent
) -> None:
    for number in range(21):
        cast.request(robo, **cast.LOW, session=str(number))

    answer = lin.post("/history/exports", form="pdf", q="")
    place = answer.headers["Location"]

    assert "Waiting for a worker: 0 of 21 requests" in lin.get(place).headings
    exports.write_due()
    ready = lin.get(place)
    assert ready.headings[0].startswith("Ready: 21 requests")
    download = lin.client.get(f"{place}/file")
    content = body(download)
    assert hashlib.sha256(content).hexdigest() in ready.text
    assert content.startswith(b"%PDF")
    assert download.headers["Content-Length"] == str(len(content))
    assert ada.client.get(place).status_code == 404
    assert ada.client.get(f"{place}/file").status_code == 404
    assert ada.post(f"{place}/retry").status_code == 404
    assert place in [a.attributes["href"] for a in lin.get("/history/exports").every("a")]
    assert place not in [a.attributes["href"] for a in ada.get("/history/exports").every("a")]


def _keep(lin: Browser, count: int) -> list[str]:
    """That many exports of hers, and their addresses, the newest first."""
    now = clock.now()
    kept = {"person": lin.person, "form": "csv", "asked_at": now, "kept_until": now}
    made = [Export.objects.create(**kept) for _ in range(count)]
    return [f"/history/exports/{export.public_id}" for export in reversed(made)]


def _hrefs(page: Page) -> list[str]:
    return [a.attributes["href"] for a in page.every("a")]


def _listed(page: Page) -> list[str]:
    return [href for href in _hrefs(page) if href.startswith("/history/exports/")]


def _older(page: Page) -> list[str]:
    return [href for href in _hrefs(page) if "before=" in href]


def test_a_list_of_exports_that_fills_one_page_leads_no_further(lin: Browser) -> None:
    made = _keep(lin, exports.PER_PAGE)
    page = lin.get("/history/exports")
    assert (_listed(page), _older(page)) == (made, [])


def test_a_list_of_exports_goes_on_where_its_page_ends_and_keeps_the_search(lin: Browser) -> None:
    made = _keep(lin, exports.PER_PAGE + 2)
    first = lin.get("/history/exports?q=risk%3Alow")
    following = _older(first)
    assert len(following) == 1
    _keep(lin, 3)  # what is asked for meanwhile moves nothing

    second = lin.get(following[0])
    assert (_listed(first), _listed(second)) == (made[:-2], made[-2:])
    assert _older(second) == []
    assert "/history/exports?q=risk%3Alow" in _hrefs(second)
    last = Export.objects.order_by("id")[0]
    assert "No older export" in lin.get(f"/history/exports?before={last.pk}").text


@pytest.mark.parametrize("odd", ["", "-1", "1e3", "x", "9" * 30])
def test_a_place_nobody_was_given_is_the_first_page_of_exports(lin: Browser, odd: str) -> None:
    made = _keep(lin, 1)
    assert _listed(lin.get(f"/history/exports?before={odd}")) == made


def test_a_failed_export_says_why_and_is_tried_again(lin: Browser, robo: Agent) -> None:
    cast.request(robo)
    export = exports.ask(person=lin.person, form="csv", text="", at=clock.now())
    Export.objects.filter(pk=export.pk).update(state="failed", why_failed="The disk was full.")
    place = f"/history/exports/{export.public_id}"

    assert "The disk was full." in lin.get(place).text
    assert lin.client.get(f"{place}/file").status_code == 302
    assert lin.post(f"{place}/retry").status_code == 302
    exports.write_due()
    assert lin.get(place).headings[0].startswith("Ready: 1 request,")


def test_what_cannot_be_exported_is_refused_in_words_with_the_text_kept(lin: Browser) -> None:
    answer = lin.post("/history/exports", form="pdf", q="agnet:x")

    assert answer.status_code == 422
    assert "Did you mean agent:x?" in answer.content.decode()
    assert 'value="agnet:x"' in answer.content.decode()


def test_the_badge_names_the_last_check_and_a_button_starts_another(
    lin: Browser, robo: Agent
) -> None:
    cast.request(robo)
    assert "Record chain not checked yet" in lin.get("/history").text

    assert lin.post("/history/integrity").status_code == 302
    assert "A check is under way" in lin.get("/history/integrity").text
    while exports.write_due():
        pass

    count = AuditEvent.objects.count()
    assert f"Record chain checked to event {count:,} at" in lin.get("/history").text
    assert "every link holds" in lin.get("/history/integrity").text


def test_a_broken_chain_is_said_with_what_to_do(lin: Browser, robo: Agent) -> None:
    row = cast.request(robo)
    row.__class__.objects.filter(pk=row.pk).update(chain_head="0" * 64)
    lin.post("/history/integrity")
    while exports.write_due():
        pass

    page = lin.get("/history/integrity")
    assert f"The record of {row.ref} does not hold" in page.headings[0]
    assert "What to do" in page.text
    assert "Record chain broken" in lin.get("/history").text


def test_changes_list_what_belongs_to_no_request(lin: Browser, robo: Agent) -> None:
    cast.request(robo)

    page = lin.get("/history/changes")

    words = [row.text for row in page.every("tr")]
    assert any("Agent registered" in text and "robo" in text for text in words)
    assert any("Policy applied" in text for text in words)
    assert not any("Scale deployment" in text for text in words)


@pytest.mark.parametrize(
    ("query", "wanted", "unwanted"),
    [
        ("kind=agents", "Agent registered", "Person added"),
        ("kind=people", "Person added", "Agent registered"),
        ("by=the tests&kind=policies", "Policy applied", "Person added"),
    ],
)
def test_changes_are_filtered_by_kind_and_person(
    lin: Browser, robo: Agent, query: str, wanted: str, unwanted: str
) -> None:
    rows = " ".join(row.text for row in lin.get(f"/history/changes?{query}").every("tr"))

    assert wanted in rows
    assert unwanted not in rows


def test_a_change_leads_to_the_one_before_and_after_of_its_kind(lin: Browser, robo: Agent) -> None:
    cast.person("ada")
    added = AuditEvent.objects.filter(type="person.added").order_by("seq")
    first, second = added[0], added[1]

    page = lin.get(f"/history/changes/{first.seq}")
    links = {a.text: a.attributes["href"] for a in page.every("a")}
    assert links["Next of this kind"] == f"/history/changes/{second.seq}"
    back = {a.text: a.attributes["href"] for a in lin.get(links["Next of this kind"]).every("a")}
    assert back["Previous of this kind"] == f"/history/changes/{first.seq}"


def test_older_changes_follow_without_gap_or_repeat(lin: Browser) -> None:
    for number in range(60):
        cast.person(f"guest{number}")

    first = lin.get("/history/changes")
    older = next(a for a in first.every("a") if a.text == "Older")
    second = lin.get(older.attributes["href"])

    seen = [
        link.attributes["href"]
        for page in (first, second)
        for row in page.every("tr")
        for link in row.every("a")
    ]
    assert len(seen) == len(set(seen)) == AuditEvent.objects.filter(chain="service").count()


def test_the_statements_of_the_list_of_changes_do_not_grow(lin: Browser) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as seen:
            lin.get("/history/changes?by=the tests")
        return len(seen)

    few = statements()
    for number in range(20):
        cast.person(f"guest{number}")
    assert statements() == few
