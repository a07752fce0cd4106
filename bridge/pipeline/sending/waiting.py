"""waiting: polls that wait for a SET. Each is a task of the loop and a bell: no thread, no database connection."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final

from bridge.errors import TooMany, Unavailable

RETRY_AFTER: Final = 5
"""Seconds after which a poll that found no place may come again."""

Gone = Callable[[], Awaitable[None]]
"""Returns when the caller hung up."""


class Waiting:
    """At most `per_stream` polls of one stream, `per_client` of one client's, and `most` of all wait at once."""

    def __init__(self, per_stream: int, per_client: int, most: int) -> None:
        self._per_stream = per_stream
        self._per_client = per_client
        self._most = most
        self._bells: dict[str, set[asyncio.Event]] = {}
        self._clients: Counter[str] = Counter()
        self._count = 0
        self._closed = asyncio.Event()

    def __len__(self) -> int:
        return self._count

    @property
    def closed(self) -> bool:
        return self._closed.is_set()

    def streams(self) -> list[str]:
        """The ids of those that somebody waits for."""
        return list(self._bells)

    @contextmanager
    def place(self, stream_id: str, client: str) -> Iterator[asyncio.Event]:
        """A place, and the bell that rings when it may be worth while to look.

        Raises TooMany; Unavailable once closed.
        """
        if self.closed:
            raise Unavailable("no poll may wait here any more", RETRY_AFTER)
        bells = self._bells.get(stream_id) or set()
        if len(bells) >= self._per_stream:
            raise TooMany(f"{self._per_stream} polls of this stream wait already", RETRY_AFTER)
        if self._clients[client] >= self._per_client:
            raise TooMany(f"{self._per_client} polls of this client wait already", RETRY_AFTER)
        if self._count >= self._most:
            raise TooMany("too many polls wait already", RETRY_AFTER)
        bell = asyncio.Event()
        self._bells.setdefault(stream_id, bells).add(bell)
        self._count += 1
        self._clients[client] += 1
        try:
            yield bell
        finally:
            self._count -= 1
            self._clients -= Counter({client: 1})
            bells.discard(bell)
            if not bells:
                del self._bells[stream_id]

    def ring(self, stream_ids: Collection[str]) -> None:
        for stream_id in stream_ids:
            for bell in self._bells.get(stream_id, ()):
                bell.set()

    def close(self) -> None:
        """Nobody waits from now on."""
        self._closed.set()
        self.ring(self.streams())

    async def until_closed(self, seconds: float) -> None:
        """At most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closed.wait()


@asynccontextmanager
async def listening(gone: Gone, bell: asyncio.Event) -> AsyncIterator[asyncio.Future[None]]:
    """Done once the caller hung up; then the bell rings too."""
    task = asyncio.ensure_future(gone())
    task.add_done_callback(lambda _: bell.set())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def rung(bell: asyncio.Event, until: float) -> bool:
    """Whether the bell rang before `until`, on the loop's clock."""
    try:
        async with asyncio.timeout_at(until):
            await bell.wait()
    except TimeoutError:
        return False
    return True
