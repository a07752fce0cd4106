"""The store as commands use it: beside a running `serve`, or while none runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from bridge.clock import SystemClock
from bridge.errors import StoreProblem

if TYPE_CHECKING:
    from bridge.config import Config
    from bridge.pipeline.streams.roster import Entry
    from bridge.store.protocol import Store


@asynccontextmanager
async def opened(config: Config) -> AsyncIterator[Store]:
    """The configured store. Raises StoreProblem if there is none yet, or none that another process can see."""
    from bridge.store import open_store

    if config.store.url == "memory:":
        raise StoreProblem("the store is in the memory of `serve`, where no command sees it: configure a SQLite file")
    store = await open_store(config.store.url, SystemClock(), exclusive=False)
    try:
        yield store
    finally:
        await store.close()


def exists(config: Config) -> bool:
    """False while no `serve` has made the database file yet."""
    file = config.store.file
    return file is None or file.exists()


async def entries_of(config: Config, store: Store) -> list[Entry]:
    """The configured receivers beside the streams that the store knows."""
    from bridge.pipeline.api.selections import all_said
    from bridge.pipeline.streams.roster import roster
    from bridge.pipeline.streams.subscribed import Subscribed
    from bridge.ssf.selection import Selection
    from bridge.vault import Vault

    clients, rows = config.oauth.clients, await store.streams()
    said = await all_said(store) if any(row.subscription is not None for row in rows) else {}

    def selected(stream_id: str, client: str) -> Selection:
        return Selection.of(clients[client].default_subjects, said.get(stream_id, ()), stream_id)

    made = Subscribed(clients, Vault(config.key_directory / "vault.key"), selected)
    return roster(config.receivers, rows, made)
