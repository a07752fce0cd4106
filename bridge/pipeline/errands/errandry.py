"""errandry: what commands ask of the running service, done one task each, and what came of it.

The store is the meeting point: a command writes the errand and reads how far it is. One that was under way when the
service died is taken up again by the next, from where its notes say that it was.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Literal

import structlog

from bridge.clock import Clock
from bridge.errors import BridgeError
from bridge.model import LookFailed
from bridge.store.errands import Errand, ErrandKind, Errands

_log = structlog.get_logger("bridge.errands")

LEASE = 30.0
"""Seconds that an errand is held; each note holds it on."""
POLL = 0.5
"""Seconds until new errands are sought again."""
AT_ONCE = 64

Doc = Mapping[str, Any]
Note = Callable[[Doc], Awaitable[None]]
Run = Callable[[Errand, Note], Awaitable[Doc]]


class Failed(BridgeError):
    """An errand that came to nothing; `doc` is what is known, the message is for whoever asked."""

    def __init__(self, message: str, doc: Doc | None = None) -> None:
        super().__init__(message)
        self.doc: Doc = doc or {}


class Errandry:
    def __init__(
        self, store: Errands, runs: Mapping[ErrandKind, Run], clock: Clock, trouble: Callable[[str], None]
    ) -> None:
        self._store = store
        self._runs = runs
        self._clock = clock
        self._trouble = trouble
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way: set[str] = set()
        self._asked = asyncio.Event()

    def wake(self) -> None:
        """Somebody in this process asked for something."""
        self._asked.set()

    async def run(self) -> None:
        try:
            while True:
                try:
                    while len(self._tasks) < AT_ONCE and await self._take():
                        pass
                except BridgeError as problem:
                    self._trouble(f"errands: {type(problem).__name__}")
                await self._pause()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL):
                await self._asked.wait()
        self._asked.clear()

    async def _take(self) -> bool:
        now = self._clock.now()
        errand = await self._store.lease_errand(now, now + LEASE)
        if errand is None:
            return False
        if errand.id in self._under_way:  # its lease ran out while the store, or this machine, slept
            return True
        self._under_way.add(errand.id)
        task = asyncio.create_task(self._one(errand))
        self._tasks.add(task)
        task.add_done_callback(lambda ended: self._ended(ended, errand.id))
        return True

    def _ended(self, task: asyncio.Task[None], errand_id: str) -> None:
        self._tasks.discard(task)
        self._under_way.discard(errand_id)

    async def _one(self, errand: Errand) -> None:
        known: dict[str, Any] = dict(errand.doc)

        async def note(doc: Doc) -> None:
            known.update(doc)
            await self._store.note_errand(errand.id, known, self._clock.now() + LEASE)

        beat = asyncio.create_task(self._beat(errand, known))
        try:
            doc = await self._runs[errand.kind](errand, note)
            await self._end(errand, "done", {**known, **doc})
        except (BridgeError, LookFailed) as problem:
            doc = problem.doc if isinstance(problem, Failed) else {}
            await self._end(errand, "failed", {**known, **doc, "problem": str(problem)})
        except Exception as problem:
            _log.error("errand.broken", kind=errand.kind, target=errand.target, exc_info=True)
            await self._end(errand, "failed", {**known, "problem": f"a fault of ours ({type(problem).__name__})"})
        finally:
            beat.cancel()

    async def _beat(self, errand: Errand, known: Doc) -> None:
        """Hold it while one step takes longer than the lease."""
        while True:
            await self._clock.sleep(LEASE / 3)
            try:
                await self._store.note_errand(errand.id, dict(known), self._clock.now() + LEASE)
            except BridgeError as problem:
                self._trouble(f"errands: {type(problem).__name__}")

    async def _end(self, errand: Errand, state: Literal["done", "failed"], doc: Doc) -> None:
        _log.info("errand.ended", kind=errand.kind, target=errand.target, by=errand.asked_by, state=state)
        while True:
            try:
                return await self._store.end_errand(errand.id, state, doc, self._clock.now())
            except BridgeError as problem:
                self._trouble(f"errands: {type(problem).__name__}")
                await self._clock.sleep(POLL)


def txn_of(errand: Errand) -> str:
    """The cause of what follows from an errand."""
    return hashlib.sha256(f"errand\0{errand.id}".encode()).hexdigest()[:32]
