"""A grant is believed only when a published key signed exactly what a grant says."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from countersign import Countersign, InvalidGrant, parameters_sha256, verify_grant

NOON = 1_771_588_800
ISSUER, AUDIENCE = "https://approvals.example.com", "countersign-executor"
# Fixed, so that every process of a run names the tests alike.
KEY, OTHER = (Ed25519PrivateKey.from_private_bytes(seed * 32) for seed in (b"1", b"2"))
PARAMETERS = {"from_replicas": 5, "to_replicas": 8}
CLAIMS = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": "robo",
    "jti": "01890000-0000-7000-8000-000000000001",
    "iat": NOON - 60,
    "exp": NOON + 840,
    "request": "01890000-0000-7000-8000-000000000001",
    "action": "scale_deployment",
    "target": "production-api",
    "parameters_sha256": parameters_sha256(PARAMETERS),
    "constraints": {"uses": 1},
}
HEADER = {"alg": "EdDSA", "typ": "approval-grant+jwt", "kid": "k1"}


def public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


JWK = {
    "kty": "OKP",
    "crv": "Ed25519",
    "x": b64(public(KEY)),
    "kid": "k1",
    "use": "sig",
    "alg": "EdDSA",
}
JWKS = {"keys": [JWK]}


def token(
    *,
    key: Ed25519PrivateKey = KEY,
    header: dict[str, Any] | bytes | None = None,
    claims: dict[str, Any] | bytes | None = None,
    sign: Callable[[bytes], bytes] | None = None,
) -> str:
    parts = [
        b64(part if isinstance(part, bytes) else json.dumps(part).encode())
        for part in (HEADER if header is None else header, CLAIMS if claims is None else claims)
    ]
    signed = ".".join(parts).encode()
    return f"{signed.decode()}.{b64((sign or key.sign)(signed))}"


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in CLAIMS.items() if key != name}


def verify(text: str, *, jwks: Any = JWKS, **more: Any) -> Any:
    return verify_grant(text, jwks, issuer=ISSUER, at=NOON, **more)


def test_a_grant_says_what_was_approved() -> None:
    grant = verify(token(), parameters={"to_replicas": 8, "from_replicas": 5.0})
    assert (grant.agent, grant.action, grant.target) == (
        "robo",
        "scale_deployment",
        "production-api",
    )


def test_the_services_own_grants_verify_with_its_published_keys(
    robo: Countersign, live: str
) -> None:
    asked = robo.submit("create_ticket", "ops", {"title": "Disk"})
    assert asked.grant is not None
    claims = json.loads(base64.urlsafe_b64decode(asked.grant.split(".")[1] + "=="))
    keys = robo._http.get(f"{live}/.well-known/jwks.json").json()
    grant = verify_grant(asked.grant, keys, issuer=claims["iss"], parameters={"title": "Disk"})
    assert (grant.request, grant.action) == (asked.id, "create_ticket")
    with pytest.raises(InvalidGrant, match="not the approved"):
        verify_grant(asked.grant, keys, issuer=claims["iss"], parameters={"title": "Disc"})


def rsa(signed: bytes) -> bytes:
    return generate_private_key(65537, 2048).sign(signed, padding.PKCS1v15(), hashes.SHA256())


def by_hmac(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda signed: hmac.new(secret, signed, hashlib.sha256).digest()


PEM = KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
OTHER_JWK = {**JWK, "x": b64(public(OTHER))}
GOOD = token()
FORGED: dict[str, str] = {
    "alg none": token(header={**HEADER, "alg": "none"}, sign=lambda _: b""),
    "alg none, good signature": token(header={**HEADER, "alg": "none"}),
    "alg NoNe": token(header={**HEADER, "alg": "NoNe"}, sign=lambda _: b"x"),
    "HS256 with the public key": token(
        header={**HEADER, "alg": "HS256"}, sign=by_hmac(public(KEY))
    ),
    "HS256 with the PEM": token(header={**HEADER, "alg": "HS256"}, sign=by_hmac(PEM)),
    "HS256 bytes called EdDSA": token(sign=by_hmac(public(KEY))),
    "RS256": token(header={**HEADER, "alg": "RS256"}, sign=rsa),
    "Ed25519 by another name": token(header={**HEADER, "alg": "ES256"}),
    "another key": token(key=OTHER),
    "unknown kid": token(key=OTHER, header={**HEADER, "kid": "k2"}),
    "no kid": token(header={name: HEADER[name] for name in ("alg", "typ")}),
    "kid that is no text": token(header={**HEADER, "kid": 1}),
    "kid that is a path": token(key=OTHER, header={**HEADER, "kid": "../../dev/null"}),
    "jwk in the header": token(key=OTHER, header={**HEADER, "jwk": OTHER_JWK}),
    "jku in the header": token(key=OTHER, header={**HEADER, "jku": "https://evil.example/jwks"}),
    "x5c in the header": token(header={**HEADER, "x5c": ["MII"]}),
    "crit in the header": token(header={**HEADER, "crit": ["exp"]}),
    "plain JWT type": token(header={**HEADER, "typ": "JWT"}),
    "no type": token(header={name: HEADER[name] for name in ("alg", "kid")}),
    "header twice alg": token(
        header=b'{"alg":"none","alg":"EdDSA","typ":"approval-grant+jwt","kid":"k1"}'
    ),
    "claims twice target": token(
        claims=json.dumps(CLAIMS).encode()[:-1] + b',"target":"payments"}'
    ),
    "claims that are a list": token(claims=b"[]"),
    "NaN in the claims": token(claims=json.dumps({**CLAIMS, "exp": float("nan")}).encode()),
    "expired this second": token(claims={**CLAIMS, "exp": NOON}),
    "no exp": token(claims=without("exp")),
    "exp that is text": token(claims={**CLAIMS, "exp": str(NOON + 60)}),
    "exp that is true": token(claims={**CLAIMS, "exp": True}),
    "exp in a thousand years": token(claims={**CLAIMS, "exp": NOON + 31_536_000_000}),
    "issued tomorrow": token(claims={**CLAIMS, "iat": NOON + 86_400, "exp": NOON + 90_000}),
    "not before tomorrow": token(claims={**CLAIMS, "nbf": NOON + 86_400}),
    "another issuer": token(claims={**CLAIMS, "iss": "https://approvals.example.com.evil.example"}),
    "another audience": token(claims={**CLAIMS, "aud": "billing"}),
    "several audiences": token(claims={**CLAIMS, "aud": [AUDIENCE, "billing"]}),
    "more uses": token(claims={**CLAIMS, "constraints": {"uses": 2}}),
    "unknown constraint": token(claims={**CLAIMS, "constraints": {"uses": 1, "region": "eu"}}),
    "a digest that is none": token(claims={**CLAIMS, "parameters_sha256": "*"}),
    **{f"no {name}": token(claims=without(name)) for name in CLAIMS if name != "exp"},
    "a changed claim": ".".join(
        [
            GOOD.split(".")[0],
            b64(json.dumps({**CLAIMS, "target": "payments"}).encode()),
            GOOD.split(".")[2],
        ]
    ),
    "no signature": GOOD.rpartition(".")[0] + ".",
    "two parts": GOOD.rpartition(".")[0],
    "four parts": f"{GOOD}.x",
    "a signature cut short": GOOD[:-4],
    "a space behind": f"{GOOD} ",
    "a line break behind": f"{GOOD}\n",
    "padded": f"{GOOD}==",
    "the same bits written otherwise": GOOD[:-1] + chr(ord(GOOD[-1]) + 1),
    "nothing": "",
    "megabytes": "a." * 500_000,
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_a_forged_grant_is_refused(forged: str) -> None:
    with pytest.raises(InvalidGrant):
        verify(forged)


@pytest.mark.parametrize(
    "jwks",
    [
        {},
        {"keys": None},
        {"keys": []},
        {"keys": ["k1"]},
        {"keys": [JWK, OTHER_JWK]},
        {"keys": [{**JWK, "use": "enc"}]},
        {"keys": [{**JWK, "kty": "oct", "k": "c2VjcmV0"}]},
        {"keys": [{**JWK, "crv": "X25519"}]},
        {"keys": [{**JWK, "alg": "HS256"}]},
        {"keys": [{**JWK, "x": "!"}]},
        {"keys": [{**JWK, "x": b64(b"short")}]},
    ],
    ids=str,
)
def test_keys_of_another_kind_verify_nothing(jwks: Any) -> None:
    with pytest.raises(InvalidGrant):
        verify(GOOD, jwks=jwks)


def test_a_rotated_key_still_verifies() -> None:
    newer = {**JWK, "kid": "k2", "x": b64(public(OTHER))}
    assert verify(GOOD, jwks={"keys": [newer, JWK]}).agent == "robo"


def test_parameters_without_a_canonical_form_are_refused() -> None:
    with pytest.raises(InvalidGrant):
        verify(GOOD, parameters={"to_replicas": 2**60})
