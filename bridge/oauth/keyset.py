"""Public keys of others: read from PEM, a JWK or a JWK set, and chosen by what a token's header names. Pure."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

Key = RSAKey | ECKey

ALGORITHMS: Final = ("RS256", "PS256", "ES256")
"""Those that anybody may sign with towards us."""
BITS: Final = 2048
MOST_BITS: Final = 8192
MOST: Final = 100
"""Keys of a set that are looked at."""
_KIND: Final = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC"}
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


@dataclass(frozen=True, slots=True)
class PublicKey:
    kid: str | None
    algorithm: str | None
    """The only one that it is meant for, where its JWK says so."""
    kind: str
    key: Key = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeySet:
    keys: tuple[PublicKey, ...] = ()

    def fitting(self, kid: str | None, algorithm: str) -> Iterator[Key]:
        """Those that a header with this `kid` and `alg` may mean: a key without a `kid` may be any."""
        for one in self.keys:
            named = kid is None or one.kid is None or one.kid == kid
            if named and one.kind == _KIND.get(algorithm) and one.algorithm in (None, algorithm):
                yield one.key

    def knows(self, kid: str | None) -> bool:
        """Whether asking for the set anew could not bring this key."""
        return any(kid is None or one.kid is None or one.kid == kid for one in self.keys)


def public_keys(text: str) -> KeySet:
    """Of PEM, a JWK or a JWK set as an operator gives it. Raises ValueError with what is wrong, without the key."""
    if text.lstrip().startswith("{"):
        try:
            tree = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise ValueError("is not JSON") from None
        return key_set(tree if "keys" in tree else {"keys": [tree]})
    if "PRIVATE KEY" in text:
        raise ValueError("is a private key, which is the client's alone: give its public key")
    try:
        key = load_pem_public_key(text.strip().encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("must be a public key in PEM, a JWK or a JWK set") from None
    if (found := _fit(key, None, None)) is None:
        raise ValueError(_UNFIT)
    return KeySet((found,))


_UNFIT: Final = f"must be an RSA key of at least {BITS} bits ({MOST_BITS} at most), or a P-256 key"


def key_set(tree: Any) -> KeySet:
    """The keys of a JWK set that are fit to verify with; others are passed over (RFC 7517 §5).

    Raises ValueError if there is none, or if a private key is among them.
    """
    listed = tree.get("keys") if isinstance(tree, dict) else None
    if not isinstance(listed, list):
        raise ValueError("has no list of keys")
    members = [one for one in listed[:MOST] if isinstance(one, dict)]
    if any(not _PRIVATE.isdisjoint(one) for one in members):
        raise ValueError("holds a private key, which is its owner's alone")
    found = [key for one in members if (key := _from_jwk(one)) is not None]
    if not found:
        raise ValueError(f"holds no fit key: {_UNFIT}")
    return KeySet(tuple(found))


def _from_jwk(jwk: Mapping[str, Any]) -> PublicKey | None:
    kid, algorithm = jwk.get("kid"), jwk.get("alg")
    if jwk.get("use", "sig") != "sig" or jwk.get("kty") not in ("RSA", "EC"):
        return None
    if algorithm not in (None, *ALGORITHMS) or not isinstance(kid, str | None):
        return None
    try:
        if jwk["kty"] == "EC":
            return _fit(ECKey.import_key(_only(jwk, "kty", "crv", "x", "y")).public_key, kid, algorithm)
        bits = 8 * len(urlsafe_b64decode(jwk["n"] + "=" * (-len(jwk["n"]) % 4)))
        if not BITS <= bits <= MOST_BITS:
            return None
        return _fit(RSAKey.import_key(_only(jwk, "kty", "n", "e")).public_key, kid, algorithm)
    except (JoseError, ValueError, TypeError, KeyError):
        return None


def _only(jwk: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: jwk[name] for name in names}


def _fit(key: Any, kid: str | None, algorithm: str | None) -> PublicKey | None:
    """What is verified with; a larger RSA key would let whoever has it spend our time."""
    if isinstance(key, RSAPublicKey) and BITS <= key.key_size <= MOST_BITS:
        return PublicKey(kid, algorithm, "RSA", RSAKey.import_key(key))
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return PublicKey(kid, algorithm, "EC", ECKey.import_key(key))
    return None
