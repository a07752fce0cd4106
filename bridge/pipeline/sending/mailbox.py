"""mailbox: receivers fetch their SETs, and say which of them they have (RFC 8936).

The store decides what may go out, as for a push: of each order key the oldest SET that is not settled, held for a while
by the poll that fetched it. So parallel polls share the work, order holds, and what nobody acknowledges comes again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, Protocol

import structlog

from bridge.clock import Clock
from bridge.errors import BridgeError, NotFound
from bridge.pipeline.api.ownership import NO_STREAM
from bridge.pipeline.ports import Meter
from bridge.pipeline.sending.acks import Acks
from bridge.pipeline.sending.handout import Handed, Handout
from bridge.pipeline.sending.receipts import Receipts
from bridge.pipeline.sending.waiting import Gone, Waiting, listening, rung
from bridge.pipeline.streams.running import Running
from bridge.ssf.poll import PollRequest, poll_answer
from bridge.store.protocol import Outbox
from bridge.store.streams import Streams
from bridge.value import value

_log = structlog.get_logger("bridge.mailbox")

TICK: Final = 1.0
"""Seconds after which due SETs are sought without anybody ringing: other processes write to the store too, and what was
handed out and not acknowledged falls due by itself."""


class Kept(Outbox, Streams, Protocol):
    """What is read and written here."""


@value
class Bounds:
    """Of `[streams]`. `wait`: seconds of a long poll. `visibility`: seconds for which a SET that was handed out is
    hidden. So many polls may wait of one stream, of all, and of all streams of one client."""

    wait: float = 25.0
    visibility: float = 60.0
    per_stream: int = 16
    polls: int = 2000
    per_client: int = 1000


class Mailbox:
    """`running` gives the streams that run, by id; see `Handout` for `verifiable`."""

    def __init__(
        self,
        store: Kept,
        running: Callable[[], Mapping[str, Running]],
        clock: Clock,
        meter: Meter,
        trouble: Callable[[str], None],
        bounds: Bounds,
        verifiable: Callable[[str], bool] = lambda kid: True,
    ) -> None:
        self._store = store
        self._running = running
        self._clock = clock
        self._trouble = trouble
        self._wait = bounds.wait
        self._acks = Acks(store, Receipts(meter), clock)
        self._handout = Handout(store, clock, bounds.visibility, verifiable)
        self._waiting = Waiting(bounds.per_stream, bounds.per_client, bounds.polls)

    async def poll(self, stream_id: str, request: PollRequest, gone: Gone) -> dict[str, Any]:
        """What the receiver says of earlier SETs is settled first; then it gets what there is. With nothing there it
        waits, unless it asked not to. The caller has seen to it that the stream is the client's.

        Raises NotFound where the stream is not polled, or ends meanwhile; TooMany, and then nothing was done.
        """
        client = self._polled(stream_id).stream.client
        if request.at_once:
            await self._settle(stream_id, request)
            return _answer(await self._take(stream_id, request.most))
        with self._waiting.place(stream_id, client) as bell:
            await self._settle(stream_id, request)
            async with listening(gone, bell) as hung_up:
                return _answer(await self._waited(stream_id, request.most, bell, hung_up))

    def minted(self, stream_ids: Collection[str]) -> None:
        """There are new SETs for these streams."""
        self._waiting.ring(stream_ids)

    def changed(self, stream_ids: Collection[str]) -> None:
        """These streams run otherwise than before: who waits for one of them looks again."""
        self._waiting.ring(stream_ids)

    async def run(self) -> None:
        while not self._waiting.closed:
            await self._waiting.until_closed(TICK)
            try:
                await self.tick()
            except BridgeError as problem:
                self._trouble(f"mailbox: {type(problem).__name__}")
                _log.error("mailbox.stuck", problem=str(problem))

    async def tick(self) -> None:
        """One question to the store for all that wait."""
        running = self._running()
        reach = {stream_id: running[stream_id].reach for stream_id in self._waiting.streams() if stream_id in running}
        if reach:
            self._waiting.ring(await self._store.has_due(reach, self._clock.now()))

    def stop(self) -> None:
        """Who waits gets an answer without SETs, at once; nobody waits any more."""
        self._waiting.close()

    # -- how ------------------------------------------------------------------------------------

    async def _settle(self, stream_id: str, request: PollRequest) -> None:
        if await self._acks.settle(self._polled(stream_id).stream, request):
            self._waiting.ring([stream_id])

    async def _waited(
        self, stream_id: str, most: int, bell: asyncio.Event, hung_up: asyncio.Future[None]
    ) -> Handed:  # fmt: skip
        """A poll that takes no SETs waits for one as well: only `returnImmediately` ends it at once (RFC 8936 §2.4)."""
        until = asyncio.get_running_loop().time() + self._wait
        while not self._waiting.closed and not hung_up.done():
            bell.clear()
            handed = await self._take(stream_id, most)
            if handed.rows and hung_up.done():
                await self._handout.give_back(handed.rows)
                self._waiting.ring([stream_id])
            elif handed.rows or handed.more:
                return handed
            elif not await rung(bell, until):
                break
        return Handed()

    async def _take(self, stream_id: str, most: int) -> Handed:
        one = self._polled(stream_id)
        handed = await self._handout.take(one, most)
        if handed.rows and not self._still(one):
            await self._handout.give_back(handed.rows)
            return await self._take(stream_id, most)
        if handed.rows:
            _log.info("sets.handed_out", stream=one.stream.name, sets=len(handed.rows), more=handed.more)
        return handed

    def _still(self, one: Running) -> bool:
        """Whether nothing was held, switched or deleted while the store handed out."""
        now = self._running().get(one.stream.id)
        return now is not None and now.stream.way == "poll" and now.reach >= one.reach

    def _polled(self, stream_id: str) -> Running:
        one = self._running().get(stream_id)
        if one is None:
            raise NotFound(NO_STREAM)
        if one.stream.way != "poll":
            raise NotFound("the SETs of this stream are pushed, there is nothing to poll")
        return one


def _answer(handed: Handed) -> dict[str, Any]:
    return poll_answer({row.jti: row.text for row in handed.rows}, handed.more)
