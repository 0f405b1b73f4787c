"""What e-mail says, to whom, in which thread; and that it decides nothing and obeys nobody's text."""

from __future__ import annotations

import logging
import re
import ssl
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given, settings
from hypothesis import strategies as st

from approvals.domain.cards import Note
from approvals.domain.terms import EventKind, RiskLevel, Verdict
from approvals.models import AuditEvent, Delivery
from approvals.ports import DeliveryError, Message, MessageKind
from approvals.project import checks, environment
from approvals.services import deliveries
from integrations.email import EmailAdapter, configuration, envelope, letters, post
from integrations.email.readers import Reader
from tests.fakes import smtp
from tests.fakes.authority import Authority
from tests.fakes.smtp import Mail, MailServer
from tests.integrations.contract import a_message, a_notice, decided
from tests.integrations.test_email_contract import MailStand, configured, delivered
from tests.integrations.test_slack_blocks import a_card, opened
from tests.support import cast

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ADA = "ada@example.com"
URL = "https://approvals.example.com/r/REQ-2481"


def failure(mail_stand: MailStand, **changes: Any) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        mail_stand.adapter.deliver(a_message(mail_stand, **changes))
    return caught.value


# --- who is told, of what --------------------------------------------------------------------


def test_a_rule_names_who_is_told_and_others_hear_nothing(mail_stand: MailStand) -> None:
    notice = a_notice(EventKind.SUBMITTED, "C1", "email:ada@example.com", "email: security")
    card = MessageKind.CARD
    assert mail_stand.adapter.addresses(notice) == [(card, "ada@example.com"), (card, "security")]
    assert mail_stand.adapter.addresses(a_notice(EventKind.SUBMITTED, "C1", "email:")) == []


def test_where_no_rule_does_the_settings_name_them(mail_stand: MailStand, settings: Any) -> None:
    settings.EMAIL_TO = ["ops@example.com", "security"]
    adapter = EmailAdapter()
    told = adapter.addresses(a_notice(EventKind.SUBMITTED, "C1"))
    assert [to for _, to in told] == ["ops@example.com", "security"]
    assert [to for _, to in adapter.addresses(a_notice(EventKind.DENIED, "email:x@example.com"))] == [
        "x@example.com"
    ]  # fmt: skip


def test_an_inbox_hears_of_few_things(mail_stand: MailStand) -> None:
    def kinds(kind: EventKind) -> list[MessageKind]:
        return [
            kind
            for kind, _ in mail_stand.adapter.addresses(a_notice(kind, "email:ada@example.com"))
        ]

    told = {kind: kinds(kind) for kind in EventKind}
    assert {kind for kind, found in told.items() if found == [MessageKind.CARD]} == {
        EventKind.SUBMITTED, EventKind.ESCALATED, EventKind.APPROVED, EventKind.DENIED,
        EventKind.EXPIRED, EventKind.CANCELLED, EventKind.REVOKED,
    }  # fmt: skip
    assert [kind for kind, found in told.items() if found == [MessageKind.NOTE]] == [
        EventKind.REMINDED
    ]
    assert sum(map(len, told.values())) == 8


@pytest.mark.django_db
def test_a_team_is_everybody_active_in_it_and_nobody_reads_the_others_addresses(
    mail_stand: MailStand,
) -> None:
    cast.person("chen")
    left = cast.person("dana")
    mail = delivered(mail_stand, address="change-board")
    assert mail.to == ["chen@example.com", "dana@example.com"]
    assert str(mail.message["To"]) == "change-board team:;"
    assert "example.com" not in mail.text.replace("approvals.example.com", "")
    left.is_active = False
    left.save()
    assert delivered(mail_stand, address="change-board").to == ["chen@example.com"]


@pytest.mark.django_db
def test_who_cannot_be_written_to_is_said_once(mail_stand: MailStand) -> None:
    cast.policy()
    words = {
        "nobody-here": "There is no team 'nobody-here' to write to.",
        "change-board": "Nobody in the team 'change-board' can be written to.",
        "a b@example.com": "'a b@example.com' is not an e-mail address.",
        "ada@example.com\r\nRCPT TO:<x@evil.example>": "is not an e-mail address",
        "ada@example.com>,<x@evil.example": "is not an e-mail address",
    }
    for address, expected in words.items():
        error = failure(mail_stand, address=address)
        assert error.permanent
        assert expected in error.words
    assert mail_stand.server.said == []


# --- what is said ----------------------------------------------------------------------------


def test_a_message_says_what_waits_and_where_to_go(mail_stand: MailStand) -> None:
    mail = delivered(mail_stand)
    assert str(mail.message["From"]) == "Countersign <approvals@example.com>"
    assert str(mail.message["To"]) == ADA
    subject = " ".join(str(mail.message["Subject"]).split())
    assert subject.startswith(
        "[High] Decide by 13:00:00 UTC on 22 Nov 2026: Refund customer · amount 124000 · cus_Q9f2KX"
    )
    assert subject.endswith("(REQ-2481)")
    for words in (
        "An agent needs a decision from a person. Needs 2 of Managers",
        "▲ HIGH RISK",
        "Refund customer · amount 124000 · cus_Q9f2KX",
        "Agent: billing-refunds",
        "What would run (3 of 3 parameters)",
        "charge = ch_3QK9f2",
        "the amount is over EUR 500.00",
        "OK: signed by billing-refunds",
        "The agent says (not checked)",
        "| Reason: The parcel came damaged.",
        f"Review REQ-2481: {URL}",
        "You will be asked to sign in. This e-mail cannot approve anything",
        "Fingerprint ",
    ):
        assert words in mail.text


def test_both_forms_say_the_same(mail_stand: MailStand) -> None:
    mail = delivered(
        mail_stand, card=a_card(notes=(Note("robo", True, "I < you & www.x.org", NOON),))
    )
    plain = " ".join(mail.text.replace("| ", " ").split())
    visible = " ".join(unescape(re.sub(r"<[^>]+>", " ", mail.html)).split())
    assert visible == plain.replace(f": {URL}", "")


def test_nothing_in_it_decides_loads_or_follows(mail_stand: MailStand) -> None:
    mail = delivered(mail_stand)
    assert re.findall(r'href="([^"]*)"', mail.html) == [URL]
    assert re.findall(r"<(form|button|input|img|script|iframe|link|object)\b", mail.html) == []
    assert re.findall(r"(src|background|action)=|url\(|@import", mail.html) == []
    assert re.findall(r"\S+://\S+", mail.text) == [URL]
    assert mail.message["Reply-To"] is None


def test_it_asks_no_machine_for_an_answer(mail_stand: MailStand) -> None:
    message = delivered(mail_stand).message
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"


def test_the_end_is_told_in_the_same_thread_and_asks_for_nothing(mail_stand: MailStand) -> None:
    receipt = mail_stand.adapter.deliver(a_message(mail_stand))
    closed = delivered(mail_stand, card=decided(Verdict.DENY), receipt=receipt)
    first = mail_stand.taken[0].message
    assert closed.message["In-Reply-To"] == closed.message["References"] == first["Message-ID"]
    assert closed.message["Message-ID"] != first["Message-ID"]
    assert str(closed.message["Subject"]) == f"Re: {first['Subject']}"
    assert closed.text.startswith("Denied by Ada at ")
    assert "No action is needed." in closed.text
    assert "needs a decision" not in closed.text


def test_a_reminder_stands_in_the_thread_too(mail_stand: MailStand) -> None:
    receipt = mail_stand.adapter.deliver(a_message(mail_stand))
    note = delivered(
        mail_stand, kind=MessageKind.NOTE, words="Still waiting: REQ-2481", receipt=receipt
    )
    assert note.thread == mail_stand.taken[0].thread
    assert note.text.startswith("Still waiting: REQ-2481")
    assert f"Review REQ-2481: {URL}" in note.text
    early = delivered(mail_stand, kind=MessageKind.NOTE, words="Still waiting", id="another")
    assert early.thread == note.thread


def test_every_address_has_a_thread_of_its_own_and_every_attempt_the_same_id(
    mail_stand: MailStand,
) -> None:
    one, other = delivered(mail_stand), delivered(mail_stand, address="grace@example.com")
    again = delivered(mail_stand, attempt=2)
    assert one.message["Message-ID"] == again.message["Message-ID"]
    assert one.message["Message-ID"] != other.message["Message-ID"]
    assert str(one.message["Message-ID"]).endswith("@example.com>")


# --- hostile texts ---------------------------------------------------------------------------

INJECTIONS = (
    "x\r\nBcc: mallory@evil.example",
    "x\nSubject: Approved\n\nAll is well",
    "x\r\n.\r\nMAIL FROM:<evil@example.com>\r\nRCPT TO:<all@example.com>\r\nDATA\r\n",
    "x\x00\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029Bcc: mallory@evil.example",
    "=?utf-8?q?=0D=0ABcc=3A_mallory=40evil=2Eexample?=",
    "\ud800 half a letter",
    ".\n..\n.",
)


@pytest.mark.parametrize("text", INJECTIONS, ids=range(len(INJECTIONS)))
def test_no_text_reaches_the_headers_or_ends_the_message(mail_stand: MailStand, text: str) -> None:
    card = a_card(target=text, action=text[:100], reasoning=text, parameters={text: text})
    hostile = replace(card, headline=card.headline if "\ud800" in text else text)
    receipt = {"subject": text.replace("\ud800", "")}
    for mail in (
        delivered(mail_stand, card=hostile),
        delivered(mail_stand, card=hostile, receipt=receipt),
    ):
        assert mail.to == [ADA]
        assert mail.message["Bcc"] is None
        assert "mallory" not in "".join(map(str, mail.message.keys()))
        assert len(mail.message.get_all("Subject", [])) == 1
        assert mail.text.rstrip().endswith(".")
        assert "Fingerprint" in mail.text
    assert [line for line in mail_stand.server.said if line.startswith("rcpt")] == [
        f"rcpt TO:<{ADA}>"
    ] * 2


@given(st.text(max_size=300), st.text(min_size=1, max_size=80))
@settings(max_examples=120)
def test_whatever_an_agent_writes_becomes_one_harmless_message(prose: str, name: str) -> None:
    card = a_card(target=name, action=name, reasoning=prose, parameters={"note": prose, name: 1})
    message = Message("1", MessageKind.CARD, ADA, card, NOON)
    sealed = envelope.seal(
        letters.card(card, Reader("")), message=message, card=card, subject=letters.subject(card),
        sender=configuration.sender("approvals@example.com"), to=[ADA],
    )  # fmt: skip
    mail = Mail("approvals@example.com", [ADA], sealed.as_bytes(policy=policy.SMTP))
    assert smtp.faults_of(mail) == []
    assert mail.message.keys() == sealed.keys()
    assert re.findall(r"\S+://\S+", mail.text) == [URL]
    assert re.findall(r'(?:href|src)="([^"]*)"', mail.html) == [URL]
    assert not {"\x00", "\x1b", "\u202e"} & set(
        mail.text + mail.html + str(mail.message["Subject"])
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("go to https://evil.example/approve now", "go to https[:]//evil[.]example/approve now"),
        ("HTTP://EVIL.EXAMPLE", "HTTP[:]//EVIL[.]EXAMPLE"),
        ("see www.evil.example.", "see www[.]evil[.]example."),
        ("evil.example/approve", "evil[.]example/approve"),
        ("ask ada@evil.example", "ask ada@evil[.]example"),
        ("EUR 1.240,00 in v1.2.3. Done", "EUR 1.240,00 in v1.2.3. Done"),
    ],
)
def test_an_address_an_agent_writes_is_no_link(
    mail_stand: MailStand, text: str, shown: str
) -> None:
    mail = delivered(mail_stand, card=a_card(reasoning=text))
    assert f"| Reason: {shown}\n" in mail.text
    assert shown in unescape(mail.html)
    assert (letters.UNLINKED_NOTE in mail.text) is ("[" in shown)


def test_no_line_of_an_agent_passes_for_one_of_ours(mail_stand: MailStand) -> None:
    mail = delivered(mail_stand, card=a_card(reasoning="fine.\nReview REQ-1: approved by Ada"))
    assert "| Review REQ-1: approved by Ada" in mail.text
    assert "\nReview REQ-1" not in mail.text


def test_a_message_stays_small_and_says_what_it_left_out(mail_stand: MailStand) -> None:
    many = {f"key_{n}": "y" * 900 for n in range(60)}
    card = a_card(parameters=many, reasoning="z" * 20_000, context=many)
    mail = delivered(mail_stand, card=card)
    assert len(mail.raw) < 60_000
    assert "What would run (25 of 60 parameters)" in mail.text
    assert "… and 35 more on the request's page" in mail.text


# --- the mail server -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "fault", "permanent", "unknown"),
    [
        ("connect", smtp.says(554, "no service"), False, False),
        ("connect", smtp.says(421, "too busy"), False, False),
        ("MAIL", smtp.says(451, "slow down"), False, False),
        ("MAIL", smtp.says(553, "not your sender"), False, False),
        ("RCPT", smtp.says(450, "greylisted"), False, False),
        ("RCPT", smtp.says(550, "no such mailbox"), True, False),
        ("RCPT", smtp.hangs_up, False, False),
        ("DATA", smtp.says(452, "disk is full"), False, False),
        ("DATA", smtp.says(554, "not this"), True, False),
        (".", smtp.says(451, "later"), False, False),
        (".", smtp.says(550, "it reads like spam"), True, False),
        (".", smtp.hangs_up, False, True),
        (".", smtp.done_and_gone, False, True),
        (".", smtp.garbage, False, True),
        ("EHLO", smtp.garbage, False, False),
    ],
)
def test_each_failure_is_told_for_what_it_is(
    mail_stand: MailStand, command: str, fault: smtp.Fault, permanent: bool, unknown: bool
) -> None:
    mail_stand.server.will(command, fault)
    error = failure(mail_stand)
    assert (error.permanent, error.unknown, error.retry_after) == (permanent, unknown, None)
    assert "\n" not in error.words
    assert delivered(mail_stand, attempt=2).to == [ADA]


def test_a_server_that_is_away_is_tried_again(mail_stand: MailStand, settings: Any) -> None:
    with MailServer() as gone:
        configured(settings, gone)
    error = failure(MailStand(gone))
    assert (error.permanent, error.unknown) == (False, False)
    assert error.words.startswith("The mail server failed: ConnectionRefusedError")


@pytest.mark.parametrize(("command", "unknown"), [("connect", False), ("EHLO", False), (".", True)])
def test_a_server_that_drips_is_cut_off_in_time(
    mail_stand: MailStand, command: str, unknown: bool
) -> None:
    mail_stand.server.will(command, smtp.drips)
    mail, server = _a_mail(), configuration.current()
    began = time.monotonic()
    with pytest.raises(DeliveryError) as caught:
        post.send(mail, [ADA], server, total=0.4)
    assert time.monotonic() - began < 3
    assert (caught.value.permanent, caught.value.unknown) == (False, unknown)


def _a_mail() -> Any:
    mail = EmailMessage()
    for name in smtp.ONCE:
        mail[name] = "Sun, 22 Nov 2026 12:00:00 +0000" if name == "Date" else "<a@example.com>"
    mail.set_content("Hello")
    mail.add_alternative("<p>Hello", subtype="html")
    return mail


@pytest.mark.django_db
def test_a_team_refused_as_a_whole_is_tried_again_as_a_whole(mail_stand: MailStand) -> None:
    cast.person("chen"), cast.person("dana")
    mail_stand.server.unknown = {"chen@example.com": 550, "dana@example.com": 450}
    assert not failure(mail_stand, address="change-board").permanent
    mail_stand.server.unknown["dana@example.com"] = 550
    assert failure(mail_stand, address="change-board").permanent
    assert mail_stand.taken == []


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def secure(
    settings: Any, tmp_path: Path, server: MailServer, authority: Authority | None, tls: str
) -> MailStand:
    ca = tmp_path / "ca.pem"
    if authority is not None:
        [raw] = authority.trust().get_ca_certs(binary_form=True)
        ca.write_text(ssl.DER_cert_to_PEM_cert(raw))
    trusted = str(ca) if authority is not None else ""
    configured(
        settings, server, host="localhost", tls=tls, ca=trusted, user="robo", password="pa:ss word"
    )
    return MailStand(server)


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_a_password_goes_to_the_server_that_proves_its_name(
    settings: Any, tmp_path: Path, authority: Authority, tls: str
) -> None:
    trust = authority.server("localhost")
    whole = tls == "tls"
    with MailServer(tls=trust, from_the_start=whole, user="robo", password="pa:ss word") as server:
        assert delivered(secure(settings, tmp_path, server, authority, tls)).to == [ADA]
        error = failure(secure(settings, tmp_path, server, None, tls))
        assert not error.permanent
        assert "CERTIFICATE_VERIFY_FAILED" in error.words
        assert len([line for line in server.said if line.startswith("AUTH")]) == 1


def test_nothing_is_sent_in_clear_to_a_server_that_offers_no_encryption(
    settings: Any, tmp_path: Path
) -> None:
    with MailServer(user="robo", password="pa:ss word") as server:
        error = failure(secure(settings, tmp_path, server, None, "starttls"))
        assert not error.permanent
        assert "STARTTLS" in error.words
        assert not any(line.startswith(("AUTH", "mail")) for line in server.said)


def test_a_wrong_password_loses_nothing_and_stands_in_no_message(mail_stand: MailStand) -> None:
    server = mail_stand.server
    server.user, server.password = "robo", "right"
    known = replace(configuration.current(), user="robo", password="wrong")
    with pytest.raises(DeliveryError, match="535 who are you") as caught:
        post.send(_a_mail(), [ADA], known)
    assert not caught.value.permanent
    assert "wrong" not in caught.value.words + repr(known)


def test_the_console_prints_what_would_be_sent(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.EMAIL_SERVER = environment.mail("console:")
    settings.EMAIL_FROM = "approvals@example.com"
    settings.EMAIL_TO = []
    message = replace(
        Message("1", MessageKind.CARD, ADA, a_card(reasoning="\x1b[2Jhello"), NOON), receipt={}
    )
    with caplog.at_level(logging.INFO, logger="integrations.email"):
        assert "subject" in EmailAdapter().deliver(message)
    [printed] = caplog.messages
    assert printed.startswith("From: approvals@example.com\nTo: ada@example.com\nSubject: [High]")
    assert f"Review REQ-2481: {URL}" in printed
    assert "\x1b" not in printed


# --- the whole way ---------------------------------------------------------------------------


def send(at: datetime) -> None:
    deliveries.send_due(now=lambda: at)


@pytest.mark.django_db
def test_ten_minutes_without_a_mail_server_lose_nothing(
    mail_stand: MailStand, settings: Any
) -> None:
    settings.ADAPTERS = ["integrations.email.EmailAdapter"]
    settings.EMAIL_TO = [ADA]
    mail_stand.server.will("connect", *[smtp.says(421, "down")] * 100)
    rows = [cast.request(at=NOON, target=f"service-{n}") for n in range(3)]
    cast.decide(rows[0], cast.person("lin"), at=NOON + timedelta(minutes=1))
    at = NOON
    while at < NOON + timedelta(minutes=10):
        send(at)
        at += timedelta(seconds=5)
    assert mail_stand.taken == []
    mail_stand.server._next.clear()
    for later in range(0, 40, 10):
        send(at + timedelta(minutes=later))
    assert not Delivery.objects.filter(state__in=["waiting", "dead"]).exists()
    assert not AuditEvent.objects.filter(type="delivery.dead").exists()
    newest = [thread[-1].text for thread in mail_stand.server.threads()]
    assert len(newest) == 3
    assert [rows[0].ref in text for text in newest if "No action is needed" in text] == [True]


# --- the settings ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("", {}),
        ("console:", {"console": True}),
        ("smtp://mail.example.com", {"port": 587, "tls": "starttls", "user": ""}),
        ("smtp://a%40b:p%3Aw@mail.example.com:2525", {"port": 2525, "user": "a@b", "password": "p:w"}),
        ("smtps://a:b@mail.example.com?ca=/etc/ca.pem", {"port": 465, "tls": "tls", "ca": "/etc/ca.pem"}),
        ("smtp://127.0.0.1:25?tls=none", {"port": 25, "tls": "none"}),
    ],
)  # fmt: skip
def test_one_address_says_how_mail_leaves(url: str, found: dict[str, Any]) -> None:
    assert found.items() <= environment.mail(url).items()
    assert bool(environment.mail(url)) is bool(found)


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.com", "http://mail.example.com", "smtp://", "smtp://mail.example.com?tls=maybe",
        "smtp://mail.example.com?timeout=3", "smtp://mail.example.com:x", "smtp://m.example.com:99999",
        "smtp://ada:pw@mail.example.com?tls=none",
    ],
)  # fmt: skip
def test_an_address_that_cannot_work_stops_the_start(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="EMAIL_URL") as caught:
        environment.mail(url)
    assert "pw" not in str(caught.value)


def _found(settings: Any, url: str, sender: str, *to: str) -> list[str]:
    settings.EMAIL_SERVER = environment.mail(url)
    settings.EMAIL_FROM, settings.EMAIL_TO = sender, list(to)
    found: list[CheckMessage] = checks.mail()
    assert all(each.hint for each in found)
    return [each.msg for each in found]


def test_half_a_configuration_stops_the_start(settings: Any) -> None:
    assert _found(settings, "", "") == []
    assert _found(settings, "console:", "A <a@example.com>", "ada@example.com", "security") == []
    assert _found(settings, "console:", "") == ["E-mail is configured without EMAIL_FROM."]
    assert _found(settings, "", "a@example.com") == ["E-mail is configured without EMAIL_URL."]
    assert _found(settings, "console:", "nobody") == ["EMAIL_FROM is no e-mail address."]
    assert _found(settings, "console:", "a@example.com\r\nBcc: b@example.com") == [
        "EMAIL_FROM is no e-mail address."
    ]
    assert _found(settings, "console:", "a@example.com", "a b@x") == ["EMAIL_TO has 'a b@x'."]


def test_a_sender_that_is_none_is_refused_by_the_adapter_too() -> None:
    for text in ("nobody", "a@example.com\r\nBcc: b@example.com", "a..b@example.com", "@x", "é@x"):
        with pytest.raises(ValueError, match="is not an e-mail address"):
            configuration.sender(text)


def test_risk_stands_in_the_subject_in_words() -> None:
    for risk in RiskLevel:
        assert letters.subject(a_card(opened(risk))).startswith(f"[{risk.capitalize()}] Decide by ")
