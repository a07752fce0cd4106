"""Time as a number, ids that count, dice that fall low."""

from __future__ import annotations

import asyncio

START = 1_800_000_000.0


class Clock:
    def __init__(self) -> None:
        self.time = START
        self.lost = 0.0
        """Seconds by which it was set back so far."""

    def set_back(self, seconds: float) -> None:
        self.time -= seconds
        self.lost += seconds

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time + self.lost

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        await asyncio.sleep(0)


class Ids:
    def __init__(self) -> None:
        self.count = 0

    def new(self) -> str:
        self.count += 1
        return f"{self.count:026d}"

    jti = new
    token = new


class Dice:
    def between(self, low: float, high: float) -> float:
        return low


class Nothing:
    """Counts nothing."""

    def webhook(self, connector: str, outcome: str) -> None: ...
    def look(self, connector: str, outcome: str) -> None: ...
    def decision(self, connector: str, reason: str) -> None: ...
    def delivery(self, stream: str, outcome: str) -> None: ...
    def acknowledged(self, stream: str, seconds: float) -> None: ...
    def block_undone(self, connector: str) -> None: ...
    def drift(self, connector: str, n: int) -> None: ...
    def reconciled(self, connector: str, devices: int, seconds: float, ok: bool) -> None: ...
