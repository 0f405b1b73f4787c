"""Times on the page of a request: each is a moment of its own, so that its zone can be switched."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

from approvals.domain.terms import Verdict
from approvals.models import Agent, Delivery, RequestLook
from approvals.models.outbox import DeliveryState
from approvals.services import clock, policies
from tests.support import cast
from tests.web.conftest import Browser
from tests.web.reading import Element, Page

At = Callable[[str], Browser]
SILENT_YES = """\
  medium:
    approval: required
    approvers: [{team: team-leads}]
    timeout: 5m
    on_timeout: approve
"""
HOUR = timedelta(hours=1)
A_TIME = re.compile(r"\d\d:\d\d")


def beside_moments(element: Element, *, spares: set[str]) -> list[str]:
    """Pieces of text with a time in them that no `<time>` holds, but for sentences told everywhere."""
    names = {element.attributes.get("id"), element.attributes.get("data-region")}
    if element.tag == "time" or names & spares:
        return []
    found = []
    for child in element.children:
        if isinstance(child, Element):
            found += beside_moments(child, spares=spares)
        elif A_TIME.search(child):
            found.append(child)
    return found


def is_aged(time: Element) -> bool:
    return "data-ago" in time.attributes


def test_every_time_is_a_moment_of_its_own(at: At, robo: Agent) -> None:
    before = cast.request(robo, **cast.HIGH)
    cast.decide(before, cast.person("ada"), Verdict.DENY, "Not on a Sunday.")
    row = cast.request(robo, **cast.HIGH)
    lin, now = at("lin"), clock.now()
    at("grace").get(f"/r/{row.ref}")
    RequestLook.objects.update(last_at=now - HOUR)
    cast.decide(row, cast.person("ada"), Verdict.APPROVE)
    Delivery.objects.create(
        adapter="slack", address="C1", kind="card", request=row, due_at=now + HOUR, created_at=now,
        state=DeliveryState.WAITING.value, attempts=2, last_error="rate limited",
    )  # fmt: skip

    page = lin.get(f"/r/{row.ref}")

    assert beside_moments(page.by_id("main"), spares={"state-line", "troubles"}) == []
    assert "Seen" in page.text
    assert "tried 2 times: rate limited Again at" in page.text
    assert "Not on a Sunday." not in page.text
    assert all(is_aged(time) for time in page.by_id("timeline").every("time"))
    assert page.by_id("timeline").every("time")


def test_a_request_that_ended_says_when_where_its_deadline_stood(at: At, robo: Agent) -> None:
    row = cast.request(robo, **cast.HIGH)
    cast.decide(row, cast.person("ada"), Verdict.DENY, "Not on a Sunday.")
    row.refresh_from_db()

    top = top_of(at("lin").get(f"/r/{row.ref}"))

    assert row.closed_at is not None
    assert f"Decided {row.closed_at:%-d %b %Y, %H:%M:%S} UTC" in top.text
    assert is_aged(top.every("time")[0])


def test_the_strip_says_what_happens_at_zero(at: At, robo: Agent) -> None:
    asked, ends = cast.request(robo), cast.request(robo, **cast.HIGH)
    files = policies.read_directory(cast.POLICIES)
    head, _, rest = files["default.yaml"].partition("  medium:\n")
    tail = rest.partition("  high:\n")[2]
    files["default.yaml"] = f"{head}{SILENT_YES}  high:\n{tail}"
    policies.apply(files=files, author="tests", actor=cast.OPERATOR, at=clock.now())
    silent = cast.request(robo, target="elsewhere")

    told = {
        asked: "then more people are asked",
        ends: "then it expires",
        silent: "then silence approves it",
    }
    for row, words in told.items():
        top = top_of(at("lin").get(f"/r/{row.ref}"))
        [strip] = [e for e in top.every("span") if e.attributes.get("class") == "left"]
        assert strip.text.endswith(f"UTC, {words}")
        assert [e.attributes["data-then"] for e in strip.every("strong")] == [words]


def top_of(page: Page) -> Element:
    return next(e for e in page.every_element() if e.attributes.get("data-region") == "top")
