"""A JWKS document: read strictly (RFC 7517; interoperability profile §2.3.3, §2.6)."""

from __future__ import annotations

from typing import Any

from joserfc.jwk import RSAKey

from tests.independent.refusal import Refused

PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


def read(document: Any) -> dict[str, RSAKey]:
    """The keys by `kid`. Refused unless each is a public RSA key of 2048 bits or more that is made for RS256."""
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list) or not document["keys"]:
        raise Refused("invalid_key", "a JWKS is an object with keys")
    found: dict[str, RSAKey] = {}
    for one in document["keys"]:
        kid = _checked(one)
        if kid in found:
            raise Refused("invalid_key", f"two keys are called {kid}")
        found[kid] = RSAKey.import_key(one)
    return found


def bits(key: RSAKey) -> int:
    return int(key.public_key.key_size)


def _checked(key: Any) -> str:
    if not isinstance(key, dict) or PRIVATE & key.keys():
        raise Refused("invalid_key", "a key is an object without private members")
    for member, value in (("kty", "RSA"), ("use", "sig"), ("alg", "RS256")):
        if key.get(member) != value:
            raise Refused("invalid_key", f"{member} must be {value}")
    if not isinstance(key.get("kid"), str) or not key["kid"]:
        raise Refused("invalid_key", "kid must be text")
    if "=" in key.get("n", "=") + key.get("e", "="):
        raise Refused("invalid_key", "n and e are base64url without padding")
    if bits(RSAKey.import_key(key)) < 2048:
        raise Refused("invalid_key", "an RSA key has 2048 bits or more")
    return str(key["kid"])
