"""Notices in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bridge.store.memory.base import Tables
from bridge.store.notices import Notice


class Notices(Tables):
    async def notices(self) -> list[Notice]:
        return [row for _, row in sorted(self._notices.items())]

    async def put_notices(self, rows: Sequence[Notice], gone: Collection[tuple[str, str]] = ()) -> None:
        for row in rows:
            self._notices[row.target, row.key] = row
        for pair in gone:
            self._notices.pop(pair, None)
