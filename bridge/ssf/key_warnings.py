"""What somebody should hear about the signing keys before it hurts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bridge.key import KeyRow
from bridge.ssf.ring import active, upcoming

OLD: Final = 365 * 86_400.0
"""Seconds that a key may sign before somebody is told that it is old."""
LATE: Final = 300.0
"""Seconds that a step of a rotation may be late before somebody is told."""
RECENT: Final = 86_400.0
"""Seconds that a withdrawn key is news."""


@dataclass(frozen=True, slots=True)
class KeyWarning:
    """`code` is stable: `no_key`, `old`, `unpublished`, `overdue`, `compromised`."""

    code: str
    kid: str
    words: str


def key_warnings(rows: Sequence[KeyRow], now: float) -> list[KeyWarning]:
    """The same warning has the same code and kid each time. No rows at all, before the first start, is no warning."""
    return [*_signing(rows, now), *_coming(rows, now), *_withdrawn(rows, now)]


def _signing(rows: Sequence[KeyRow], now: float) -> list[KeyWarning]:
    signing = active(rows)
    if signing is None:
        return [KeyWarning("no_key", "", "no key signs; a start of `caep-bridge serve` makes one")] if rows else []
    age = now - (signing.activates_at or signing.created_at)
    if age <= OLD or upcoming(rows) is not None:
        return []
    words = f"the key has signed for {age / 86_400:.0f} days; `caep-bridge keys rotate` brings another"
    return [KeyWarning("old", signing.kid, words)]


def _coming(rows: Sequence[KeyRow], now: float) -> list[KeyWarning]:
    coming = upcoming(rows)
    if coming is None:
        return []
    if coming.published_at is None and now - coming.created_at > LATE:
        return [KeyWarning("unpublished", coming.kid, "the next key is not published: does `caep-bridge serve` run?")]
    if coming.activates_at is not None and now - coming.activates_at > LATE:
        return [KeyWarning("overdue", coming.kid, "the next key should sign by now: does `caep-bridge serve` run?")]
    return []


def _withdrawn(rows: Sequence[KeyRow], now: float) -> list[KeyWarning]:
    words = "the key was withdrawn as compromised"
    return [
        KeyWarning("compromised", row.kid, words)
        for row in rows
        if row.compromised and now - (row.removed_at or 0.0) < RECENT
    ]
