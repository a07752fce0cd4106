"""Claims become Security Event Tokens: RS256, typed, by a key that is loaded once (RFC 8417 §2.3, SSF 1.0 §4.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from joserfc import jws

from bridge.model import SignedSET
from bridge.ssf.keys import SigningKey

_RS256 = jws.JWSRegistry(algorithms=["RS256"])


def mint(claims_list: Sequence[Mapping[str, Any]], key: SigningKey) -> list[SignedSET]:
    """Sign each of the claims, in the order given. About 0.3 ms of CPU each; the GIL is free meanwhile.

    Each claims has `jti` and `iat`. The header is exactly `alg`, `kid` and `typ`.
    """
    header = {"alg": "RS256", "kid": key.kid, "typ": "secevent+jwt"}
    return [_signed(claims, header, key) for claims in claims_list]


def _signed(claims: Mapping[str, Any], header: dict[str, str], key: SigningKey) -> SignedSET:
    text = jws.serialize_compact(header, orjson.dumps(claims), key.private, registry=_RS256)
    return SignedSET(jti=claims["jti"], iat=claims["iat"], kid=key.kid, text=text)
