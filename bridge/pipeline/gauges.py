"""gauges: what stands in the store, counted when somebody looks at the metrics."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import product
from typing import Protocol

from bridge.observe.metrics import HELD_WHYS, StreamLoad
from bridge.store.protocol import Store


class Meter(Protocol):
    def backlog(self, loads: Iterable[tuple[str, StreamLoad]]) -> None: ...
    def held(self, connector: str, why: str, n: int) -> None: ...


async def gauge(
    meter: Meter, store: Store, *, streams: Mapping[str, str], connectors: Collection[str], now: float
) -> None:
    """`streams`: id → name. What waits and is dead by stream, what is held by connector."""
    lines = [line for line in await store.backlog(now) if line.stream_id in streams]
    meter.backlog(
        (streams[line.stream_id], StreamLoad(line.pending, line.dead, now - (line.oldest_at or now))) for line in lines
    )
    held = {(one.connector, one.kind): one.count for one in await store.holds()}
    for connector, why in product(connectors, HELD_WHYS):
        meter.held(connector, why, held.get((connector, why), 0))
