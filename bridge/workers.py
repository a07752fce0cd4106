"""workers: what runs in the background, by name, and what is known of its trouble."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from bridge.clock import Clock

_log = structlog.get_logger("bridge.workers")

TROUBLE_SHOWN = 5.0
"""Seconds that trouble of a worker shows in readiness; one that goes on failing says so again every few seconds."""


class Workers:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._troubles: dict[str, float] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False

    def run(self, name: str, work: Coroutine[Any, Any, None], *, ends: bool = False) -> None:
        """Until `stop`; with `ends` it may end before, and else that is trouble for good."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(lambda done: self._ended(done, ends))
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None], ends: bool) -> None:
        if self._stopping or task.cancelled() or (ends and task.exception() is None):
            return
        self._troubles[task.get_name()] = float("inf")
        _log.error("worker.ended", worker=task.get_name(), exc_info=task.exception())

    def trouble(self, what: str) -> None:
        self._troubles[what] = self._clock.monotonic() + TROUBLE_SHOWN

    def troubles(self) -> list[str]:
        """What goes wrong now."""
        now = self._clock.monotonic()
        return [what for what, until in self._troubles.items() if until > now]

    def closing(self) -> None:
        """From now on nobody is missed who ends."""
        self._stopping = True

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
