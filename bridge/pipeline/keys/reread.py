"""reread: secrets that stand in files take effect when their file changes, without a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from bridge.clock import Clock
from bridge.config.watch import Watch

_log = structlog.get_logger("bridge.reread")

POLL = 0.5
"""Seconds between two looks; a change counts at the second one."""


class Reread:
    """`problems` are those of the last look; each was logged once."""

    def __init__(
        self, watch: Watch, clock: Clock, changed: Callable[[Sequence[str]], None] = lambda paths: None
    ) -> None:
        """`changed` hears the keys of the secrets that have another text, at once."""
        self.problems: list[str] = []
        self._watch = watch
        self._clock = clock
        self._changed = changed

    @property
    def shown(self) -> str:
        """For readiness. It makes us never unready: the values from before are in force."""
        return "; ".join(self.problems) or "in force"

    async def run(self) -> None:
        if not self._watch.files:
            await asyncio.Event().wait()
        while True:
            await self._clock.sleep(POLL)
            await self.turn()

    async def turn(self) -> None:
        paths = await asyncio.to_thread(self._watch.look)
        self._changed(paths)
        for path in paths:
            _log.info("secret.changed", key=path)
        for problem in self._watch.problems:
            if problem not in self.problems:
                _log.error("secret.kept", problem=problem)
        self.problems = self._watch.problems
