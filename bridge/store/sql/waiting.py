"""Who waits for a commit: their items, how many come, and until when they have patience."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection

_MEMORY = 0.1
"""Seconds over which the load is felt."""

BatchFunction = Callable[[Connection, Sequence[Any]], Sequence[Any]]


class Waiting:
    """One caller's item. `sealed`: its commit has begun. Both flags change under its queue's lock only."""

    __slots__ = ("function", "future", "gone", "item", "loop", "sealed", "weight")

    def __init__(self, function: BatchFunction, item: object, weight: int) -> None:
        self.function = function
        self.item = item
        self.weight = weight
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        self.gone = False
        self.sealed = False


class Load:
    """How many items a second were taken lately."""

    __slots__ = ("rate", "taken_at")

    def __init__(self) -> None:
        self.rate = 0.0
        self.taken_at = 0.0

    def took(self, items: int, now: float) -> None:
        self.rate = self.rate * math.exp(-max(now - self.taken_at, 0.0) / _MEMORY) + items / _MEMORY
        self.taken_at = now


class Watch:
    """Those of one loop that wait, in the order in which they lose patience: one timer for all, not one for each."""

    __slots__ = ("_loop", "_lose", "_patience", "_timer", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop, patience: float, lose: Callable[[Waiting], None]) -> None:
        self._loop = loop
        self._patience = patience
        self._lose = lose
        self._waiting: deque[tuple[float, Waiting]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, waiting: Waiting) -> None:
        while self._waiting and self._waiting[0][1].future.done():
            self._waiting.popleft()
        self._waiting.append((self._loop.time() + self._patience, waiting))
        if self._timer is None:
            self._timer = self._loop.call_later(self._patience, self._look)

    def _look(self) -> None:
        now = self._loop.time()
        while self._waiting and (self._waiting[0][0] <= now or self._waiting[0][1].future.done()):
            self._lose(self._waiting.popleft()[1])
        self._timer = self._loop.call_at(self._waiting[0][0], self._look) if self._waiting else None
