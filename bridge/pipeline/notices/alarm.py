"""alarm: what begins to be held back is written down, and said to whoever wants to hear of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from bridge.clock import Clock
from bridge.errors import BridgeError
from bridge.pipeline.journal import Journal
from bridge.posture.guard import Direction
from bridge.store.protocol import Holds
from bridge.store.records import HoldCount

_log = structlog.get_logger("bridge.alarm")
FRESH = 1.0
"""Seconds that what is held is remembered for readiness."""
WORDS = {
    "loses": "people have lost access within the window: the rest is held",
    "regains": "people regained access within the window",
}


class Alarm:
    """What the gate calls with (connector, direction, people) when a limit begins to be exceeded. `heard` is called
    with the same at once; the entry of the audit log follows."""

    def __init__(self, journal: Journal, heard: Callable[[str, Direction, int], None]) -> None:
        self._journal = journal
        self._heard = heard
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, connector: str, direction: Direction, people: int) -> None:
        task = asyncio.get_running_loop().create_task(self._record(connector, f"{people} {WORDS[direction]}"))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._heard(connector, direction, people)

    async def _record(self, connector: str, why: str) -> None:
        try:
            await self._journal.write("guard.hold", f"connector {connector}", why=why)
        except BridgeError as problem:
            _log.error("audit.missed", what="guard.hold", connector=connector, problem=str(problem))


class Held:
    """What is held, in words. Asked at each request to /readyz, so it is counted once a second at most."""

    def __init__(self, store: Holds, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._words = ""
        self._until = float("-inf")

    async def words(self) -> str:
        """Raises what the store raises."""
        if self._clock.monotonic() >= self._until:
            self._words = held_words(await self._store.holds())
            self._until = self._clock.monotonic() + FRESH
        return self._words


def held_words(holds: Sequence[HoldCount]) -> str:
    """For readiness: what waits for an operator; "nothing is held"."""
    guard = [f"{one.count} people of {one.connector}" for one in holds if one.kind == "guard"]
    baseline = [f"{one.count} devices of {one.connector}" for one in holds if one.kind == "baseline"]
    parts = [f"the guard holds {', '.join(guard)}"] if guard else []
    parts += [f"the baseline holds {', '.join(baseline)}"] if baseline else []
    return "; ".join(parts) or "nothing is held"
