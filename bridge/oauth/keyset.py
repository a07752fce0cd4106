"""Public keys of others: read from PEM, a JWK or a JWK set, and chosen by what a token's header names. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey, import_key

Key = RSAKey | ECKey

ALGORITHMS: Final = ("RS256", "PS256", "ES256")
"""Those that anybody may sign with towards us."""
BITS: Final = 2048
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
    for kind in ("RSA", "EC"):
        try:
            key = import_key(text.strip(), kind)
        except (JoseError, ValueError, TypeError):
            continue
        if (found := _fit(key, None, None)) is not None:
            return KeySet((found,))
        raise ValueError(_UNFIT)
    raise ValueError("must be a public key in PEM, a JWK or a JWK set")


_UNFIT: Final = f"must be an RSA key of at least {BITS} bits, or a P-256 key"


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
        key = import_key({name: value for name, value in jwk.items() if name in ("kty", "n", "e", "crv", "x", "y")})
        return _fit(key, kid, algorithm)
    except (JoseError, ValueError, TypeError, KeyError):
        return None


def _fit(key: Any, kid: str | None, algorithm: str | None) -> PublicKey | None:
    if isinstance(key, RSAKey) and key.public_key.key_size >= BITS:
        return PublicKey(kid, algorithm, "RSA", key)
    if isinstance(key, ECKey) and key.curve_name == "P-256":
        return PublicKey(kid, algorithm, "EC", key)
    return None
