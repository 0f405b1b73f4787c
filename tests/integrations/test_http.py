"""The outbound client: where it refuses to go, proved with real sockets that nobody reaches."""

import gzip
import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from pathlib import Path
from threading import Event

import httpcore
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.http import AddressRefused, Resolver, check_url, client, system_resolver
from integrations.http.addresses import refusal
from integrations.http.network import CheckedNetwork
from tests.fakes.authority import Authority
from tests.fakes.receiver import Receiver, drip, garbage, hang_up, silence, status

PUBLIC = "93.184.216.34"
PUBLIC_IPV6 = "2606:2800:220:1::1"


def always(*addresses: str) -> Resolver:
    """A resolver that knows one answer to every question."""

    def resolver(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolver


def one_after_another(*answers: str) -> Resolver:
    """A resolver whose owner changes its mind between questions."""
    rest: Iterator[str] = iter(answers)

    def resolver(host: str, port: int) -> Sequence[str]:
        return [next(rest)]

    return resolver


def never(host: str, port: int) -> Sequence[str]:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def refused(url: str, *, resolver: Resolver = system_resolver, allow_private: bool = False) -> str:
    with pytest.raises(AddressRefused) as caught:
        check_url(url, resolver=resolver, allow_private=allow_private)
    assert caught.value.reason.endswith(".")
    return caught.value.reason


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com/callback?id=1#part",
        "https://hooks.example.com:443/",
        "https://hooks.example.com:8443/",
        "https://HOOKS.Example.com/",
        "https://bücher.example/",
        f"https://{PUBLIC}/",
        f"https://[{PUBLIC_IPV6}]/",
    ],
)
def test_a_public_https_address_may_be_saved(url: str) -> None:
    check_url(url, resolver=always(PUBLIC, PUBLIC_IPV6))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://hooks.example.com/", "Only https addresses are called."),
        ("ftp://hooks.example.com/", "Only https addresses are called."),
        ("gopher://hooks.example.com/", "Only https addresses are called."),
        ("file:///etc/passwd", "Only https addresses are called."),
        ("javascript:alert(1)", "This is not the address of a web service."),
        ("hooks.example.com", "This is not the address of a web service."),
        ("", "This is not the address of a web service."),
        ("https://hooks.example.com/" + "a" * 2000, "This is not the address of a web service."),
        ("https://hooks.\texample.com/", "This is not the address of a web service."),
        ("https://hooks.example.com:99999999/", "Only the ports 443 and 8443 are called."),
        ("https://hooks.example.com:0/", "Only the ports 443 and 8443 are called."),
        ("https://⑯⑨.254.169.254/", "This is not the address of a web service."),
        ("https://[::1/", "This is not the address of a web service."),
        ("https://hooks.example.com:22/", "Only the ports 443 and 8443 are called."),
        ("https://hooks.example.com:25/", "Only the ports 443 and 8443 are called."),
        ("https://hooks.example.com:6379/", "Only the ports 443 and 8443 are called."),
        ("https://hooks.example.com:5432/", "Only the ports 443 and 8443 are called."),
        ("https://hooks.example.com:80/", "Only the ports 443 and 8443 are called."),
        ("https:///callback", "The host is not a plain name."),
        ("https://hooks..example.com/", "The host is not a plain name."),
        ("https://hooks.example.com./", "The host is not a plain name."),
        ("https://hooks example.com/", "The host is not a plain name."),
        ("https://%31%32%37.0.0.1/", "An IPv4 address is written as four decimal numbers."),
        ("https://127.0.0.1%00.example.com/", "The host is not a plain name."),
        ("https://" + "a" * 64 + ".example.com/", "The host is not a plain name."),
        ("https://" + "a." * 127 + "example/", "The host is not a plain name."),
        ("https://intranet/", "The host is not a full name on the internet."),
    ],
)
def test_what_is_not_a_plain_https_address_is_refused(url: str, reason: str) -> None:
    assert refused(url, resolver=always(PUBLIC)) == reason


@pytest.mark.parametrize(
    "url",
    [
        "https://ada@hooks.example.com/",
        "https://ada:secret@hooks.example.com/",
        "https://@hooks.example.com/",
        "https://:@hooks.example.com/",
        "https://hooks.example.com\\@127.0.0.1/",
        "https://hooks.example.com\\.evil.example/",
    ],
)
def test_credentials_and_what_looks_like_them_are_refused(url: str) -> None:
    assert "user name" in refused(url, resolver=always(PUBLIC))


@pytest.mark.parametrize(
    "host",
    [
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "0",
        "127.0.1",
        "127.0.0.0x1",
        "127.0.0.1.",
        "localhost",
        "localhost.",
        "[::]",
        "[::1]",
        "127.0.0.1",
        "0.0.0.0",
        "1.2.3.256",
        "1.2.3.4.5",
        "\uff11\uff12\uff17.0.0.1",
    ],
)
def test_every_spelling_of_this_machine_is_refused(host: str) -> None:
    refused(f"https://{host}/")


def test_the_system_reads_the_old_spellings_as_this_machine() -> None:
    for host in ("127.1", "2130706433", "0x7f.1", "0177.0.0.1"):
        assert socket.inet_aton(host) == bytes([127, 0, 0, 1])


def test_the_system_names_every_address_once() -> None:
    addresses = system_resolver("localhost", 443)
    assert "127.0.0.1" in addresses
    assert len(addresses) == len(set(addresses))


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("10.0.0.1", "a private address"),
        ("172.31.255.255", "a private address"),
        ("192.168.1.1", "a private address"),
        ("127.255.255.254", "a loopback address"),
        ("100.64.0.1", "a carrier's shared address"),
        ("169.254.169.254", "a cloud metadata service"),
        ("169.254.170.2", "a link-local address"),
        ("168.63.129.16", "a cloud metadata service"),
        ("192.0.0.192", "a cloud metadata service"),
        ("100.100.100.200", "a cloud metadata service"),
        ("fd00:ec2::254", "a cloud metadata service"),
        ("0.1.2.3", "an address of this machine"),
        ("198.18.0.1", "a benchmarking address"),
        ("203.0.113.7", "a documentation address"),
        ("192.88.99.1", "a 6to4 relay"),
        ("224.0.0.1", "a multicast address"),
        ("240.0.0.1", "a reserved address"),
        ("255.255.255.255", "a reserved address"),
        ("::", "an address of this machine"),
        ("::1", "a loopback address"),
        ("::127.0.0.1", "an IPv4 address inside an IPv6 one"),
        ("::169.254.169.254", "an IPv4 address inside an IPv6 one"),
        ("::ffff:10.0.0.1", "an IPv4 address inside an IPv6 one"),
        ("::ffff:8.8.8.8", "an IPv4 address inside an IPv6 one"),
        ("::ffff:0:10.0.0.1", "an IPv4 address inside an IPv6 one"),
        ("64:ff9b::a9fe:a9fe", "a cloud metadata service"),
        ("64:ff9b::10.0.0.1", "a private address"),
        ("64:ff9b::224.0.0.1", "a multicast address"),
        ("64:ff9b:1::1", "a local translation address"),
        ("2002:a9fe:a9fe::", "a 6to4 tunnel"),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "a Teredo tunnel"),
        ("2001:db8::1", "a documentation address"),
        ("fc00::1", "a private address"),
        ("fe80::1", "a link-local address"),
        ("fe80::1%eth0", "a link-local address"),
        ("fec0::1", "a site-local address"),
        ("ff02::1", "a multicast address"),
        ("100::1", "a reserved address"),
        ("5f00::1", "a reserved address"),
        ("not an address", "an address that cannot be read"),
    ],
)
def test_a_name_may_not_lead_inside(address: str, words: str) -> None:
    assert (
        refused("https://hooks.example.com/", resolver=always(address))
        == f"The host leads to {words}."
    )


@pytest.mark.parametrize(
    "host",
    [
        "[::ffff:10.0.0.1]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::]",
        "[::169.254.169.254]",
        "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
        "[fec0::1]",
        "[fe80::1%eth0]",
        "[fe80::1%25eth0]",
        "[2606:2800:220:1::1%25eth0]",
        "[v1.fe80::a]",
    ],
)
def test_an_address_may_not_be_written_to_lead_inside(host: str) -> None:
    refused(f"https://{host}/", resolver=always(PUBLIC))


@pytest.mark.parametrize("address", [PUBLIC, PUBLIC_IPV6, "64:ff9b::8.8.8.8", "100.128.0.1"])
def test_public_addresses_are_in_bounds(address: str) -> None:
    assert refusal(address, allow_private=False) is None


@settings(max_examples=2000)
@given(st.ip_addresses())
def test_nothing_the_standard_library_calls_special_is_in_bounds(
    address: IPv4Address | IPv6Address,
) -> None:
    special = (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
    )
    assert not special or refusal(str(address), allow_private=False)


@given(st.ip_addresses(v=6).filter(lambda address: address not in IPv6Network("2000::/3")))
def test_outside_global_unicast_only_translated_public_addresses_are_in_bounds(
    address: IPv6Address,
) -> None:
    assert refusal(str(address), allow_private=False) or address in IPv6Network("64:ff9b::/96")


def test_a_host_with_one_public_and_one_private_address_is_refused() -> None:
    mixed = always(PUBLIC, "10.0.0.1")
    assert refused("https://hooks.example.com/", resolver=mixed) == (
        "The host leads to a private address."
    )
    with client(resolver=mixed) as http, pytest.raises(AddressRefused):
        http.post("https://hooks.example.com/")


def test_a_name_that_does_not_resolve_cannot_be_saved() -> None:
    for resolver in (never, always()):
        assert refused("https://hooks.example.com/", resolver=resolver) == (
            "The host name does not resolve."
        )


def test_an_operator_may_open_private_addresses_and_nothing_else() -> None:
    for url in ("http://127.0.0.1:9000/", "https://intranet/", "http://[fd12::1]/"):
        check_url(url, resolver=always("10.1.2.3"), allow_private=True)
    for url in (
        "http://169.254.169.254/",
        "http://[fe80::1]/",
        "http://224.0.0.1/",
        "ftp://10.0.0.1/",
    ):
        refused(url, allow_private=True)
    for port in (0, 65536):
        refused(f"http://10.0.0.1:{port}/", allow_private=True)
    assert "metadata" in refused(
        "https://hooks.internal/", resolver=always("100.100.100.200"), allow_private=True
    )


@settings(max_examples=500, deadline=None)
@given(
    st.one_of(
        st.text(),
        st.text("htps:/@[]%.0x127\\#?é\x00 ", max_size=40),
        st.text(max_size=30).map("https://{}".format),
    )
)
def test_checking_any_text_ends_in_yes_or_in_a_refusal(text: str) -> None:
    with suppress(AddressRefused):
        check_url(text, resolver=always(PUBLIC))
    with suppress(AddressRefused):
        check_url(text, resolver=never, allow_private=True)


def test_a_name_that_changes_after_it_was_saved_is_refused_at_sending() -> None:
    with Receiver((loopback(), 8443)) as inside:
        home = inside.host
        rebinding = one_after_another(PUBLIC, home)
        check_url("https://hooks.example.com:8443/", resolver=rebinding)
        with client(resolver=rebinding) as http, pytest.raises(AddressRefused) as caught:
            http.post("https://hooks.example.com:8443/", content=b"{}")
        assert caught.value.reason == "The host leads to a loopback address."
        assert inside.nobody_called()


def test_the_same_name_does_reach_a_receiver_once_private_addresses_are_open() -> None:
    with Receiver((loopback(), 8443)) as inside:
        home = always(inside.host)
        with client(resolver=home, allow_private=True) as http:
            http.post("http://hooks.example.com:8443/", content=b"{}")
        assert not inside.nobody_called()


def loopback() -> str:
    """An address of this machine that no test beside this one listens on."""
    return f"127.{os.getpid() >> 16 & 255}.{os.getpid() >> 8 & 255}.{os.getpid() & 255 or 1}"


def test_the_name_is_resolved_once_for_one_exchange(receiver: Receiver) -> None:
    only_once = one_after_another("127.0.0.1")
    with client(resolver=only_once, allow_private=True) as http:
        http.post(f"http://hooks.example.com:{receiver.port}/")
    assert len(receiver.received) == 1


@pytest.mark.parametrize(
    "url", ["https://ada:secret@hooks.example.com/", "http://hooks.example.com/", "https://0/"]
)
def test_what_cannot_be_saved_cannot_be_called(url: str) -> None:
    with client(resolver=always(PUBLIC)) as http, pytest.raises(AddressRefused):
        http.post(url)


def test_a_redirect_is_an_answer_and_not_followed(receiver: Receiver) -> None:
    with Receiver() as inside:
        receiver.will(status(302, headers={"Location": inside.url}))
        with client(allow_private=True) as http:
            answer = http.post(receiver.url)
        assert answer.status_code == 302
        assert not answer.is_success
        assert inside.nobody_called()


def test_even_a_followed_redirect_is_checked(receiver: Receiver) -> None:
    receiver.will(status(302, headers={"Location": "http://169.254.169.254/latest/meta-data/"}))
    with client(allow_private=True) as http, pytest.raises(AddressRefused):
        http.get(receiver.url, follow_redirects=True)


def test_tls_and_the_host_header_keep_the_name(authority: Authority) -> None:
    with (
        Receiver(tls=authority.server("hooks.example.com")) as receiver,
        client(resolver=always("127.0.0.1"), allow_private=True, trust=authority.trust()) as http,
    ):
        answer = http.post(f"https://hooks.example.com:{receiver.port}/", content=b"{}")
        assert answer.status_code == 204
        assert receiver.names_asked_for == ["hooks.example.com"]
        assert receiver.received[0].headers["host"] == f"hooks.example.com:{receiver.port}"


def test_a_certificate_of_another_name_is_not_believed(authority: Authority) -> None:
    with (
        Receiver(tls=authority.server("other.example.com")) as receiver,
        client(resolver=always("127.0.0.1"), allow_private=True, trust=authority.trust()) as http,
        pytest.raises(httpx.ConnectError, match="Hostname mismatch"),
    ):
        http.post(f"https://hooks.example.com:{receiver.port}/")
    assert receiver.received == []


def test_a_certificate_nobody_vouches_for_is_not_believed(authority: Authority) -> None:
    with (
        Receiver(tls=authority.server("hooks.example.com")) as receiver,
        client(resolver=always("127.0.0.1"), allow_private=True) as http,
        pytest.raises(httpx.ConnectError, match="certificate verify failed"),
    ):
        http.post(f"https://hooks.example.com:{receiver.port}/")
    assert receiver.received == []


def test_a_second_address_is_tried_when_the_first_is_dead(receiver: Receiver) -> None:
    dead_first = always("127.0.0.2", "127.0.0.1")
    with client(resolver=dead_first, allow_private=True) as http:
        answer = http.post(f"http://hooks.example.com:{receiver.port}/")
    assert answer.status_code == 204


def test_a_long_answer_is_read_no_further_than_its_bound(receiver: Receiver) -> None:
    receiver.will(status(200, body=b"x" * 65_536), status(200, body=b"x" * 1_000_000))
    with client(allow_private=True) as http:
        whole, cut = http.get(receiver.url), http.get(receiver.url)
    assert (len(whole.content), whole.extensions["truncated"]) == (65_536, False)
    assert (len(cut.content), cut.extensions["truncated"]) == (65_536, True)


def test_a_compressed_answer_stays_as_small_as_it_came(receiver: Receiver) -> None:
    bomb = gzip.compress(b"\0" * 10_000_000)
    receiver.will(status(200, headers={"Content-Encoding": "gzip"}, body=bomb))
    with client(allow_private=True) as http:
        answer = http.get(receiver.url)
    assert answer.content == bomb
    assert receiver.received[0].headers["accept-encoding"] == "identity"


def test_a_dripping_answer_ends_with_the_total_time(receiver: Receiver) -> None:
    receiver.will(drip())
    started = time.monotonic()
    with client(allow_private=True, total=0.4) as http, pytest.raises(httpx.ReadTimeout):
        http.get(receiver.url)
    assert 0.3 < time.monotonic() - started < 2


def test_a_receiver_that_never_drinks_ends_with_the_total_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        started = time.monotonic()
        with client(allow_private=True, total=0.4) as http, pytest.raises(httpx.WriteTimeout):
            http.post(url, content=b"x" * 20_000_000)
        assert time.monotonic() - started < 2


def test_a_name_server_that_never_answers_ends_with_the_total_time() -> None:
    over = Event()

    def mute(host: str, port: int) -> Sequence[str]:
        over.wait(30)
        return [PUBLIC]

    started = time.monotonic()
    with client(resolver=mute, total=0.3) as http, pytest.raises(httpx.ConnectTimeout):
        http.get("https://hooks.example.com/")
    assert time.monotonic() - started < 2
    over.set()


def test_nothing_is_begun_when_no_time_is_left(receiver: Receiver) -> None:
    with client(allow_private=True, total=0) as http, pytest.raises(httpx.ConnectTimeout):
        http.get(receiver.url)
    assert receiver.nobody_called()


def test_a_connection_ends_with_its_deadline_even_between_two_reads(receiver: Receiver) -> None:
    network = CheckedNetwork(
        resolver=system_resolver, allow_private=True, deadline=time.monotonic() + 0.05
    )
    with closing(network.connect_tcp(receiver.host, receiver.port)) as stream:
        time.sleep(0.06)
        with pytest.raises(httpcore.ReadTimeout):
            stream.read(1)


def test_a_mistake_in_a_resolver_is_not_taken_for_a_dead_name() -> None:
    def mistaken(host: str, port: int) -> Sequence[str]:
        raise KeyError(host)

    with pytest.raises(KeyError):
        check_url("https://hooks.example.com/", resolver=mistaken)


def test_failures_are_errors_of_httpx(receiver: Receiver) -> None:
    receiver.will(hang_up(), garbage(), silence())
    with client(allow_private=True, total=10) as http:
        with pytest.raises(httpx.RemoteProtocolError):
            http.get(receiver.url)
        with pytest.raises(httpx.RemoteProtocolError):
            http.get(receiver.url)
        with pytest.raises(httpx.ConnectError):
            http.get("http://127.0.0.2:1/")
    with client(allow_private=True, total=0.5) as http, pytest.raises(httpx.ReadTimeout):
        http.get(receiver.url)
    with client(resolver=never) as http, pytest.raises(httpx.ConnectError):
        http.get("https://hooks.example.com/")


def test_neither_the_environment_nor_a_cookie_steers_an_exchange(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login ada password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.2:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.2:1")
    receiver.will(status(200, headers={"Set-Cookie": "follow=me"}))
    with client(allow_private=True) as http:
        http.get(receiver.url)
        http.get(receiver.url)
    for received in receiver.received:
        assert {"cookie", "authorization"}.isdisjoint(received.headers)
