"""A SET that was signed before, in the shape, for the audience and under the issuer of today (design §2.4). Pure.

Same `txn`, same event with the same `event_timestamp`; a new `jti`, since one `jti` never names two texts (RFC 8417
§2.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridge.model import ComplianceChange, Event, Stream
from bridge.ssf.decoded import decoded
from bridge.ssf.profile import DRAFT_NAMES, STREAM_UPDATED, VERIFICATION, Claims, claims, stream_updated, verification
from bridge.ssf.statement import Unreadable as Unreadable
from bridge.ssf.statement import event_of


def claims_of(text: str) -> Claims:
    """What a SET of our own says; its signature is not looked at. Raises Unreadable."""
    found = decoded(text)[1]
    if found is None or not isinstance(found.get("events"), dict) or not found["events"]:
        raise Unreadable("the text is no SET")
    return found


def anew(old: Mapping[str, Any], stream: Stream | None, txn: str, *, issuer: str, jti: str, iat: int) -> Claims:
    """The same statement as `old`. Its form stays without a stream, and where `old` does not say enough for another."""
    if stream is not None:
        if (framework := _framework(old, stream, txn, issuer=issuer, jti=jti, iat=iat)) is not None:
            return framework
        event = event_of(old, txn)
        if event is not None and _says_enough(event, stream):
            return claims(event, stream, issuer=issuer, jti=jti, iat=iat)
    audience = old.get("aud") if stream is None else stream.audience
    return {**old, "iss": issuer, "aud": audience, "jti": jti, "iat": iat}


def is_stale(old: Mapping[str, Any], stream: Stream, txn: str, *, issuer: str) -> bool:
    """Whether issuer, audience, profile or shape have changed since it was signed."""
    same = anew(old, stream, txn, issuer=issuer, jti=str(old.get("jti")), iat=int(old.get("iat", 0)))
    return same != dict(old)


def _says_enough(event: Event, stream: Stream) -> bool:
    """A stream that is told of devices is not told that no device came to be compliant."""
    return not isinstance(event, ComplianceChange) or stream.subject == "user" or bool(event.device_id)


def _framework(old: Mapping[str, Any], stream: Stream, txn: str, *, issuer: str, jti: str, iat: int) -> Claims | None:
    """A framework event that this stream may have; None if `old` holds none."""
    if stream.profile == "okta":
        return None
    said: Any
    (type_, said), *_ = old["events"].items()
    if type_ in (VERIFICATION, DRAFT_NAMES[VERIFICATION]) and isinstance(said, dict):
        return verification(stream, issuer=issuer, jti=jti, iat=iat, state=said.get("state"), txn=txn)
    if type_ in (STREAM_UPDATED, DRAFT_NAMES[STREAM_UPDATED]) and isinstance(said, dict) and "status" in said:
        status, reason = said["status"], said.get("reason")
        return stream_updated(stream, issuer=issuer, jti=jti, iat=iat, status=status, reason=reason, txn=txn)
    return None
