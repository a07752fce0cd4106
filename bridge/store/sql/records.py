"""The part of the SQL store that keeps records: the audit log, what came, and what goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection

from bridge.store.archive import Kept, Wanted
from bridge.store.erasure import Erase, Erased, Pair
from bridge.store.expiry import Kind, Sizes, Step
from bridge.store.records import Accepted, Arrival, AuditEntry, Delivery
from bridge.store.sql import archive, audit, erasure, expiry, surplus
from bridge.store.sql.commit_queue import CommitQueue

Result = TypeVar("Result")
_Read = Callable[[Connection], Any]


def _read_many(conn: Connection, items: Sequence[_Read]) -> list[Any]:
    return [item(conn) for item in items]


class Queues:
    _writer: CommitQueue
    _reader: CommitQueue

    async def _read(self, read: Callable[[Connection], Result]) -> Result:
        result: Result = await self._reader.submit(_read_many, read)
        return result


class Records(Queues):
    # -- audit and marks --------------------------------------------------------------------------

    async def record(self, entry: AuditEntry) -> None:
        await self._writer.submit(audit.record_many, entry)

    async def audit(
        self, *, since: float | None = None, who: str = "", what: str = "", target: str = "", limit: int = 100
    ) -> list[AuditEntry]:
        want = audit.Filter(since, who, what, target, limit)
        return await self._read(lambda conn: audit.entries(conn, want))

    async def mark(self, name: str) -> str | None:
        return await self._read(lambda conn: audit.mark(conn, name))

    async def put_mark(self, name: str, value: str, *, was: str | None, entries: Sequence[AuditEntry] = ()) -> bool:
        return await self._writer.submit(audit.put_mark_many, audit.Put(name, value, was, tuple(entries)))

    # -- webhooks ---------------------------------------------------------------------------------

    async def webhooks(self, want: Wanted) -> list[Kept]:
        return await self._read(lambda conn: archive.kept(conn, want))

    async def webhook(self, webhook_id: str) -> Kept | None:
        return await self._read(lambda conn: archive.one(conn, webhook_id))

    async def caused(self, txn: str, limit: int = 100) -> list[Delivery]:
        return await self._read(lambda conn: archive.caused(conn, txn, limit)) if txn else []

    async def readmit(self, misfit_id: str, arrival: Arrival) -> Accepted | None:
        return await self._writer.submit(archive.readmit_many, archive.Readmit(misfit_id, arrival))

    # -- what goes --------------------------------------------------------------------------------

    async def expire(self, kind: Kind, before: float, *, after: str = "", limit: int = 200) -> Step:
        found = await self._read(lambda conn: expiry.seek(conn, expiry.Seek(kind, before, after, limit)))
        return await self._remove(kind, before, found)

    async def thin(self, keep: int, before: float, *, after: str = "", limit: int = 200) -> Step:
        found = await self._read(lambda conn: surplus.seek(conn, surplus.Seek(keep, before, after, limit)))
        return await self._remove("deliveries", before, found)

    async def _remove(self, kind: Kind, before: float, found: expiry.Found) -> Step:
        if not found.keys:
            return expiry.step(found, 0)
        item = expiry.Remove(kind, before, found.keys)
        return expiry.step(found, await self._writer.submit(expiry.remove_many, item, rows=len(found.keys)))

    async def sizes(self, *, thorough: bool = False) -> Sizes:
        """A read for each table, so that others get their turn between them."""
        found = [await self._read(partial(expiry.size, name=one, thorough=thorough)) for one in expiry.names(thorough)]
        return Sizes(tuple(found), *await self._read(expiry.file_bytes))

    async def subjects(self, *, after: Pair | None = None, limit: int = 20_000) -> list[Pair]:
        return await self._read(lambda conn: erasure.subjects(conn, after, limit))

    async def erase(self, what: Erase, now: float) -> Erased:
        return await self._writer.submit(erasure.erase_many, erasure.Item(what, now))

    async def empty(self, webhook_ids: Sequence[str]) -> int:
        return await self._writer.submit(erasure.empty_many, tuple(webhook_ids)) if webhook_ids else 0
