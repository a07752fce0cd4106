"""What a receiver's answer says in words (RFC 8935 §2.3) and how long it asks us to wait. Pure."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

MAX_WORDS = 500

_READ = 4000
_WORD_KEYS = (
    ("err", "description"),
    ("error", "error_description"),
    ("errorCode", "errorSummary"),
    ("title", "detail"),
    ("code", "message"),
)
# A SET begins with `{"` in base64url. Its parts may come apart, so each long base64url run goes too.
_TOKEN = re.compile(r"eyJ[\w.%-]*|[\w-]{60,}")
_EMAIL = re.compile(r"[^\s@\"'<>(),;:]{1,64}@[^\s@\"'<>(),;:]{1,255}")


def error_of(body: bytes) -> tuple[str, str]:
    """`err` of an RFC 8935 error object ("" if there is none) and the words to keep, clean and ≤ 500 characters.

    The words never hold a control character, a copy of a SET or an e-mail address.
    """
    found = _json_object(body) if body else None
    if found is None:
        return "", ""
    err = found.get("err")
    return (err if isinstance(err, str) else ""), clean(_words(found))


def clean(words: str) -> str:
    """Fit to be kept and shown: one line, ≤ 500 characters, without tokens and e-mail addresses."""
    shown = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in words[:_READ])
    shown = _EMAIL.sub("[e-mail]", _TOKEN.sub("[token]", shown))
    return " ".join(shown.split())[:MAX_WORDS]


def wait_of(status: int, headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that the receiver asks us to wait, or None: Retry-After (RFC 9110 §10.2.3), on 429 a reset time."""
    asked = _retry_after(headers["retry-after"].strip(), now) if "retry-after" in headers else None
    if asked is None and status == 429:
        reset = _whole(headers.get("x-rate-limit-reset", "").strip())
        return None if reset is None else max(0.0, reset - now)
    return asked


def _retry_after(value: str, now: float) -> float | None:
    seconds = _whole(value)
    if seconds is not None:
        return float(seconds)
    try:
        at = parsedate_to_datetime(value)
        return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _whole(value: str) -> int | None:
    """A number with more digits than any real one is the greatest (RFC 9111 §1.2.2)."""
    if not (value.isascii() and value.isdigit()):
        return None
    return int(value) if len(value) <= 12 else 10**12


def _json_object(body: bytes) -> dict[str, object] | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _words(found: Mapping[str, object]) -> str:
    for keys in _WORD_KEYS:
        parts = [value for key in keys if isinstance(value := found.get(key), str) and value.strip()]
        if parts:
            return ": ".join(parts)
    return ""
