"""beginning: what a start makes of the configured receivers and connectors, against what the store remembers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from bridge.clock import Ids
from bridge.config import Receiver
from bridge.model import Stream
from bridge.pipeline.ports import Source
from bridge.pipeline.streams.plan import Plan, reconcile
from bridge.store.errands import ConnectorRow
from bridge.store.protocol import Store
from bridge.value import replace


async def begin_streams(
    store: Store, receivers: Mapping[str, Receiver], sources: Mapping[str, Source], ids: Ids, now: float
) -> Plan:
    """The plan, written down: streams made and orphaned, what waits for the silent ones taken back, dry runs that are
    over forgotten. Each step may be repeated by the next start."""
    tried = frozenset(name for name, source in sources.items() if source.dry_run)
    plan = reconcile(receivers, await store.streams(), ids, now, tried)
    for row in plan.put:
        await store.put_stream(row)
    for stream_id, why in plan.silenced:
        await store.cancel_stream(stream_id, now, why)
    for stream_id in plan.ended:
        await store.prune_stream(stream_id)
    return plan


async def gone_live(
    store: Store,
    sources: Mapping[str, Source],
    streams: Sequence[Stream],
    owe: Callable[[Sequence[Stream]], Awaitable[None]],
) -> None:
    """`owe` is told the streams to compare because a connector's dry run is over; then how each runs is remembered."""
    rows = {row.name: row for row in await store.connectors()}
    now = {name: rows.get(name, ConnectorRow(name)) for name in sources}
    if any(row.dry_run is True and not sources[name].dry_run for name, row in now.items()):
        await owe([stream for stream in streams if stream.enabled and not stream.rehearsal])
    for name, row in now.items():
        if row.dry_run != sources[name].dry_run:
            await store.put_connector(replace(row, dry_run=sources[name].dry_run))
