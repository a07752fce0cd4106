"""Whether a `serve` that began with another configuration still carries what this one does not name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.config import Config
    from bridge.store.protocol import Store
    from bridge.store.records import StreamRow


async def still_carried(config: Config, store: Store, row: StreamRow) -> bool:
    """Of a stream that is an orphan by this configuration. Each start notes who is gone."""
    from bridge.store.lock import is_held

    file = config.store.file
    if file is None or not is_held(file, "lock"):
        return False
    if row.subscription is None:
        return not row.orphaned
    return any(one.name == row.client and one.hashes for one in await store.oauth_clients())
