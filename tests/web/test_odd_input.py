"""Odd characters and dates at the edge of time are refused in words, never with a fault."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from approvals.models import Agent, AlertMute, SavedView
from approvals.models.people import Role
from tests.support import cast
from tests.web.alerting import an_alert
from tests.web.conftest import Browser
from tests.web.reading import Page

At = Callable[[str], Browser]


@pytest.mark.parametrize(
    "words",
    [
        *("after:0001-01-01", "before:9999-12-31", "after:9999-12-31"),
        *("waited-at:9999-12-31T23:59:59.999999Z", "before:9999-12-31T23:59:59.999999Z"),
    ],
)
def test_history_is_searched_to_the_ends_of_time(lin: Browser, words: str) -> None:
    assert lin.client.get("/history", {"q": words}).status_code == 200
    assert lin.client.post("/history/exports", {"form": "csv", "q": words}).status_code == 200


def test_a_digit_that_is_no_number_is_no_version(lin: Browser, robo: Agent) -> None:
    row = cast.request(robo)
    sent = {"reason": "Not on a Sunday.", "seen": f"{row.ref}~²~{row.action_sha256}"}

    assert lin.client.post("/queue/deny", sent).status_code in {303, 302, 200, 422}
    assert not row.decisions.exists()


@pytest.mark.postgres
@pytest.mark.usefixtures("robo")
class TestCharactersNoDatabaseKeeps:
    def test_a_view_is_named_without_them(self, lin: Browser) -> None:
        lin.post("/views/queue", name="a\x00b", query="tab=all")
        assert SavedView.objects.get().name == "ab"

    def test_a_reason_is_kept_without_them(self, max_: Browser) -> None:
        alert = an_alert()
        answer = max_.post(
            f"/guardrails/alerts/{alert.pk}/mute", reason="Load\x00 test.", hours="2"
        )
        assert answer.status_code == 302
        assert AlertMute.objects.get().reason == "Load test."

    def test_nor_is_a_token(self, lin: Browser) -> None:
        fields = {"name": "a\x00b", "scopes": "requests:read", "days": "7"}
        answer = lin.client.post("/settings/you/tokens", fields)
        assert answer.status_code in {200, 422}

    def test_no_agent_is_called_so(self, db: None) -> None:
        del db
        olga = Browser(cast.person("olga", teams=(), role=Role.OPERATOR))
        assert olga.post("/settings/webhooks/rotate", agent="a\x00b").status_code == 404


def test_nobody_is_away_beyond_the_end_of_time(lin: Browser) -> None:
    answer = lin.post("/oncall/away", ends_at="9999-12-31", do="check")
    assert answer.status_code == 422
    assert "Nothing was changed" in Page(answer.content.decode()).text
