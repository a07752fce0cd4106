"""activity: when each stream was last used by its receiver (SSF 1.0 §8.1.1): in memory, now and then in the store.

What is lost with the process is what was used since the last note: a minute at most, or a tenth of the shortest
`inactivity_timeout`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

from bridge.clock import Clock
from bridge.store.records import StreamRow

NOTED: Final = 60.0
"""Seconds between two notes in the store, at most."""


class Noted(Protocol):
    async def note_activity(self, at: dict[str, float]) -> None: ...


class Activity:
    """`timeouts` are the seconds after which streams of the clients are paused."""

    def __init__(self, store: Noted, clock: Clock, timeouts: Iterable[float] = ()) -> None:
        self._store = store
        self._clock = clock
        self._every = min([NOTED, *(timeout / 10 for timeout in timeouts)])
        self._used: dict[str, float] = {}
        self._noted_at = clock.monotonic()

    def used(self, stream_id: str) -> None:
        self._used[stream_id] = self._clock.now()

    def last(self, row: StreamRow) -> float:
        """When the receiver last used the stream; making it was the first time."""
        return max(row.active_at or row.created_at, self._used.get(row.id, 0.0))

    async def note(self) -> None:
        """Write down what was used, if that is due."""
        if self._used and self._clock.monotonic() - self._noted_at >= self._every:
            await self.flush()

    async def flush(self) -> None:
        used, self._used = self._used, {}
        self._noted_at = self._clock.monotonic()
        try:
            await self._store.note_activity(used)
        except BaseException:
            self._used = used | self._used
            raise
