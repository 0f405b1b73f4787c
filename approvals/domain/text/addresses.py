"""Domains in the two ways they are written: for people, and on the wire (Punycode)."""

from __future__ import annotations

import re

from approvals.domain.text.unseen import with_chips

LABEL_LIMIT = 63  # the limit of DNS, and of our patience: the codec's time grows with the square
_PREFIX = "xn--"
_DOMAIN = re.compile(r"[^\W_](?:[\w-]|\.(?=\w))*")


def as_written_on_the_wire(token: str) -> str:
    """The ASCII form of the domain in a token, or nothing if there is none to write."""
    domain = next((name for name in _domains(token) if "." in name and not name.isascii()), "")
    return ".".join(map(_encoded_label, domain.split(".")))


def decoded(token: str) -> str:
    """The reading of a domain that is written in Punycode, or nothing if it is not."""
    domain = next((name for name in _domains(token) if _PREFIX in name.lower()), "")
    reading = ".".join(map(_decoded_label, domain.split(".")))
    return "" if reading == domain else reading


def _domains(token: str) -> list[str]:
    """What may be a host in a URL or an e-mail address, or in the token up to its first slash."""
    authority = re.split(r"[/?#]", token.rpartition("://")[2], maxsplit=1)[0]
    return _DOMAIN.findall(authority)


def _encoded_label(label: str) -> str:
    if label.isascii() or len(label) > LABEL_LIMIT:
        return label
    return _PREFIX + label.lower().encode("punycode").decode("ascii")


def _decoded_label(label: str) -> str:
    if not label.lower().startswith(_PREFIX) or len(label) > LABEL_LIMIT:
        return label
    try:
        reading = label[len(_PREFIX) :].encode("ascii").decode("punycode")
    except (UnicodeError, ValueError, OverflowError):
        return label
    return with_chips(reading)
