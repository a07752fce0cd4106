"""mint: events become SETs, each for its own stream, signed in batches off the event loop (design §2.4)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from bridge.clock import Clock, Ids
from bridge.model import Event, SignedSET, Stream
from bridge.ssf.keys import KeyRing
from bridge.ssf.profile import claims
from bridge.ssf.secevent import mint


class Minter:
    """One hop to a thread for a whole batch: signing leaves the GIL, so webhooks are answered meanwhile."""

    def __init__(
        self, issuer: str, ring: Callable[[], KeyRing], clock: Clock, ids: Ids, executor: Executor | None
    ) -> None:
        self._issuer = issuer
        self._ring = ring
        self._clock = clock
        self._ids = ids
        self._executor = executor

    async def __call__(self, pairs: Sequence[tuple[Event, Stream]]) -> list[SignedSET]:
        iat = int(self._clock.now())
        unsigned = [claims(event, stream, issuer=self._issuer, jti=self._ids.jti(), iat=iat) for event, stream in pairs]
        key = self._ring().active
        return await asyncio.get_running_loop().run_in_executor(self._executor, mint, unsigned, key)
