"""A part of the vendor's rate for work that nobody waits for."""

from __future__ import annotations

from typing import Final

from bridge.clock import Clock
from bridge.connector.asking.limiter import Limiter
from bridge.model import LookFailed

PART: Final = 0.5
PATIENCE: Final = 600.0
"""Seconds that a sweep waits for one turn while looks take them all."""


class Share:
    """At most half of the limiter's turns, evenly, and only such as no look waits for: looks go first."""

    def __init__(self, limiter: Limiter, clock: Clock) -> None:
        self._limiter, self._clock = limiter, clock
        self._apart = 1 / (limiter.pace * PART) if limiter.pace else 0.0
        self._next = clock.monotonic()

    async def take(self) -> None:
        """Wait for one turn. Raises LookFailed("limited") instead of waiting over PATIENCE."""
        waited = 0.0
        while (wait := self._wait()) > 0:
            waited += wait
            if waited > PATIENCE:
                raise LookFailed("limited", "the vendor's rate leaves no room for listing devices now", wait)
            await self._clock.sleep(wait)
        self._limiter.spend()
        self._next = max(self._next, self._clock.monotonic() - self._apart) + self._apart

    def _wait(self) -> float:
        return max(self._next - self._clock.monotonic(), self._limiter.spare_in())
