"""What a SET of ours stated: from its claims back to the Event, whatever shape it had. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridge.model import ComplianceChange, CredentialChange, Event, SessionRevoked


class Unreadable(Exception):
    """This is no SET of ours."""


def event_of(claims: Mapping[str, Any], txn: str) -> Event | None:
    """The event behind `claims`; None for one of another kind than those that we tell. Raises Unreadable for one of
    those kinds that does not say what ours say."""
    (type_, said), *_ = claims["events"].items()
    read = _READ.get(type_)
    if read is None:
        return None
    try:
        return read(said, _common(said, claims, txn))
    except (KeyError, TypeError, AttributeError):
        raise Unreadable("the SET does not say what ours say") from None


def _common(said: Mapping[str, Any], claims: Mapping[str, Any], txn: str) -> dict[str, Any]:
    subject = said.get("subject") or claims["sub_id"]
    namespace, _, device_id = subject.get("device", {}).get("id", "").partition(":")
    return {
        "login": _login(subject.get("user", subject)),
        "namespace": namespace,
        "device_id": device_id,
        "at": said["event_timestamp"],
        "reason_admin": said["reason_admin"]["en"],
        "txn": txn,
        "initiating_entity": said["initiating_entity"],
    }


def _login(user: Mapping[str, Any]) -> str:
    login = user["sub"] if user.get("format") == "iss_sub" else user["email"]
    if not isinstance(login, str):
        raise TypeError("a login is a text")
    return login


def _compliance(said: Mapping[str, Any], common: Mapping[str, Any]) -> Event:
    return ComplianceChange(**common, previous=said["previous_status"], current=said["current_status"])


def _session(said: Mapping[str, Any], common: Mapping[str, Any]) -> Event:
    return SessionRevoked(**common)


def _credential(said: Mapping[str, Any], common: Mapping[str, Any]) -> Event:
    optional = ("friendly_name", "x509_issuer", "x509_serial", "fido2_aaguid")
    more = {name: said[name] for name in optional if name in said}
    return CredentialChange(**common, credential_type=said["credential_type"], change_type=said["change_type"], **more)


_READ = {ComplianceChange.type: _compliance, SessionRevoked.type: _session, CredentialChange.type: _credential}
