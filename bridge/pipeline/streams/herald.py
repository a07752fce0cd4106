"""herald: receivers are told what we made of their streams ourselves, and why (stream-updated, SSF 1.0 §8.1.5).

What a receiver sets itself it knows. Of a stream of the configuration the operator's pause and its end are told, not
what the configuration says of it. The word and its SET are written in one commit, so that each is told once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final

import structlog

from bridge.clock import Clock, Ids
from bridge.errors import BridgeError
from bridge.model import SignedSET, Stream, StreamStatus
from bridge.pipeline.streams.framework import update_of
from bridge.pipeline.streams.keeper import Keeper
from bridge.pipeline.streams.running import Running, reason_of, status_of
from bridge.store.streams import Streams

_log = structlog.get_logger("bridge.herald")

POLL: Final = 0.5
"""Seconds between two looks for what was not told yet."""

GOES_ON: Final = "the transmitter lets the stream go on"

Updated = Callable[[Stream, StreamStatus, str, str], Awaitable[SignedSET]]
"""Signs a stream-updated event: stream, status, reason, `txn`."""


class Herald:
    """`minted` hears of streams that have something to fetch or be pushed."""

    def __init__(
        self,
        store: Streams,
        keeper: Keeper,
        updated: Updated,
        clock: Clock,
        ids: Ids,
        minted: Callable[[Collection[str]], None],
        trouble: Callable[[str], None],
    ) -> None:
        self._store = store
        self._keeper = keeper
        self._updated = updated
        self._clock = clock
        self._ids = ids
        self._minted = minted
        self._trouble = trouble
        self._told: Mapping[str, Running] | None = None
        """The streams as they ran when all of it was told."""

    async def run(self) -> None:
        while True:
            try:
                await self.turn()
            except BridgeError as problem:
                self._trouble(f"herald: {type(problem).__name__}")
            await self._clock.sleep(POLL)

    async def turn(self) -> None:
        running = self._keeper.running()
        if running is self._told:
            return
        for stream_id in [one.stream.id for one in running.values() if _is_news(one)]:
            async with self._keeper.changing:
                told = await self._tell(stream_id)
            if told:
                self._minted({stream_id})
        self._told = running

    async def _tell(self, stream_id: str) -> bool:
        """Whoever changes a stream holds the same lock, so status and store are of one moment."""
        one, row = self._keeper.running().get(stream_id), await self._store.stream(stream_id)
        if one is None or row is None or row.announced == status_of(one.stream):
            return False
        status, txn = status_of(one.stream), self._ids.token()
        reason = GOES_ON if status == "enabled" else reason_of(one)
        signed = await self._updated(one.stream, status, reason, txn)
        made = update_of(stream_id, signed, txn, self._clock.now())
        told = await self._store.announce(stream_id, row.announced, status, [made])
        if told:
            _log.info("stream.announced", stream=one.stream.name, status=status, reason=reason or None)
        return told


def _is_news(one: Running) -> bool:
    """A look at memory only; what the store says then decides."""
    stream, status = one.stream, status_of(one.stream)
    by_us = stream.by_api or status != "disabled"
    return stream.profile != "okta" and by_us and status != one.row.announced
