"""Which delivery, and whose, a command means."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.cli.console.opened import entries_of

if TYPE_CHECKING:
    from bridge.config import Config
    from bridge.store.protocol import Store
    from bridge.store.records import Delivery


async def find(store: Store, which: str) -> Delivery | None:
    """The delivery of that number, else of that `jti`."""
    if which.isascii() and which.isdigit() and len(which) <= 18:
        found = await store.delivery(int(which))
        if found is not None:
            return found
    return next(iter(await store.deliveries(jti=which, limit=1)), None)


async def named(store: Store) -> dict[str, str]:
    """stream id → name; a dry run has the name of the stream that it stands for."""
    from bridge.pipeline.streams.plan import shadow_id

    rows = await store.streams()
    return {row.id: row.name for row in rows} | {shadow_id(row.id): row.name for row in rows}


def stream_ids(names: dict[str, str], wanted: str | None) -> list[str] | None:
    """The ids of the streams of that name or id; None: all; empty: there is none."""
    if wanted is None:
        return None
    return [stream_id for stream_id, name in names.items() if wanted in (stream_id, name)]


@dataclass(frozen=True, slots=True)
class Ways:
    """Ids of streams. `unverified`: their events wait until a verification event is accepted. `polled`: their receivers
    fetch the SETs."""

    unverified: Collection[str] = ()
    polled: Collection[str] = ()

    def waiting(self, one: Delivery, now: float) -> str:
        from bridge.pipeline.operator.explain import waiting

        return waiting(one, now, one.stream_id in self.unverified, one.stream_id in self.polled)


NONE = Ways()


async def ways(config: Config, store: Store) -> Ways:
    found = [(one, one.row.id) for one in await entries_of(config, store) if one.row is not None]
    polled = {stream_id for one, stream_id in found if one.stream is not None and one.stream.way == "poll"}
    return Ways({stream_id for one, stream_id in found if one.unverified}, polled)
