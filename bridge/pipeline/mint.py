"""mint: events become SETs, each for its own stream, signed in batches off the event loop (design §2.4)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

from bridge.clock import Clock, Ids
from bridge.model import Event, SignedSET, Stream
from bridge.ssf.anew import anew
from bridge.ssf.keys import KeyRing
from bridge.ssf.profile import claims
from bridge.ssf.secevent import mint


class Minter:
    """One hop to a thread for a whole batch: signing leaves the GIL, so webhooks are answered meanwhile."""

    def __init__(
        self, issuer: str, ring: Callable[[], KeyRing], clock: Clock, ids: Ids, executor: Executor | None
    ) -> None:
        self.issuer = issuer
        self._ring = ring
        self._clock = clock
        self._ids = ids
        self._executor = executor

    async def __call__(self, pairs: Sequence[tuple[Event, Stream]]) -> list[SignedSET]:
        iat = int(self._clock.now())
        return await self._signed(
            [claims(event, stream, issuer=self.issuer, jti=self._ids.jti(), iat=iat) for event, stream in pairs]
        )

    async def again(self, said: Sequence[tuple[Mapping[str, Any], Stream | None, str]]) -> list[SignedSET]:
        """What was said before (claims, stream, `txn`), under a new `jti`. Raises Unreadable."""
        iat = int(self._clock.now())
        return await self._signed(
            [anew(old, stream, txn, issuer=self.issuer, jti=self._ids.jti(), iat=iat) for old, stream, txn in said]
        )

    async def _signed(self, unsigned: Sequence[Mapping[str, Any]]) -> list[SignedSET]:
        key = self._ring().active
        return await asyncio.get_running_loop().run_in_executor(self._executor, mint, unsigned, key)
