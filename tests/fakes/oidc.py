"""A stand-in identity provider: real loopback HTTP, real keys, and every forgery a test asks for."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.fakes.server import Answer, Call, Vendor

CLIENT, SECRET = "countersign", "a secret: with/odd signs"
Change = Callable[[dict[str, Any]], None]


def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


KEYS = {"first": _key(), "second": _key()}


@dataclass(slots=True)
class Issued:
    """A code on its way: what it was asked with, and who it stands for."""

    asked: dict[str, str]
    claims: dict[str, Any]


@dataclass(slots=True)
class Somebody:
    """Who sits at the provider's own sign-in page."""

    subject: str = "lin-at-work"
    email: str = "lin@example.com"
    is_verified: Any = True
    name: str = "Lin"
    says: dict[str, Any] = field(default_factory=dict)


class IdentityProvider(Vendor):
    """Signs whoever `user` is in without asking; `change` and `sign` forge what it says."""

    def __init__(self) -> None:
        super().__init__()
        self.user = Somebody()
        self.change: Change = lambda _: None
        self.sign: Callable[[IdentityProvider, dict[str, Any]], str] = signed
        self.published = ["first"]
        self.codes: dict[str, Issued] = {}
        self.extra: dict[str, Any] = {}

    def go(self, address: str) -> str:
        """What a browser does at the authorisation address: the address it is sent back to."""
        asked = dict(parse_qsl(urlsplit(address).query))
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = Issued(asked, self._claims(asked))
        return f"{asked['redirect_uri']}?code={code}&state={quote(asked['state'])}&iss={quote(self.url)}"

    def answer(self, call: Call) -> Answer:
        if call.path == "/.well-known/openid-configuration":
            return Answer(200, self._discovery())
        if call.path == "/keys":
            return Answer(200, {"keys": [_published(name) for name in self.published]})
        if call.path == "/token":
            return self._token(call)
        if call.path == "/authorize":
            back = self.go(f"{self.url}/authorize?" + _unread(call.query))
            return Answer(302, None, {"Location": back})
        return Answer(404, {"error": "not_found"})

    def _discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            **self.extra,
        }

    def _token(self, call: Call) -> Answer:
        """A code counts once, for the client and the verifier it was asked for with."""
        issued = self.codes.pop(call.body["code"], None)
        verifier = hashlib.sha256(call.body["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        if not _is_client(call) or issued is None or issued.asked["code_challenge"] != challenge:
            return Answer(400, {"error": "invalid_grant"})
        self.change(issued.claims)
        token = self.sign(self, issued.claims)
        return Answer(200, {"access_token": "x", "token_type": "Bearer", "id_token": token})

    def _claims(self, asked: dict[str, str]) -> dict[str, Any]:
        now = int(time.time())
        again = {"auth_time": now} if asked.get("max_age") == "0" else {}
        return {
            "iss": self.url, "aud": CLIENT, "sub": self.user.subject, "iat": now, "exp": now + 300,
            "nonce": asked["nonce"], "email": self.user.email, "email_verified": self.user.is_verified,
            "name": self.user.name, **again, **self.user.says,
        }  # fmt: skip


def signed(
    to: IdentityProvider, claims: dict[str, Any], *, by: str = "first", kid: str = "first"
) -> str:
    del to
    return jwt.encode(claims, KEYS[by], algorithm="RS256", headers={"kid": kid})


def unsigned(to: IdentityProvider, claims: dict[str, Any]) -> str:
    del to
    return jwt.encode(claims, "", algorithm="none", headers={"kid": "first"})


def signed_with_the_public_key(to: IdentityProvider, claims: dict[str, Any]) -> str:
    """HS256 with what everybody can read, which careless verifiers take for a shared secret."""
    del to
    public = KEYS["first"].public_key()
    pem = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    parts = [{"alg": "HS256", "typ": "JWT", "kid": "first"}, claims]
    body = ".".join(_encoded(json.dumps(part).encode()) for part in parts)
    return f"{body}.{_encoded(hmac.digest(pem, body.encode(), 'sha256'))}"


def signed_by_a_stranger(to: IdentityProvider, claims: dict[str, Any]) -> str:
    return signed(to, claims, by="second", kid="first")


def _published(name: str) -> dict[str, Any]:
    jwk: dict[str, Any] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEYS[name].public_key()))
    return jwk | {"kid": name, "use": "sig", "alg": "RS256"}


def _is_client(call: Call) -> bool:
    kind, _, raw = call.headers.get("authorization", "").partition(" ")
    user, _, secret = base64.b64decode(raw).decode().partition(":")
    return (kind, unquote(user), unquote(secret)) == ("Basic", CLIENT, SECRET)


def _unread(query: dict[str, str]) -> str:
    return "&".join(f"{name}={quote(value)}" for name, value in query.items())


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
