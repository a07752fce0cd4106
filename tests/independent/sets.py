"""What a strict receiver demands of a SET (RFC 8417 §2; SSF 1.0 §3, §4; CAEP 1.0 §2, §3.5; profile §2.6, §2.8.1)."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from tests.independent import events, subjects
from tests.independent.refusal import Refused

HEADER = frozenset({"typ", "alg", "kid"})
FORBIDDEN = ("sub", "exp", "nbf")
"""`nbf` is not named by SSF; but no rule of ours sets it, so one that shows is a library's default (SSF §4.1)."""

_PART = re.compile(r"[A-Za-z0-9_-]+\Z")


@dataclass(frozen=True)
class SecurityEvent:
    text: str
    header: Mapping[str, Any]
    claims: Mapping[str, Any]

    @property
    def jti(self) -> str:
        return str(self.claims["jti"])

    @property
    def type(self) -> str:
        return str(next(iter(self.claims["events"])))

    @property
    def payload(self) -> Mapping[str, Any]:
        payload: Mapping[str, Any] = self.claims["events"][self.type]
        return payload

    @property
    def subject(self) -> Mapping[str, Any]:
        subject: Mapping[str, Any] = self.claims["sub_id"]
        return subject


@dataclass(frozen=True)
class Expected:
    """What the stream configuration promised: `iss`, `aud` and `stream_id` of every SET on this stream."""

    issuer: str
    audience: Any
    stream_id: str


def validate(text: str, keys: Mapping[str, RSAKey], expected: Expected, now: float) -> SecurityEvent:
    """The SET, or Refused. `now` is in seconds."""
    header, claims = _decoded(text)
    _check_header(header, keys)
    try:
        jws.deserialize_compact(text, keys[header["kid"]], algorithms=["RS256"])
    except JoseError as error:
        raise Refused("invalid_key", f"the signature is not the key's: {error}") from None
    _check_envelope(claims, expected, now)
    event = SecurityEvent(text, header, claims)
    subjects.check(claims.get("sub_id"))
    events.check(event.type, event.payload, event.subject, expected.stream_id)
    return event


def _decoded(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Three parts of base64url without padding, of which two are JSON objects."""
    parts = text.split(".")
    if len(parts) != 3 or not all(_PART.match(part) for part in parts):
        raise Refused("invalid_request", "not a JWT in compact form")
    try:
        header, claims = (json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in parts[:2])
    except ValueError:
        raise Refused("invalid_request", "the JWT holds no JSON") from None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise Refused("invalid_request", "header and claims are objects")
    return header, claims


def _check_header(header: Mapping[str, Any], keys: Mapping[str, RSAKey]) -> None:
    if header.get("typ") != "secevent+jwt":
        raise Refused("invalid_request", f"typ is {header.get('typ')!r}")
    if header.get("alg") != "RS256":
        raise Refused("invalid_key", f"alg is {header.get('alg')!r}")
    if header.get("kid") not in keys:
        raise Refused("invalid_key", f"kid {header.get('kid')!r} is not in the JWKS")
    if header.keys() - HEADER:
        raise Refused("invalid_request", f"unused header members: {sorted(header.keys() - HEADER)}")


def _check_envelope(claims: Mapping[str, Any], expected: Expected, now: float) -> None:
    if claims.get("iss") != expected.issuer:
        raise Refused("invalid_issuer", f"iss is {claims.get('iss')!r}")
    if claims.get("aud") != expected.audience:
        raise Refused("invalid_audience", f"aud is {claims.get('aud')!r}")
    for name in FORBIDDEN:
        if name in claims:
            raise Refused("invalid_request", f"{name} must not be there")
    if not isinstance(claims.get("jti"), str) or not claims["jti"]:
        raise Refused("invalid_request", "jti must be text")
    if type(claims.get("iat")) is not int or claims["iat"] > now + 1:
        raise Refused("invalid_request", "iat is a whole number of seconds, and not in the future")
    if "txn" in claims and (not isinstance(claims["txn"], str) or not claims["txn"]):
        raise Refused("invalid_request", "txn must be text")
    held = claims.get("events")
    if not isinstance(held, dict) or len(held) != 1 or not isinstance(next(iter(held.values())), dict):
        raise Refused("invalid_request", "events holds exactly one event, an object")
