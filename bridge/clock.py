"""Time, ids and chance are ports: nothing else in the bridge calls a clock, `uuid4`, `random` or `sleep`."""

from __future__ import annotations

import asyncio
import os
import random
import time
import uuid
from collections import deque
from typing import Protocol

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [one + other for one in _CROCKFORD for other in _CROCKFORD]


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since 1970-01-01T00:00:00Z."""

    def monotonic(self) -> float:
        """Seconds that never go back; only differences mean anything."""

    async def sleep(self, seconds: float) -> None: ...


class Ids(Protocol):
    def new(self) -> str:
        """A ULID: unique, 26 characters, sorts by time to the millisecond."""

    def jti(self) -> str:
        """A SET's `jti`, globally unique (RFC 8417 §2.2)."""

    def token(self) -> str:
        """32 unguessable hexadecimal characters."""


class Dice(Protocol):
    def between(self, low: float, high: float) -> float: ...


class SystemClock:
    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SystemIds:
    """Chance comes from the system by the page: each call of it gives up the interpreter, and must wait to get it back
    while other threads are busy."""

    def __init__(self) -> None:
        self._chances: deque[bytes] = deque()

    def new(self) -> str:
        number = (int(time.time() * 1000) << 80) | int.from_bytes(self._chance()[:10], "big")
        return "".join([_PAIRS[number >> place & 1023] for place in range(120, -1, -10)])

    def jti(self) -> str:
        return uuid.UUID(bytes=self._chance(), version=4).hex

    def token(self) -> str:
        return os.urandom(16).hex()

    def _chance(self) -> bytes:
        """16 bytes that nobody else gets; safe in any thread, for each step on the deque is one."""
        try:
            return self._chances.popleft()
        except IndexError:
            page = os.urandom(4096)
            self._chances.extend(page[at : at + 16] for at in range(16, 4096, 16))
            return page[:16]


class SystemDice:
    def between(self, low: float, high: float) -> float:
        return random.uniform(low, high)  # noqa: S311  jitter, not a secret
