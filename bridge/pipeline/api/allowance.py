"""allowance: how often a client may change something, so that none of them fills the audit log and the disk."""

from __future__ import annotations

import math
from typing import Final

from bridge.clock import Clock
from bridge.errors import TooMany

DAY: Final = 86_400.0


class Allowance:
    """`most` changes at once, and as many again in a day, of each client by itself; a restart forgets what was used."""

    def __init__(self, most: int, clock: Clock) -> None:
        self._most = most
        self._clock = clock
        self._used: dict[str, tuple[float, float]] = {}
        """client → how much of it was used, and when that was counted."""

    def take(self, client: str) -> None:
        """One change. Raises TooMany."""
        used = self._used_now(client)
        if used + 1 > self._most:
            wait = math.ceil((used + 1 - self._most) / self._rate)
            raise TooMany(f"a client makes {self._most} changes a day at most", wait)
        self._used[client] = used + 1, self._clock.monotonic()

    def give_back(self, client: str) -> None:
        """One that was taken and came to nothing."""
        self._used[client] = max(0.0, self._used_now(client) - 1), self._clock.monotonic()

    @property
    def _rate(self) -> float:
        return self._most / DAY

    def _used_now(self, client: str) -> float:
        used, at = self._used.get(client, (0.0, 0.0))
        return max(0.0, used - (self._clock.monotonic() - at) * self._rate)
