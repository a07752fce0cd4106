"""alarm: what is held back, said where it is seen: metrics, readiness, the audit log, and whoever listens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from bridge.clock import Clock
from bridge.errors import BridgeError
from bridge.observe.metrics import HELD_WHYS
from bridge.posture.guard import Direction
from bridge.store.protocol import Audit, Holds
from bridge.store.records import AuditEntry, HoldCount

_log = structlog.get_logger("bridge.alarm")
Heard = Callable[[str, Direction, int], None]
WORDS = {
    "loses": "people have lost access within the window: the rest is held",
    "regains": "people have access again within the window",
}


class Alarm:
    """What the gate calls with (connector, direction, people) when a limit begins to be exceeded. It writes an entry of
    the audit log, and calls `heard`, which may be replaced, with the same."""

    def __init__(self, store: Audit, clock: Clock) -> None:
        self.heard: Heard = lambda connector, direction, people: None
        self._store = store
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, connector: str, direction: Direction, people: int) -> None:
        words = f"{people} {WORDS[direction]}"
        entry = AuditEntry(self._clock.now(), "guard", "guard.hold", f"connector {connector}", words)
        task = asyncio.get_running_loop().create_task(self._record(entry))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.heard(connector, direction, people)

    async def _record(self, entry: AuditEntry) -> None:
        try:
            await self._store.record(entry)
        except BridgeError as problem:
            _log.error("audit.missed", what=entry.what, target=entry.target, problem=str(problem))


class Gauge(Protocol):
    def held(self, connector: str, why: str, n: int) -> None: ...


async def show_held(store: Holds, gauge: Gauge, connectors: Sequence[str]) -> None:
    """What is held now, of each connector; zero where nothing is."""
    counts = {(one.connector, one.kind): one.count for one in await store.holds()}
    for connector in connectors:
        for why in HELD_WHYS:
            gauge.held(connector, why, counts.get((connector, why), 0))


def held_words(holds: Sequence[HoldCount]) -> str:
    """For readiness: what waits for an operator; "nothing is held"."""
    guard = [f"{one.count} people of {one.connector}" for one in holds if one.kind == "guard"]
    baseline = [f"{one.count} devices of {one.connector}" for one in holds if one.kind == "baseline"]
    parts = [f"the guard holds {', '.join(guard)}"] if guard else []
    parts += [f"the baseline holds {', '.join(baseline)}"] if baseline else []
    return "; ".join(parts) or "nothing is held"
