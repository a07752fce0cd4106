"""keeper: what operators change of a running stream, noticed within a second: pause, and going on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Protocol

import structlog

from bridge.clock import Clock
from bridge.errors import BridgeError
from bridge.model import Stream
from bridge.store.marks import Marks
from bridge.store.records import StreamRow
from bridge.store.streams import Streams

_log = structlog.get_logger("bridge.keeper")

POLL = 0.5

DUE = "due"
"""What the mark of a stream says that is to be compared once it runs."""

Carried = tuple[tuple[Stream, StreamRow], ...]


class Kept(Streams, Marks, Protocol):
    """What is read and remembered here."""


class Keeper:
    """Holds the streams that run. `carry` is told the new ones; `resume` compares those that go on with their
    ledgers, and says so to `compared`: until then a mark in the store remembers that it is due, whatever dies."""

    def __init__(
        self,
        store: Kept,
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
        self._uncompared: set[str] = set()
        """Ids of streams that go on: nothing is sent before what waits and is no longer so was taken back."""

    def begin(self, carried: Carried, rehearsed: Sequence[Stream]) -> None:
        self._rehearsed = tuple(rehearsed)
        self._set(carried)

    async def owe(self, streams: Sequence[Stream]) -> None:
        """These are to be compared as soon as they run, whatever dies before."""
        for stream in streams:
            await self._remember(stream, DUE)

    async def due(self) -> list[Stream]:
        """At a start: the streams to compare. Those that were paused go on now, or had begun to when the last died."""
        await self.owe([stream for stream, _ in self._carried if stream.paused])
        going = [stream for stream, _ in self._carried if stream.enabled and not stream.paused]
        found = [stream for stream in going if await self._store.mark(_mark(stream)) == DUE]
        self._uncompared = {stream.id for stream in found}
        self._set(self._carried)
        return found

    async def compared(self, streams: Sequence[Stream]) -> None:
        """They were told what differed; one that is paused again by now will have to be once more."""
        paused = {stream.id for stream, _ in self._carried if stream.paused}
        for stream in streams:
            if stream.id not in paused:
                await self._remember(stream, "")
        self._uncompared -= {stream.id for stream in streams}
        self._set(self._carried)

    async def _remember(self, stream: Stream, value: str) -> None:
        was = await self._store.mark(_mark(stream))
        if (was or "") != value:
            await self._store.put_mark(_mark(stream), value, was=was)

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
        await self.owe([stream for stream, _ in carried if stream.paused and not before[stream.id].paused])
        going_on = [stream for stream, _ in carried if before[stream.id].paused and not stream.paused]
        self._uncompared |= {stream.id for stream in going_on}
        self._set(carried)
        for stream, _ in carried:
            if before[stream.id].paused != stream.paused:
                _log.warning("stream.paused" if stream.paused else "stream.goes_on", stream=stream.name)
        if going_on:
            await self._resume(going_on)

    def _set(self, carried: Carried) -> None:
        self._carried = carried
        sends = [one for one in carried if one[0].enabled and not one[0].paused and one[0].id not in self._uncompared]
        self._carry(sends)


def _mark(stream: Stream) -> str:
    return f"compare:{stream.id}"


def _as_stored(stream: Stream, rows: dict[str, StreamRow]) -> Stream:
    row = rows.get(stream.id)
    return stream if row is None or bool(row.paused) == stream.paused else replace(stream, paused=bool(row.paused))
