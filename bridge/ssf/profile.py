"""One Event, three wire shapes. A profile decides where the subject stands and which claims travel.

| | ssf | okta | sse |
|---|---|---|---|
| `sub_id` | yes | if the stream says so | yes |
| subject in the event | no | `{user, device}` without `format` | the same as `sub_id` |
| `txn` | unless the stream says no | if the stream says so | unless the stream says no |

None of them carries `sub`, `exp` or `nbf` (SSF 1.0 §4.1.2, §4.1.7), and each holds exactly one event (§4.2.1).
"""

from __future__ import annotations

from typing import Any

from bridge.model import Event, Stream
from bridge.ssf import subject

Claims = dict[str, Any]
VERIFICATION = "https://schemas.openid.net/secevent/ssf/event-type/verification"


def claims(event: Event, stream: Stream, *, issuer: str, jti: str, iat: int) -> Claims:
    """The claims of the SET that tells `stream` of `event` (RFC 8417 §2.2).

    `iat` is in whole seconds; it is raised to the event's time should that be later (the clock was set back).
    """
    envelope: Claims = {"iss": issuer, "aud": stream.audience, "jti": jti, "iat": max(iat, event.at)}
    if _sends_txn(stream):
        envelope["txn"] = event.txn
    if _sends_sub_id(stream):
        envelope["sub_id"] = subject.sub_id(event, stream)
    envelope["events"] = {event.type: _event_subject(event, stream) | _payload(event)}
    return envelope


def verification(stream: Stream, *, issuer: str, jti: str, iat: int, state: str | None) -> Claims:
    """The claims of a verification event (SSF 1.0 §8.1.4.1), about the stream; `state` as it was given."""
    envelope: Claims = {"iss": issuer, "aud": stream.audience, "jti": jti, "iat": iat}
    about = {"format": "opaque", "id": stream.id}
    envelope["sub_id"] = about
    payload: Claims = {"subject": about} if stream.profile == "sse" else {}
    envelope["events"] = {VERIFICATION: payload | ({} if state is None else {"state": state})}
    return envelope


def _payload(event: Event) -> Claims:
    """CAEP 1.0 §2 and §3.5; the reason is a map by language, of which Okta requires `en`."""
    return {
        "event_timestamp": event.at,
        "current_status": event.current,
        "previous_status": event.previous,
        "initiating_entity": event.initiating_entity,
        "reason_admin": {"en": event.reason_admin},
    }


def _event_subject(event: Event, stream: Stream) -> Claims:
    if stream.profile == "okta":
        return {"subject": subject.members(event, stream)}
    if stream.profile == "sse":
        return {"subject": subject.sub_id(event, stream)}
    return {}


def _sends_sub_id(stream: Stream) -> bool:
    """SSF 1.0 §3.1 demands it; only Okta's schema does not know it."""
    return stream.profile != "okta" or stream.send_sub_id is True


def _sends_txn(stream: Stream) -> bool:
    """SSF 1.0 §4.1.9: should be sent; Okta's schema does not know it."""
    return stream.profile != "okta" if stream.send_txn is None else stream.send_txn
