"""Claims become Security Event Tokens: RS256, typed, by a key that is loaded once (RFC 8417 §2.3, SSF 1.0 §4.1)."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from bridge.model import SignedSET
from bridge.ssf.keys import SigningKey

_PADDING, _HASH = PKCS1v15(), SHA256()


def mint(claims_list: Sequence[Mapping[str, Any]], key: SigningKey) -> list[SignedSET]:
    """Sign each of the claims, in the order given. About 0.3 ms of CPU each; the GIL is free meanwhile.

    Each claims has `jti` and `iat`. The header is exactly `alg`, `kid` and `typ`. The compact form (RFC 7515 §3.1) is
    put together here: joserfc makes the same bytes (a test compares them), and spends a tenth of a signature on checks
    of a header that is always this one.
    """
    private = key.private.private_key
    assert private is not None
    header = _encoded(orjson.dumps({"alg": "RS256", "kid": key.kid, "typ": "secevent+jwt"}))
    made: list[SignedSET] = []
    for claims in claims_list:
        signed = b"%b.%b" % (header, _encoded(orjson.dumps(claims)))
        text = b"%b.%b" % (signed, _encoded(private.sign(signed, _PADDING, _HASH)))
        made.append(SignedSET(jti=claims["jti"], iat=claims["iat"], kid=key.kid, text=text.decode()))
    return made


def _encoded(part: bytes) -> bytes:
    return urlsafe_b64encode(part).rstrip(b"=")
