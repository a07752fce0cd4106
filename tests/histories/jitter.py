"""A store whose answers come when they like: so that what runs at once is interleaved, also over a store in memory."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

QUICK = frozenset({"close"})


class Jitter:
    def __init__(self, store: Any, dice: random.Random) -> None:
        self._store = store
        self._dice = dice

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._store, name)
        if name in QUICK or not asyncio.iscoroutinefunction(call):
            return call
        return self._slow(call)

    def _slow(self, call: Callable[..., Any]) -> Callable[..., Any]:
        async def later(*args: Any, **kwargs: Any) -> Any:
            await self._wait()
            result = await call(*args, **kwargs)
            await self._wait()
            return result

        return later

    async def _wait(self) -> None:
        for _ in range(self._dice.choice((0, 0, 1, 2, 5))):
            await asyncio.sleep(0)
