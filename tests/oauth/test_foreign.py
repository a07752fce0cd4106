"""Access tokens of other authorization servers, in the shapes that they have."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.oauth.foreign import PROFILES, Expected, Foreign, metadata_urls, read
from bridge.oauth.jwt import BadJwt
from tests.oauth.given import NOW, ec, known, rsa, signed

IDP = "https://idp.example/as"
COMMON: dict[str, Any] = {"iss": IDP, "aud": "api://ssf", "exp": int(NOW) + 600, "iat": int(NOW), "sub": "x"}
SHAPES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    # profile → header, claims
    "rfc9068": ({"typ": "at+jwt"}, {"client_id": "siem", "scope": "ssf.read other", "jti": "j"}),
    "okta": ({"typ": None}, {"cid": "siem", "scp": ["ssf.read", "other"], "ver": 1}),
    "entra": ({"typ": "JWT", "x5t": "t"}, {"azp": "siem", "roles": ["ssf.read", "other"], "ver": "2.0"}),
}
WHO = Foreign("siem", frozenset({"ssf.read", "other"}))


def expected(profile: str) -> Expected:
    return Expected(IDP, "api://ssf", PROFILES[profile])


def token(profile: str, claims: dict[str, Any] | None = None, **header: Any) -> str:
    shape, said = SHAPES[profile]
    members = {name: value for name, value in (COMMON | said | (claims or {})).items() if value is not None}
    return signed(members, **(shape | header))


@pytest.mark.parametrize("profile", SHAPES)
def test_each_shape_by_its_profile(profile: str) -> None:
    assert read(token(profile), known(rsa()), expected(profile), NOW) == WHO
    assert read(token(profile, {"aud": ["x", "api://ssf"]}), known(rsa()), expected(profile), NOW) == WHO


@pytest.mark.parametrize(
    ("profile", "shape"), [("rfc9068", "okta"), ("rfc9068", "entra"), ("okta", "entra"), ("entra", "okta")]
)
def test_no_shape_by_another_one(profile: str, shape: str) -> None:
    with pytest.raises(BadJwt):
        read(token(shape), known(rsa()), expected(profile), NOW)


@pytest.mark.parametrize("profile", SHAPES)
@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"iss": "https://idp.example"}, "another issuer"),
        ({"iss": IDP + "/"}, "another issuer"),
        ({"aud": "api://other"}, "somebody else"),
        ({"aud": None}, "somebody else"),
        ({"exp": int(NOW) - 60}, "expired"),
        ({"exp": None}, "exp is missing"),
        ({"nbf": int(NOW) + 120}, "lies ahead"),
        ({"client_id": None, "cid": None, "azp": None}, "names no client"),
        ({"client_id": {"a": 1}, "cid": ["siem"], "azp": 7}, "names no client"),
    ],
)
def test_what_is_not_for_us(profile: str, claims: dict[str, Any], why: str) -> None:
    with pytest.raises(BadJwt, match=why):
        read(token(profile, claims), known(rsa()), expected(profile), NOW)


def test_whether_the_key_or_the_signature_is_wrong() -> None:
    for text, why in (
        (token("okta", kid="another"), "the key that signed the token is not known"),
        (token("okta", {"cid": "x"}).rpartition(".")[0] + "." + token("okta").rpartition(".")[2], "signature"),
    ):
        with pytest.raises(BadJwt, match=why):
            read(text, known(rsa()), expected("okta"), NOW)


@pytest.mark.parametrize("profile", SHAPES)
def test_a_set_is_no_token(profile: str) -> None:
    with pytest.raises(BadJwt, match="another type"):
        read(token(profile, typ="secevent+jwt"), known(rsa()), expected(profile), NOW)


@pytest.mark.parametrize("profile", SHAPES)
def test_a_clock_may_be_a_minute_off(profile: str) -> None:
    late = token(profile, {"exp": int(NOW) - 30, "nbf": int(NOW) - 600})
    assert read(late, known(rsa()), expected(profile), NOW) == WHO


def test_algorithms_are_ours_to_name() -> None:
    text = signed(COMMON | SHAPES["okta"][1], ec(), alg="ES256", typ=None)
    with pytest.raises(BadJwt, match="algorithm"):
        read(text, known(ec()), expected("okta"), NOW)
    text = signed(COMMON | SHAPES["rfc9068"][1], ec(), alg="ES256", typ="at+jwt")
    assert read(text, known(ec()), expected("rfc9068"), NOW) == WHO


def test_entra_v1_and_delegated_scopes() -> None:
    v1 = token("entra", {"azp": None, "appid": "siem"})
    assert read(v1, known(rsa()), expected("entra"), NOW) == WHO
    delegated = token("entra", {"roles": None, "scp": "ssf.read other"})
    assert read(delegated, known(rsa()), expected("entra"), NOW) == WHO


def test_a_token_without_scopes_grants_none() -> None:
    for scope in (None, 5, {"a": 1}, []):
        found = read(token("rfc9068", {"scope": scope}), known(rsa()), expected("rfc9068"), NOW)
        assert found == Foreign("siem", frozenset())


def test_where_metadata_may_stand() -> None:
    well = "/.well-known"
    assert metadata_urls(IDP, PROFILES["rfc9068"]) == [
        f"https://idp.example{well}/oauth-authorization-server/as",
        f"{IDP}{well}/oauth-authorization-server",
        f"{IDP}{well}/openid-configuration",
    ]
    assert metadata_urls("https://idp.example/t/v2.0", PROFILES["entra"]) == [
        f"https://idp.example/t/v2.0{well}/openid-configuration"
    ]
    assert metadata_urls("https://idp.example/", PROFILES["okta"]) == [
        f"https://idp.example{well}/openid-configuration",
        f"https://idp.example{well}/oauth-authorization-server",
    ]
