"""The whole memory store."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from bridge.key import KeyRow
from bridge.store.memory.erasure import Erasure
from bridge.store.memory.errands import Errands
from bridge.store.memory.holds import Holds
from bridge.store.memory.notices import Notices
from bridge.store.memory.oauth import OAuthClients
from bridge.store.memory.streams import Streams
from bridge.store.memory.subjects import Subjects
from bridge.store.memory.undelivered import Undelivered


class MemoryStore(Erasure, Subjects, Holds, Undelivered, Errands, Notices, Streams, OAuthClients):
    """Everything in dicts, gone with the process: for tests and for trying things out.

    It keeps every promise of the protocol but durability, and takes no more than one event loop.
    """

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
