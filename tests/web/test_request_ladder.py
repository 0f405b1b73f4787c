"""What an approval asks of a person rises with the risk, and the service insists on it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from approvals.models import Agent, ApprovalRequest
from approvals.services import clock, lifecycle, timers
from approvals.web import fresh, ladder
from tests.support import cast
from tests.web.conftest import Browser
from tests.web.reading import Page

At = Callable[[str], Browser]
LONG = "All is well. " * 900 + "rm -rf /srv"


def read(answer: Any) -> Page:
    return Page(answer.content.decode())


def actions(page: Page) -> str:
    return page.by_id("actions").text


def sign_in_age(browser: Browser, minutes: int) -> None:
    """As if this session had been signed in so long ago."""
    session = browser.client.session
    session[fresh.SIGNED_IN_AT] = (clock.now() - timedelta(minutes=minutes)).isoformat()
    session.save()


def test_medium_risk_is_one_click_without_a_dialog(lin: Browser, robo: Agent) -> None:
    row = cast.request(robo)
    page = lin.get(f"/r/{row.ref}")
    bar = page.by_id("actions")
    posts = [form for form in bar.every("form") if form.attributes.get("method") == "post"]
    fields = {
        field.attributes["name"]: field.attributes["value"] for field in posts[0].every("input")
    }

    answer = lin.client.post(posts[0].attributes["action"], fields)

    assert answer.status_code == 302
    assert row.decisions.get().verdict == "approve"


def test_what_deceives_is_not_approved_at_one_click(lin: Browser, robo: Agent) -> None:
    row = cast.request(robo, parameters={"file": "in\u202evoice.exe"})
    names = lin.get(f"/r/{row.ref}").buttons
    assert not [name for name in names if name.startswith("Approve now")]
    assert any(name.startswith("Approve…") for name in names)


def test_a_long_value_is_cut_with_its_size_and_high_risk_waits_until_it_is_opened(
    at: At, robo: Agent
) -> None:
    row = cast.request(robo, **cast.HIGH | {"parameters": {"body": LONG}})
    ada = at("ada")

    page = ada.get(f"/r/{row.ref}")
    value = next(cell.text for cell in page.every("td") if cell.attributes.get("class") == "value")
    assert f"{len(LONG):,} characters · Show all" in value
    assert "of 11,711 characters not shown⟧" in value
    assert value.count("All is well") < 40
    assert "rm -rf /srv" in value
    assert "Open everything to approve…" in actions(page)
    assert not [name for name in page.buttons if name.startswith("Approve")]

    full = ada.get(f"/r/{row.ref}?full=1")
    assert full.text.count("All is well") >= 900
    fields = full.form("approve")
    for broken in ({"opened": ""}, {"opened": fields["opened"] + "x"}):
        refused = ada.client.post(f"/r/{row.ref}/decide", fields | broken)
        assert refused.status_code == 422
        assert "Open everything that would run" in read(refused).text
    assert not row.decisions.exists()
    assert ada.client.post(f"/r/{row.ref}/decide", fields).status_code == 302


def test_proof_of_having_opened_is_one_persons_for_one_version(at: At, robo: Agent) -> None:
    row = cast.request(robo, **cast.HIGH | {"parameters": {"body": LONG}})
    ada, grace = at("ada"), at("grace")
    adas = ada.get(f"/r/{row.ref}?full=1").form("approve")["opened"]
    graces = grace.get(f"/r/{row.ref}?full=1").form("approve") | {"opened": adas}

    assert grace.client.post(f"/r/{row.ref}/decide", graces).status_code == 422
    assert ladder.opened(row, ada.person, version=2) != adas


def test_high_risk_restates_amount_target_and_whether_it_can_be_undone(at: At, robo: Agent) -> None:
    row = cast.request(robo, **cast.HIGH | {"parameters": {"amount": 124000, "currency": "EUR"}})
    page = at("ada").get(f"/r/{row.ref}?open=approve")
    dialog = page.by_id("dialog-approve")

    assert not [name for name in page.buttons if name.startswith("Approve now")]
    assert "Approve now" not in actions(page)
    assert "Approve config change · production-api?" in dialog.text
    assert "Amount: 124000, currency EUR." in dialog.text
    assert "The agent says it can be undone (not checked)." in dialog.text
    assert "You would be approval 1 of 2." in dialog.text
    [submit] = dialog.every("button")
    assert submit.text == "Approve config change · production-api, amount 124000 (1 of 2)"
    assert "autofocus" not in submit.attributes


def test_the_button_says_every_amount(at: At, robo: Agent) -> None:
    row = cast.request(robo, **cast.HIGH | {"parameters": {"amount": 1, "total": 9_000_000}})
    dialog = at("ada").get(f"/r/{row.ref}?open=approve").by_id("dialog-approve")

    assert "Amount: 1, total 9000000." in dialog.text
    [submit] = dialog.every("button")
    assert "amount 1, total 9000000 (1 of 2)" in submit.text


def test_critical_wants_facts_opened_a_fact_typed_a_reason_and_a_fresh_sign_in(
    at: At, robo: Agent
) -> None:
    row = cast.request(robo, **cast.CRITICAL)
    chen = at("chen")
    chen.person.set_password(cast.PASSWORD)
    chen.person.save()
    chen.client.force_login(chen.person)
    closed = chen.get(f"/r/{row.ref}")
    assert "Open everything to approve…" in actions(closed)
    assert "Its argument stays folded until you have opened the facts." in closed.text
    assert "CPU utilization" not in closed.text

    sign_in_age(chen, 6)
    asked = chen.get(f"/r/{row.ref}?full=1&open=approve").by_id("dialog-approve").text
    assert "Your password, again" in asked
    good = {"confirm": "ders", "comment": "Checked with the owner.", "password": cast.PASSWORD}
    for wrong, words in (
        ({"confirm": "DERS"}, "That is not it. Type exactly the last 4 characters of the target."),
        ({"comment": " "}, "This risk needs a reason to approve."),
        ({"password": "wrong"}, "This is not your password."),
        ({"opened": ""}, "Open everything that would run"),
    ):
        refused = chen.send(row.ref, "approve", **good | wrong)
        assert refused.status_code == 422
        assert words in read(refused).text
    kept = read(chen.send(row.ref, "approve", **good | {"password": "wrong"}))
    assert kept.by_id("approve-comment").text == "Checked with the owner."
    assert not row.decisions.exists()

    assert chen.send(row.ref, "approve", **good).status_code == 302
    assert row.decisions.get().authenticated_by == "password_again"


def test_any_risk_wants_a_fresh_sign_in_where_policy_says_so(
    at: At, robo: Agent, settings: Any
) -> None:
    settings.UNDO_SECONDS = 10
    lin = at("lin")
    lin.person.set_password(cast.PASSWORD)
    lin.person.save()
    lin.client.force_login(lin.person)
    cast.fresh_sign_ins()
    row = cast.request(robo)
    sign_in_age(lin, 6)

    refused = lin.send(row.ref, "approve")
    assert refused.status_code == 422
    assert "This is not your password." in read(refused).text
    assert not row.held.exists()

    assert lin.send(row.ref, "approve", password=cast.PASSWORD).status_code == 302
    held = row.held.get()
    assert (held.verdict, held.authenticated_by) == ("approve", "password_again")
    timers.fire_due(at=held.release_at)
    row.refresh_from_db()
    assert row.status == "approved"


def test_the_typed_fact_varies_and_an_old_form_counts_no_more(at: At, robo: Agent) -> None:
    row = cast.request(robo, **cast.CRITICAL | {"parameters": {"amount": 1240}})
    chen, dana = cast.person("chen"), cast.person("dana")
    wanted = {
        ladder.of(row, person, version=version).fact.wanted  # type: ignore[union-attr]  # critical
        for person in (chen, dana)
        for version in range(1, 9)
    }
    assert wanted == {"ders", "1240"}

    browser = at("chen")
    fields = browser.get(f"/r/{row.ref}?full=1").form("approve")
    fact = ladder.of(row, chen, version=1).fact
    assert fact is not None
    lifecycle.add_message(ref=row.ref, text="A word.", person=dana, at=clock.now())
    sent = fields | {"confirm": fact.wanted, "comment": "Checked."}
    assert browser.client.post(f"/r/{row.ref}/decide", sent).status_code == 409
    assert not row.decisions.exists()


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"comment": "Too much."}, "Write at least 10 characters of your own"),
        ({"comment": "Try again with …"}, "Write at least 10 characters of your own"),
        ({"why": ""}, "Pick one of the reasons."),
        ({"why": "nonsense"}, "Pick one of the reasons."),
    ],
)
def test_a_denial_wants_a_reason_and_keeps_what_was_typed(
    lin: Browser, robo: Agent, sent: dict[str, str], words: str
) -> None:
    row = cast.request(robo)
    said = {"comment": "Far too much for a Sunday.", "why": "not_allowed"} | sent

    answer = lin.send(row.ref, "deny", **said)

    dialog = read(answer).by_id("dialog-deny")
    assert answer.status_code == 422
    assert words in dialog.text
    assert dialog.every("textarea")[0].text == said["comment"]
    assert not row.decisions.exists()


def test_a_denial_can_stop_the_agent_by_whoever_may(at: At, robo: Agent) -> None:
    row = cast.request(robo, **cast.HIGH)
    ada, grace = at("ada"), at("grace")
    assert "Also stop this agent" in ada.get(f"/r/{row.ref}").by_id("dialog-deny").text
    assert "Also stop" not in grace.get(f"/r/{row.ref}").by_id("dialog-deny").text
    said = {"comment": "This looks like an attack.", "why": "suspicious", "stop": "yes"}

    assert grace.send(row.ref, "deny", **said).status_code == 403
    robo.refresh_from_db()
    assert (robo.is_enabled, row.decisions.count()) == (True, 0)

    assert ada.send(row.ref, "deny", **said).status_code == 302
    robo.refresh_from_db()
    assert not robo.is_enabled
    assert row.decisions.get().comment == "Looks suspicious: This looks like an attack."


def test_what_cannot_be_drawn_cannot_be_approved(
    at: At, robo: Agent, row_that_breaks: ApprovalRequest
) -> None:
    lin = at("lin")
    page = lin.get(f"/r/{row_that_breaks.ref}", status=500)
    assert "We could not draw this request safely." in page.text
    fields = {"verdict": "approve", "version": "1", "shown": row_that_breaks.action_sha256}

    answer = lin.client.post(f"/r/{row_that_breaks.ref}/decide", fields)

    assert answer.status_code == 500
    assert "It cannot be approved" in read(answer).text
    assert not row_that_breaks.decisions.exists()


@pytest.fixture
def row_that_breaks(robo: Agent) -> ApprovalRequest:
    """A request whose stored checks are of a kind this release cannot draw."""
    row = cast.request(robo)
    broken = [{**row.evaluation[0], "result": "of another age"}]
    ApprovalRequest.objects.filter(pk=row.pk).update(evaluation=broken)
    return row
