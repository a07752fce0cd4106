"""Many streams, many subjects, many polls that wait: what each costs, and what it costs that they are there.

All figures are CPU of the service, user and system, all threads, by the kernel's clock of the process.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.bench.caller import TERMS, Caller, each
from tests.bench.fleet import Fleet
from tests.bench.service import Service
from tests.bench.wire import Connection, Standing, answer

STUCK: Final = 120.0
SETTLE: Final = 1.5
"""Seconds after which what follows from a burst is done."""
UNHEARD: Final = 50
"""Events that concern nobody."""
READS: Final = 20
CHANGES: Final = 100
"""Streams that are made and deleted while the others are there."""


@dataclass(frozen=True, slots=True)
class Size:
    """`streams`, half of them pushed and half polled, each with `subjects` of its own only in the one measure of them;
    `seconds` of each look at what idles."""

    streams: int = 1000
    subjects: int = 3000
    seconds: float = 10.0
    core: int = 0


async def measure(size: Size) -> dict[str, Any]:
    """By name. CPU in milliseconds an operation, of what idles in percent of a core; sizes in bytes."""
    with tempfile.TemporaryDirectory(prefix="caep-bench-") as folder:
        crowd = await Crowd.open(size, Path(folder))
        try:
            return await crowd.measured()
        finally:
            crowd.close()


class Crowd:
    def __init__(self, size: Size, folder: Path, receiver: Standing) -> None:
        self._size = size
        self._fleet = Fleet("carried")
        self._receiver = receiver
        self._pushed = 0
        self._device = 0
        self.service = Service(
            "carried", folder, size.core, receiver=receiver.port, vendor=receiver.port, stages=False, more=TERMS
        )  # fmt: skip
        self._fleet.port = self.service.port
        self._caller = Caller(self.service.port)
        self._admin = Caller(self.service.admin)

    @classmethod
    async def open(cls, size: Size, folder: Path) -> Crowd:
        receiver = Standing(lambda path, body: crowd._taken(path))
        await receiver.start()
        crowd = cls(size, folder, receiver)
        await crowd.service.start()
        await crowd._caller.open()
        return crowd

    def close(self) -> None:
        self._caller.close()
        self._admin.close()
        self.service.stop()
        self._receiver.stop()

    def _taken(self, path: str) -> tuple[float, bytes]:
        self._pushed += path.startswith("/crowd")
        return 0.0, answer(202)

    async def measured(self) -> dict[str, Any]:
        found: dict[str, Any] = {"streams": self._size.streams, "subjects": self._size.subjects}
        found["idle_no_streams_percent"] = await self._idle()
        found["mib_no_streams"] = self.service.resident()
        found["event_no_streams_ms"] = await self._cost(self._unheard, UNHEARD)
        streams: list[str] = []

        async def make() -> None:
            streams.extend(await each(range(self._size.streams), self._create))

        found["create_from_none_ms"] = await self._cost(make, self._size.streams)
        found["mib_streams"] = self.service.resident()
        found |= await self._beside(streams)
        found |= await self._polls(streams)
        found |= await self._event(streams)
        found |= await self._subjects(streams[0])
        found["start_seconds"] = await self._restart()

        async def drop() -> None:
            await each(streams, self._caller.delete)

        found["delete_to_none_ms"] = await self._cost(drop, self._size.streams)
        return found

    # -- the measures ---------------------------------------------------------------------------

    async def _beside(self, streams: list[str]) -> dict[str, Any]:
        """What is done while the others are there."""
        await asyncio.sleep(SETTLE)
        found: dict[str, Any] = {"idle_streams_percent": await self._idle()}
        more: list[str] = []

        async def make() -> None:
            more.extend(await each(range(CHANGES), self._create))

        async def drop() -> None:
            await each(more, self._caller.delete)

        found["create_ms"] = await self._cost(make, CHANGES)
        found["delete_ms"] = await self._cost(drop, CHANGES)
        found["event_unheard_ms"] = await self._cost(self._unheard, UNHEARD)
        for name, caller, path in (
            ("list", self._caller, "/ssf/streams"),
            ("metrics", self._admin, "/metrics"),
            ("readyz", self._caller, "/readyz"),
        ):
            found |= await self._read(name, caller, path)
        return found

    async def _read(self, name: str, caller: Caller, path: str) -> dict[str, Any]:
        body = b""

        async def ask() -> None:
            nonlocal body
            for _ in range(READS):
                body = await caller.get(path)

        return {f"{name}_ms": await self._cost(ask, READS, 0.0), f"{name}_bytes": len(body)}

    async def _polls(self, streams: list[str]) -> dict[str, Any]:
        """Each stream that is polled has one that waits, and comes again as soon as it was answered."""
        waiting = [asyncio.create_task(self._again_and_again(stream_id)) for stream_id in streams[::2]]
        await asyncio.sleep(SETTLE)
        found = {"polls": len(waiting), "idle_polls_percent": await self._idle(), "mib_polls": self.service.resident()}
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return found

    async def _again_and_again(self, stream_id: str) -> None:
        while True:
            await self._caller.poll(stream_id)

    async def _event(self, streams: list[str]) -> dict[str, Any]:
        """One device fails, and every stream hears of it: pushed, or fetched and acknowledged."""
        await asyncio.sleep(SETTLE)
        before = self._pushed

        async def hear() -> None:
            await self._ring("bench.example")
            await each(streams[::2], self._fetch)
            until = time.monotonic() + STUCK
            while self._pushed - before < len(streams) // 2:
                if time.monotonic() > until:
                    raise RuntimeError(f"{self._pushed - before} SETs were pushed to {len(streams) // 2} streams")
                await asyncio.sleep(0.05)

        return {"event_heard_ms_each": await self._cost(hear, len(streams))}

    async def _fetch(self, stream_id: str) -> None:
        while not (sets := await self._caller.poll(stream_id)):
            pass
        await self._caller.poll(stream_id, sets, at_once=True)

    async def _subjects(self, stream_id: str) -> dict[str, Any]:
        people = [{"format": "email", "email": f"nobody{n}@bench.example"} for n in range(self._size.subjects)]

        async def take_off() -> None:
            await each(people, lambda one: self._caller.remove(stream_id, one))

        async def put_back() -> None:
            await each(people[::2], lambda one: self._caller.add(stream_id, one))

        return {
            "subject_remove_ms": await self._cost(take_off, len(people)),
            "subject_add_back_ms": await self._cost(put_back, len(people[::2])),
        }

    async def _restart(self) -> float:
        """CPU seconds until it listens, with all of it in the store."""
        self._caller.close()
        self._admin.close()
        self.service.stop()
        self._caller = Caller(self.service.port)
        await self.service.start()
        await self._caller.open()
        return self.service.used().total

    # -- how ------------------------------------------------------------------------------------

    async def _create(self, number: int) -> str:
        endpoint = f"http://127.0.0.1:{self._receiver.port}/crowd" if number % 2 else None
        return await self._caller.create(endpoint)

    async def _unheard(self) -> None:
        """A device of somebody of whom no stream may hear."""
        for _ in range(UNHEARD):
            await self._ring("elsewhere.example")

    async def _ring(self, domain: str) -> None:
        self._fleet.begin(failing=True)
        connection = await Connection.open(self.service.port)
        status = await connection.ask(self._fleet.webhook(self._next(), domain))
        connection.close()
        if status != 202:
            raise RuntimeError(f"a webhook was answered {status}")

    def _next(self) -> int:
        self._device += 1
        return self._device

    async def _idle(self) -> float:
        before = self.service.used().total
        await asyncio.sleep(self._size.seconds)
        return 100 * (self.service.used().total - before) / self._size.seconds

    async def _cost(self, work: Callable[[], Awaitable[None]], count: int, settle: float = SETTLE) -> float:
        """With what follows from it. What idles meanwhile is in it too."""
        before = self.service.used().total
        await work()
        await asyncio.sleep(settle)
        return 1000 * (self.service.used().total - before) / count
