"""Errands and connectors in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from bridge.store.errands import MANY, ConnectorRow, Errand
from bridge.store.memory.base import Tables
from bridge.store.memory.inbox import free
from bridge.value import replace


class Errands(Tables):
    async def ask(self, errand: Errand) -> Errand:
        for known in self._errands.values() if errand.kind != MANY else ():
            if (known.kind, known.target) == (errand.kind, errand.target) and known.ended_at is None:
                return known
        self._errands[errand.id] = errand
        return errand

    async def lease_errand(self, now: float, until: float) -> Errand | None:
        opened = [one for one in self._errands.values() if one.ended_at is None and free(one.leased_until, now)]
        if not opened:
            return None
        first = min(opened, key=lambda one: (one.asked_at, one.id))
        self._errands[first.id] = replace(first, state="running", leased_until=until)
        return self._errands[first.id]

    async def note_errand(self, errand_id: str, doc: Mapping[str, Any], until: float) -> None:
        stands = self._open_errand(errand_id)
        if stands is not None:
            self._errands[errand_id] = replace(stands, state="running", doc=dict(doc), leased_until=until)

    async def end_errand(
        self, errand_id: str, state: Literal["done", "failed"], doc: Mapping[str, Any], now: float
    ) -> None:
        stands = self._open_errand(errand_id)
        if stands is not None:
            self._errands[errand_id] = _ended(replace(stands, state=state, doc=dict(doc)), now)

    async def withdraw_errand(self, errand_id: str, now: float) -> bool:
        stands = self._open_errand(errand_id)
        if stands is None or stands.state != "waiting":
            return False
        self._errands[errand_id] = _ended(replace(stands, state="failed"), now)
        return True

    def _open_errand(self, errand_id: str) -> Errand | None:
        stands = self._errands.get(errand_id)
        return stands if stands is not None and stands.ended_at is None else None

    async def errand(self, errand_id: str) -> Errand | None:
        return self._errands.get(errand_id)

    async def errands(self, *, limit: int = 100) -> list[Errand]:
        return sorted(self._errands.values(), key=lambda one: (one.asked_at, one.id), reverse=True)[:limit]

    async def connectors(self) -> list[ConnectorRow]:
        return [row for _, row in sorted(self._connectors.items())]

    async def put_connector(self, row: ConnectorRow) -> None:
        self._connectors[row.name] = row


def _ended(errand: Errand, now: float) -> Errand:
    return replace(errand, asked={}, leased_until=None, ended_at=now)
