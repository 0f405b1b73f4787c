"""The settings of oneself list where one is signed in, and end any one of those sessions."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from approvals.models import AuditEvent, Person
from approvals.services import clock, own_sessions
from tests.support import cast
from tests.web.conftest import Browser
from tests.web.reading import Page

PASSWORD = "correct horse battery staple"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.0 Mobile/15E148 Safari/604.1"
)


@pytest.fixture
def lin(db: None) -> Person:
    person = cast.person("lin")
    person.set_password(PASSWORD)
    person.save()
    return person


def signed_in(agent: str, address: str = "192.0.2.7") -> Client:
    client = Client(headers={"User-Agent": agent}, REMOTE_ADDR=address)
    said = client.post("/sign-in", {"email": "lin@example.com", "password": PASSWORD})
    assert said.status_code == 302
    return client


def read(client: Client) -> Page:
    answer = client.get("/settings/you")
    assert answer.status_code == 200
    return Page(answer.content.decode())


def addresses(page: Page) -> list[str]:
    """Where the forms that end another session lead."""
    forms = page.by_id("sessions").every("form")
    return [f.attributes["action"] for f in forms if f.attributes["action"].endswith("/end")]


def test_each_sign_in_says_browser_address_moment_and_way(lin: Person) -> None:
    here, _ = signed_in(FIREFOX), signed_in(IPHONE, "2001:db8::7")
    lines = [line.text for line in read(here).by_id("sessions").every("li")]
    assert len(lines) == 2
    assert lines[0].startswith("Firefox on Linux")
    assert "This one" in lines[0]
    assert lines[1].startswith("Safari on an iPhone")
    assert "This one" not in lines[1]
    assert "by password from 2001:db8::7" in lines[1]


def test_signing_out_there_ends_that_one_alone_and_is_written_down(lin: Person) -> None:
    here, there, third = signed_in(FIREFOX), signed_in(IPHONE), signed_in(FIREFOX)
    page = read(here)
    assert "Sign out there: Safari on an iPhone" in " ".join(page.buttons)
    theirs = next(
        form
        for form in page.by_id("sessions").every("form")
        if "iPhone" in form.text and form.attributes["action"].endswith("/end")
    )
    said = here.post(theirs.attributes["action"])
    assert said.headers["Location"] == "/settings/you?done=signed-out-there#sessions"
    assert there.get("/queue").headers["Location"].startswith("/sign-in")
    assert here.get("/queue").status_code == third.get("/queue").status_code == 200
    event = AuditEvent.objects.filter(type="person.sign_in_changed").get()
    assert event.entry["detail"] == {"person": "lin@example.com", "signed_out": 1}
    again = here.post(theirs.attributes["action"])
    assert again.status_code == 404
    assert "has ended already. Nothing was changed." in again.content.decode()


def test_a_session_is_ended_by_the_same_moment_that_its_line_says(lin: Person) -> None:
    here, _ = signed_in(FIREFOX), signed_in(IPHONE)
    page = read(here)
    line = next(each for each in page.by_id("sessions").every("li") if "iPhone" in each.text)
    began = line.every("time")[0].text

    assert str(clock.now().year) in began
    assert f"Sign out there: Safari on an iPhone, signed in {began}" in page.buttons


def test_nobody_sees_or_ends_the_session_of_somebody_else(lin: Person) -> None:
    here = signed_in(FIREFOX)
    ada = Browser(cast.person("ada"))
    marks = [own_sessions.mark_of(each.session_key) for each in Session.objects.all()]
    assert addresses(Page(ada.client.get("/settings/you").content.decode())) == []
    for mark in marks[:1]:
        assert ada.post(f"/settings/you/sessions/{mark}/end").status_code == 404
    assert here.get("/queue").status_code == 200
    page = here.get("/settings/you").content.decode()
    assert not any(row.session_key in page for row in Session.objects.all())


def test_sessions_from_before_and_of_an_old_password_are_told_apart(lin: Person) -> None:
    """One kept by an older version says nothing of its browser; one of an old password is none."""
    Client().force_login(lin)
    old = signed_in(IPHONE)
    lin.set_password(PASSWORD + "!")
    lin.save()
    here = Client()
    here.force_login(lin)
    assert old.get("/queue").status_code == 302
    lines = [line.text for line in read(here).by_id("sessions").every("li")]
    assert len(lines) == 1
    assert lines[0].startswith("A browser that did not say which")
    assert "Nowhere else." in read(here).by_id("sessions").text


@pytest.mark.parametrize("mark", ["x", "0" * 24, "a" * 5_000])
def test_a_mark_of_nonsense_is_not_there(lin: Person, mark: str) -> None:
    here = signed_in(FIREFOX)
    assert here.post(f"/settings/you/sessions/{mark}/end").status_code == 404


def test_a_hostile_browser_and_address_are_drawn_harmless(lin: Person) -> None:
    here = signed_in("<script>alert(1)</script> Firefox \u202e"[:40].encode().decode("latin-1"))
    assert "<script>alert" not in here.get("/settings/you").content.decode()


def test_the_statements_do_not_grow_with_sessions(lin: Person) -> None:
    here = signed_in(FIREFOX)
    read(here)
    with CaptureQueriesContext(connection) as few:
        read(here)
    for _ in range(5):
        Client().force_login(lin)
    with CaptureQueriesContext(connection) as many:
        read(here)
    assert len(few) == len(many)


def test_where_thousands_are_signed_in_only_the_newest_are_looked_through(lin: Person) -> None:
    here = signed_in(FIREFOX)
    key, now = here.cookies["session"].value, clock.now()
    whole = own_sessions.of(person=lin, here=key, at=now)
    assert whole.is_whole
    assert [one.is_here for one in whole.sessions] == [True]
    signed_in(IPHONE)
    part = own_sessions.of(person=lin, here=key, at=now, most=1)
    assert not part.is_whole
    assert len(part.sessions) == 1


def test_a_session_that_has_run_out_is_not_listed(lin: Person) -> None:
    here, _ = signed_in(FIREFOX), signed_in(IPHONE)
    now = clock.now()
    other = Session.objects.exclude(session_key=here.cookies["session"].value)
    other.update(expire_date=now - timedelta(seconds=1))
    assert addresses(read(here)) == []
