"""An authenticator in software, as honest or as false as a test wants it."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass(slots=True)
class Authenticator:
    """Holds one key for one domain; `flags` and `count` are what it claims when it signs."""

    origin: str
    domain: str
    flags: int = PRESENT | VERIFIED
    count: int = 1
    handle: bytes = b""
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    number: bytes = field(default_factory=lambda: secrets.token_bytes(16))

    def make(self, options: dict[str, Any]) -> str:
        """What the browser posts for `navigator.credentials.create`."""
        self.handle = decoded(options["user"]["id"])
        attested = self._authenticator_data(ATTESTED) + b"\x00" * 16
        attested += len(self.number).to_bytes(2, "big") + self.number + self._public()
        made = {"fmt": "none", "attStmt": {}, "authData": attested}
        response = {
            "clientDataJSON": encoded(self._client_data("webauthn.create", options)),
            "attestationObject": encoded(cbor2.dumps(made)),
            "transports": ["internal", "telepathy"],
        }
        return self._credential(response)

    def sign(self, options: dict[str, Any]) -> str:
        """What the browser posts for `navigator.credentials.get`."""
        self.count += 1
        client = self._client_data("webauthn.get", options)
        data = self._authenticator_data(0)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        response = {
            "clientDataJSON": encoded(client),
            "authenticatorData": encoded(data),
            "signature": encoded(signature),
            "userHandle": encoded(self.handle) if self.handle else None,
        }
        return self._credential(response)

    def _credential(self, response: dict[str, Any]) -> str:
        number = encoded(self.number)
        return json.dumps(
            {"id": number, "rawId": number, "type": "public-key", "response": response}
        )

    def _client_data(self, kind: str, options: dict[str, Any]) -> bytes:
        said = {"type": kind, "challenge": options["challenge"], "origin": self.origin}
        return json.dumps(said).encode()

    def _authenticator_data(self, more: int) -> bytes:
        domain = hashlib.sha256(self.domain.encode()).digest()
        return domain + bytes([self.flags | more]) + self.count.to_bytes(4, "big")

    def _public(self) -> bytes:
        """COSE: an EC2 key for ES256 on P-256."""
        numbers = self.key.public_key().public_numbers()
        x, y = (number.to_bytes(32, "big") for number in (numbers.x, numbers.y))
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
