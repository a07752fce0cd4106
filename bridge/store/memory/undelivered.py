"""SETs that are pending or dead, in memory, and other SETs in their place."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bridge.store.memory.outbox import Outbox
from bridge.store.records import Delivery
from bridge.store.undelivered import Renewal, renewable, renewed


class Undelivered(Outbox):
    def _undelivered(self) -> list[Delivery]:
        return [row for _, row in sorted(self._deliveries.items()) if row.state in ("pending", "dead")]

    async def undelivered_kids(self) -> set[str]:
        return {row.kid for row in self._undelivered()}

    async def stranded(self, kids: Collection[str]) -> list[int]:
        return [row.id for row in self._undelivered() if row.kid not in kids]

    async def renew(self, renewals: Sequence[Renewal]) -> list[str]:
        return [self._renew(renewal) for renewal in renewals]

    def _renew(self, renewal: Renewal) -> str:
        row = self._deliveries.get(renewal.id)
        refused = renewable(row, renewal.jti, renewal.at)
        if row is not None and not refused:
            self._deliveries[row.id] = renewed(row, renewal)
        return refused
