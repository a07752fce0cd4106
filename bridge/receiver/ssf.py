"""SSF 1.0 and CAEP 1.0 as the strictest parsers in the field read them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridge.receiver.fault import CAEP, COMPLIANCE, ENTITIES, STATUSES, Error, invalid, is_integer, is_text

_EVENTS = frozenset(
    {
        COMPLIANCE,
        CAEP + "session-revoked",
        CAEP + "credential-change",
        CAEP + "assurance-level-change",
        CAEP + "token-claims-change",
        CAEP + "session-established",
        CAEP + "session-presented",
        CAEP + "risk-level-change",
        "https://schemas.openid.net/secevent/ssf/event-type/verification",
        "https://schemas.openid.net/secevent/ssf/event-type/stream-updated",
    }
)
_DRAFT_EVENTS = frozenset(
    {
        "https://schemas.openid.net/secevent/sse/event-type/verification",
        "https://schemas.openid.net/secevent/sse/event-type/stream-updated",
    }
)
_CREDENTIAL_CHANGE = CAEP + "credential-change"
_CHANGES = ("create", "revoke", "update", "delete")
_FORMATS: Mapping[str, tuple[str, ...]] = {
    "email": ("email",),
    "phone_number": ("phone_number",),
    "iss_sub": ("iss", "sub"),
    "uri": ("uri",),
    "opaque": ("id",),
}
_SKEW = 60.0
"""Seconds that a transmitter's clock may be ahead of ours."""
_MILLISECONDS = 100_000_000_000


def check(claims: Mapping[str, Any], *, legacy: bool, now: float) -> Error | None:
    """The first fault; issuer, audience and envelope are checked before.

    `legacy`: the 2021 draft, where the event holds the subject, a complex one without `format`, and `sub_id` is
    only checked if it is there; framework events may go by its names for them.
    """
    for name in ("sub", "exp"):
        if name in claims:
            return invalid(f"{name} must not be in a SET")  # SSF §4.1.2, §4.1.7
    if "txn" in claims and not is_text(claims["txn"]):
        return invalid("txn must be a string")  # SSF §4.1.9
    if claims["iat"] > now + _SKEW:
        return invalid("iat is in the future")
    if len(claims["events"]) != 1:
        return invalid("events must hold exactly one event")  # SSF §4.2.1
    uri, event = next(iter(claims["events"].items()))
    if uri not in _EVENTS and not (legacy and uri in _DRAFT_EVENTS):
        return invalid(f"events: {uri} is not a known event")
    return _check_subjects(claims, event, legacy) or _check_event(uri, event)


def notes(claims: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(f"{name} should not be in a SET" for name in ("nbf", "toe") if name in claims)


def _check_subjects(claims: Mapping[str, Any], event: Mapping[str, Any], legacy: bool) -> Error | None:
    if legacy and "subject" not in event:
        return invalid("events: subject is missing")
    if "sub_id" in claims or not legacy:  # SSF §3.1
        fault = _check_subject("sub_id", claims.get("sub_id"), bare=False)
        if fault is not None:
            return fault
    if "subject" in event:
        return _check_subject("events: subject", event["subject"], bare=legacy)
    return None


def _check_subject(where: str, subject: Any, *, bare: bool) -> Error | None:
    """RFC 9493 §3 and SSF §3.2, §3.3. `bare`: a complex subject may come without its `format`."""
    if not isinstance(subject, dict):
        return invalid(f"{where} must be an object")
    if subject.get("format") == "complex" or (bare and "format" not in subject):
        members = {name: member for name, member in subject.items() if name != "format"}
        if not members:
            return invalid(f"{where} has no member")
        faults = (_check_simple(f"{where}.{name}", member) for name, member in members.items())
        return next((fault for fault in faults if fault is not None), None)
    return _check_simple(where, subject)


def _check_simple(where: str, subject: Any) -> Error | None:
    if not isinstance(subject, dict):
        return invalid(f"{where} must be an object")
    keys = _FORMATS.get(str(subject.get("format")))
    if keys is None:
        return invalid(f"{where}.format is missing or unknown")
    for key in keys:
        if not is_text(subject.get(key)):
            return invalid(f"{where}.{key} must be a string that is not empty")
    if subject.keys() != {"format", *keys}:
        return invalid(f"{where} holds members that its format does not know")
    return None


def _check_event(uri: str, event: Mapping[str, Any]) -> Error | None:
    fault = _check_common(event)
    if fault is not None:
        return fault
    if uri == _CREDENTIAL_CHANGE:
        return _check_credential(event)
    return _check_compliance(event) if uri == COMPLIANCE else None


def _check_credential(event: Mapping[str, Any]) -> Error | None:
    """CAEP §3.3."""
    if not is_text(event.get("credential_type")):
        return invalid("credential_type must not be blank")
    if event.get("change_type") not in _CHANGES:
        return invalid(f"change_type must be one of {', '.join(_CHANGES)}")
    return None


def _check_compliance(event: Mapping[str, Any]) -> Error | None:
    for key in ("previous_status", "current_status"):  # CAEP §3.5
        if event.get(key) not in STATUSES:
            return invalid(f"{key} must be compliant or not-compliant")
    if event["previous_status"] == event["current_status"]:
        return invalid("current_status must differ from previous_status")
    return None


def _check_common(event: Mapping[str, Any]) -> Error | None:
    """CAEP §2: the members that any event may hold."""
    if "event_timestamp" in event:
        at = event["event_timestamp"]
        if not is_integer(at) or not 0 <= at < _MILLISECONDS:
            return invalid("event_timestamp must be an integer in seconds")
    if "initiating_entity" in event and event["initiating_entity"] not in ENTITIES:
        return invalid("initiating_entity must be admin, user, policy or system")
    for key in ("reason_admin", "reason_user"):
        if key in event and not _is_reason(event[key]):
            return invalid(f"{key} must map language tags to texts")
    return None


def _is_reason(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(isinstance(text, str) for text in value.values())
