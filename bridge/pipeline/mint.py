"""mint: events become SETs, each for its own stream, signed in batches off the event loop (design §2.4)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

import orjson

from bridge.clock import Clock, Ids
from bridge.model import Event, SignedSET, Stream, StreamStatus
from bridge.ssf.anew import anew
from bridge.ssf.keys import KeyRing
from bridge.ssf.profile import Claims, claims, stream_updated, verification
from bridge.ssf.secevent import mint


class Minter:
    """One hop to a thread for a whole batch: signing leaves the GIL, so webhooks are answered meanwhile.

    `at_once` signs verification events and words about a stream: a batch may be of thousands of SETs, and a
    verification has five seconds.
    """

    def __init__(
        self,
        issuer: str,
        ring: Callable[[], KeyRing],
        clock: Clock,
        ids: Ids,
        executor: Executor | None,
        at_once: Executor | None = None,
    ) -> None:
        self.issuer = issuer
        self._ring = ring
        self._clock = clock
        self._ids = ids
        self._executor = executor
        self._at_once = at_once

    async def __call__(self, pairs: Sequence[tuple[Event, Stream]]) -> list[SignedSET]:
        """A dry run's is not signed: its text are the claims, and it has no `kid`."""
        iat = int(self._clock.now())
        unsigned = [claims(event, stream, issuer=self.issuer, jti=self._ids.jti(), iat=iat) for event, stream in pairs]
        real = [one for one, (_, stream) in zip(unsigned, pairs, strict=True) if not stream.rehearsal]
        signed = iter(await self._signed(real, self._executor))
        return [
            _rehearsed(one) if stream.rehearsal else next(signed)
            for one, (_, stream) in zip(unsigned, pairs, strict=True)
        ]

    async def verification(self, asked: Sequence[tuple[Stream, str | None, str]]) -> list[SignedSET]:
        """A verification event for each stream, with the state that its receiver gave, and its `txn`."""
        iat = int(self._clock.now())
        said = [
            verification(stream, issuer=self.issuer, jti=self._ids.jti(), iat=iat, state=state, txn=txn)
            for stream, state, txn in asked
        ]
        return await self._signed(said, self._at_once)

    async def stream_updated(self, stream: Stream, status: StreamStatus, reason: str, txn: str) -> SignedSET:
        """What we made of the stream ourselves, and why (SSF 1.0 §8.1.5)."""
        said = stream_updated(
            stream, issuer=self.issuer, jti=self._ids.jti(), iat=int(self._clock.now()), status=status,
            reason=reason or None, txn=txn,
        )  # fmt: skip
        (signed,) = await self._signed([said], self._at_once)
        return signed

    async def again(self, said: Sequence[tuple[Mapping[str, Any], Stream | None, str]]) -> list[SignedSET]:
        """What was said before (claims, stream, `txn`), under a new `jti`. Raises Unreadable."""
        iat = int(self._clock.now())
        made = [anew(old, stream, txn, issuer=self.issuer, jti=self._ids.jti(), iat=iat) for old, stream, txn in said]
        return await self._signed(made, self._executor)

    async def _signed(self, unsigned: list[Claims], executor: Executor | None) -> list[SignedSET]:
        if not unsigned:
            return []
        key = self._ring().active
        return await asyncio.get_running_loop().run_in_executor(executor, mint, unsigned, key)


def _rehearsed(unsigned: Claims) -> SignedSET:
    return SignedSET(unsigned["jti"], unsigned["iat"], "", orjson.dumps(unsigned).decode())
