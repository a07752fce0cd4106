"""keeper: the streams that run, of the configuration and of the API, and what changes of them while they do.

Commands change them through the store, which is noticed within a second; the API's doors say it themselves (`take`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Protocol

import structlog

from bridge.clock import Clock
from bridge.errors import BridgeError
from bridge.model import Selects, Stream
from bridge.pipeline.streams.running import Running, reach_of, status_of
from bridge.store.marks import Marks, stream_mark
from bridge.store.records import StreamRow
from bridge.store.streams import Streams
from bridge.value import replace

_log = structlog.get_logger("bridge.keeper")

POLL = 0.5

DUE = "due"
"""What the mark of a stream says that is to be compared once it runs."""

Kept = tuple[Stream, StreamRow]
Carried = Sequence[Kept]
Changed = Mapping[str, Running | None]
"""The streams that run otherwise than before, by id; None: it runs no more."""
Made = Callable[[StreamRow], Stream | None]
"""The stream that a receiver made, as it runs; None where it does not."""


def nothing(row: StreamRow) -> None:
    return None


class Register(Streams, Marks, Protocol):
    """What is read and remembered here."""

    async def cancel_stream(self, stream_id: str, now: float, why: str) -> int: ...


class Keeper:
    """Holds the streams that run: a picture that is never changed, but followed by another one. `carry` is told what
    differs. `resume` compares those that go on with their ledgers, and says so to `compared`: until then a mark in the
    store remembers that it is due, whatever dies."""

    def __init__(
        self,
        store: Register,
        clock: Clock,
        carry: Callable[[Changed], None],
        resume: Callable[[Sequence[Stream]], Awaitable[None]],
        trouble: Callable[[str], None],
        made: Made = nothing,
    ) -> None:
        self._store = store
        self._clock = clock
        self._carry = carry
        self._resume = resume
        self._trouble = trouble
        self._made = made
        self._kept: Mapping[str, Kept] = {}
        self._running: Mapping[str, Running] = {}
        self._streams: Sequence[Stream] | None = None
        self._rehearsed: tuple[Stream, ...] = ()
        self._uncompared: dict[str, int] = {}
        """Streams that go on, and how many comparisons they are owed: one for each time that they went on. Until the
        last is done no event is sent, for what waits may be no longer so."""
        self._seen: object = None
        self._going: list[Stream] = []
        self._goes = asyncio.Event()
        self.changing = asyncio.Lock()
        """Held by whoever changes a stream in the store and then says so by `take`."""

    def begin(self, carried: Carried, rehearsed: Sequence[Stream]) -> None:
        """With the streams of the configuration."""
        self._rehearsed = tuple(rehearsed)
        self._set({stream.id: (stream, row) for stream, row in carried})

    async def begin_made(self) -> None:
        """With those that receivers made. What waits for one that is disabled, or does not run, is taken back, and it
        is compared before it runs again."""
        rows = [row for row in await self._store.streams() if _is_made(row)]
        made = {row.id: (stream, row) for row in rows if (stream := self._made(row)) is not None}
        self._set(made)
        for row in rows:
            if row.id not in made or not made[row.id][0].enabled:
                await self._store.cancel_stream(row.id, self._clock.now(), "stream_disabled")
                await self._remember(row.id, DUE)

    # -- comparisons that are owed --------------------------------------------------------------

    async def owe(self, streams: Sequence[Stream]) -> None:
        """These are to be compared as soon as they run, whatever dies before."""
        for stream in streams:
            await self._remember(stream.id, DUE)

    async def due(self) -> list[Stream]:
        """At a start: the streams to compare. Those that were paused go on now, or had begun to when the last died."""
        streams = [stream for stream, _ in self._kept.values()]
        await self.owe([stream for stream in streams if stream.paused])
        going = [stream for stream in streams if status_of(stream) == "enabled"]
        found = [stream for stream in going if await self._store.mark(_mark(stream.id)) == DUE]
        self._uncompared = {stream.id: 1 for stream in found}
        self._look_again(found)
        return found

    async def compared(self, streams: Sequence[Stream]) -> None:
        """They were told what differed. One that is held again by now, or went on again since, will have to be once
        more."""
        async with self.changing:
            for stream in streams:
                if self._is_compared(stream.id) and self._goes_on(stream.id):
                    await self._remember(stream.id, "")
            self._look_again(streams)

    def _is_compared(self, stream_id: str) -> bool:
        """One comparison is done: whether it was the last that is owed."""
        left = self._uncompared.pop(stream_id, 1) - 1
        if left:
            self._uncompared[stream_id] = left
        return not left

    def _goes_on(self, stream_id: str) -> bool:
        return stream_id in self._kept and status_of(self._kept[stream_id][0]) == "enabled"

    async def _remember(self, stream_id: str, value: str) -> None:
        was = await self._store.mark(_mark(stream_id))
        if (was or "") != value:
            await self._store.put_mark(_mark(stream_id), value, was=was)

    # -- who runs -------------------------------------------------------------------------------

    def streams(self) -> Sequence[Stream]:
        """Everything that is compared with belief, dry runs too."""
        if self._streams is None:
            self._streams = (*(stream for stream, _ in self._kept.values()), *self._rehearsed)
        return self._streams

    def running(self) -> Mapping[str, Running]:
        """All streams but dry runs, by id: another mapping as soon as one of them runs otherwise."""
        return self._running

    def named(self, name: str) -> Stream | None:
        return next((stream for stream, _ in self._kept.values() if name in (stream.name, stream.id)), None)

    # -- what changes ---------------------------------------------------------------------------

    async def run(self) -> None:
        """Beside `run_comparisons`, which may take as long as it likes."""
        while True:
            try:
                await self.notice()
            except BridgeError as problem:
                self._trouble(f"streams: {type(problem).__name__}")
            await self._clock.sleep(POLL)

    async def run_comparisons(self) -> None:
        while True:
            await self._goes.wait()
            await self.compare()

    async def turn(self) -> None:
        await self.notice()
        await self.compare()

    async def notice(self) -> None:
        """What others changed in the store."""
        async with self.changing:
            seen, rows = await self._store.streams_if_written(self._seen)
            if rows is not None:
                await self._change(rows)
            self._seen = seen  # not before: a change that could not be made is made the next time

    async def compare(self) -> None:
        """The streams that went on with their ledgers."""
        async with self.changing:  # whoever changes a stream says that it goes on before it does
            self._goes.clear()
            going, self._going = self._going, []
        if going:
            await self._resume(going)

    async def take(self, row: StreamRow) -> None:
        """A stream as its receiver has just changed it; the caller holds `changing`."""
        await self._change([row], whole=False)

    async def select(self, stream_id: str, selection: Selects) -> None:
        """What the stream is about from now on, by its receiver's word. Nothing is told of it here."""
        async with self.changing:
            if stream_id in self._kept:
                stream, row = self._kept[stream_id]
                self._set({stream_id: (replace(stream, selection=selection), row)})

    async def _change(self, rows: Iterable[StreamRow], *, whole: bool = True) -> None:
        known = {row.id: row for row in rows}
        after: dict[str, Kept | None] = {row.id: self._placed(row) for row in known.values() if row.subscription}
        for stream_id, (stream, row) in self._kept.items() if whole else ():
            if row.subscription is None:
                after[stream_id] = (_as_stored(stream, known), known.get(stream_id, row))
            elif stream_id not in known:
                after[stream_id] = None
        changed = {stream_id: one for stream_id, one in after.items() if one != self._kept.get(stream_id)}
        for stream_id, one in changed.items():
            if one is not None:
                await self._step(self._kept[stream_id][0] if stream_id in self._kept else None, one[0])
        if changed:
            self._set(changed)

    def _placed(self, row: StreamRow) -> Kept | None:
        was = self._kept.get(row.id)
        if was is not None and (was[1].subscription, was[1].paused) == (row.subscription, row.paused):
            return was[0], row
        stream = self._made(row)
        return (stream, row) if stream is not None else None

    async def _step(self, before: Stream | None, after: Stream) -> None:
        was, is_now = status_of(before) if before else None, status_of(after)
        if is_now != "enabled" and was in (None, "enabled"):
            await self.owe([after])
        if is_now == "disabled" and was != "disabled":
            await self._store.cancel_stream(after.id, self._clock.now(), "stream_disabled")
        if before is None:
            return
        if is_now == "enabled" and (was != "enabled" or after.events - before.events):
            self._uncompared[after.id] = self._uncompared.get(after.id, 0) + 1
            self._going.append(after)
            self._goes.set()
        if was != is_now:
            _log.warning("stream.goes_on" if is_now == "enabled" else f"stream.{is_now}", stream=after.name)

    def _look_again(self, streams: Iterable[Stream]) -> None:
        """Something that is remembered here of these has changed."""
        self._set({one.id: self._kept[one.id] for one in streams if one.id in self._kept})

    def _set(self, changed: Mapping[str, Kept | None]) -> None:
        """The next picture. To copy what did not change takes microseconds for a thousand streams; to make it anew, and
        have each lane and each poll look at it, would take milliseconds."""
        kept, running, differs = dict(self._kept), dict(self._running), dict[str, Running | None]()
        for stream_id, one in changed.items():
            before = running.get(stream_id)
            if one is None:
                kept.pop(stream_id, None)
                running.pop(stream_id, None)
            else:
                kept[stream_id] = one
                running[stream_id] = Running(*one, reach_of(one[0], stream_id not in self._uncompared))
            if running.get(stream_id) != before:
                differs[stream_id] = running.get(stream_id)
        self._kept, self._running, self._streams = kept, running, None
        self._carry(differs)


def _is_made(row: StreamRow) -> bool:
    """Whether it is a receiver's own, and was not deleted."""
    return row.subscription is not None and row.subscription.deleted_at is None


def _mark(stream_id: str) -> str:
    return stream_mark("compare", stream_id)


def _as_stored(stream: Stream, rows: Mapping[str, StreamRow]) -> Stream:
    row = rows.get(stream.id)
    return stream if row is None or bool(row.paused) == stream.paused else replace(stream, paused=bool(row.paused))
