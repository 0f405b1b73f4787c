"""Settings: everybody sees how channels do, each their own; only those whose role it is change more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from approvals.domain import trial
from approvals.models import ApprovalRequest, AuditEvent, Delivery, Identity, PersonToken
from approvals.models.people import Role
from approvals.models.workspaces import ChannelShowing
from approvals.services import actors, clock, deliveries, people, preferences, timers, trials
from tests.fakes.smtp import MailServer
from tests.integrations.test_email_contract import configured
from tests.support import cast
from tests.support.slack import linked
from tests.web.conftest import Browser
from tests.web.reading import Page

At = Callable[[str], Browser]
HOSTILE = "#ops\u202e<script>alert(1)</script>"
OURS = (
    "/settings", "/settings/live", "/settings/channels/slack", "/settings/channels/email",
    "/settings/messages", "/settings/showing", "/settings/webhooks", "/settings/you",
)  # fmt: skip


@pytest.fixture
def olga(db: None) -> Browser:
    return Browser(cast.person("olga", role=Role.OPERATOR))


@pytest.fixture
def slack(settings: Any) -> None:
    settings.ADAPTERS = ["integrations.slack.adapter.SlackAdapter"]
    settings.SLACK_BOT_TOKEN = "xoxb-secret-of-the-tests"
    settings.SLACK_SIGNING_SECRET = "signing-secret-of-the-tests"
    settings.SLACK_CHANNEL = "#finance"
    settings.SLACK_API_URL = "http://127.0.0.1:9/api/"


def dead(error: str = "Slack said is_archived.", address: str = "#finance") -> Delivery:
    """A card that was given up."""
    row = cast.request()
    Delivery.objects.filter(request=row).delete()
    now = clock.now()
    return Delivery.objects.create(
        adapter="slack", address=address, kind="card", request=row, state="dead", attempts=3,
        due_at=now, created_at=now, finished_at=now, last_error=error,
    )  # fmt: skip


def history() -> list[str]:
    return list(
        AuditEvent.objects.filter(chain="service").order_by("id").values_list("type", flat=True)
    )


# --- reading -------------------------------------------------------------------------------------


def test_the_page_names_each_channel_its_state_and_what_mends_it(ada: Browser, slack: None) -> None:
    dead()
    page = ada.get("/settings")
    assert page.headings == ["Channels in use", "The service itself"]
    row = page.every("tr")[1].text
    assert "Slack" in row
    assert "Failing since" in row
    assert "#finance is archived. Unarchive it" in row
    assert "No deliveries in 24 h" in row
    assert "Microsoft Teams" in page.text


def test_without_a_channel_the_page_says_what_that_means(lin: Browser, settings: Any) -> None:
    settings.ADAPTERS = []
    assert "People decide here in the dashboard" in lin.get("/settings").text


@pytest.mark.parametrize("address", OURS)
def test_nobody_reads_settings_signed_out(client: Client, db: None, address: str) -> None:
    answer = client.get(address)
    assert (answer.status_code, answer.headers["Location"][:13]) == (302, "/sign-in?next")


@pytest.mark.parametrize("address", ["/settings/messages", "/settings/webhooks"])
def test_members_see_health_but_no_list_of_what_others_were_sent(
    lin: Browser, address: str
) -> None:
    assert "Managers, auditors and operators" in lin.get(address, status=403).text
    assert "Not delivered" not in [link.text for link in lin.get("/settings").every("a")]


def test_only_operators_read_which_settings_are_set_and_nobody_what_they_are(
    ada: Browser, olga: Browser, slack: None
) -> None:
    assert "SLACK_BOT_TOKEN" not in ada.get("/settings/channels/slack").text
    page = olga.get("/settings/channels/slack").text
    assert "SLACK_BOT_TOKEN✔ Set" in page
    assert "SLACK_APP_TOKEN○ Not set" in page
    for address in OURS:
        body = olga.client.get(address).content.decode()
        assert "xoxb-secret-of-the-tests" not in body
        assert "signing-secret-of-the-tests" not in body


def test_an_unknown_channel_is_not_here(lin: Browser) -> None:
    assert "There is no such channel." in lin.get("/settings/channels/fax", status=404).text


def test_hostile_names_and_reasons_are_drawn_harmless(olga: Browser, slack: None) -> None:
    dead(error="<img src=x>\u202e", address=HOSTILE)
    ChannelShowing.objects.create(
        adapter="slack",
        address=HOSTILE,
        shows="names",
        changed_by="person:x",
        changed_at=clock.now(),
    )
    for address in OURS:
        answer = olga.client.get(address)
        body = answer.content.decode()
        assert answer.status_code == 200
        assert "<script>alert" not in body
        assert "<img src=x" not in body
        drawn = body.replace(f'value="{_escaped(HOSTILE)}"', "")
        assert "\u202e" not in drawn, address


def _escaped(text: str) -> str:
    return text.replace("<", "&lt;").replace(">", "&gt;")


@pytest.mark.parametrize("address", OURS)
def test_more_rows_cost_no_more_statements(olga: Browser, slack: None, address: str) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as seen:
            olga.get(address)
        return len(seen)

    dead()
    people.link(
        person=olga.person, kind="github", external_id="1", verified_by="tests",
        actor=cast.OPERATOR, at=clock.now(),
    )  # fmt: skip
    cast.token(olga.person)
    few = statements()
    for number in range(5):
        dead(address=f"#c{number}")
        cast.token(olga.person)
        cast.agent(f"agent-{number}")
    assert statements() == few


# --- a test approval -----------------------------------------------------------------------------


def test_a_test_is_sent_followed_and_over(lin: Browser, settings: Any) -> None:
    with MailServer() as server:
        configured(settings, server)
        settings.ADAPTERS = ["integrations.email.EmailAdapter"]
        sent = lin.post("/settings/tests", channel="email")
        row = ApprovalRequest.objects.get(effect=trial.EFFECT)
        assert (sent.status_code, sent.headers["Location"]) == (302, f"/settings/tests/{row.pk}")
        page = lin.get(f"/settings/tests/{row.pk}")
        assert "On its way to lin@example.com." in page.text
        deliveries.send_due()
        page = lin.get(f"/settings/tests/{row.pk}?live=1")
        assert "Press Approve or Deny on the page its link opens" in page.text
        lin.send(row.ref, "approve")
        timers.fire_due(at=clock.now() + timedelta(seconds=30))  # until then it could be undone
        deliveries.send_due()
    page = lin.get(f"/settings/tests/{row.pk}")
    assert "E-mail works, the whole way there and back." in page.text
    assert "Send another" in page.buttons


def test_it_counts_for_whoever_sent_it_alone(lin: Browser, ada: Browser, slack: None) -> None:
    linked("lin")
    lin.post("/settings/tests", channel="slack")
    row = ApprovalRequest.objects.get(effect=trial.EFFECT)
    assert "No test of yours" in ada.get(f"/settings/tests/{row.pk}", status=404).text
    assert "no test" in ada.get("/settings/tests/9999999", status=404).text.lower()


def test_what_cannot_be_tried_says_why_on_its_page(lin: Browser, slack: None) -> None:
    answer = lin.post("/settings/tests", channel="slack")
    assert answer.status_code == 422
    assert "Your Slack account is not linked" in Page(answer.content.decode()).text
    assert lin.post("/settings/tests", channel="fax").status_code == 422
    assert lin.post("/settings/tests").status_code == 422
    assert lin.client.get("/settings/tests").status_code == 405


def test_too_many_tests_are_refused_in_words(ada: Browser, slack: None) -> None:
    for _ in range(trials.MOST):
        ada.post("/settings/tests", channel="slack")
        cast.decide(ApprovalRequest.objects.latest("number"), ada.person)
    answer = ada.post("/settings/tests", channel="slack")
    assert answer.status_code == 429
    assert "wait a little" in answer.content.decode()


# --- what was not delivered ----------------------------------------------------------------------


def test_dead_letters_tell_why_and_are_sent_again_by_managers(ada: Browser, slack: None) -> None:
    letter = dead()
    page = ada.get("/settings/messages")
    assert "The address" not in page.text
    assert "#finance is archived. Unarchive it" in page.text
    answer = ada.post(f"/settings/messages/{letter.pk}/resend")
    assert answer.headers["Location"] == "/settings/messages?done=resent"
    letter.refresh_from_db()
    assert letter.state == "waiting"
    assert AuditEvent.objects.filter(
        type="delivery.resent", actor="person:ada@example.com"
    ).exists()
    assert "It is tried again now" in ada.get("/settings/messages?done=resent").text


def test_auditors_read_and_do_not_send(at: At, slack: None) -> None:
    letter = dead()
    grace = at("grace")
    assert "Send again" not in " ".join(grace.get("/settings/messages").buttons)
    assert grace.post(f"/settings/messages/{letter.pk}/resend").status_code == 403
    assert at("lin").post(f"/settings/messages/{letter.pk}/resend").status_code == 403
    letter.refresh_from_db()
    assert letter.state == "dead"


def test_what_is_not_dead_or_not_there_is_refused_in_words(ada: Browser, slack: None) -> None:
    letter = dead()
    Delivery.objects.update(state="sent")
    assert ada.post(f"/settings/messages/{letter.pk}/resend").status_code == 409
    assert ada.post("/settings/messages/99999/resend").status_code == 404


@pytest.mark.parametrize("number", [10**18, 10**19, 10**30])
def test_numbers_beyond_every_table_are_not_there(ada: Browser, number: int) -> None:
    assert ada.post(f"/settings/messages/{number}/resend").status_code == 404
    assert ada.post(f"/settings/you/accounts/{number}/unlink").status_code == 404
    assert ada.client.get(f"/settings/tests/{number}").status_code == 404


def test_the_list_has_pages_and_a_filter(ada: Browser, slack: None) -> None:
    letters = [dead(address=f"#c{number}") for number in range(55)]
    page = ada.get("/settings/messages")
    assert len(page.every("tr")) == 51
    older = next(link for link in page.every("a") if link.text == "Older").attributes["href"]
    assert len(ada.get(older).every("tr")) == 6
    assert "Nothing of E-mail was given up" in ada.get("/settings/messages?channel=email").text
    assert len(ada.get("/settings/messages?channel=nonsense&older=x").every("tr")) == 51
    assert letters[0].pk < letters[-1].pk


def test_the_request_itself_says_where_it_was_not_told(
    ada: Browser, lin: Browser, slack: None
) -> None:
    letter = dead()
    page = ada.get(f"/r/{letter.request.ref}")
    assert "Given up: #finance was tried 3 times. Slack said is_archived." in page.text
    assert "Send again to Slack" in page.buttons
    assert "Send again to Slack" not in lin.get(f"/r/{letter.request.ref}").buttons
    assert "Given up" in lin.get(f"/r/{letter.request.ref}/live").text
    Delivery.objects.update(state="sent")
    assert "Not delivered everywhere" not in ada.get(f"/r/{letter.request.ref}").text


def test_sending_again_from_a_request_leads_back_there(ada: Browser, slack: None) -> None:
    letter = dead()
    back = ada.post(f"/settings/messages/{letter.pk}/resend", next=f"/r/{letter.request.ref}")
    assert back.headers["Location"] == f"/r/{letter.request.ref}"
    letter = dead()
    away = ada.post(f"/settings/messages/{letter.pk}/resend", next="https://evil.example/r/")
    assert away.headers["Location"] == "/settings/messages?done=resent"


# --- what channels see ---------------------------------------------------------------------------


def test_what_a_channel_sees_is_changed_and_written_down(ada: Browser, slack: None) -> None:
    sent = {"adapter": "slack", "address": "#finance", "shows": "names"}
    answer = ada.client.post("/settings/showing/change", sent)
    assert answer.headers["Location"] == "/settings/showing?done=showing"
    row = ChannelShowing.objects.get()
    assert (row.adapter, row.address, row.shows) == ("slack", "#finance", "names")
    assert "channel.showing_changed" in history()
    page = ada.get("/settings/showing").text
    assert "by ada@example.com" in page


@pytest.mark.parametrize(
    "wrong",
    [
        {"shows": "all"},
        {"adapter": "fax"},
        {"address": ""},
        {"address": "x" * 401},
        {"address": "a\nb"},
    ],
)
def test_a_wrong_showing_is_refused(ada: Browser, slack: None, wrong: dict[str, str]) -> None:
    sent = {"adapter": "slack", "address": "#finance", "shows": "names"} | wrong
    assert ada.client.post("/settings/showing/change", sent).status_code == 422
    assert not ChannelShowing.objects.exists()


def test_members_and_auditors_read_what_channels_see_and_change_nothing(
    at: At, slack: None
) -> None:
    sent = {"adapter": "slack", "address": "#finance", "shows": "nothing"}
    for name in ("lin", "grace"):
        assert "#finance" in at(name).get("/settings/showing").text
        assert not at(name).get("/settings/showing").every("select")
        assert at(name).client.post("/settings/showing/change", sent).status_code == 403
    assert not ChannelShowing.objects.exists()


# --- secrets of webhooks -------------------------------------------------------------------------


def test_a_new_secret_is_shown_once_to_an_operator(olga: Browser, ada: Browser) -> None:
    robo = cast.agent()[0]
    before = robo.webhook_secret
    assert ada.post("/settings/webhooks/rotate", agent="robo").status_code == 403
    robo.refresh_from_db()
    assert robo.webhook_secret == before
    answer = olga.post("/settings/webhooks/rotate", agent="robo")
    body = answer.content.decode()
    robo.refresh_from_db()
    assert f"whsec_{robo.webhook_secret.split()[0]}" in body
    assert answer.headers["Cache-Control"] == "no-store"
    assert "whsec_" not in olga.client.get("/settings/webhooks").content.decode()
    assert olga.post("/settings/webhooks/rotate", agent="nobody").status_code == 404


# --- what is yours -------------------------------------------------------------------------------


def test_preferences_are_kept_and_every_page_follows(lin: Browser) -> None:
    lin.post("/settings/you/preferences", time_zone="both", motion="less")
    kept = preferences.read(lin.person)
    assert (kept["time_zone"], kept["motion"], kept["shortcuts"]) == ("both", "less", "on")
    root = lin.get("/settings/you").every("html")[0].attributes
    assert (root["data-zone"], root["data-motion"]) == ("both", "less")
    assert lin.post("/settings/you/preferences", density="huge").status_code == 422


def test_quiet_hours_are_kept_and_a_mistake_keeps_what_was_typed(lin: Browser) -> None:
    said = lin.post("/settings/you/quiet", begins="22:00", ends="07:00", zone="Europe/Berlin")
    assert said.headers["Location"] == "/settings/you?done=quiet#told"
    shown = {field: lin.get("/settings/you").by_id(f"q-{field}").attributes["value"]
             for field in ("begins", "ends", "zone")}  # fmt: skip
    assert shown == {"begins": "22:00", "ends": "07:00", "zone": "Europe/Berlin"}
    wrong = lin.post("/settings/you/quiet", begins="21:00", ends="07:00", zone="Mars/Base")
    assert wrong.status_code == 422
    page = Page(wrong.content.decode())
    assert page.by_id("q-begins").attributes["value"] == "21:00"
    assert page.by_id("q-zone").attributes["aria-invalid"] == "true"
    assert "'Mars/Base' is no time zone" in page.text


def test_slacks_digest_is_named_where_there_is_one(
    lin: Browser, slack: None, settings: Any
) -> None:
    assert "lists low risk" not in lin.get("/settings/you").text
    settings.SLACK_DIGEST = "09:00,14:00"
    assert "Slack lists low risk at 09:00 and 14:00 (UTC)" in lin.get("/settings/you").text


def test_a_token_is_shown_once_works_and_is_revoked(lin: Browser) -> None:
    answer = lin.post("/settings/you/tokens", name="Reports", scopes=["requests:read"], days="7")
    page = Page(answer.content.decode())
    raw = next(p.text for p in page.every("p") if p.text.startswith("cs_person_"))
    assert people.authenticate_token(raw, at=clock.now()).name == "Reports"
    again = lin.get("/settings/you").text
    assert raw not in again
    assert "Reports" in again
    token = PersonToken.objects.get()
    assert (token.expires_at - token.created_at).days == 7
    lin.post(f"/settings/you/tokens/{token.prefix}/revoke")
    with pytest.raises(Exception, match="revoked"):
        people.authenticate_token(raw, at=clock.now())
    assert history()[-1] == "person.changed"
    assert lin.post(f"/settings/you/tokens/{token.prefix}/revoke").status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": []},
        {"scopes": ["requests:read", "policies:write"]},
        {"scopes": ["everything"]},
        {"days": "9999"},
        {"days": "-1"},
        {"days": "٣"},
    ],
)
def test_a_wrong_token_is_refused_and_what_was_typed_is_kept(
    lin: Browser, wrong: dict[str, Any]
) -> None:
    answer = lin.post(
        "/settings/you/tokens",
        **({"name": "Mine", "scopes": ["requests:read"], "days": "7"} | wrong),
    )
    assert answer.status_code == 422
    assert 'value="Mine"' in answer.content.decode()
    assert not PersonToken.objects.exists()


def test_nobody_revokes_or_unlinks_what_is_somebody_elses(lin: Browser, ada: Browser) -> None:
    raw = cast.token(lin.person)
    linked("lin")
    account, token = Identity.objects.get(), PersonToken.objects.get()
    assert ada.post(f"/settings/you/accounts/{account.pk}/unlink").status_code == 404
    assert ada.post(f"/settings/you/tokens/{token.prefix}/revoke").status_code == 404
    assert people.authenticate_token(raw, at=clock.now()).person == lin.person


def test_an_unlinked_account_decides_no_more(lin: Browser, slack: None) -> None:
    linked("lin")
    account = Identity.objects.get()
    assert "Slack U1" in lin.get("/settings/you").text
    lin.post(f"/settings/you/accounts/{account.pk}/unlink")
    assert people.by_identity(kind="slack", external_id="U1") is None
    assert "To link Slack" in lin.get("/settings/you").text
    assert history()[-1] == "person.changed"


def test_signing_out_everywhere_ends_all_but_this_and_nobody_elses(
    lin: Browser, ada: Browser, at: At
) -> None:
    other = at("lin")
    other.get("/settings/you")
    ada.get("/settings/you")
    lin.post("/settings/you/sign-out-everywhere")
    lin.get("/settings/you")
    ada.get("/settings/you")
    assert other.client.get("/settings/you").status_code == 302
    assert Session.objects.count() == 2
    event = AuditEvent.objects.filter(type="person.sign_in_changed").get()
    assert event.entry["detail"] == {"person": "lin@example.com", "signed_out": 1}
    assert event.actor == str(actors.person(lin.person))


@pytest.mark.parametrize(
    "form",
    ["/settings/tests", "/settings/messages/1/resend", "/settings/showing/change",
     "/settings/webhooks/rotate", "/settings/you/preferences", "/settings/you/tokens",
     "/settings/you/sign-out-everywhere", "/settings/you/accounts/1/unlink"],
)  # fmt: skip
def test_every_form_wants_its_token_and_a_session(db: None, form: str) -> None:
    person = cast.person("lin")
    guarded = Client(enforce_csrf_checks=True)
    guarded.force_login(person)
    assert guarded.post(form).status_code == 403
    assert Client().post(form).headers["Location"].startswith("/sign-in")
