"""Who opens a request sees what came since, who else looks, what was told to whom, and what came before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.domain.terms import Verdict
from approvals.models import Absence, Agent, Delivery, RequestLook
from approvals.models.outbox import DeliveryState
from approvals.services import clock, lifecycle
from tests.support import cast
from tests.web.conftest import Browser
from tests.web.reading import Page

At = Callable[[str], Browser]
HOUR = timedelta(hours=1)


def region(page: Page, name: str) -> str:
    found = [each for each in page.every_element() if each.attributes.get("data-region") == name]
    return found[0].text


def test_an_open_page_turns_approve_off_until_the_changes_are_read(at: At, robo: Agent) -> None:
    row = cast.request(robo)
    lin, live = at("lin"), f"/r/{row.ref}/live?seen=1"
    lin.get(f"/r/{row.ref}")
    cast.decide(row, lin.person, Verdict.INVESTIGATE, "Why not wait?")
    lifecycle.add_message(ref=row.ref, text="<b>The queue grows.</b>", agent=robo, at=clock.now())

    stale = lin.get(live, x_live="1")

    bar = stale.by_id("actions").text
    assert "Changed at" in bar
    assert "Review 2 changes" in bar
    assert not [name for name in stale.buttons if name.startswith("Approve")]
    assert any(name.startswith("Deny…") for name in stale.buttons)
    review = next(a for a in stale.every("a") if a.text == "Review 2 changes")
    page = lin.get(review.attributes["href"].partition("#")[0])
    since = region(page, "since")
    assert "Changed since version 1" in since
    assert "What will run is the same" in since
    assert "“Why not wait?”" in since
    assert "The agent says · not checked“<b>The queue grows.</b>”" in since
    assert any(name.startswith("Approve now") for name in page.buttons)


def test_who_comes_back_sees_what_came_since_they_looked(at: At, robo: Agent) -> None:
    row = cast.request(robo, **cast.HIGH)
    ada = at("ada")
    assert region(ada.get(f"/r/{row.ref}"), "since") == ""
    lifecycle.add_message(
        ref=row.ref, text="By the way.", person=cast.person("grace"), at=clock.now()
    )

    assert "Grace wrote." in region(ada.get(f"/r/{row.ref}"), "since")
    assert region(ada.get(f"/r/{row.ref}"), "since") == ""
    assert "Grace wrote." in region(ada.get(f"/r/{row.ref}?v=1"), "since")
    for odd in ("0", "9", "x", "-1", "99999999999"):
        assert region(ada.get(f"/r/{row.ref}?v={odd}"), "since") == ""


def seen_at(at: datetime, now: datetime) -> str:
    day = "" if at.date() == now.date() else f"{at.day} {at:%b}, "
    return f"{day}{at:%H:%M} UTC"


def test_each_person_asked_is_shown_with_what_they_do(at: At, robo: Agent) -> None:
    cast.person("grace")
    row = cast.request(robo, **cast.HIGH)
    ada, lin = at("ada"), at("lin")
    grace, now = cast.person("grace"), clock.now()
    assert "GraceAwaiting" in region(ada.get(f"/r/{row.ref}"), "people").replace(" ", "")

    Absence.objects.create(
        person=grace, stand_in=lin.person, starts_at=now - HOUR, ends_at=now + HOUR,
        made_by=grace, made_at=now - HOUR,
    )  # fmt: skip
    assert "Away, Lin stands in" in region(ada.get(f"/r/{row.ref}"), "people")
    people = region(lin.get(f"/r/{row.ref}"), "people")
    assert "Ada Looking now" in people.replace("AdaLooking", "Ada Looking")
    assert "it expires" in people
    assert "Also looking now: Lin" in region(ada.get(f"/r/{row.ref}"), "people")
    RequestLook.objects.update(last_at=now - HOUR)
    people = region(lin.get(f"/r/{row.ref}/live?seen=1"), "people")
    assert "Looking now" not in people
    assert f"Seen {seen_at(now - HOUR, now)}" in people


def test_the_next_to_be_asked_is_named_with_the_moment(lin: Browser, robo: Agent) -> None:
    row = cast.request(robo)
    people = region(lin.get(f"/r/{row.ref}"), "people")
    assert "If nobody decides" in people
    assert f"{row.decide_by:%H:%M} UTC Managers are asked too" in people


def test_every_delivery_stands_in_the_history(lin: Browser, robo: Agent) -> None:
    row = cast.request(robo)
    now = clock.now()

    def told(address: str, state: DeliveryState, **facts: object) -> None:
        Delivery.objects.create(
            adapter="slack", address=address, kind="card", request=row, state=state.value,
            due_at=now, created_at=now, **facts,
        )  # fmt: skip

    told("#ok", DeliveryState.SENT, finished_at=now)
    told("#new", DeliveryState.WAITING)
    told("#slow", DeliveryState.WAITING, attempts=2, last_error="timed out")
    told("#finance", DeliveryState.DEAD, finished_at=now, last_error="channel archived")

    text = region(lin.get(f"/r/{row.ref}"), "timeline")

    assert "Delivered to Slack #ok." in text
    assert "Waiting to be sent to Slack #new." in text
    assert "Not delivered to Slack #slow yet, tried 2 times: timed out Again at" in text
    assert "Not delivered to Slack #finance: channel archived" in text
    assert "Lin opened this page." in lin.get(f"/r/{row.ref}").text


def test_what_each_was_shown_is_on_the_page_and_notes_wait_for_those_who_decide(
    at: At, robo: Agent
) -> None:
    cast.person("grace")
    row = cast.request(robo, **cast.HIGH)
    at("ada").send(row.ref, "approve", comment="I know this one.")

    open_to_grace = at("grace").get(f"/r/{row.ref}")
    folded = [fold.text for fold in open_to_grace.every("details")]
    assert any(text.startswith("Their note, best read after you have decided") for text in folded)
    table = next(each for each in open_to_grace.every("table") if "Fingerprint shown" in each.text)
    line = table.every("tr")[1].text
    for part in ("Ada", "✔ Approved", "the dashboard", "signed in by password", "1"):
        assert part in line
    assert "not this action" not in line


def test_similar_requests_are_shown_with_every_ending(lin: Browser, robo: Agent) -> None:
    ends = [cast.request(robo, session=str(number)) for number in range(3)]
    for row, verdict in zip(ends, ("approve", "deny", "deny"), strict=True):
        cast.decide(row, lin.person, Verdict(verdict), "Not in the freeze.")
    row = cast.request(robo, target="another")

    card = next(
        each for each in lin.get(f"/r/{row.ref}").every("section")
        if "similar" in each.attributes.get("class", "")
    )  # fmt: skip

    assert "The last 3 of this action: 2 denied, 1 approved." in card.text
    assert card.text.count("✖ Denied") == 2


def test_the_page_asks_the_database_a_constant_number_of_questions(
    lin: Browser, robo: Agent
) -> None:
    row = cast.request(robo)

    def asked() -> int:
        lin.get(f"/r/{row.ref}")
        with CaptureQueriesContext(connection) as seen:
            lin.get(f"/r/{row.ref}")
        return len(seen)

    before = asked()
    for number in range(4):
        lifecycle.add_message(ref=row.ref, text="Word.", person=lin.person, at=clock.now())
        done = cast.request(robo, session=str(number), target="other")
        cast.decide(done, lin.person)
    assert asked() == before <= 40


def test_evidence_for_paper_holds_everything_unfolded(at: At, robo: Agent) -> None:
    row = cast.request(robo, **cast.CRITICAL)
    page = at("grace").get(f"/r/{row.ref}/evidence")

    assert all("open" in fold.attributes for fold in page.every("details"))
    assert [form.attributes["action"] for form in page.every("form")] == ["/history/exports"]
    assert row.action_sha256 in page.text
    assert "CPU utilization" in page.text
    assert f"{row.ref} · version 1 · fingerprint" in page.text
