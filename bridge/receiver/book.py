"""What a receiver remembers, and what a test tells it to answer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Scripted:
    """One answer that is laid down beforehand, after `delay` seconds.

    `status` None: the usual answer, only later. `take`: the SET is checked and remembered as usual, and then
    answered like this, as when an acknowledgement is lost.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay: float = 0.0
    take: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """One request and its answer. `repeat`: a SET with this `jti` was accepted before."""

    received_at: float
    path: str
    status: int
    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    text: str
    err: str = ""
    description: str = ""
    notes: tuple[str, ...] = ()
    repeat: bool = False
    taken: bool = False
    """It was valid and new: what it says has effect."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Book:
    """All receipts in order, the newest `keep`; the script; a watch for tests.

    `script` is used up from the left, one entry a request. `when` is asked first, with the claims, and may answer
    for some SETs only. `down` answers 503 to everything.
    """

    def __init__(self, keep: int = 100_000) -> None:
        self.receipts: deque[Receipt] = deque(maxlen=keep)
        self.script: deque[Scripted] = deque()
        self.when: Callable[[Mapping[str, Any]], Scripted | None] | None = None
        self.down = False
        self._taken: set[str] = set()
        self._changed = asyncio.Event()

    @property
    def taken(self) -> list[Receipt]:
        """The receipts that had effect, each SET once, in order."""
        return [receipt for receipt in self.receipts if receipt.taken]

    def is_repeat(self, jti: Any) -> bool:
        return isinstance(jti, str) and jti in self._taken

    def answer_for(self, claims: Mapping[str, Any]) -> Scripted | None:
        """What is laid down for this request, used up by asking."""
        if self.down:
            return Scripted(status=503)
        chosen = self.when(claims) if self.when is not None else None
        if chosen is None and self.script:
            chosen = self.script.popleft()
        return chosen

    def write(self, receipt: Receipt) -> None:
        self.receipts.append(receipt)
        if receipt.taken:
            self._taken.add(receipt.claims["jti"])
        self._changed.set()

    async def wait_for(self, enough: Callable[[Book], bool], seconds: float = 10.0) -> None:
        """Return once `enough(self)`, asked again after each receipt; TimeoutError after `seconds`."""
        async with asyncio.timeout(seconds):
            while not enough(self):
                self._changed.clear()
                await self._changed.wait()
