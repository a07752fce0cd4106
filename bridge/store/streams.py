"""Streams: those of the configuration, and those that receivers made by the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from bridge.model import StreamStatus, Subscription
from bridge.store.records import AuditEntry, NewDelivery, StreamRow

EXPIRED: Final = "expired"
TOO_MANY: Final = "too_many"
DELETED: Final = "stream_deleted"
"""Why SETs are superseded with their stream, or as SETs about it (docs/reasons.md)."""


class Streams(Protocol):
    async def streams(self) -> list[StreamRow]:
        """All, by (created_at, id)."""

    async def streams_if_written(self, seen: object) -> tuple[object, list[StreamRow] | None]:
        """As `streams`, with what stands for that state; None in their place if surely nobody, in whatever process, has
        written anything since the state `seen`. None is none."""

    async def stream(self, stream_id: str) -> StreamRow | None: ...

    async def put_stream(self, row: StreamRow) -> None:
        """A stream of the configuration. What others write stays as it stands: `paused`, `announced`, `active_at`,
        `client`, `subscription`."""

    async def update_stream(self, row: StreamRow) -> None:
        """As `put_stream`, if the stream is still there."""

    async def pause(self, stream_id: str, why: str) -> bool:
        """Pause the stream, or with "" let it go on. False: there is no such stream."""

    async def prune_stream(self, stream_id: str) -> int:
        """Forget a stream with its ledger, its deliveries, its marks and what was said about its subjects. How many
        rows of the first two went."""

    async def make_stream(self, row: StreamRow, most: int, entries: Sequence[AuditEntry] = ()) -> bool:
        """A stream of the API, and the audit entries that tell of it. False, and nothing is written, where its client
        has `most` already (deleted ones do not count)."""

    async def change_subscription(
        self,
        stream_id: str,
        version: int,
        subscription: Subscription,
        announced: StreamStatus | None = None,
        entries: Sequence[AuditEntry] = (),
    ) -> bool:
        """Put `subscription`, whose version becomes `version` + 1, in the place of the one of that version, with the
        audit entries that tell of it; with `announced` the receiver knows that status. False, and nothing is written,
        if that one is not there."""

    async def announce(
        self, stream_id: str, was: StreamStatus, status: StreamStatus, sets: Sequence[NewDelivery] = ()
    ) -> bool:
        """The receiver is told this status by these SETs. False, and nothing is written, if it knows another than
        `was` by now, or the stream is gone."""

    async def note_activity(self, at: Mapping[str, float]) -> None:
        """When the receivers of these streams last used them."""

    async def clear_stream(self, stream_id: str, now: float, limit: int) -> int:
        """Of a deleted stream end at most `limit` deliveries that are open or dead, then remove as many ledger rows,
        then as many words about subjects. How many; 0: nothing was left, and the stream itself is gone, with
        its marks."""
