"""What is held, in memory, and what is known of many devices at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from bridge.model import HeldWhy, LedgerRow
from bridge.store.hold_rules import hold_kind, kind_of
from bridge.store.memory.outbox import Outbox
from bridge.store.records import HoldCount, Known


class Holds(Outbox):
    async def known(self, connector: str, ids: Collection[str]) -> dict[str, Known]:
        found = {id_: Known(self._devices.get((connector, id_)), self._looks.get((connector, id_))) for id_ in ids}
        return {id_: one for id_, one in found.items() if one.device is not None or one.look is not None}

    async def fleet(self, connector: str) -> int:
        return sum(device.connector == connector and not device.retired for device in self._devices.values())

    async def held(
        self, connector: str | None = None, *, why: HeldWhy | None = None,
        after: tuple[str, str] | None = None, limit: int = 100,
    ) -> list[LedgerRow]:  # fmt: skip
        found = [
            self._seen(row)
            for key, row in sorted(self._ledger.items())
            if row.held is not None
            and connector in (None, row.held.connector)
            and why in (None, row.held.why)
            and (after is None or key > after)
        ]
        return found[:limit]

    async def holds(self) -> list[HoldCount]:
        people = {
            (row.held.connector, kind_of(row.held.why), row.login)
            for row in self._ledger.values()
            if row.held is not None
        }
        counts = Counter((connector, kind) for connector, kind, _ in people)
        counts.update((device.connector, kind) for device in self._devices.values() if (kind := hold_kind(device)))
        return [HoldCount(connector, kind, count) for (connector, kind), count in sorted(counts.items())]
