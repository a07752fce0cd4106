"""Standard Webhooks 1.0: the three headers that prove where a message comes from. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable


def headers(keys: Iterable[bytes], message_id: str, at: float, body: bytes) -> dict[str, str]:
    """`webhook-id` stays the same for every try, `webhook-timestamp` is that of this try (whole seconds), and each of
    `keys` signs `id.timestamp.body` with HMAC-SHA256 (`v1`), so that a secret can be replaced without a gap."""
    stamp = str(int(at))
    content = b".".join((message_id.encode(), stamp.encode(), body))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{_signed(key, content)}" for key in keys),
    }


def _signed(key: bytes, content: bytes) -> str:
    return base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
