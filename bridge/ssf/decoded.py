"""What a SET says, for an operator to read: decoded, not verified, and without its signature. Pure."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any


def decoded(text: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Header and claims of a compact JWS (RFC 7515 §7.1); None for a part that cannot be read. What a dry run kept are
    the claims alone."""
    if text.startswith("{"):
        return None, _object(text)
    header, _, rest = text.partition(".")
    return _part(header), _part(rest.partition(".")[0])


def _part(text: str) -> dict[str, Any] | None:
    try:
        return _object(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error):
        return None


def _object(text: str | bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
