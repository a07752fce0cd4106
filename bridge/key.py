"""What is known of one key that signs SETs: its state and its times, never the key itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

KeyState = Literal["next", "active", "retired"]
"""next: made, and published before it signs · active: it signs · retired: it signs no more, receivers still need it."""


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One key as the store knows it. Times are seconds since 1970; None: not yet.

    A key stands in the JWKS from `published_at` until `removed_at`. The row stays after that, so that a copy of the
    file that turns up again is not taken for a new key.
    """

    kid: str
    algorithm: str
    state: KeyState
    created_at: float
    publish_for: float = 0.0
    """Seconds that it is published before it signs."""
    published_at: float | None = None
    activates_at: float | None = None
    """When it signs, or since when it has."""
    retired_at: float | None = None
    named_at: float | None = None
    """Of a retired one: when a SET that is not delivered was last seen to name it."""
    removed_at: float | None = None
    """When it went from the JWKS; its private file is removed then."""
    compromised: bool = False
