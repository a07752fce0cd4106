"""What an answer of Okta's means. Pure.

Errors are JSON with `errorCode`, `errorSummary` and `errorCauses`; a rate limit says how much of it is left with each
answer, and when it begins anew, in seconds since 1970 by Okta's own clock; a page names the next one in a Link header.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from email.utils import parsedate_to_datetime
from typing import Final, Literal
from urllib.parse import urlsplit

import orjson

from bridge.errors import BridgeError

Kind = Literal["unauthorized", "forbidden", "missing", "invalid", "limited", "down", "malformed"]
UNKNOWN_RESOURCE: Final = "E0000007"
"""Okta's code for "there is no such thing"; a 404 without it came from something else."""
LONGEST_WAIT: Final = 600.0
_UNSAID: Final = 60.0
_SHARE: Final = 0.1
"""Of a rate limit that is left to the organisation's other users."""
_MOST: Final = 300
_LINK = re.compile(r'<([^<>]*)>\s*;[^,<]*\brel="?next"?', re.IGNORECASE)


class OktaTrouble(BridgeError):
    """Okta gave no good answer. `wait`: seconds after which to ask again; `code`: Okta's own, or ""."""

    def __init__(self, kind: Kind, words: str, *, code: str = "", wait: float | None = None, sent: bool = True) -> None:
        super().__init__(words)
        self.kind: Kind = kind
        self.code = code
        self.wait = wait
        self.sent = sent
        """False: certainly nothing of the question arrived."""


def trouble(
    label: str, status: int, headers: Mapping[str, str], body: bytes, secrets: Collection[str], now: float
) -> OktaTrouble:
    """What an answer other than 2xx means. No word of it holds a secret or an e-mail address."""
    code, said = _said(body, secrets)
    words = f"{label}: Okta answered {status}{f' ({said})' if said else ''}"
    if status == 429:
        return OktaTrouble("limited", words, code=code, wait=wait_of(headers, now))
    kinds: Mapping[int, Kind] = {401: "unauthorized", 403: "forbidden", 404: "missing"}
    kind: Kind = kinds.get(status, "down" if status >= 500 else "invalid")
    if 200 <= status <= 399:
        kind = "malformed"
    return OktaTrouble(kind, words, code=code)


def _said(body: bytes, secrets: Collection[str]) -> tuple[str, str]:
    """Okta's code, and its words with their causes, if they are fit to be shown."""
    try:
        tree = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "", ""
    if not isinstance(tree, dict):
        return "", ""
    code = next((tree[key] for key in ("errorCode", "error") if isinstance(tree.get(key), str)), "")
    causes = tree.get("errorCauses")
    found = [tree.get("errorSummary"), tree.get("error_description")]
    found += [one.get("errorSummary") for one in causes if isinstance(one, dict)] if isinstance(causes, list) else []
    words = "; ".join(dict.fromkeys(one for one in found if isinstance(one, str) and one))
    shown = ": ".join(part for part in (code, words) if part)
    unfit = "@" in shown or "%40" in shown or any(secret in shown for secret in secrets if secret)
    clean = "".join(letter if letter.isprintable() else " " for letter in (code if unfit else shown))
    return code, "" if "@" in clean else clean[:_MOST]


def wait_of(headers: Mapping[str, str], now: float) -> float:
    """Seconds until a used up limit begins anew, by Okta's clock where it says its time."""
    try:
        at = float(headers["x-rate-limit-reset"])
    except (KeyError, ValueError):
        retry = headers.get("retry-after", "")
        return min(float(retry[:6]), LONGEST_WAIT) if retry.isascii() and retry.isdecimal() else _UNSAID
    since = date_of(headers)
    return min(max(1.0, at - (now if since is None else since)), LONGEST_WAIT)


def nearly_used_up(headers: Mapping[str, str]) -> bool:
    """Whether so little of a rate limit is left that the rest belongs to others."""
    try:
        limit, left = float(headers["x-rate-limit-limit"]), float(headers["x-rate-limit-remaining"])
    except (KeyError, ValueError):
        return False
    return limit > 0 and left <= limit * _SHARE


def date_of(headers: Mapping[str, str]) -> float | None:
    """Seconds since 1970 of the Date header (RFC 9110 §6.6.1); None if there is none that can be read."""
    try:
        return parsedate_to_datetime(headers.get("date", "")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def next_link(headers: Mapping[str, str], base: str) -> str | None:
    """The URL of the next page (RFC 8288); None on the last one. One of another origin is an OktaTrouble: our
    credential would go there."""
    found = _LINK.search(headers.get("link", ""))
    if found is None:
        return None
    theirs, ours = urlsplit(found[1]), urlsplit(base)
    if (theirs.scheme, theirs.netloc.lower()) != (ours.scheme, ours.netloc.lower()):
        raise OktaTrouble("malformed", "the next page is said to be at another address than Okta's")
    return found[1]
