"""A store beside which other processes act: between what is read through it and what is written by whoever read it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

READS = frozenset({"scene", "held", "devices", "device", "known", "told", "devices_of_people", "ledger_of"})
"""Calls after which somebody else may act before the caller hears of it."""

Act = Callable[[], Awaitable[Any]]


class Meddler:
    def __init__(self, store: Any) -> None:
        self.plain = store
        """What other processes use."""
        self.acts: list[Act] = []
        """Of these one is done after each read, the first first."""

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.plain, name)
        if name not in READS or not asyncio.iscoroutinefunction(call):
            return call
        return self._meddled(call)

    def _meddled(self, call: Callable[..., Any]) -> Callable[..., Any]:
        async def read(*args: Any, **more: Any) -> Any:
            result = await call(*args, **more)
            if self.acts:
                await self.acts.pop(0)()
            return result

        return read
