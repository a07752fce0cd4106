"""`caep-bridge keys`: the keys that sign SETs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from bridge.cli.configured import load_config
from bridge.cli.output import say, table, when, write_json
from bridge.clock import SystemClock

if TYPE_CHECKING:
    from bridge.config import Store
    from bridge.store.records import KeyRow

keys = App(name="keys", help="The keys that sign SETs.")


@keys.command(name="list")
async def list_(*, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False) -> int:
    """Each signing key: its `kid`, algorithm, state and when it was made. Never the key itself.

    Parameters
    ----------
    as_json
        Print JSON.
    """
    rows = await _rows(load_config().config.store)
    if as_json:
        write_json([asdict(row) for row in rows])
        return 0
    if not rows:
        say("no signing key yet: the first start of `caep-bridge serve` makes one")
        return 0
    table(("kid", "algorithm", "state", "created"), ((r.kid, r.algorithm, r.state, when(r.created_at)) for r in rows))
    return 0


async def _rows(store: Store) -> list[KeyRow]:
    """The keys that the store knows; none where there is no store yet."""
    from bridge.store import open_store

    if store.file is not None and not store.file.exists():
        return []
    opened = await open_store(store.url, SystemClock(), exclusive=False)
    try:
        return await opened.keys()
    finally:
        await opened.close()
