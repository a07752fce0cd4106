"""Streams in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bridge.model import StreamStatus, Subscription
from bridge.store.marks import stream_marks
from bridge.store.memory.outbox import Outbox
from bridge.store.records import AuditEntry, Delivery, NewDelivery, Rank, StreamRow
from bridge.store.streams import DELETED, EXPIRED, TOO_MANY
from bridge.value import replace


class Streams(Outbox):
    async def streams(self) -> list[StreamRow]:
        return sorted(self._streams.values(), key=lambda row: (row.created_at, row.id))

    async def streams_if_written(self, seen: object) -> tuple[object, list[StreamRow] | None]:
        rows = await self.streams()
        return tuple(rows), None if tuple(rows) == seen else rows

    async def stream(self, stream_id: str) -> StreamRow | None:
        return self._streams.get(stream_id)

    async def put_stream(self, row: StreamRow) -> None:
        known = self._streams.get(row.id)
        self._streams[row.id] = row if known is None else _kept(row, known)

    async def update_stream(self, row: StreamRow) -> None:
        if row.id in self._streams:
            await self.put_stream(row)

    async def pause(self, stream_id: str, why: str) -> bool:
        known = self._streams.get(stream_id)
        if known is None:
            return False
        self._streams[stream_id] = replace(known, paused=why)
        return True

    async def prune_stream(self, stream_id: str) -> int:
        told = [key for key in self._ledger if key[0] == stream_id]
        sent = [id_ for id_, row in self._deliveries.items() if row.stream_id == stream_id]
        for key in told:
            del self._ledger[key]
        self._remove_deliveries(sent)
        self._heads = {key: id_ for key, id_ in self._heads.items() if key[0] != stream_id}
        self._go(stream_id)
        for choice in self._choices_of(stream_id):
            del self._choices[choice.key]
        return len(told) + len(sent)

    async def make_stream(self, row: StreamRow, most: int, entries: Sequence[AuditEntry] = ()) -> bool:
        theirs = [one.subscription for one in self._streams.values() if one.client == row.client]
        if sum(made is not None and made.deleted_at is None for made in theirs) >= most:
            return False
        self._streams[row.id] = row
        self._record(entries)
        return True

    async def change_subscription(
        self,
        stream_id: str,
        version: int,
        subscription: Subscription,
        announced: StreamStatus | None = None,
        entries: Sequence[AuditEntry] = (),
    ) -> bool:
        row = self._streams.get(stream_id)
        if row is None or row.subscription is None or row.subscription.version != version:
            return False
        changed = replace(row, subscription=replace(subscription, version=version + 1))
        self._streams[stream_id] = changed if announced is None else replace(changed, announced=announced)
        self._record(entries)
        return True

    async def announce(
        self, stream_id: str, was: StreamStatus, status: StreamStatus, sets: Sequence[NewDelivery] = ()
    ) -> bool:
        row = self._streams.get(stream_id)
        if row is None or row.announced != was:
            return False
        self._streams[stream_id] = replace(row, announced=status)
        for one in sets:
            self._mint(one)
        return True

    async def note_activity(self, at: Mapping[str, float]) -> None:
        for stream_id, when in at.items():
            if stream_id in self._streams:
                self._streams[stream_id] = replace(self._streams[stream_id], active_at=when)

    async def clear_stream(self, stream_id: str, now: float, limit: int) -> int:
        theirs = [row for row in self._deliveries.values() if row.stream_id == stream_id]
        for state in ("pending", "dead"):
            if found := [row for row in theirs if row.state == state][:limit]:
                for row in found:
                    self._supersede_quietly(row, now, DELETED)
                return len(found)
        if told := [key for key in self._ledger if key[0] == stream_id][:limit]:
            for key in told:
                del self._ledger[key]
            return len(told)
        if chosen := self._choices_of(stream_id)[:limit]:
            for choice in chosen:
                del self._choices[choice.key]
            return len(chosen)
        self._go(stream_id)
        return 0

    def _go(self, stream_id: str) -> None:
        self._streams.pop(stream_id, None)
        for name in stream_marks(stream_id):
            self._marks.pop(name, None)

    async def expire_framework(self, before: float, now: float) -> int:
        rows = [row for row in self._deliveries.values() if row.state == "pending" and row.created_at < before]
        return self._expire([row for row in rows if row.rank < Rank.EVENT], now, EXPIRED)

    async def bound_verifications(self, stream_id: str, most: int, now: float) -> int:
        rows = [row for row in self._deliveries.values() if (row.stream_id, row.state) == (stream_id, "pending")]
        waiting = sorted((row for row in rows if row.rank == Rank.VERIFICATION), key=lambda row: -row.id)
        return self._expire(waiting[most:], now, TOO_MANY)

    def _expire(self, rows: Sequence[Delivery], now: float, why: str) -> int:
        for row in rows:
            self._end(row, replace(row, state="superseded", settled_at=now, last_code="superseded", last_words=why))
        return len(rows)

    def _supersede_quietly(self, row: Delivery, now: float, why: str) -> None:
        """Nothing takes its place as head."""
        self._deliveries[row.id] = replace(
            row, state="superseded", leased_until=None, settled_at=now, last_code="superseded", last_words=why
        )
        if self._heads.get((row.stream_id, row.order)) == row.id:
            del self._heads[row.stream_id, row.order]


def _kept(row: StreamRow, known: StreamRow) -> StreamRow:
    """What others write stays as it stands."""
    return replace(
        row, paused=known.paused, announced=known.announced, active_at=known.active_at,
        client=known.client, subscription=known.subscription,
    )  # fmt: skip
