"""Our own access tokens, and what is none: every other JWT, of another key, type, time or place."""

from __future__ import annotations

import base64
import hmac
from typing import Any

import orjson
import pytest
from joserfc import jwt

from bridge.oauth.jwt import BadJwt
from bridge.oauth.token import Grant, minted, read
from tests.oauth.given import ISSUER, NOW, rsa, signed, token_key

GRANT = Grant("siem", frozenset({"ssf.read", "ssf.manage"}), 4)
CLAIMS: dict[str, Any] = {
    "iss": ISSUER, "aud": ISSUER, "sub": "siem", "client_id": "siem", "scope": "ssf.manage ssf.read",
    "iat": int(NOW), "nbf": int(NOW), "exp": int(NOW) + 600, "jti": "j", "gen": 4,
}  # fmt: skip


DEEP = base64.urlsafe_b64encode(b'{"alg":' + b"[" * 9000).rstrip(b"=").decode() + ".e30.e30"


def test_what_is_minted_is_read_again() -> None:
    text = minted(GRANT, ISSUER, token_key(), now=NOW + 0.7, lifetime=600.0, jti="j")
    assert read(text, ISSUER, [token_key("b"), token_key()], NOW) == GRANT
    opened = jwt.decode(text, rsa(), algorithms=["RS256"])
    assert opened.header == {"alg": "RS256", "typ": "at+jwt", "kid": "a"}
    assert opened.claims == CLAIMS


def test_it_is_good_until_the_second_in_which_it_expires() -> None:
    text = minted(GRANT, ISSUER, token_key(), now=NOW, lifetime=600.0, jti="j")
    assert read(text, ISSUER, [token_key()], NOW + 599.9) == GRANT
    with pytest.raises(BadJwt, match="has expired"):
        read(text, ISSUER, [token_key()], NOW + 600)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"iss": "https://other.example"}, "for somebody else"),
        ({"iss": ISSUER + "/"}, "for somebody else"),
        ({"aud": "https://other.example"}, "for somebody else"),
        ({"aud": None}, "for somebody else"),
        ({"aud": {"a": ISSUER}}, "for somebody else"),
        ({"exp": None}, "exp is missing"),
        ({"exp": "9999999999"}, "exp is not a number"),
        ({"exp": True}, "exp is not a number"),
        ({"exp": float("inf")}, "exp is not a number"),
        ({"exp": float("nan")}, "exp is not a number"),
        ({"exp": 10**400}, "exp is not a number"),
        ({"nbf": -(10**400)}, "nbf is not a number"),
        ({"nbf": int(NOW) + 61}, "nbf lies ahead"),
        ({"iat": int(NOW) + 3600}, "iat lies ahead"),
        ({"client_id": None}, "claims of the token are missing"),
        ({"client_id": ["siem"]}, "claims of the token are missing"),
        ({"scope": ["ssf.manage"]}, "claims of the token are missing"),
        ({"gen": None}, "claims of the token are missing"),
        ({"gen": True}, "claims of the token are missing"),
    ],
)
def test_claims_that_will_not_do(change: dict[str, Any], why: str) -> None:
    claims = {name: value for name, value in (CLAIMS | change).items() if value is not None}
    with pytest.raises(BadJwt, match=why):
        read(signed(claims, typ="at+jwt"), ISSUER, [token_key()], NOW)


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ({"typ": "secevent+jwt"}, "of another type"),
        ({"typ": "application/secevent+jwt"}, "of another type"),
        ({"typ": "JWT"}, "of another type"),
        ({"typ": None}, "of another type"),
        ({"typ": 5}, "malformed"),
        ({"kid": ["a"]}, "malformed"),
        ({"typ": "at+jwt", "alg": "PS256"}, "another algorithm"),
        ({"typ": "at+jwt", "kid": "b"}, "the key that signed the token is not known"),
        ({"typ": "at+jwt", "crit": ["x"], "x": 1}, "not understood"),
        ({"typ": "at+jwt", "jku": "https://evil.example/keys"}, "not understood"),
    ],
)
def test_headers_that_will_not_do(header: dict[str, Any], why: str) -> None:
    members = {name: value for name, value in ({"alg": "RS256", "kid": "a"} | header).items() if value is not None}
    signed_with_a = _raw(members, CLAIMS)
    with pytest.raises(BadJwt, match=why):
        read(signed_with_a, ISSUER, [token_key()], NOW)


def test_the_long_form_of_the_type_is_the_same_type() -> None:
    assert read(signed(CLAIMS, typ="application/AT+JWT"), ISSUER, [token_key()], NOW) == GRANT


def test_a_key_of_somebody_else_with_our_kid() -> None:
    with pytest.raises(BadJwt, match="signature"):
        read(signed(CLAIMS, rsa("b"), typ="at+jwt", kid="a"), ISSUER, [token_key()], NOW)


def test_neither_no_algorithm_nor_ours_as_a_shared_secret() -> None:
    nothing = f"{_part({'alg': 'none', 'typ': 'at+jwt', 'kid': 'a'})}.{_part(CLAIMS)}."
    text = f"{_part({'alg': 'HS256', 'typ': 'at+jwt', 'kid': 'a'})}.{_part(CLAIMS)}"
    shared = hmac.digest(rsa().as_pem(private=False), text.encode(), "sha256")
    confused = f"{text}.{base64.urlsafe_b64encode(shared).rstrip(b'=').decode()}"
    for text in (nothing, confused):
        with pytest.raises(BadJwt, match="another algorithm"):
            read(text, ISSUER, [token_key()], NOW)


@pytest.mark.parametrize(
    "text", ["", "a", "a.b", "a.b.c", "..", "a.b.c.d.e", "e30.e30.e30", "é.é.é", "bnVsbA.e30.e30", DEEP]
)
def test_what_is_no_jwt(text: str) -> None:
    with pytest.raises(BadJwt):
        read(text, ISSUER, [token_key()], NOW)


@pytest.mark.parametrize("payload", [b"[]", b"null", b"{", b"\xff", b'"x"'])
def test_claims_that_are_no_object(payload: bytes) -> None:
    text = _signed_bytes({"alg": "RS256", "kid": "a", "typ": "at+jwt"}, payload)
    with pytest.raises(BadJwt):
        read(text, ISSUER, [token_key()], NOW)


def _part(members: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(members)).rstrip(b"=").decode()


def _raw(header: dict[str, Any], claims: dict[str, Any]) -> str:
    """Signed as it stands, whatever the header says."""
    return _signed_bytes(header, orjson.dumps(claims))


def _signed_bytes(header: dict[str, Any], payload: bytes) -> str:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    private: Any = rsa().private_key
    text = f"{_part(header)}.{base64.urlsafe_b64encode(payload).rstrip(b'=').decode()}"
    signature = private.sign(text.encode(), PKCS1v15(), SHA256())
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
