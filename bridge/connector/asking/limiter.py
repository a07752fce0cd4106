"""Not more requests than the vendor allows: a token bucket on the clock's monotonic time."""

from __future__ import annotations

from bridge.clock import Clock
from bridge.model import LookFailed

PATIENCE = 20.0
"""Seconds that a look waits for its turn before it is put off."""
_BURST = 0.1


class Limiter:
    """`rate` is (requests, seconds), None for no limit. A tenth may go at once, the rest evenly, so that no stretch
    of that length holds more than was allowed. Turns are given in the order of asking."""

    def __init__(self, rate: tuple[int, float] | None, clock: Clock) -> None:
        self._clock = clock
        self._unlimited = rate is None
        count, per = rate or (1, 1.0)
        self._burst = max(1.0, count * _BURST)
        self._per_second = max(count - self._burst, count * 0.5) / per
        self._tokens = self._burst
        self._filled_at = clock.monotonic()
        self._closed_until = self._filled_at

    async def take(self, count: int = 1) -> None:
        """Wait for `count` turns, taken together. Raises LookFailed("limited") instead of waiting over PATIENCE."""
        wait = self._wait(count)
        if wait > PATIENCE:
            raise LookFailed("limited", self._why(), retry_after=wait)
        if not self._unlimited:
            self._tokens -= count
        if wait > 0:
            await self._clock.sleep(wait)

    def _why(self) -> str:
        if self._closed_until > self._clock.monotonic():
            return "the vendor's API asked us to wait (429)"
        return "our own limit towards the vendor's API is reached"

    def give_back(self, count: int) -> None:
        """Turns that were taken and not used."""
        self._tokens = min(self._burst, self._tokens + count)

    def close_for(self, seconds: float) -> None:
        """The vendor said: not before so many seconds."""
        self._closed_until = max(self._closed_until, self._clock.monotonic() + seconds)

    @property
    def pace(self) -> float:
        """Turns a second in the long run; 0: no limit."""
        return 0.0 if self._unlimited else self._per_second

    def spare_in(self) -> float:
        """Seconds until there is a turn that no look waits for, with half of those that may go at once left over."""
        return self._wait(max(1.0, self._burst / 2))

    def spend(self) -> None:
        """Take a turn that `spare_in` said is there."""
        if not self._unlimited:
            self._tokens -= 1

    def _wait(self, count: float) -> float:
        now = self._clock.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._per_second)
        self._filled_at = now
        closed = max(0.0, self._closed_until - now)
        if self._unlimited or self._tokens >= count:
            return closed
        return max(closed, (count - self._tokens) / self._per_second)
