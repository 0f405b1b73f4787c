"""Say which addresses the service may speak to, and why not the others.

An agent chooses where its callback goes, so that address must never lead inside the operator's
network. The tables follow the IANA special-purpose registries (RFC 6890), and add the metadata
services of the large clouds: some of them live at addresses the registries call public.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Table = tuple[tuple[IPv4Network | IPv6Network, str], ...]


def _table(rows: Iterable[tuple[str, str]]) -> Table:
    return tuple((ip_network(network), words) for network, words in rows)


METADATA = _table(
    (
        ("169.254.169.254/32", "a cloud metadata service"),
        ("168.63.129.16/32", "a cloud metadata service"),  # Azure, formally public
        ("192.0.0.192/32", "a cloud metadata service"),  # Oracle
        ("100.100.100.200/32", "a cloud metadata service"),  # Alibaba, among carrier addresses
        ("fd00:ec2::254/128", "a cloud metadata service"),  # Amazon
        ("fd20:ce::254/128", "a cloud metadata service"),  # Google
    )
)

# What an operator may open for receivers on the premises.
PRIVATE = _table(
    (
        ("10.0.0.0/8", "a private address"),
        ("100.64.0.0/10", "a carrier's shared address"),
        ("127.0.0.0/8", "a loopback address"),
        ("172.16.0.0/12", "a private address"),
        ("192.168.0.0/16", "a private address"),
        ("::1/128", "a loopback address"),
        ("fc00::/7", "a private address"),
    )
)

# What no setting opens. The IPv6 forms that carry an IPv4 address inside are refused whole, as
# nothing on the public internet needs them any more; NAT64 alone is looked into, because DNS64
# gives such addresses to every IPv4 name on an IPv6-only network.
NEVER = _table(
    (
        ("0.0.0.0/8", "an address of this machine"),
        ("169.254.0.0/16", "a link-local address"),
        ("192.0.0.0/24", "a reserved address"),
        ("192.0.2.0/24", "a documentation address"),
        ("192.88.99.0/24", "a 6to4 relay"),
        ("198.18.0.0/15", "a benchmarking address"),
        ("198.51.100.0/24", "a documentation address"),
        ("203.0.113.0/24", "a documentation address"),
        ("224.0.0.0/4", "a multicast address"),
        ("240.0.0.0/4", "a reserved address"),
        ("::/128", "an address of this machine"),
        ("::ffff:0:0/96", "an IPv4 address inside an IPv6 one"),
        ("::/96", "an IPv4 address inside an IPv6 one"),
        ("::ffff:0:0:0/96", "an IPv4 address inside an IPv6 one"),
        ("64:ff9b:1::/48", "a local translation address"),
        ("2001::/32", "a Teredo tunnel"),
        ("2001::/23", "a reserved address"),
        ("2001:db8::/32", "a documentation address"),
        ("2002::/16", "a 6to4 tunnel"),
        ("3fff::/20", "a documentation address"),
        ("fe80::/10", "a link-local address"),
        ("fec0::/10", "a site-local address"),
        ("ff00::/8", "a multicast address"),
    )
)

NAT64 = IPv6Network("64:ff9b::/96")
GLOBAL_UNICAST = IPv6Network("2000::/3")


class AddressRefused(ValueError):
    """This address may not be called. `reason` says why, in a sentence for people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def refusal(text: str, *, allow_private: bool) -> str | None:
    """Name the kind of address this is if it is out of bounds; None if it may be spoken to.

    `allow_private` opens private and loopback addresses, and nothing else.
    """
    try:
        address = ip_address(text)
    except ValueError:
        return "an address that cannot be read"
    return _kind(address, allow_private=allow_private)


def _kind(address: Address, *, allow_private: bool) -> str | None:
    if words := _found(address, METADATA):
        return words
    if words := _found(address, PRIVATE):
        return None if allow_private else words
    if isinstance(address, IPv6Address) and address in NAT64:
        # RFC 6052 section 3.1: this prefix never stands before a private address.
        return _kind(IPv4Address(address.packed[-4:]), allow_private=False)
    if words := _found(address, NEVER):
        return words
    if isinstance(address, IPv6Address) and address not in GLOBAL_UNICAST:
        return "a reserved address"
    return None


def _found(address: Address, table: Table) -> str | None:
    return next((words for network, words in table if address in network), None)
