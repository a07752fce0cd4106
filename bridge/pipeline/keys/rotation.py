"""rotation: changes of the signing keys, each in an order that a crash may break anywhere.

A private file is on the disk before a row names it, and a row says that it went before the file goes. So a crash leaves
a file that no row names, which is taken up by the next rotation, or one whose row says that it went, which the next
start removes; never a row that signs without its key. Of two processes one wins and the other is told (Conflict).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from bridge.errors import Conflict
from bridge.key import KeyRow
from bridge.ssf import ring
from bridge.ssf.keyfiles import KeyFiles
from bridge.ssf.keys import SigningKey, key_from_file
from bridge.store.protocol import Keys

TRIES = 8

Step = Callable[[Sequence[KeyRow]], ring.Rows]


async def changed(store: Keys, step: Step) -> tuple[ring.Rows, ring.Rows]:
    """What was known, and what is now; made anew on what somebody else wrote meanwhile. Raises what `step` raises."""
    for _ in range(TRIES):
        before = tuple(await store.keys())
        after = step(before)
        if set(after) == set(before) or await store.swap_keys(before, after):
            return before, after
    raise Conflict("other processes change the keys all the time; nothing was done")


async def rotate(store: Keys, files: KeyFiles, publish_for: float) -> KeyRow:
    """The next key, made, or taken from a rotation that died halfway. Raises Conflict if there is one already."""
    rows = await store.keys()
    ring.added(rows, "", 0.0, 0.0)
    key = await asyncio.to_thread(spare, files, [row.kid for row in rows])
    return await _bring(store, files, key.kid, key.created_at, publish_for)


async def adopt(store: Keys, files: KeyFiles, source: Path, publish_for: float) -> KeyRow:
    """The key of a PEM file as the next one. Raises ConfigError for a file that is not fit, Conflict as `rotate`."""
    given = await asyncio.to_thread(key_from_file, source)
    ring.added(await store.keys(), given.kid, 0.0, 0.0)
    key = await asyncio.to_thread(files.add, source)
    return await _bring(store, files, key.kid, key.created_at, publish_for)


async def hasten(store: Keys) -> KeyRow:
    """The next key signs as soon as a running `serve` publishes it. Raises Conflict if there is none."""
    _, after = await changed(store, ring.hastened)
    return _the(ring.upcoming(after))


async def withdraw(store: Keys, files: KeyFiles, kid: str, now: float) -> ring.Rows:
    """`kid` is compromised. If it signs, the next key does from now on, or one that is made where there is none whose
    file can be read: else nobody could sign, and the running service would go on with what was stolen. Raises Conflict.
    """
    rows = await store.keys()
    row = ring.known(rows, kid)
    signs = row is not None and row.state == "active"
    made = None
    coming = ring.upcoming(rows)
    if signs and (coming is None or not await asyncio.to_thread(files.is_fit, coming.kid)):
        key = await asyncio.to_thread(spare, files, [row.kid for row in rows])
        made = KeyRow(key.kid, ring.ALGORITHM, "next", key.created_at)
    _, after = await changed(store, lambda rows: ring.withdrawn(rows, kid, now, made or ring.upcoming(rows)))
    await asyncio.to_thread(files.remove, kid)
    return after


async def _bring(store: Keys, files: KeyFiles, kid: str, created_at: float, publish_for: float) -> KeyRow:
    try:
        _, after = await changed(store, lambda rows: ring.added(rows, kid, created_at, publish_for))
    except Conflict:
        if ring.known(await store.keys(), kid) is None:
            await asyncio.to_thread(files.remove, kid)
        raise
    return _the(ring.known(after, kid))


def spare(files: KeyFiles, taken: Collection[str]) -> SigningKey:
    """The newest key that lies there and that nobody knows of, or one that is made now."""
    for kid in files.kids():
        if kid not in taken and (key := files.read(kid)) is not None:
            return key
    return files.make()


def _the(row: KeyRow | None) -> KeyRow:
    assert row is not None
    return row
