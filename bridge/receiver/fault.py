"""A receiver's refusal, and the type tests that both rule books share. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

ErrorCode = Literal[
    "invalid_request",
    "invalid_key",
    "invalid_issuer",
    "invalid_audience",
    "authentication_failed",
    "access_denied",
    "duplicate_event",
]

CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
COMPLIANCE = CAEP + "device-compliance-change"
STATUSES = ("compliant", "not-compliant")
ENTITIES = ("admin", "user", "policy", "system")


@dataclass(frozen=True, slots=True)
class Error:
    """`err` and `description` of an error answer (RFC 8935 §2.3)."""

    err: ErrorCode
    description: str


def invalid(description: str) -> Error:
    return Error("invalid_request", description)


def is_text(value: Any) -> bool:
    """A string that is not blank."""
    return isinstance(value, str) and bool(value.strip())


def is_integer(value: Any) -> bool:
    """A JSON integer: neither a float such as 1.0 nor a boolean."""
    return isinstance(value, int) and not isinstance(value, bool)
