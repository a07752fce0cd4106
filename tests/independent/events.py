"""The payloads of the event types that this receiver knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.independent import subjects
from tests.independent.refusal import Refused

CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
SSF = "https://schemas.openid.net/secevent/ssf/event-type/"

DEVICE_COMPLIANCE_CHANGE = CAEP + "device-compliance-change"
SESSION_REVOKED = CAEP + "session-revoked"
VERIFICATION = SSF + "verification"
STREAM_UPDATED = SSF + "stream-updated"

STATUSES = ("compliant", "not-compliant")
ENTITIES = ("admin", "user", "policy", "system")


def check(event: str, payload: Mapping[str, Any], subject: Any, stream_id: str) -> None:
    """Refused unless type, payload and subject agree. Other types are taken as they are (SSF §4.2.3)."""
    if event in (VERIFICATION, STREAM_UPDATED) and not subjects.is_stream(subject, stream_id):
        raise Refused("invalid_request", f"a framework event is about its stream, not {subject}")
    if event == VERIFICATION:
        _verification(payload)
    elif event == STREAM_UPDATED:
        _stream_updated(payload)
    elif event == DEVICE_COMPLIANCE_CHANGE:
        _device_compliance_change(payload)
        _common(payload)
        if subject.get("format") == "opaque":
            raise Refused("invalid_request", "opaque is for verification only (interoperability profile §2.5)")


def _verification(payload: Mapping[str, Any]) -> None:
    if payload.keys() - {"state"} or not isinstance(payload.get("state", ""), str):
        raise Refused("invalid_request", "verification has an optional state, and nothing else")


def _stream_updated(payload: Mapping[str, Any]) -> None:
    if payload.get("status") not in ("enabled", "paused", "disabled"):
        raise Refused("invalid_request", "stream-updated has the new status")
    if payload.keys() - {"status", "reason"} or not isinstance(payload.get("reason", ""), str):
        raise Refused("invalid_request", "stream-updated has an optional reason, and nothing else")


def _device_compliance_change(payload: Mapping[str, Any]) -> None:
    before, now = payload.get("previous_status"), payload.get("current_status")
    if before not in STATUSES or now not in STATUSES:
        raise Refused("invalid_request", "previous_status and current_status are compliant or not-compliant")
    if before == now:
        raise Refused("invalid_request", "it is a signal of change")


def _common(payload: Mapping[str, Any]) -> None:
    """CAEP 1.0 §2, and what the profile asks for beside (§3.3 of the newer text)."""
    if "event_timestamp" in payload:
        at = payload["event_timestamp"]
        if type(at) is not int or not 1_500_000_000 < at < 10_000_000_000:
            raise Refused("invalid_request", "event_timestamp is in seconds")
    if payload.get("initiating_entity", "admin") not in ENTITIES:
        raise Refused("invalid_request", f"initiating_entity is one of {ENTITIES}")
    _reason(payload.get("reason_admin"))
    if "reason_user" in payload:
        _reason(payload["reason_user"])


def _reason(reason: Any) -> None:
    filled = isinstance(reason, dict) and bool(reason)
    if not filled or not all(isinstance(text, str) and text for text in reason.values()):
        raise Refused("invalid_request", "a reason is an object that holds at least one text by its language")
