"""The one outbound HTTP client: it cannot be led inside the operator's network.

What may be called is decided twice: by `check_url` when an address is saved, and again by `client`
at every exchange, for names change.

AddressRefused            the address is out of bounds, and will be at the next attempt too
httpx.TransportError      the exchange failed; another attempt may succeed
"""

from integrations.http.addresses import AddressRefused
from integrations.http.guard import GuardedTransport, check_url, client
from integrations.http.network import Resolver, system_resolver

__all__ = [
    "AddressRefused",
    "GuardedTransport",
    "Resolver",
    "check_url",
    "client",
    "system_resolver",
]
