"""Each count of the webhooks page opens the list of exactly those messages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.models import Delivery
from approvals.services import clock
from tests.support import cast
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db
HERE, LIKE_IT = "https://a.example", "https://a.example.evil.org"


def owed(address: str, *, state: str = "dead", error: str = "", adapter: str = "webhook") -> None:
    now = clock.now()
    row = cast.request(parameters={"n": Delivery.objects.count()})
    Delivery.objects.filter(request=row).delete()
    Delivery.objects.create(
        adapter=adapter, address=address, kind="event", request=row, state=state,
        attempts=3 if error else 0, due_at=now + timedelta(minutes=1), created_at=now,
        finished_at=None if state == "waiting" else now, last_error=error,
    )  # fmt: skip


def some() -> None:
    for address in (HERE, f"{HERE}/hook", f"{HERE}/hook?key=secret", f"{HERE}:8443/hook"):
        owed(address, error="500 from the receiver")
    owed(f"{LIKE_IT}/hook", error="500 from the receiver")
    owed(HERE, adapter="email", error="No such mailbox")
    owed(f"{HERE}/hook", state="waiting")
    owed(f"{HERE}/hook", state="waiting", error="timed out")
    owed(f"{LIKE_IT}/hook", state="waiting")


def test_every_count_of_a_receiver_opens_its_own_messages(ada: Browser) -> None:
    some()
    page = ada.get("/settings/webhooks")
    links = [each for each in page.every("a") if "receiver=" in each.attributes["href"]]
    counts = {link.attributes["href"]: int(link.text.split()[0]) for link in links}
    assert sorted(counts.values()) == [1, 1, 1, 1, 2, 3]
    assert {href: len(ada.get(href).every("tr")) - 1 for href in counts} == counts
    of_one = [href for href in counts if "a.example&" in href or href.endswith("a.example")]
    assert len(of_one) == 3
    for href in of_one:
        assert "evil" not in ada.get(href).text
        assert "secret" not in ada.get(href).text


def test_what_is_on_its_way_is_read_and_not_sent_again(ada: Browser) -> None:
    some()
    page = ada.get("/settings/messages?state=waiting&channel=webhook")
    assert page.text.count("Not tried yet.") == 2
    assert "Send again" not in " ".join(page.buttons)
    assert len(ada.get("/settings/messages?state=tried&channel=webhook").every("tr")) == 2
    nobody = ada.get("/settings/messages?channel=webhook&receiver=https://nobody.example")
    assert "Nothing to https://nobody.example was given up" in nobody.text
    assert len(ada.get("/settings/messages?state=nonsense&channel=webhook").every("tr")) == 6


def test_these_lists_have_pages_that_keep_their_filter_at_the_same_cost(ada: Browser) -> None:
    owed(f"{LIKE_IT}/hook", state="waiting")
    address = f"/settings/messages?state=waiting&channel=webhook&receiver={HERE}"
    with CaptureQueriesContext(connection) as few:
        ada.get(address)
    for _ in range(52):
        owed(f"{HERE}/hook", state="waiting")
    with CaptureQueriesContext(connection) as many:
        page = ada.get(address)
    assert len(many) == len(few)
    older = next(link for link in page.every("a") if link.text == "Older").attributes["href"]
    assert len(page.every("tr")) + len(ada.get(older).every("tr")) == 54


def test_every_count_of_a_channel_opens_its_messages(ada: Browser) -> None:
    some()
    for _ in range(2):
        owed(f"{HERE}/hook", state="sent")
    long_ago = clock.now() - timedelta(hours=25)
    owed(f"{HERE}/hook", state="sent")
    Delivery.objects.filter(pk=Delivery.objects.latest("pk").pk).update(finished_at=long_ago)
    page = ada.get("/settings/channels/webhook")
    links = [each for each in page.every("a") if "/messages?" in each.attributes["href"]]
    counts = {link.attributes["href"]: int(link.text.split()[0].strip(",")) for link in links}
    assert sorted(counts.values()) == [2, 3, 5]
    assert {href: len(ada.get(href).every("tr")) - 1 for href in counts} == counts
    member = Browser(cast.person("lin")).get("/settings/channels/webhook")
    assert not [each for each in member.every("a") if "/messages?" in each.attributes["href"]]
