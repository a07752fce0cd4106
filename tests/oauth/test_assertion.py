"""private_key_jwt: what proves a client, and what does not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from joserfc import jws

from bridge.oauth.assertion import Assertion, Forged, claimed_client, read
from bridge.oauth.jwt import BadJwt
from tests.oauth.given import ISSUER, NOW, ec, known, rsa, signed

ENDPOINT = f"{ISSUER}/oauth/token"
CLAIMS: dict[str, Any] = {"iss": "siem", "sub": "siem", "aud": ENDPOINT, "exp": int(NOW) + 300, "jti": "j"}


def proof(change: dict[str, Any] | None = None, **header: Any) -> str:
    return signed({name: value for name, value in (CLAIMS | (change or {})).items() if value is not None}, **header)


def judged(text: str) -> Assertion:
    return read(text, "siem", known(rsa(), ec()), (ENDPOINT, ISSUER), NOW)


@pytest.mark.parametrize(
    "text",
    [
        proof(),
        proof(typ=None),
        proof(typ="client-authentication+jwt"),
        proof(kid=None),
        proof({"aud": ISSUER}),
        proof({"aud": [ISSUER, "x"], "iat": int(NOW), "nbf": int(NOW)}),
        proof(alg="PS256"),
        signed(CLAIMS, ec(), alg="ES256"),
    ],
)
def test_good_ones(text: str) -> None:
    assert judged(text) == Assertion("siem", "j", NOW + 360)
    assert claimed_client(text) == "siem"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"jti": "a\x00b"}, "jti must hold neither"),
        ({"iss": "other"}, "iss and sub"),
        ({"sub": None}, "iss and sub"),
        ({"aud": "https://other.example/oauth/token"}, "aud must be"),
        ({"aud": None}, "aud must be"),
        ({"exp": None}, "exp is missing"),
        ({"exp": int(NOW) - 60}, "expired"),
        ({"exp": int(NOW) + 3600}, "five minutes"),
        ({"exp": 10**400}, "exp is not a number"),
        ({"iat": int(NOW) + 100}, "iat lies ahead"),
        ({"jti": None}, "jti is missing"),
        ({"jti": ""}, "jti is missing"),
        ({"jti": 5}, "jti is missing"),
        ({"jti": "j" * 257}, "too long"),
    ],
)
def test_claims_that_will_not_do(change: dict[str, Any], why: str) -> None:
    with pytest.raises(BadJwt, match=why):
        judged(proof(change))


@pytest.mark.parametrize(
    "text",
    [
        signed(CLAIMS, rsa("b")),
        signed(CLAIMS, rsa("b"), kid="a"),
        proof(typ="at+jwt"),
        proof(typ="secevent+jwt"),
        proof(alg="RS512"),
        proof()[:-8] + "AAAAAAAA",
    ],
)
def test_what_nobody_signed_as_it_should_be(text: str) -> None:
    with pytest.raises(Forged):
        judged(text)


@pytest.mark.parametrize("text", ["", "a", "a.b.c", "e30.e30.x", "e30.W10.x", "e30.eyJzdWIiOjV9.x", "é.é.é"])
def test_whose_it_says_to_be_may_be_nobody(text: str) -> None:
    assert claimed_client(text) is None


def test_half_of_a_surrogate_pair_is_no_jti() -> None:
    """JSON can spell it, and no database keeps it."""
    claims = json.dumps(CLAIMS | {"jti": "a\ud800"}).encode()
    text = jws.serialize_compact({"alg": "RS256", "kid": "a"}, claims, rsa(), algorithms=["RS256"])
    with pytest.raises(BadJwt, match="jti must hold neither"):
        judged(text)
