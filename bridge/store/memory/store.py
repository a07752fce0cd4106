"""The whole memory store."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from bridge.key import KeyRow
from bridge.store.memory.erasure import Erasure
from bridge.store.memory.errands import Errands
from bridge.store.memory.holds import Holds
from bridge.store.memory.notices import Notices
from bridge.store.memory.undelivered import Undelivered
from bridge.store.records import StreamRow
from bridge.value import replace


class MemoryStore(Erasure, Holds, Undelivered, Errands, Notices):
    """Everything in dicts, gone with the process: for tests and for trying things out.

    It keeps every promise of the protocol but durability, and takes no more than one event loop.
    """

    async def streams(self) -> list[StreamRow]:
        return sorted(self._streams.values(), key=lambda row: (row.created_at, row.id))

    async def put_stream(self, row: StreamRow) -> None:
        known = self._streams.get(row.id)
        self._streams[row.id] = row if known is None else replace(row, paused=known.paused)

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
        self._streams.pop(stream_id, None)
        return len(told) + len(sent)

    async def keys(self) -> list[KeyRow]:
        return sorted(self._keys.values(), key=lambda row: (row.created_at, row.kid))

    async def swap_keys(self, expected: Collection[KeyRow], rows: Collection[KeyRow]) -> bool:
        if set(self._keys.values()) != set(expected):
            return False
        self._keys = {row.kid: row for row in rows}
        return True

    async def ping(self) -> None:
        """Memory is there."""

    async def counts(self) -> Mapping[str, int]:
        devices, deliveries = self._devices.values(), self._deliveries.values()
        return {
            "devices": len(devices),
            "not_compliant": sum(device.status == "not-compliant" for device in devices),
            "no_owner": sum(device.login is None for device in devices),
            "looks": len(self._looks),
            "pending": sum(row.state == "pending" for row in deliveries),
            "dead": sum(row.state == "dead" for row in deliveries),
            "webhooks": len(self._webhooks),
            "quarantined": len(self._quarantine),
        }

    async def close(self) -> None:
        """Nothing to let go of."""
