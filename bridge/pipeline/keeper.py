"""keeper: what operators change of a running stream, noticed within a second: pause, and going on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import structlog

from bridge.clock import Clock
from bridge.errors import BridgeError
from bridge.model import Stream
from bridge.store.protocol import Streams
from bridge.store.records import StreamRow

_log = structlog.get_logger("bridge.keeper")

POLL = 0.5

Carried = tuple[tuple[Stream, StreamRow], ...]


class Keeper:
    """Holds the streams that run. `carry` is told the new ones; `resume` compares those that go on with their
    ledgers."""

    def __init__(
        self,
        store: Streams,
        clock: Clock,
        carry: Callable[[Sequence[tuple[Stream, StreamRow]]], None],
        resume: Callable[[Sequence[Stream]], Awaitable[None]],
        trouble: Callable[[str], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._carry = carry
        self._resume = resume
        self._trouble = trouble
        self._carried: Carried = ()
        self._rehearsed: tuple[Stream, ...] = ()

    def begin(self, carried: Carried, rehearsed: Sequence[Stream]) -> None:
        self._rehearsed = tuple(rehearsed)
        self._set(carried)

    def streams(self) -> Sequence[Stream]:
        """Everything that is compared with belief, dry runs too."""
        return [*(stream for stream, _ in self._carried), *self._rehearsed]

    def named(self, name: str) -> Stream | None:
        return next((stream for stream, _ in self._carried if name in (stream.name, stream.id)), None)

    async def run(self) -> None:
        while True:
            await self._clock.sleep(POLL)
            try:
                await self.turn()
            except BridgeError as problem:
                self._trouble(f"streams: {type(problem).__name__}")

    async def turn(self) -> None:
        rows = {row.id: row for row in await self._store.streams()}
        carried = tuple((_as_stored(stream, rows), row) for stream, row in self._carried)
        if carried == self._carried:
            return
        before = {stream.id: stream for stream, _ in self._carried}
        self._set(carried)
        going_on = [stream for stream, _ in carried if before[stream.id].paused and not stream.paused]
        for stream, _ in carried:
            if before[stream.id].paused != stream.paused:
                _log.warning("stream.paused" if stream.paused else "stream.goes_on", stream=stream.name)
        if going_on:
            await self._resume(going_on)

    def _set(self, carried: Carried) -> None:
        self._carried = carried
        self._carry([(stream, row) for stream, row in carried if stream.enabled and not stream.paused])


def _as_stored(stream: Stream, rows: dict[str, StreamRow]) -> Stream:
    row = rows.get(stream.id)
    return stream if row is None or bool(row.paused) == stream.paused else replace(stream, paused=bool(row.paused))
