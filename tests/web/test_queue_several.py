"""Several requests at once: each keeps its own record, and nothing is ever approved in bulk."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from pytest_django import Settings

from approvals import queries
from approvals.domain.terms import EventKind, Verdict
from approvals.models import Agent, ApprovalRequest, AuditEvent, Decision
from approvals.models.desk import Assignment, ReminderMute
from approvals.services import clock, timers
from tests.support import cast
from tests.web.conftest import Browser
from tests.web.reading import Element, Page

REASON = "Not during the freeze, please."


def seen(page: Page) -> list[str]:
    return [
        box.attributes["value"]
        for box in page.every("input")
        if box.attributes.get("name") == "seen"
    ]


def row_of(ref: str) -> ApprovalRequest:
    return queries.request(ref)


def shop(robo: Agent, how_many: int) -> list[str]:
    return [
        cast.request(robo, action="restart_service", target=f"shop-{number}").ref
        for number in range(how_many)
    ]


def asked(*refs: str, do: str = "deny") -> str:
    return f"/queue/several?do={do}&" + "&".join(f"ref={ref}" for ref in refs)


def test_the_list_is_shown_before_anything_is_denied(lin: Browser, robo: Agent) -> None:
    refs = shop(robo, 2)

    page = lin.get(asked(*refs))

    assert page.every("h1")[0].text == "Deny 2 requests?"
    assert all(ref in page.text for ref in refs)
    assert not Decision.objects.exists()


def test_one_reason_denies_each_with_a_record_of_its_own(lin: Browser, robo: Agent) -> None:
    refs = shop(robo, 3)

    answer = lin.post("/queue/deny", seen=seen(lin.get(asked(*refs))), reason=REASON)

    assert answer.status_code == 303
    assert lin.get(answer.headers["Location"]).every("h1")[0].text == "3 requests denied"
    told = Decision.objects.order_by("request_id").values_list("request_id", "verdict", "comment")
    assert [(f"REQ-{number}", *rest) for number, *rest in told] == [
        (ref, "deny", REASON) for ref in refs
    ]
    assert AuditEvent.objects.filter(type=EventKind.DENIED.value).count() == 3


def test_a_reason_is_needed_and_what_was_typed_is_kept(lin: Browser, robo: Agent) -> None:
    answer = lin.post("/queue/deny", seen=seen(lin.get(asked(*shop(robo, 2)))), reason="Too late")
    page = Page(answer.content.decode())

    assert answer.status_code == 422
    assert "Nothing was denied." in page.every("h2")[0].text
    assert page.by_id("reason").text == "Too late"
    assert len(seen(page)) == 2
    assert not Decision.objects.exists()


def test_what_could_not_be_denied_is_said_in_words_and_the_rest_is(
    lin: Browser, robo: Agent
) -> None:
    first, second = shop(robo, 2)
    marked = seen(lin.get(asked(first, second)))
    cast.decide(row_of(first), cast.person("lin"), Verdict.APPROVE)

    answer = lin.post("/queue/deny", seen=marked, reason=REASON)
    page = Page(answer.content.decode())

    assert answer.status_code == 422
    assert page.every("h1")[0].text == "1 of 2 could not be denied"
    assert "Already approved" in page.text
    assert list(Decision.objects.values_list("request_id", "verdict")) == [
        (int(first[4:]), "approve"),
        (int(second[4:]), "deny"),
    ]


def test_what_changed_since_it_was_shown_is_not_denied(lin: Browser, robo: Agent) -> None:
    (ref,) = shop(robo, 1)
    marked = seen(lin.get(asked(ref)))
    cast.decide(row_of(ref), lin.person, Verdict.INVESTIGATE, "Which region is this?")

    answer = lin.post("/queue/deny", seen=marked, reason=REASON)

    assert "changed after what you saw" in answer.content.decode()
    assert not Decision.objects.filter(verdict="deny").exists()


def test_only_what_the_reader_may_deny_is_offered(lin: Browser, robo: Agent) -> None:
    mine = cast.request(robo)
    others = cast.request(robo, **cast.HIGH)

    page = lin.get(asked(mine.ref, others.ref))

    assert page.every("h1")[0].text == "Deny 1 request?"
    assert "you are not one of them" in page.text
    assert [mark.split("~")[0] for mark in seen(page)] == [mine.ref]


@pytest.mark.parametrize("do", ["approve", "", "investigate"])
def test_there_is_no_bulk_approval(lin: Browser, robo: Agent, do: str) -> None:
    lin.get(asked(*shop(robo, 2), do=do), status=422)
    assert not any("approve" in button.lower() for button in lin.get("/queue").buttons)


def test_more_than_fifty_at_once_are_refused(lin: Browser, robo: Agent) -> None:
    page = lin.get(asked(*[f"REQ-{n}" for n in range(51)]), status=422)

    assert "At most 50" in page.text


@pytest.mark.parametrize(
    "marked", [["REQ-1"], ["REQ-1~x~y"], ["nonsense~1~y"], ["~~"], ["REQ-9999~1~" + "a" * 64], []]
)
def test_forged_fields_are_never_a_fault(lin: Browser, marked: list[str]) -> None:
    assert lin.post("/queue/deny", seen=marked, reason=REASON).status_code < 500
    assert lin.post("/queue/assign", ref=marked, person="x").status_code == 422
    assert lin.client.get("/queue/several", {"do": "deny", "ref": marked}).status_code < 500


def test_somebody_is_asked_by_name_once(lin: Browser, ada: Browser, robo: Agent) -> None:
    (ref,) = shop(robo, 1)
    page = lin.get(asked(ref, do="assign"))
    assert "Ada (ada@example.com)" in page.text

    for _ in range(2):
        answer = lin.post("/queue/assign", ref=[ref], person=str(ada.person.pk))
        assert answer.status_code == 303

    assert Assignment.objects.get().by == lin.person
    (event,) = AuditEvent.objects.filter(type=EventKind.ASSIGNED.value)
    assert (event.actor, event.entry["detail"]) == (
        "person:lin@example.com",
        {"person": "ada@example.com"},
    )
    assert "assigned to you" in ada.get("/queue?tab=all").rows[0].text


def test_what_is_closed_cannot_be_assigned(lin: Browser, ada: Browser, robo: Agent) -> None:
    (ref,) = shop(robo, 1)
    cast.decide(row_of(ref), lin.person)

    answer = lin.post("/queue/assign", ref=[ref], person=str(ada.person.pk))

    assert "nobody was assigned" in answer.content.decode()
    assert not Assignment.objects.exists()


def test_a_rule_is_made_from_what_was_selected(lin: Browser, robo: Agent) -> None:
    refs = shop(robo, 2)

    answer = lin.client.get(asked(*refs, do="rule"))

    assert answer.headers["Location"] == f"/policies/simulate?from={refs[0]}%2C{refs[1]}"


def test_an_export_holds_the_view_and_is_written_down(lin: Browser, robo: Agent) -> None:
    shop(robo, 2)
    cast.request(robo, **cast.HIGH | {"target": "=HYPERLINK(1)"})

    answer = lin.client.get("/queue/export?tab=all&risk=high")

    lines = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [(line["risk"], line["target"]) for line in lines] == [("high", "'=HYPERLINK(1)")]
    event = AuditEvent.objects.get(type=EventKind.AUDIT_EXPORTED.value)
    assert event.entry["detail"] == {
        "filters": {"tab": "all", "risk": "high"},
        "format": "csv of the queue",
    }


def test_what_was_selected_is_exported_and_nothing_else(lin: Browser, robo: Agent) -> None:
    first, second, third = shop(robo, 3)
    cast.decide(row_of(third), lin.person, Verdict.DENY, "No.")

    answer = lin.client.get(asked(third, first, "REQ-999", "nonsense", do="export"))

    lines = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [line["ref"] for line in lines] == [first, third]
    assert answer.headers["Content-Disposition"] == 'attachment; filename="queue.csv"'
    assert second not in answer.content.decode()
    event = AuditEvent.objects.get(type=EventKind.AUDIT_EXPORTED.value)
    assert event.entry["detail"]["filters"] == {"requests": f"{first} {third}"}


@pytest.mark.parametrize(
    ("address", "name", "value"),
    [
        ("/queue/deny", "seen", "REQ-1~1~x"),
        ("/queue/assign", "ref", "REQ-1"),
        ("/queue/undo", "ref", "REQ-1"),
        ("/queue/undo", "held", "REQ-1~1"),
    ],
)
def test_more_than_fifty_are_refused_in_words_and_never_cut(
    lin: Browser, robo: Agent, address: str, name: str, value: str
) -> None:
    shop(robo, 1)
    fields = {name: [value] * 51, "reason": REASON, "person": str(lin.person.pk), "undo": "all"}

    answer = lin.client.post(address, fields)

    assert answer.status_code == 422
    assert "At most 50 can be acted on at once; 51 were selected" in answer.content.decode()
    assert not Decision.objects.exists()
    assert not Assignment.objects.exists()
    assert "At most 50" in lin.get(asked(*["REQ-1"] * 51, do="export"), status=422).text


def test_rows_are_selected_and_sent_without_script(lin: Browser, robo: Agent) -> None:
    shop(robo, 1)
    page = lin.get("/queue")

    form = page.by_id("bulk")
    boxes: list[Element] = [e for e in page.every("input") if e.attributes.get("name") == "ref"]

    assert form.attributes["action"] == "/queue/several"
    assert [box.attributes["form"] for box in boxes] == ["bulk"]
    assert [button.attributes["value"] for button in form.every("button")] == [
        "deny",
        "assign",
        "mute",
        "export",
        "rule",
    ]


# --- taking denials back --------------------------------------------------------------------------


def undo_names(page: Page) -> list[str]:
    return [name for name in page.buttons if name.startswith("Undo")]


def deny_all(browser: Browser, refs: list[str]) -> Page:
    answer = browser.post("/queue/deny", seen=seen(browser.get(asked(*refs))), reason=REASON)
    assert answer.status_code == 303
    return browser.get(answer.headers["Location"])


def undo_fields(page: Page) -> dict[str, list[str]]:
    fields = [box.attributes for box in page.by_id("undo-denials").every("input")]
    return {
        name: [field["value"] for field in fields if field["name"] == name]
        for name in ("ref", "held")
    }


def statuses(refs: list[str]) -> list[str]:
    return [row_of(ref).status for ref in refs]


def test_denials_of_several_are_held_and_each_or_all_can_be_undone(
    lin: Browser, robo: Agent, settings: Settings
) -> None:
    settings.UNDO_SECONDS = None
    refs = shop(robo, 3)

    page = deny_all(lin, refs)

    assert page.every("h1")[0].text == "3 requests denied"
    assert undo_names(page) == [f"Undo the denial of {ref}" for ref in refs] + [
        "Undo all 3 denials"
    ]
    assert statuses(refs) == ["pending"] * 3
    assert not Decision.objects.exists()

    fields = undo_fields(page)
    answer = lin.post("/queue/undo", **fields, undo=fields["held"][1])
    page = lin.get(answer.headers["Location"])

    assert page.every("h1")[0].text == "2 of 3 requests denied"
    assert "You took your denial back before it counted." in page.text
    assert undo_names(page)[-1] == "Undo all 2 denials"
    timers.fire_due(at=clock.now() + timedelta(seconds=11))
    assert statuses(refs) == ["denied", "pending", "denied"]
    assert undo_names(lin.get(answer.headers["Location"])) == []


def test_all_are_undone_at_once_but_nothing_said_after_them(
    lin: Browser, robo: Agent, settings: Settings
) -> None:
    settings.UNDO_SECONDS = None
    refs = shop(robo, 2)
    first = refs[0]
    fields = undo_fields(deny_all(lin, refs))
    lin.post(f"/r/{first}/undo")
    lin.send(first, "approve")

    answer = lin.post("/queue/undo", **fields, undo="all")
    page = Page(answer.content.decode())

    assert answer.status_code == 422
    assert page.every("h1")[0].text == "1 of 2 could not be undone"
    assert "You took this back" in page.text
    timers.fire_due(at=clock.now() + timedelta(seconds=11))
    assert statuses(refs) == ["approved", "pending"]


def test_undoing_too_late_or_for_somebody_else_is_said_in_words(
    lin: Browser, ada: Browser, robo: Agent, settings: Settings
) -> None:
    settings.UNDO_SECONDS = None
    refs = shop(robo, 2)
    fields = undo_fields(deny_all(lin, refs))

    assert "Nothing was changed" in ada.post("/queue/undo", **fields, undo="all").content.decode()
    timers.fire_due(at=clock.now() + timedelta(seconds=11))
    answer = lin.post("/queue/undo", **fields, undo="all")

    assert answer.content.decode().count("Too late to undo") == 2
    assert statuses(refs) == ["denied"] * 2
    for odd in ("REQ-1", "~", "REQ-1~x", "REQ-1~" + "9" * 30, "all"):
        assert lin.post("/queue/undo", ref=["?"], held=["~~"], undo=odd).status_code < 500


# --- muting one's own reminders ------------------------------------------------------------------


def refs_in(page: Page) -> list[str]:
    fields = [box.attributes for box in page.every("input")]
    return [field["value"] for field in fields if field.get("name") == "ref"]


def test_the_reminders_of_several_are_muted_for_one_person_and_had_again(
    lin: Browser, robo: Agent
) -> None:
    refs = shop(robo, 2)
    page = lin.get(asked(*refs, do="mute"))
    assert page.every("h1")[0].text == "Mute my reminders of 2 requests"
    assert not ReminderMute.objects.exists()

    answer = lin.post("/queue/mute", ref=refs_in(page))

    assert answer.status_code == 303
    done = lin.get(answer.headers["Location"])
    assert done.every("h1")[0].text == "Your reminders of 2 requests are muted"
    assert {row.person for row in ReminderMute.objects.all()} == {lin.person}
    back = lin.post("/queue/mute", ref=refs_in(done), mute="no")
    assert "reminded of 2 requests again" in lin.get(back.headers["Location"]).text
    assert not ReminderMute.objects.exists()


def test_what_is_muted_or_decided_already_is_not_offered_again(lin: Browser, robo: Agent) -> None:
    muted, decided, free = shop(robo, 3)
    lin.post("/queue/mute", ref=[muted])
    cast.decide(row_of(decided), cast.person("zoe", teams=("team-leads",)), Verdict.DENY, "No.")

    page = lin.get(asked(muted, decided, free, do="mute"))

    assert refs_in(page) == [free]
    assert "You muted your reminders of it before." in page.text


def test_what_could_not_be_muted_is_said_and_the_rest_is(lin: Browser, robo: Agent) -> None:
    first, second = shop(robo, 2)
    cast.decide(row_of(first), cast.person("zoe", teams=("team-leads",)), Verdict.DENY, "No.")

    answer = lin.post("/queue/mute", ref=[first, second, "REQ-99999"])

    assert answer.status_code == 422
    assert "nobody is reminded of it" in answer.content.decode()
    assert list(ReminderMute.objects.values_list("request_id", flat=True)) == [int(second[4:])]


def test_more_than_fifty_are_not_muted_at_once(lin: Browser, robo: Agent) -> None:
    (ref,) = shop(robo, 1)
    answer = lin.post("/queue/mute", ref=[ref] * 51)
    assert answer.status_code == 422
    assert "At most 50" in answer.content.decode()
    assert not ReminderMute.objects.exists()
