"""A SET that was signed before, in the shape, for the audience and under the issuer of today (design §2.4). Pure.

Same `txn`, same event with the same `event_timestamp`; a new `jti`, since one `jti` never names two texts (RFC 8417
§2.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridge.model import DEVICE_COMPLIANCE_CHANGE, Event, Stream
from bridge.ssf.decoded import decoded
from bridge.ssf.profile import Claims, claims


class Unreadable(Exception):
    """This is no SET of ours."""


def claims_of(text: str) -> Claims:
    """What a SET of our own says; its signature is not looked at. Raises Unreadable."""
    found = decoded(text)[1]
    if found is None or not isinstance(found.get("events"), dict) or not found["events"]:
        raise Unreadable("the text is no SET")
    return found


def anew(old: Mapping[str, Any], stream: Stream | None, txn: str, *, issuer: str, jti: str, iat: int) -> Claims:
    """The same statement as `old`. Its form stays without a stream, and where `old` does not say enough for another."""
    event = _event(old, txn) if stream is not None and DEVICE_COMPLIANCE_CHANGE in old["events"] else None
    if stream is None or event is None or (stream.subject == "device" and not event.device_id):
        audience = old.get("aud") if stream is None else stream.audience
        return {**old, "iss": issuer, "aud": audience, "jti": jti, "iat": iat}
    return claims(event, stream, issuer=issuer, jti=jti, iat=iat)


def is_stale(old: Mapping[str, Any], stream: Stream, txn: str, *, issuer: str) -> bool:
    """Whether issuer, audience or profile have changed since it was signed."""
    same = anew(old, stream, txn, issuer=issuer, jti=str(old.get("jti")), iat=int(old.get("iat", 0)))
    return same != dict(old)


def _event(old: Mapping[str, Any], txn: str) -> Event:
    said = old["events"][DEVICE_COMPLIANCE_CHANGE]
    try:
        subject = said.get("subject") or old["sub_id"]
        user = subject if subject.get("format") == "email" else subject["user"]
        namespace, _, device_id = subject.get("device", {}).get("id", "").partition(":")
        return Event(
            type=DEVICE_COMPLIANCE_CHANGE,
            login=user["email"],
            namespace=namespace,
            device_id=device_id,
            previous=said["previous_status"],
            current=said["current_status"],
            at=said["event_timestamp"],
            reason_admin=said["reason_admin"]["en"],
            txn=txn,
            initiating_entity=said["initiating_entity"],
        )
    except (KeyError, TypeError, AttributeError):
        raise Unreadable("the SET does not say what ours say") from None
