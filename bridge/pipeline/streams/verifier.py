"""verifier: verification events on their way, and what an accepted one brings (SSF 1.0 §8.1.4).

A push stream that is not verified is asked by itself, and again when that one came to nothing. Which one was accepted
does not matter: one that its receiver asked for counts too. Dies the service between an acknowledgement and what it
brings, another one is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final, Protocol

from bridge.clock import Clock, Ids
from bridge.errors import BridgeError
from bridge.model import Stream
from bridge.pipeline.journal import Journal
from bridge.pipeline.ports import Verify
from bridge.pipeline.streams.framework import VERIFICATION, WAITING_MOST, verification_of
from bridge.pipeline.streams.keeper import Keeper
from bridge.pipeline.streams.running import Running, status_of
from bridge.store.protocol import Outbox
from bridge.store.records import Clash, Delivery, Unit
from bridge.store.streams import Streams
from bridge.value import replace

POLL: Final = 0.5
"""Seconds between two looks for streams that must be verified."""
LOOK_AGAIN: Final = 10.0
"""Seconds until it is looked whether one that is under way has ended."""
ASK_AGAIN: Final = 300.0
"""Seconds until a receiver that refused one is sent another, unasked."""


class Kept(Streams, Outbox, Protocol):
    """What is read and written here."""

    async def commit(self, units: list[Unit]) -> list[Clash]: ...


class Verifier:
    """`minted` hears of streams that have something to fetch or be pushed."""

    def __init__(
        self,
        store: Kept,
        keeper: Keeper,
        verify: Verify,
        clock: Clock,
        ids: Ids,
        journal: Journal,
        minted: Callable[[Collection[str]], None],
        trouble: Callable[[str], None],
    ) -> None:
        self._store = store
        self._keeper = keeper
        self._verify = verify
        self._clock = clock
        self._ids = ids
        self._journal = journal
        self._minted = minted
        self._trouble = trouble
        self._looked: dict[tuple[str, float], float] = {}
        """(stream, since when it is as it is) → when to look again."""

    async def send(self, stream: Stream, state: str | None = None, txn: str | None = None) -> str | None:
        """Durable when this returns: the SET's `jti`. None where the stream is disabled or gone by now: then there is
        none. A paused stream gets it once it goes on."""
        txn = txn or self._ids.token()
        (signed,) = await self._verify([(stream, state, txn)])
        async with self._keeper.changing:
            one = self._keeper.running().get(stream.id)
            if one is None or status_of(one.stream) == "disabled":
                return None
            made = verification_of(stream.id, signed, txn, self._clock.now())
            await self._store.commit([Unit(sets=(made,))])
        await self._store.bound_verifications(stream.id, WAITING_MOST, self._clock.now())
        self._minted({stream.id})
        return signed.jti

    async def accepted(self, stream: Stream) -> None:
        """A verification was accepted where the stream was pushed to then; if that still is its place, events go."""
        if stream.verified or not stream.by_api:
            return
        async with self._keeper.changing:
            row = await self._store.stream(stream.id)
            made = row.subscription if row is not None else None
            if made is None or made.deleted_at is not None or made.endpoint_url != stream.endpoint_url:
                return
            told = await self._journal.entry("streams.verify", stream.id)
            if made.verified or not await self._store.change_subscription(
                stream.id, made.version, replace(made, verified=True), entries=[told]
            ):
                return
            if (row := await self._store.stream(stream.id)) is not None:
                await self._keeper.take(row)

    # -- unasked --------------------------------------------------------------------------------

    async def run(self) -> None:
        while True:
            try:
                await self.turn()
            except BridgeError as problem:
                self._trouble(f"verification: {type(problem).__name__}")
            await self._clock.sleep(POLL)

    async def turn(self) -> None:
        unproved = [one for one in self._keeper.running().values() if _is_unproved(one)]
        self._looked = {_key(one): self._looked.get(_key(one), 0.0) for one in unproved}
        for one in unproved:
            now = self._clock.now()
            if not self._looked[_key(one)] - LOOK_AGAIN <= now < self._looked[_key(one)]:
                self._looked[_key(one)] = now + LOOK_AGAIN
                if self._is_due(one, await self._last(one.stream.id), now):
                    await self.send(one.stream)

    async def _last(self, stream_id: str) -> Delivery | None:
        found = await self._store.deliveries(stream_id=stream_id, subject=VERIFICATION, limit=1)
        return found[0] if found else None

    def _is_due(self, one: Running, last: Delivery | None, now: float) -> bool:
        if last is None or last.created_at < _key(one)[1]:
            return True
        if last.state == "dead" and last.settled_at is not None:
            return not last.settled_at <= now < last.settled_at + ASK_AGAIN
        return last.state != "pending"


def _is_unproved(one: Running) -> bool:
    stream = one.stream
    return stream.by_api and stream.way == "push" and not stream.verified and status_of(stream) == "enabled"


def _key(one: Running) -> tuple[str, float]:
    made = one.row.subscription
    return one.stream.id, made.since if made is not None else 0.0
