"""One Event, three wire shapes. A profile decides where the subject stands and which claims travel.

| | ssf | okta | sse |
|---|---|---|---|
| `sub_id` | yes | if the stream says so | yes |
| subject in the event | the same, with `legacy_subject` | `{user, device}` without `format` | the same, or bare |
| `txn` | unless the stream says no | if the stream says so | unless the stream says no |
| framework events | as SSF 1.0 has them | never | with the subject inside as well |

None of them carries `sub`, `exp` or `nbf` (SSF 1.0 §4.1.2, §4.1.7), and each holds exactly one event (§4.2.1). What a
stream wants otherwise is its `Shape`.
"""

from __future__ import annotations

from typing import Any

from bridge.model import Event, Stream, StreamStatus
from bridge.ssf import subject
from bridge.ssf.payload import payload

Claims = dict[str, Any]

VERIFICATION = "https://schemas.openid.net/secevent/ssf/event-type/verification"
STREAM_UPDATED = "https://schemas.openid.net/secevent/ssf/event-type/stream-updated"
DRAFT_NAMES = {
    VERIFICATION: "https://schemas.openid.net/secevent/sse/event-type/verification",
    STREAM_UPDATED: "https://schemas.openid.net/secevent/sse/event-type/stream-updated",
}
"""The framework events by the URIs of the draft of 2021 (`legacy_events`). Apple is sent those of today by all who are
known to work with it, so they are the default of `sse` as well."""


def claims(event: Event, stream: Stream, *, issuer: str, jti: str, iat: int) -> Claims:
    """The claims of the SET that tells `stream` of `event` (RFC 8417 §2.2).

    `iat` is in whole seconds; it is raised to the event's time should that be later (the clock was set back).
    """
    envelope: Claims = {"iss": issuer, "aud": stream.audience, "jti": jti, "iat": max(iat, event.at)}
    if _sends_txn(stream):
        envelope["txn"] = event.txn
    if _sends_sub_id(stream):
        envelope["sub_id"] = subject.sub_id(event, stream)
    envelope["events"] = {event.type: _subject_inside(event, stream) | payload(event)}
    return envelope


def verification(stream: Stream, *, issuer: str, jti: str, iat: int, state: str | None, txn: str = "") -> Claims:
    """The claims of a verification event (SSF 1.0 §8.1.4.1), about the stream; `state` as it was given, none if None.

    A stream of the profile `okta` is a ValueError: Okta would refuse it.
    """
    said = {} if state is None else {"state": state}
    return _framework(VERIFICATION, said, stream, issuer=issuer, jti=jti, iat=iat, txn=txn)


def stream_updated(
    stream: Stream,
    *,
    issuer: str,
    jti: str,
    iat: int,
    status: StreamStatus,
    reason: str | None = None,
    txn: str = "",
) -> Claims:
    """The claims of a stream-updated event (SSF 1.0 §8.1.5): what we made of the stream ourselves, and why.

    A stream of the profile `okta` is a ValueError: Okta would refuse it.
    """
    said = {"status": status} if reason is None else {"status": status, "reason": reason}
    return _framework(STREAM_UPDATED, said, stream, issuer=issuer, jti=jti, iat=iat, txn=txn)


def _framework(type_: str, said: Claims, stream: Stream, *, issuer: str, jti: str, iat: int, txn: str) -> Claims:
    """`txn` names what it comes of, as with all other events (§4.1.9); "" is left out."""
    if stream.profile == "okta":
        raise ValueError(f"the stream {stream.name} is of the profile okta, which knows no framework events")
    about = subject.opaque(stream.id)
    if stream.profile == "sse":
        said = {"subject": about, **said}
        type_ = DRAFT_NAMES[type_] if stream.shape.legacy_events else type_
    envelope: Claims = {"iss": issuer, "aud": stream.audience, "jti": jti, "iat": iat}
    if txn and _sends_txn(stream):
        envelope["txn"] = txn
    return {**envelope, "sub_id": about, "events": {type_: said}}


def _subject_inside(event: Event, stream: Stream) -> Claims:
    """The subject that stands in the event beside `sub_id`, or instead of it."""
    bare = stream.profile == "okta" or stream.shape.bare_subject
    if bare:
        return {"subject": subject.members(stream, event.login, event.namespace, event.device_id)}
    if stream.profile == "sse" or stream.shape.legacy_subject:
        return {"subject": subject.sub_id(event, stream)}
    return {}


def _sends_sub_id(stream: Stream) -> bool:
    """SSF 1.0 §3.1 demands it; only Okta's schema does not know it."""
    return stream.profile != "okta" or stream.send_sub_id is True


def _sends_txn(stream: Stream) -> bool:
    """SSF 1.0 §4.1.9: should be sent; Okta's schema does not know it."""
    return stream.profile != "okta" if stream.send_txn is None else stream.send_txn
