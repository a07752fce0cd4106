"""The part of the SQL store that keeps the streams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bridge.model import StreamStatus, Subscription
from bridge.store.records import AuditEntry, NewDelivery, StreamRow
from bridge.store.sql import streams
from bridge.store.sql.records import Queues


class StreamRegister(Queues):
    async def streams(self) -> list[StreamRow]:
        return await self._read(streams.all_streams)

    async def stream(self, stream_id: str) -> StreamRow | None:
        return await self._read(lambda conn: streams.one(conn, stream_id))

    async def put_stream(self, row: StreamRow) -> None:
        await self._writer.submit(streams.put_many, row)

    async def update_stream(self, row: StreamRow) -> None:
        await self._writer.submit(streams.update_many, row)

    async def pause(self, stream_id: str, why: str) -> bool:
        return await self._writer.submit(streams.pause_many, (stream_id, why))

    async def prune_stream(self, stream_id: str) -> int:
        return await self._writer.submit(streams.prune_many, stream_id)

    async def make_stream(self, row: StreamRow, most: int, entries: Sequence[AuditEntry] = ()) -> bool:
        return await self._writer.submit(streams.make_many, streams.Make(row, most, tuple(entries)))

    async def change_subscription(
        self,
        stream_id: str,
        version: int,
        subscription: Subscription,
        announced: StreamStatus | None = None,
        entries: Sequence[AuditEntry] = (),
    ) -> bool:
        change = streams.Change(stream_id, version, subscription, announced, tuple(entries))
        return await self._writer.submit(streams.change_many, change)

    async def announce(
        self, stream_id: str, was: StreamStatus, status: StreamStatus, sets: Sequence[NewDelivery] = ()
    ) -> bool:
        item = streams.Announce(stream_id, was, status, tuple(sets))
        return await self._writer.submit(streams.announce_many, item)

    async def note_activity(self, at: Mapping[str, float]) -> None:
        if at:
            await self._writer.submit(streams.active_many, dict(at))

    async def clear_stream(self, stream_id: str, now: float, limit: int) -> int:
        return await self._writer.submit(streams.clear_many, streams.Clear(stream_id, now, limit))
