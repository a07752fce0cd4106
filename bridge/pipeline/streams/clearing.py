"""clearing: what is left of a stream that its receiver deleted goes, in steps that leave the writer to others.

Nothing of it is sent from the moment that it is deleted; this is about what it leaves. Goes on after a restart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from bridge.clock import Clock
from bridge.errors import BridgeError
from bridge.store.streams import Streams

_log = structlog.get_logger("bridge.clearing")

STEP: Final = 200
"""Rows that go in one commit, at most."""
LATE: Final = 60.0
"""Seconds after which a stream is cleared once more: a decision that was made before it was deleted, and was written
when all else had gone, would stay for ever."""
EVERY: Final = 30.0
"""Seconds after which deleted streams are sought without anybody waking us."""


class Clearing:
    def __init__(self, store: Streams, clock: Clock, trouble: Callable[[str], None]) -> None:
        self._store = store
        self._clock = clock
        self._trouble = trouble
        self._cleared: dict[str, float] = {}
        """stream id → when, of those that are cleared once more."""
        self._wake = asyncio.Event()
        self._named: set[str] = set()
        self._seeks = True
        """Whether those that are deleted are sought, beside those that were named."""

    def wake(self, stream_id: str = "") -> None:
        """This stream was deleted, or with "" any."""
        if stream_id:
            self._named.add(stream_id)
        else:
            self._seeks = True
        self._wake.set()

    async def run(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self.turn()
            except BridgeError as problem:
                self._trouble(f"clearing: {type(problem).__name__}")
                self._seeks = True
            try:
                async with asyncio.timeout(EVERY):
                    await self._wake.wait()
            except TimeoutError:
                self._seeks = True

    async def turn(self) -> int:
        """To the end. How many rows went. What does not come to an end now is sought again."""
        gone = 0
        for stream_id in await self._deleted():
            gone += await self._clear(stream_id)
            self._cleared[stream_id] = self._clock.monotonic()
        for stream_id, at in list(self._cleared.items()):
            if self._clock.monotonic() - at >= LATE:
                gone += await self._clear(stream_id)
                del self._cleared[stream_id]
        return gone

    async def _deleted(self) -> list[str]:
        named, self._named = self._named, set()
        if not self._seeks:
            return list(named)
        rows = [row for row in await self._store.streams() if row.subscription is not None]
        self._seeks = False
        return [row.id for row in rows if row.subscription and row.subscription.deleted_at is not None]

    async def _clear(self, stream_id: str) -> int:
        gone = 0
        while step := await self._store.clear_stream(stream_id, self._clock.now(), STEP):
            gone += step
            await self._clock.sleep(0)
        _log.info("stream.cleared", stream_id=stream_id, rows=gone)
        return gone
