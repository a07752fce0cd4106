"""What happened, as members of the event object (CAEP 1.0 §2, §3). The same in every profile. Pure."""

from __future__ import annotations

from typing import Any

from bridge.model import ComplianceChange, CredentialChange, Event, SessionRevoked

_CREDENTIAL = ("friendly_name", "x509_issuer", "x509_serial", "fido2_aaguid")


def payload(event: Event) -> dict[str, Any]:
    """All members but the subject. The reason is a map by language, of which Okta requires `en`; a kind of event whose
    reason was not made here has to bring one (CAEP interoperability profile §3.1, §3.2), else it is a ValueError."""
    if isinstance(event, ComplianceChange):
        return {
            "event_timestamp": event.at,
            "current_status": event.current,
            "previous_status": event.previous,
            "initiating_entity": event.initiating_entity,
            "reason_admin": {"en": event.reason_admin},
        }
    if isinstance(event, CredentialChange):
        return _credential(event) | _common(event)
    if isinstance(event, SessionRevoked):
        return _common(event)
    raise TypeError(f"{type(event).__name__} is no event of CAEP that is told")


def _common(event: Event) -> dict[str, Any]:
    if not event.reason_admin.strip():
        raise ValueError(f"reason_admin of {event.type} must not be empty")
    return {
        "event_timestamp": event.at,
        "initiating_entity": event.initiating_entity,
        "reason_admin": {"en": event.reason_admin},
    }


def _credential(event: CredentialChange) -> dict[str, Any]:
    """CAEP 1.0 §3.3: what is not known is left out."""
    optional = {name: text for name in _CREDENTIAL if (text := getattr(event, name))}
    return {"credential_type": event.credential_type, "change_type": event.change_type, **optional}
