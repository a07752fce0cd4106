"""ownership: which streams a client of the API may see, and change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bridge.errors import Conflict, Forbidden, NotFound
from bridge.model import StreamStatus, Subscription
from bridge.pipeline.streams.keeper import Keeper
from bridge.pipeline.streams.running import Running
from bridge.store.records import AuditEntry
from bridge.store.streams import Streams
from bridge.text import keepable

NO_STREAM: Final = "there is no such stream"
"""The same words whether it never was or is somebody else's: nobody learns what others have (SSF 1.0 §8)."""


class Ownership:
    """`used` is told of every stream that its receiver names: that restarts `inactivity_timeout` (SSF 1.0 §8.1.1)."""

    def __init__(self, store: Streams, keeper: Keeper, used: Callable[[str], None]) -> None:
        self._store = store
        self._keeper = keeper
        self._used = used

    async def seen(self, client: str, stream_id: str) -> Running:
        """The stream, if it is one of this client's. Raises NotFound."""
        one = self._keeper.running().get(stream_id)
        if one is None and keepable(stream_id):  # else no store could be asked for it
            one = await self._elsewhere(stream_id)
        if one is None or one.stream.client != client:
            raise NotFound(NO_STREAM)
        self._used(stream_id)
        return one

    async def changeable(self, client: str, stream_id: str) -> Running:
        """As `seen`. Raises Forbidden for a stream of the configuration: that is the admin's to change."""
        one = await self.seen(client, stream_id)
        if not one.stream.by_api:
            raise Forbidden("this stream is configured by the transmitter's admin, and cannot be changed here")
        return one

    async def current(self, stream_id: str) -> Subscription:
        """As the store has it now; the caller holds `changing`. Raises NotFound."""
        row = await self._store.stream(stream_id)
        if row is None or row.subscription is None or row.subscription.deleted_at is not None:
            raise NotFound(NO_STREAM)
        return row.subscription

    async def put(
        self,
        stream_id: str,
        before: Subscription,
        made: Subscription,
        told: AuditEntry,
        announced: StreamStatus | None = None,
    ) -> None:
        """Write it down with what the audit log tells of it, in one commit, and let it run so; the caller holds
        `changing`. Raises Conflict if somebody else changed it."""
        if not await self._store.change_subscription(stream_id, before.version, made, announced, [told]):
            raise Conflict("the stream changed meanwhile; read it and try again")
        row = await self._store.stream(stream_id)
        if row is not None:
            await self._keeper.take(row)

    def theirs(self, client: str) -> list[Running]:
        """All streams of this client, the oldest first."""
        mine = [one for one in self._keeper.running().values() if one.stream.client == client]
        return sorted(mine, key=lambda one: (one.row.created_at, one.row.id))

    async def _elsewhere(self, stream_id: str) -> Running | None:
        """One that another process made a moment ago."""
        row = await self._store.stream(stream_id)
        if row is None or row.subscription is None:
            return None
        async with self._keeper.changing:
            await self._keeper.take(row)
        return self._keeper.running().get(stream_id)
