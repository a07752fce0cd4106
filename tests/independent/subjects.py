"""Subject identifiers as RFC 9493 and SSF 1.0 §3 have them: which members each format holds."""

from __future__ import annotations

import re
from typing import Any

from tests.independent.refusal import Refused

FORMATS: dict[str, frozenset[str]] = {
    "account": frozenset({"uri"}),
    "email": frozenset({"email"}),
    "iss_sub": frozenset({"iss", "sub"}),
    "opaque": frozenset({"id"}),
    "phone_number": frozenset({"phone_number"}),
    "did": frozenset({"url"}),
    "uri": frozenset({"uri"}),
    "jwt_id": frozenset({"iss", "jti"}),
    "saml_assertion_id": frozenset({"issuer", "assertion_id"}),
}
MEMBERS = frozenset({"user", "device", "session", "application", "tenant", "org_unit", "group"})
"""Of a complex subject (SSF §3.2). Others are allowed; this transmitter documents none."""

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\Z")


def check(subject: Any) -> None:
    """A simple or a complex subject; Refused for anything else (RFC 9493 §3, SSF §3.2)."""
    if not isinstance(subject, dict):
        raise Refused("invalid_request", "a subject is an object")
    if subject.get("format") == "complex":
        members = {name: member for name, member in subject.items() if name != "format"}
        if not members or members.keys() - MEMBERS:
            raise Refused("invalid_request", f"a complex subject has known members, not {sorted(members)}")
        for member in members.values():
            simple(member)
    else:
        simple(subject)


def simple(subject: Any) -> None:
    if not isinstance(subject, dict) or subject.get("format") not in FORMATS:
        raise Refused("invalid_request", "a simple subject names one of the formats")
    wanted = FORMATS[subject["format"]] | {"format"}
    if subject.keys() != wanted:
        raise Refused("invalid_request", f"{subject['format']} has {sorted(wanted)}, not {sorted(subject)}")
    if not all(isinstance(value, str) and value for value in subject.values()):
        raise Refused("invalid_request", "members of a subject are text that is not empty")
    if subject["format"] == "email" and not _ADDRESS.match(subject["email"]):
        raise Refused("invalid_request", "email is an addr-spec")


def is_stream(subject: Any, stream_id: str) -> bool:
    """Whether it is the subject of framework events (SSF §8.1.4.1, §8.1.5)."""
    return bool(subject == {"format": "opaque", "id": stream_id})
