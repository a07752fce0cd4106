"""timetable: when each vendor's devices are listed: at the first start, then every so often, and at once when more
looks are due than the vendor's rate serves in a minute."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from bridge.clock import Clock, Dice, Ids
from bridge.errors import BridgeError
from bridge.pipeline.ports import Source
from bridge.store.errands import ConnectorRow, Errand
from bridge.store.protocol import Store

_log = structlog.get_logger("bridge.timetable")

POLL = 5.0
"""Seconds between two glances at what is due."""
AFTER_FAILURE = 300.0
"""Seconds until a list that came to nothing is tried again, if it is not due before."""
STORM_APART = 300.0
"""Seconds that lie at least between two lists for the sake of a storm."""
JITTER = (0.9, 1.1)


class Timetable:
    """Asks for reconciliations, as a command would; never two of one connector at once."""

    def __init__(
        self,
        sources: Sequence[Source],
        store: Store,
        clock: Clock,
        dice: Dice,
        ids: Ids,
        trouble: Callable[[str], None],
        asked: Callable[[], None] = lambda: None,
    ) -> None:
        self._sources = [source for source in sources if source.has_list]
        self._store = store
        self._clock = clock
        self._dice = dice
        self._ids = ids
        self._trouble = trouble
        self._tell = asked
        self._next: dict[str, float] = {}
        self._asked: dict[str, float] = {}

    async def run(self) -> None:
        while self._sources:
            try:
                await self.turn()
            except BridgeError as problem:
                self._trouble(f"timetable: {type(problem).__name__}")
            await self._clock.sleep(POLL)

    async def turn(self) -> None:
        rows = {row.name: row for row in await self._store.connectors()}
        now = self._clock.now()
        for source in self._sources:
            row = rows.get(source.name, ConnectorRow(source.name))
            if now >= self._due(source, row, now) or await self._stormy(source, now):
                await self._ask(source, now)

    def _due(self, source: Source, row: ConnectorRow, now: float) -> float:
        """A time that lies further off than one period is not believed: the clock was set back."""
        if source.name not in self._next:
            jitter = self._dice.between(*JITTER)
            last = row.listed_at if row.listed_at is not None and row.listed_at <= now else None
            self._next[source.name] = now if last is None else last + source.list_every * jitter
        if self._next[source.name] > now + source.list_every * JITTER[1]:
            self._next[source.name] = now + source.list_every
        return self._next[source.name]

    async def _stormy(self, source: Source, now: float) -> bool:
        served = source.looks_a_minute
        if served is None or now - self._asked.get(source.name, float("-inf")) < STORM_APART:
            return False
        due = await self._store.due_looks(source.name, now)
        if len(due) <= served:
            return False
        _log.warning("reconcile.storm", connector=source.name, due=len(due), served_a_minute=served)
        return True

    async def _ask(self, source: Source, now: float) -> None:
        self._asked[source.name] = now
        wait = source.list_every * self._dice.between(*JITTER)
        self._next[source.name] = now + wait
        await self._store.ask(Errand(self._ids.new(), "reconcile", source.name, now, "timetable"))
        self._tell()

    def failed(self, connector: str) -> None:
        """The list came to nothing: try again before long."""
        self._next[connector] = min(self._next.get(connector, float("inf")), self._clock.now() + AFTER_FAILURE)
