"""A signed JWT as somebody presents it: opened only with one of the keys, algorithms and types that are expected. Pure.

What a token says of itself decides nothing (RFC 8725 §3.1, §3.11): the algorithms and the `typ` are ours to name, and a
key is used with the one algorithm of its kind.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import JoseError

from bridge.errors import BridgeError
from bridge.oauth.keyset import KeySet

LONGEST_PAYLOAD: Final = 16_384
"""Bytes of the claims, in base64."""
EARLY: Final = 60.0
"""Seconds that a beginning may lie ahead: clocks differ, and are set back."""
_STRANGE: Final = frozenset({"crit", "b64", "jku", "jwk", "x5u", "zip"})
"""Header members that would have us do something else than we do."""


class BadJwt(BridgeError):
    """`str()` says what is wrong, in ASCII without quotes and without anything of the token."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a token says of itself before anything is verified."""

    alg: str
    kid: str | None
    typ: str
    """In lower case, without `application/`; "" where there is none (RFC 7515 §4.1.9)."""


def head(text: str) -> Head:
    """Raises BadJwt for what is no JWS in its compact form, or has a header that is not understood."""
    try:
        members = jws.extract_compact(text.encode()).headers()
    except (JoseError, ValueError, TypeError, AttributeError, RecursionError):
        raise BadJwt("the token is not known, and is no signed JWT") from None
    alg, kid, typ = members.get("alg"), members.get("kid"), members.get("typ", "")
    if not isinstance(alg, str) or not isinstance(kid, str | None) or not isinstance(typ, str):
        raise BadJwt("the header of the token is malformed")
    if not _STRANGE.isdisjoint(members):
        raise BadJwt("the header of the token has members that are not understood")
    return Head(alg, kid, typ.lower().removeprefix("application/"))


def opened(text: str, keys: KeySet, algorithms: Collection[str], types: Collection[str]) -> Mapping[str, Any]:
    """The claims, verified with the key that the header names. Raises BadJwt."""
    named = head(text)
    if named.typ not in types:
        raise BadJwt("the token is of another type")
    if named.alg not in algorithms:
        raise BadJwt("the token is signed with another algorithm than is accepted")
    fitting = list(keys.fitting(named.kid, named.alg))
    if not fitting:
        raise BadJwt("the key that signed the token is not known")
    registry = _registry(named.alg)
    for key in fitting:
        try:
            return jwt.decode(text, key, algorithms=[named.alg], registry=registry).claims
        except (JoseError, ValueError, TypeError, RecursionError):
            continue
    raise BadJwt("the signature of the token is not good")


@cache
def _registry(algorithm: str) -> jws.JWSRegistry:
    """It lets pass header members that it does not know; those that matter are refused above."""
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    registry.max_payload_length = LONGEST_PAYLOAD
    return registry


def moment(claims: Mapping[str, Any], name: str) -> float | None:
    """A NumericDate (RFC 7519 §2), None where there is none. Raises BadJwt for what is no number."""
    value = claims.get(name)
    if value is None:
        return None
    try:
        found = math.nan if isinstance(value, bool) or not isinstance(value, int | float) else float(value)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise BadJwt(f"{name} is not a number")
    return found


def in_force(claims: Mapping[str, Any], now: float, leeway: float) -> float:
    """When it expires. Raises BadJwt unless it has begun, give or take `EARLY` seconds, and not ended, give or take
    `leeway`."""
    expires = moment(claims, "exp")
    if expires is None:
        raise BadJwt("exp is missing")
    if expires + leeway <= now:
        raise BadJwt("the token has expired")
    for name in ("nbf", "iat"):
        begins = moment(claims, name)
        if begins is not None and begins - EARLY > now:
            raise BadJwt(f"{name} lies ahead: is the clock right?")
    return expires


def is_for(claims: Mapping[str, Any], audiences: Collection[str]) -> bool:
    """Whether `aud`, a text or a list of texts, holds one of them (RFC 7519 §4.1.3)."""
    named = claims.get("aud")
    return any(one in audiences for one in (named if isinstance(named, list) else [named]) if isinstance(one, str))
