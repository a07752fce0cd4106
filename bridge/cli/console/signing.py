"""The signing keys as commands use them: to change which there are, and to mint SETs anew."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from bridge.cli.console.configured import WrongCall
from bridge.cli.console.opened import entries_of
from bridge.clock import SystemClock, SystemIds
from bridge.errors import Conflict

if TYPE_CHECKING:
    from bridge.config import Loaded
    from bridge.pipeline.keys.remint import Remint
    from bridge.ssf.keyfiles import KeyFiles, Source
    from bridge.ssf.keys import KeyRing
    from bridge.store.protocol import Store
    from bridge.store.records import Delivery


def key_files(loaded: Loaded, command: str) -> KeyFiles:
    """The key directory. Where `[keys] signing_key` is set the keys are the operator's own, and the call is wrong."""
    from bridge.ssf.keyfiles import KeyFiles

    secret = loaded.config.keys.signing_key
    if secret is not None:
        where = loaded.place("keys.signing_key")
        raise WrongCall(
            f"{where}: keys.signing_key is set ({secret.origin or 'in the file'}), so `{command}` has no key to "
            "change: replace what it names; a running serve notices a file within two seconds, signs with the new key "
            "and mints anew what waits"
        )
    return KeyFiles(loaded.config.key_directory)


def key_source(loaded: Loaded) -> Source:
    from bridge.ssf.keyfiles import KeyFiles, Source

    return Source(KeyFiles(loaded.config.key_directory), loaded.config.keys.signing_key)


async def ring_now(loaded: Loaded, store: Store) -> KeyRing:
    """What signs and is published. Raises ConfigError for a key that cannot be read, Conflict if none signs yet."""
    from bridge.ssf import ring
    from bridge.ssf.keys import SigningKey, ring_of

    source, rows = key_source(loaded), await store.keys()
    signing = ring.active(rows)
    given = source.given(SystemClock().now())

    def read(kids: Sequence[str]) -> list[SigningKey]:
        fit = (kid for kid in kids if (signing is not None and kid == signing.kid) or source.files.is_fit(kid))
        return [key for kid in fit if (key := source.files.read(kid)) is not None]

    keys = await asyncio.to_thread(read, [row.kid for row in ring.published(rows)])
    active = given or next((key for key in keys if signing is not None and key.kid == signing.kid), None)
    if active is None:
        raise Conflict(f"no key in {source.files.directory} signs: a start of `caep-bridge serve` makes one")
    return ring_of(active, keys)


async def remint_with(loaded: Loaded, store: Store, ring: KeyRing) -> Remint:
    """Mints anew with the key of `ring` that signs, for the streams as they are configured."""
    from bridge.pipeline.keys.remint import Remint
    from bridge.pipeline.mint import Minter

    entries = await entries_of(loaded.config, store)
    streams = {entry.stream.id: entry.stream for entry in entries if entry.stream is not None}
    minter = Minter(loaded.config.transmitter.issuer, lambda: ring, SystemClock(), SystemIds(), None)
    return Remint(store, minter, lambda: streams, SystemClock())


async def fresh_text(loaded: Loaded, store: Store) -> Callable[[Delivery], Awaitable[tuple[str, bool]]]:
    """What mints a delivery anew where it has to be (`Remint.is_due`): why it may not, or "", and whether it did."""
    made: list[tuple[Remint, KeyRing]] = []

    async def fresh(one: Delivery) -> tuple[str, bool]:
        if one.state not in ("pending", "dead"):
            return "", False
        if not made:
            ring = await ring_now(loaded, store)
            made.append((await remint_with(loaded, store, ring), ring))
        remint, ring = made[0]
        if not remint.is_due(one, ring):
            return "", False
        [refused] = await remint.these([one])
        return refused, not refused

    return fresh
