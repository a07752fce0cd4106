"""Keys and tokens for the tests of OAuth, made here by joserfc alone."""

from __future__ import annotations

from functools import cache
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from bridge.oauth.keyset import KeySet, key_set
from bridge.oauth.token import TokenKey

ISSUER = "https://signals.acme.example"
NOW = 1_800_000_000.0


def rsa(name: str = "a") -> RSAKey:
    """The same key for the same name."""
    return _rsa(name)


def ec(name: str = "e", curve: str = "P-256") -> ECKey:
    return _ec(name, curve)


@cache
def _rsa(name: str) -> RSAKey:
    return RSAKey.generate_key(2048, parameters={"kid": name})


@cache
def _ec(name: str, curve: Any) -> ECKey:
    return ECKey.generate_key(curve, parameters={"kid": name})


def public(*keys: RSAKey | ECKey, **more: Any) -> dict[str, Any]:
    return {"keys": [key.as_dict(private=False) | more for key in keys]}


def known(*keys: RSAKey | ECKey) -> KeySet:
    return key_set(public(*keys))


def token_key(name: str = "a") -> TokenKey:
    return TokenKey(name, rsa(name))


def signed(claims: dict[str, Any], key: Any = None, *, alg: str = "RS256", **header: Any) -> str:
    """A JWT; a `typ` or `kid` of None is left out."""
    key = key or rsa()
    members = {"alg": alg, "kid": getattr(key, "kid", None), "typ": "JWT"} | header
    shown = {name: value for name, value in members.items() if value is not None}
    return jwt.encode(shown, claims, key, algorithms=[alg], default_type=None)
