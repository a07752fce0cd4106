"""`private_key_jwt`: a client signs that it is itself (RFC 7523 §3, OpenID Connect Core §9). Pure."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import orjson

from bridge.oauth.jwt import BadJwt, head, in_force, is_for, opened
from bridge.oauth.keyset import ALGORITHMS, KeySet
from bridge.text import keepable

TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST: Final = 300.0
"""Seconds that it may be good for: so long its `jti` is remembered."""
LEEWAY: Final = 60.0
"""Seconds that the client's clock may be off."""
LONGEST_JTI: Final = 256
_TYPES: Final = ("", "jwt", "client-authentication+jwt")
"""Never that of an access token or of a SET: those are not proofs of who a client is."""


class Forged(BadJwt):
    """Not signed by the client, as far as anybody can tell: whoever sent it is told no more than that."""


@dataclass(frozen=True, slots=True)
class Assertion:
    client_id: str
    jti: str
    forget_at: float
    """From when on it is refused for its age, and its `jti` need not be remembered."""


def claimed_client(text: str) -> str | None:
    """Whose it says to be, before anything is verified: which keys are to be tried."""
    parts = text.split(".")
    try:
        claims: Any = orjson.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (IndexError, ValueError, binascii.Error):
        return None
    name = claims.get("sub") if isinstance(claims, dict) else None
    return name if isinstance(name, str) else None


def claimed_key(text: str) -> str | None:
    """The `kid` that it names, before anything is verified. Raises Forged for what is no JWT."""
    try:
        return head(text).kid
    except BadJwt as problem:
        raise Forged(str(problem)) from None


def read(text: str, client_id: str, keys: KeySet, audiences: Collection[str], now: float) -> Assertion:
    """The proof that `client_id` made for us, with the token endpoint or the issuer as its audience.

    Raises Forged where one of its keys did not sign it, else BadJwt with what the client must mend.
    """
    try:
        claims = opened(text, keys, ALGORITHMS, _TYPES)
    except BadJwt as problem:
        raise Forged(str(problem)) from None
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        raise BadJwt("iss and sub must both be the client id")
    if not is_for(claims, audiences):
        raise BadJwt("aud must be the token endpoint or the issuer")
    expires = in_force(claims, now, LEEWAY)
    if expires - now > LONGEST + LEEWAY:
        raise BadJwt("exp lies more than five minutes ahead")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= LONGEST_JTI:
        raise BadJwt("jti is missing or too long")
    if not keepable(jti):
        raise BadJwt("jti must hold neither U+0000 nor halves of surrogate pairs")
    return Assertion(client_id, jti, expires + LEEWAY)
