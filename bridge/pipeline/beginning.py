"""beginning: what a start makes of the configured receivers and connectors, against what the store remembers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bridge.clock import Ids
from bridge.config import Receiver
from bridge.model import Stream
from bridge.pipeline.ports import Source
from bridge.pipeline.streams import Plan, reconcile
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


async def gone_live(store: Store, sources: Mapping[str, Source], streams: Sequence[Stream]) -> Sequence[Stream]:
    """The streams to compare because a connector's dry run is over; how each runs now is remembered."""
    rows = {row.name: row for row in await store.connectors()}
    live = False
    for name, source in sources.items():
        row = rows.get(name, ConnectorRow(name))
        live = live or (row.dry_run is True and not source.dry_run)
        if row.dry_run != source.dry_run:
            await store.put_connector(replace(row, dry_run=source.dry_run))
    return [stream for stream in streams if stream.enabled] if live else []
