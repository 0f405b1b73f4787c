"""What must not leave is noticed in plain and in disguised writing, and operations talk is left alone."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.domain.policy import accounts, person_names, strings
from approvals.domain.policy.scanning import EVERY_KIND, MOST_FINDINGS, Kind, kinds_in, scan
from tests.domain.test_scope import JSON

NAMES = """
Ada Lovelace reported it|the invoice of Grace Hopper|Dear Mr. Smith,|Mrs Dalloway called twice
Herr Müller bittet um Rückruf|Frau Dr. Weber|Prof. Nakamura|Dr. Okafor signed|Señora García|Mme Dubois
Anna-Lena Kovács|Karl van der Berg|Peter M. Xu|John Smith|JOHN SMITH|Lovelace, Ada|john.smith
emma schmidt|owner: julia_weber|Иван Петров|Андрей Кузнецов|田中様|王小明先生|Maria Gonzalez Ruiz
refund to Thomas Becker|call Sabine Hoffmann back|Mohammed Al Farsi|Yuki Tanaka|Priya Sharma
Jürgen Klopp|Zoë Björk|Wojciech Kowalski|José García|François Lefèvre|Søren Nielsen|Elif Yılmaz
user Michael O'Brien|for Elisabeth von Thun|Carlos de la Cruz|Robert J. Oppenheimer|Alan Turing
Katherine Johnson and 46 others|Nguyen, Linda
Max Weber|Will Robinson|Frank Miller|Ray Davies|Rose Murphy|Jordan Peterson|Grace Kelly
Contact Barbara Liskov|with Linus Torvalds|by Margaret Hamilton|Edsger Dijkstra|Donald Knuth
Sr. Alvarez|Ms. Chen|Daniela Rossi|Mr King
Mrs. O'Connor|Herr Kafka|Jean-Luc Picard|Giulia Bianchi|Hans-Peter Maier|Olga Popova
""".replace("\n", "|").strip("|").split("|")  # fmt: skip
NAMES += ["Anna\nSchmidt", "Jo\u200bhn Smi\u200bth", "\uff2a\uff4f\uff48\uff4e Smith"]

NO_NAMES = """
47 customers|Production API|Grafana Cloud|New York|San Diego Zoo|Victoria Metrics|Max Replicas
Grace Period|Round Robin Scheduler|Chase Bank|Jasmine Tests|Aurora Cluster|Athena Query|Travis Build
Mark Complete|Will Restart|Bill Payment|Art Director|Amber Alert|Ruby Version|Crystal Reports
Service Level Objective|Kubernetes Deployment|Amazon Web Services|Google Cloud Platform|Microsoft Teams
Ms Teams webhook|Dr Developer|Sr Engineer on call|Apache Kafka|Elastic Load Balancer|Red Hat Enterprise
scale production-api from 5 to 8|CPU utilization exceeded threshold (85% > 80%) for 15 minutes
Memory Pressure on Node|Jenkins Pipeline|Argo Workflows|Open Policy Agent|Change Advisory Board
Black Friday Traffic|Cyber Monday|Los Angeles Region|San Francisco Office|Frankfurt Data Center
Austin Region|Paris Office|Sydney Zone|Virginia Region|Georgia State|Jordan Region|Charlotte Campus
Alex Deployment|Oscar Release|Felix Cluster|Leo Node|Thomas Team|Maria DB|Peter API|Julia Language
Cache Miss Rate|First Time Setup|High Availability|Blue Green Deployment|Canary Release
Deploy Friday|Feature Flag|Istio Service Mesh|Let's Encrypt|Redis Sentinel|Prometheus Alertmanager
May Release|April Invoice|June Maintenance Window|Hello World|TLS Certificate|Node Exporter|Hash Table
Angel Fund|Phoenix Framework|Ray Cluster|Dean Office|Pascal Case|Ada Compiler|Sandy Bridge
Monte Carlo Simulation|Roman Numerals|Sofia Datacenter|Melissa Virus|Anna And Bert|Mr Developer
Santa Maria Novella
""".replace("\n", "|").strip("|").split("|")  # fmt: skip

EMAILS = [
    "ada@example.com", "write to ada.lovelace+x@mail.example.co.uk.", "<ada@example.com>", "ADA@EXAMPLE.COM",
    "ada@bücher.example", "müller@xn--bcher-kva.example", "用户@例子.公司", "a@b.de", "ada (at) example.com",
    "ada [at] example [dot] com", "ada at example dot com", "ada%40example.com", "ada&#64;example.com",
    "mailto:ada@example.com?subject=x", "ada\u200b@exam\u200bple.com", "\uff41da\uff20example.com",
    "x=1;ada@example.com,bob@example.com", "git@example.com", '"a b"@example.com', "o'brien@example.ie",
]  # fmt: skip
NO_EMAILS = [
    "@ada", "ada@", "ada@localhost", "nginx@sha256:0a1b", "getty@tty1.service", "git@github.com:org/repo",
    "postgres://user:${PASSWORD}@db.example/x", "actions/checkout@v4.1", "left-pad@1.3.0", "a @ b.com",
    "@angular/core@17.0.0", "user@10.0.0.1", "meet at noon", "look at example.com", "5@8", "@app.route",
    "cron@daily", "backup@.timer", "foo@bar.socket", "ping at host dot", "metric@1609746000",
]  # fmt: skip

ACCOUNTS = [
    "DE89370400440532013000", "DE89 3704 0044 0532 0130 00 for rent", "gb82west12345698765432",
    "IBAN: GB82-WEST-1234-5698-7654-32", "FR1420041010050500013M02606", "NL91ABNA0417164300",
    "NO93 8601 1117 947", "MT84MALT011000012345MTLCAST001S", "CH93 0076 2011 6238 5295 7.",
    "4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111 exp 12/27", "12 4111 1111 1111 1111",
    "4111 1111 1111 1111 12ab", "378282246310005", "3782 822463 10005", "30569309025904",
    "6011111111111117", "3530111333300000", "5555.5555.5555.4444", "2223003122003222", "4222222222222",
    "6304000000000000", "\uff14111111111111111", "٤١١١١١١١١١١١١١١١", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
    "6212345678901232", "card_4111111111111111_x", "4111111111111111003",
]  # fmt: skip
NO_ACCOUNTS = [
    "DE89370400440532013001", "DE8937040044053201300", "DE893704004405320130000", "XX89370400440532013000",
    "4111111111111112", "411111111111", "41111111111111111111", "1700000000000000", "1700000000000000000",
    "550e8400-e29b-41d4-a716-446655440000", "0.1.2.3.4.5.6.7.8", "10.20.30.40 10.20.30.41",
    "2026-02-20 14:23:45", "+49 30 901820 4711", "a4111111111111111", "4111111111111111a",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709", "1234567812345670", "0000000000000000",
    "arn:aws:iam::123456789012:role/x", "47 customers, 1,240 EUR", "8 of 8 replicas",
]  # fmt: skip

MIXED = "a1B2c3D4e5" * 20
SECRETS = [
    "gh" + "p_" + MIXED[:36], "AK" + "IA" + "Q2W3" * 4, f"Bearer {MIXED[:20]}", "password=hunter2222",
    "https://ada:hunter22@db.example/x",
]  # fmt: skip


def recall(kind: Kind, texts: list[str]) -> tuple[float, list[str]]:
    missed = [text for text in texts if kind not in kinds_in(text)]
    return 1 - len(missed) / len(texts), missed


# --- quality ---------------------------------------------------------------------------------


def test_names_are_found_and_operations_talk_is_not_taken_for_names() -> None:
    assert min(len(NAMES), len(NO_NAMES)) >= 60
    found, missed = recall(Kind.NAMES, NAMES)
    _, quiet = recall(Kind.NAMES, NO_NAMES)
    wrong = [text for text in NO_NAMES if text not in quiet]
    true = len(NAMES) - len(missed)
    assert found >= 0.95, missed
    assert true / (true + len(wrong)) >= 0.97, wrong


@pytest.mark.parametrize("text", EMAILS)
def test_an_address_is_found(text: str) -> None:
    assert Kind.EMAILS in kinds_in(text)


@pytest.mark.parametrize("text", NO_EMAILS)
def test_what_is_no_address_is_left_alone(text: str) -> None:
    assert Kind.EMAILS not in kinds_in(text)


@pytest.mark.parametrize("text", ACCOUNTS)
def test_an_account_number_is_found(text: str) -> None:
    assert Kind.ACCOUNTS in kinds_in(text)


@pytest.mark.parametrize("text", NO_ACCOUNTS)
def test_what_is_no_account_number_is_left_alone(text: str) -> None:
    assert Kind.ACCOUNTS not in kinds_in(text)


@pytest.mark.parametrize("text", SECRETS)
def test_a_secret_is_found_as_the_display_knows_it(text: str) -> None:
    assert Kind.SECRETS in kinds_in(text)


@given(st.integers(0, 10**11), st.sampled_from([" ", "-", ".", ""]))
def test_every_visa_number_is_found_and_one_wrong_digit_is_none(body: int, mark: str) -> None:
    front = f"4{body:014d}"
    digits = [f"{front}{last}" for last in range(10)]
    shown = [mark.join(each[at : at + 4] for at in range(0, 16, 4)) for each in digits]
    assert [accounts.stand_in(each) for each in shown].count(True) == 1


# --- names by their key ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters",
    [
        {"customer_name": "Ada"}, {"customerName": "ada lovelace"}, {"FULL_NAME": "A. Byron"},
        {"first_name": "Xiu"}, {"kunde": "Schulze"}, {"Vorname": "Jörg"}, {"customer_names": ["Bo", "Cy"]},
        {"customer": {"name": "Zed Qwx"}}, {"contacts": [{"name": "Bo"}]}, {"last-name": "O'Hara"},
    ],
)  # fmt: skip
def test_a_key_that_says_name_makes_one(parameters: dict[str, Any]) -> None:
    assert {one.kind for one in scan({"/parameters": parameters}).findings} == {Kind.NAMES}


@pytest.mark.parametrize(
    "parameters",
    [
        {"customer_name": ""}, {"customer_name": 47}, {"customer_names": "47 customers"},
        {"first_name": "{{first_name}}"}, {"full_name": "org/repo"}, {"full_name": "production-api"},
        {"name": "deploy"}, {"user": {"name": "deploy"}}, {"kunde": "redacted"}, {"kunde": "K-4711"},
        {"customer_name": None}, {"customer_name": ["12"]}, {"service_name": "Checkout"},
        {"customer_name": "x" * 101},
    ],
)  # fmt: skip
def test_counts_slugs_and_placeholders_are_no_names(parameters: dict[str, Any]) -> None:
    assert scan({"/parameters": parameters}).findings == ()


def test_a_name_of_a_hundred_letters_still_counts() -> None:
    assert scan({"/p": {"customer_name": "x" * 100}}).findings


# --- places ----------------------------------------------------------------------------------


def test_findings_tell_kind_and_place_of_values_keys_and_numbers() -> None:
    report = {
        "rows": [{"note": "by Ada Lovelace"}, {"card": 4111111111111111}, {"card": 4111111111111111.0}],
        "to ada@example.com": {"x": "DE89370400440532013000"},
        "credentials": {"password": "hunter2222"},
    }  # fmt: skip
    found = {(one.kind.value, one.place) for one in scan({"/p": report, "/q": "a@b.io"}).findings}
    assert found == {
        ("names", "/p/rows/0/note"),
        ("accounts", "/p/rows/1/card"),
        ("accounts", "/p/rows/2/card"),
        ("accounts", "/p/(key 2)/x"),
        ("emails", "/p/(key 2)"),
        ("emails", "/q"),
        ("secrets", "/p/credentials/password"),
    }


def test_a_key_that_is_a_finding_is_not_repeated_in_any_place() -> None:
    for key in ("DE89370400440532013000", "ada_lovelace", "gh" + "p_" + MIXED[:36]):
        findings = scan({"/p": {key: {"x": "bob@example.com", "y": 1}}}).findings
        assert {one.place for one in findings} == {"/p/(key 1)", "/p/(key 1)/x"}


def test_only_the_kinds_asked_for_are_looked_for() -> None:
    parts = {"/p": {"a": "Ada Lovelace ada@example.com"}}
    assert {one.kind for one in scan(parts, [Kind.EMAILS]).findings} == {Kind.EMAILS}
    assert scan(parts, [Kind.SECRETS]).findings == ()


def test_the_address_of_a_recipient_is_no_finding_where_it_is_only_the_address() -> None:
    def count(parameters: dict[str, Any]) -> int:
        return len(scan({"/p": parameters}, recipients=["Ops@example.com"]).findings)

    assert count({"to": "ops@example.com", "cc": ["ops@example.com"]}) == 0
    assert count({"to": "bob@example.com"}) == 1
    assert count({"body": "ops@example.com"}) == 1
    assert count({"to": "ops@example.com, bob@example.com"}) == 1


@pytest.mark.parametrize(
    ("count", "listed", "more"), [(19, 19, False), (20, 20, False), (21, 20, True)]
)
def test_so_many_findings_are_listed_and_the_rest_is_said(
    count: int, listed: int, more: bool
) -> None:
    found = scan({"/p": ["a@b.io"] * count})
    assert MOST_FINDINGS == 20
    assert (len(found.findings), found.more, found.whole) == (listed, more, True)


def test_what_is_too_deep_is_said_and_the_rest_is_still_read() -> None:
    deep: Any = "x"
    for _ in range(70):
        deep = [deep]
    found = scan({"/p": deep, "/q": "a@b.io"})
    assert (found.whole, len(found.findings)) == (False, 1)


# --- laws ------------------------------------------------------------------------------------


@given(JSON, st.lists(st.sampled_from([*NAMES, *EMAILS, *ACCOUNTS, *NO_NAMES]), max_size=4))
def test_any_json_is_read_alike_each_time_and_no_value_is_repeated(
    value: Any, planted: list[str]
) -> None:
    parts = {"/p": {"any": value, "planted": planted, "keys": dict.fromkeys(planted, 1)}}
    found = scan(parts)
    assert found == scan(parts)
    told = json.dumps([one.place for one in found.findings], ensure_ascii=False)
    assert all(text not in told for text in planted)


@given(
    st.lists(
        st.sampled_from([*NAMES, *EMAILS, *ACCOUNTS, *SECRETS, *NO_NAMES, *NO_EMAILS, *NO_ACCOUNTS])
    )
)
def test_reading_many_at_once_finds_what_reading_each_finds(texts: list[str]) -> None:
    for kind in EVERY_KIND:
        alone = [f"/p/{at}" for at, text in enumerate(texts) if kind in kinds_in(text)]
        assert [one.place for one in scan({"/p": texts}, [kind]).findings] == alone[:MOST_FINDINGS]


@pytest.mark.parametrize(
    "unit",
    [
        "a", "1", "4 ", "41-", "411 ", "@", "a@", "a@b.", "://a@b.co/", "DE89 ", "Mr ", "Ada ", "Ada v. ",
        "von ", "A-", "x at y dot ", "(at)", "\u0300\u0316", "Anna", "Lovelace, ", " \n", "\u200b",
        "李", "1.", "-----BEGIN ",
    ],
)  # fmt: skip
def test_hostile_text_costs_in_proportion_to_its_length(unit: str) -> None:
    def seconds(length: int) -> float:
        text = (unit * length)[:length]
        started = time.perf_counter()
        scan({"/p": {"x": text}})
        return time.perf_counter() - started

    short = min(seconds(25_000) for _ in range(2))
    assert seconds(250_000) < 40 * max(short, 0.01)


def test_thousands_of_short_texts_cost_no_more_than_their_length() -> None:
    started = time.perf_counter()
    scan({"/p": [f"a{number}" for number in range(5_000)]})
    few = time.perf_counter() - started
    started = time.perf_counter()
    scan({"/p": [f"a{number}" for number in range(50_000)]})
    assert time.perf_counter() - started < 40 * max(few, 0.02)


def test_names_and_numbers_are_compared_in_their_plainest_letters() -> None:
    assert strings.folded("Zo\u00eb") == strings.folded("ZO\u200bE\u0308") == "zoe"
    assert person_names.stand_in("Zoe Weber")
