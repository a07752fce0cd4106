"""Okta's inbound SET schema: six events, the subject inside the event, camelCase names in its messages. Pure.

A stand-in refuses what the published schema refuses. What the schema leaves open is accepted and noted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.receiver.fault import CAEP, COMPLIANCE, ENTITIES, STATUSES, Error, invalid, is_integer, is_text

_OKTA = "https://schemas.okta.com/secevent/okta/event-type/"
_LEVELS = ("low", "medium", "high", "secure", "none")
_UNKNOWN_CLAIMS = ("sub_id", "txn", "sub", "exp", "nbf", "toe")
_MILLISECONDS = 100_000_000_000


@dataclass(frozen=True, slots=True)
class _Shape:
    """One event: its name in Okta's messages, what it must hold, from which values (None: any text)."""

    name: str
    required: Mapping[str, tuple[str, ...] | None]
    optional: tuple[str, ...] = ()
    reason: bool = True


_RISK = {"current_level": _LEVELS, "previous_level": _LEVELS}
_SHAPES: Mapping[str, _Shape] = {
    COMPLIANCE: _Shape(
        "mediationDeviceComplianceChangeEvent", {"current_status": STATUSES, "previous_status": STATUSES}
    ),
    CAEP + "session-revoked": _Shape(
        "mediationSessionRevokedEvent",
        {},
        ("current_ip", "current_user_agent", "last_known_ip", "last_known_user_agent"),
    ),
    "https://schemas.openid.net/secevent/risc/event-type/identifier-changed": _Shape(
        "mediationIdentifierChangedEvent", {}, ("new-value",), reason=False
    ),
    _OKTA + "device-risk-change": _Shape("mediationDeviceRiskChangeEvent", _RISK),
    _OKTA + "user-risk-change": _Shape("mediationUserRiskChangeEvent", _RISK),
    _OKTA + "ip-change": _Shape("mediationIpChangeEvent", {"current_ip_address": None, "previous_ip_address": None}),
}
_SUBJECTS: Mapping[str, tuple[str, ...]] = {"email": ("email",), "opaque": ("id",), "iss_sub": ("iss", "sub")}
_RENAMED = {"current_level": "currentRiskLevel", "previous_level": "previousRiskLevel"}


def check(claims: Mapping[str, Any]) -> Error | None:
    """The first fault of the events; issuer, audience and envelope are checked before."""
    for uri, event in claims["events"].items():
        shape = _SHAPES.get(uri)
        if shape is None:
            return invalid(f"events: {uri} is not an accepted event")
        fault = _check_event(shape, event)
        if fault is not None:
            return fault
    return None


def notes(claims: Mapping[str, Any]) -> tuple[str, ...]:
    found = [
        f"{name} is not in Okta's schema" for name in ("sub_id", "txn", "sub", "exp", "nbf", "toe") if name in claims
    ]
    for event in claims["events"].values():
        if "current_status" in event and event["current_status"] == event.get("previous_status"):
            found.append("previous_status equals current_status: no change is told")
        if event["event_timestamp"] >= _MILLISECONDS:
            found.append("event_timestamp looks like milliseconds")
        if "user" not in event["subject"]:
            found.append("the subject names no user: no one's risk can change")
    return tuple(found)


def _check_event(shape: _Shape, event: Mapping[str, Any]) -> Error | None:
    where = f"events.{shape.name}"
    if event.get("event_timestamp") is None:
        return invalid(f"{where}.eventTimestamp: cannot be blank")
    if not is_integer(event["event_timestamp"]):
        return _unreadable(f"{where}.eventTimestamp is not an int64")
    return (
        _check_subject(where, event.get("subject"))
        or _check_members(where, shape, event)
        or _check_reasons(where, shape, event)
    )


def _check_members(where: str, shape: _Shape, event: Mapping[str, Any]) -> Error | None:
    for key, values in shape.required.items():
        value = event.get(key)
        if value is None or value == "":
            return invalid(f"{where}.{_camel(key)}: cannot be blank")
        if not isinstance(value, str) or (values is not None and value not in values):
            return _unreadable(f"{where}.{_camel(key)} has an unknown value")
    for key in shape.optional:
        if key in event and not isinstance(event[key], str):
            return _unreadable(f"{where}.{_camel(key)} is not a string")
    if "initiating_entity" in event and event["initiating_entity"] not in ENTITIES:
        return _unreadable(f"{where}.initiatingEntity has an unknown value")
    return None


def _check_reasons(where: str, shape: _Shape, event: Mapping[str, Any]) -> Error | None:
    given = [key for key in ("reason_admin", "reason_user") if event.get(key) is not None]
    for key in given:
        if not isinstance(event[key], dict):
            return _unreadable(f"{where}.{_camel(key)} is not an object")
        if not is_text(event[key].get("en")):
            return invalid(f"{where}.{_camel(key)}.en: cannot be blank")
    if shape.reason and not given:
        return invalid(f"{where}: one of reasonAdmin and reasonUser cannot be blank")
    return None


def _check_subject(where: str, subject: Any) -> Error | None:
    if subject is None:
        return invalid(f"{where}.subject: cannot be blank")
    if not isinstance(subject, dict) or not subject or not subject.keys() <= {"user", "device"}:
        return _unreadable(f"{where}.subject must hold user or device and nothing else")
    for name, member in subject.items():
        keys = _SUBJECTS.get(str(member.get("format"))) if isinstance(member, dict) else None
        if keys is None:
            return _unreadable(f"{where}.subject.{name} has an unknown format")
        for key in keys:
            if not is_text(member.get(key)):
                return invalid(f"{where}.subject.{name}.{key}: cannot be blank")
    return None


def _unreadable(detail: str) -> Error:
    return invalid(f"deserialization error: the JSON object is no security event token: {detail}")


def _camel(key: str) -> str:
    if key in _RENAMED:
        return _RENAMED[key]
    first, *rest = key.replace("-", "_").split("_")
    return first + "".join(word.capitalize() for word in rest)
