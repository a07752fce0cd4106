"""One scenario: start the service, drive rounds of webhooks through it, and say what came of them."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.bench import signing
from tests.bench.fleet import Fleet, Tally
from tests.bench.service import ROOT, Service, Used
from tests.bench.signing import Signing
from tests.bench.wire import Connection, Standing

Scenario = Literal["carried", "kolide"]
CONNECTIONS = 64
SETTLE = 0.15
"""Seconds after the last SET until the CPU is read: its end is still to be written down."""
STUCK = 60.0
WARM = 100


@dataclass(frozen=True, slots=True)
class Plan:
    """`seconds` of full load; `events` in a round; `rate` of webhooks a second in the open loop."""

    seconds: float
    events: int
    rate: float
    core: int
    signing_seconds: float = 2.0


@dataclass(frozen=True, slots=True)
class Round:
    tally: Tally
    used: Used

    @property
    def events(self) -> int:
        return len(self.tally.told)


@dataclass(frozen=True, slots=True)
class Measured:
    """`first` are rounds of devices seen for the first time (every look-up is asked); `again` are their recoveries."""

    scenario: Scenario
    first: Sequence[Round]
    again: Sequence[Round]
    steady: Round
    tasks: Mapping[str, float]
    """CPU seconds an event by kind of task, from a pass of its own."""
    staged: Used
    """CPU seconds an event in that pass."""
    signing: Signing
    resident: float


async def measure(scenario: Scenario, plan: Plan) -> Measured:
    with tempfile.TemporaryDirectory(prefix="caep-bench-") as folder:
        rig = await Rig.open(scenario, Path(folder), plan, stages=False)
        try:
            first, again = await rig.rounds(plan.seconds)
            steady = await rig.steady(plan.seconds / 2)
            resident = rig.service.resident()
        finally:
            rig.close()
        samples = rig.fleet.samples
        alone = await asyncio.to_thread(
            signing.measured, plan.core, rig.service.key_file, samples, plan.signing_seconds
        )
    tasks, staged = await _staged(scenario, plan)
    return Measured(scenario, first, again, steady, tasks, staged, alone, resident)


async def _staged(scenario: Scenario, plan: Plan) -> tuple[dict[str, float], Used]:
    with tempfile.TemporaryDirectory(prefix="caep-bench-") as folder:
        rig = await Rig.open(scenario, Path(folder), plan, stages=True)
        try:
            before = await rig.service.tasks()
            first, again = await rig.rounds(0.0)
            after = await rig.service.tasks()
        finally:
            rig.close()
    events = sum(one.events for one in (*first, *again))
    tasks = {name: (spent - before.get(name, 0.0)) / events for name, spent in after.items()}
    return tasks, mean_used([*first, *again])


def mean_used(rounds: Sequence[Round]) -> Used:
    """CPU seconds an event."""
    events = sum(one.events for one in rounds)
    names = {name for one in rounds for name in one.used.threads}
    threads = {name: sum(one.used.threads.get(name, 0.0) for one in rounds) / events for name in names}
    return Used(sum(one.used.total for one in rounds) / events, threads)


class Rig:
    """The service, and around it a vendor, a receiver and whoever sends the webhooks."""

    def __init__(self, plan: Plan, fleet: Fleet, service: Service, standing: Sequence[Standing]) -> None:
        self.plan, self.fleet, self.service = plan, fleet, service
        self._standing = standing
        self._idle: list[Connection] = []
        self._next_device = 1000

    @classmethod
    async def open(cls, scenario: Scenario, folder: Path, plan: Plan, *, stages: bool, root: Path = ROOT) -> Rig:
        fleet = Fleet(scenario)
        receiver, vendor = Standing(fleet.tell), Standing(fleet.ask)
        await receiver.start()
        await vendor.start()
        service = Service(
            scenario, folder, plan.core, receiver=receiver.port, vendor=vendor.port, stages=stages, root=root
        )
        await service.start()
        fleet.port = service.port
        rig = cls(plan, fleet, service, (receiver, vendor))
        try:
            rig._idle = [await Connection.open(service.port) for _ in range(CONNECTIONS)]
            await rig.pair(min(WARM, plan.events))
        except BaseException:
            rig.close()
            raise
        return rig

    def close(self) -> None:
        for connection in self._idle:
            connection.close()
        self.service.stop()
        for one in self._standing:
            one.stop()

    async def rounds(self, seconds: float) -> tuple[list[Round], list[Round]]:
        """Pairs of rounds, new devices in each, until `seconds` are over: all fail, then all recover."""
        first: list[Round] = []
        again: list[Round] = []
        until = time.perf_counter() + seconds
        while not first or time.perf_counter() < until:
            failed, recovered = await self.pair(self.plan.events)
            first.append(failed)
            again.append(recovered)
        return first, again

    async def pair(self, count: int) -> tuple[Round, Round]:
        """So many new devices: all fail, then all recover."""
        devices = self._devices(count)
        return await self._burst(devices, failing=True), await self._burst(devices, failing=False)

    def _devices(self, count: int) -> range:
        self._next_device += count
        return range(self._next_device - count, self._next_device)

    async def _burst(self, devices: range, *, failing: bool) -> Round:
        """As fast as answers come, over kept connections."""
        tally = self.fleet.begin(failing=failing)
        waiting = [(self.fleet.name(device), self.fleet.webhook(device)) for device in devices]
        before = self.service.used()

        async def send(connection: Connection) -> None:
            while waiting:
                name, request = waiting.pop()
                tally.sent[name] = time.perf_counter()
                self._acked(tally, name, await connection.ask(request))

        await asyncio.gather(*(send(connection) for connection in self._idle))
        return await self._ended(tally, before, len(devices))

    async def steady(self, seconds: float) -> Round:
        """An open loop: each webhook goes out when it is due, whatever became of those before it."""
        devices = self._devices(max(1, int(seconds * self.plan.rate)))
        tally = self.fleet.begin(failing=True)
        before = self.service.used()
        requests = [(self.fleet.name(device), self.fleet.webhook(device)) for device in devices]
        began = time.perf_counter()
        sending = []
        for index, (name, request) in enumerate(requests):
            tally.sent[name] = due = began + index / self.plan.rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            sending.append(asyncio.create_task(self._one(tally, name, request)))
        await asyncio.gather(*sending)
        return await self._ended(tally, before, len(devices))

    async def _one(self, tally: Tally, name: str, request: bytes) -> None:
        connection = self._idle.pop() if self._idle else await Connection.open(self.service.port)
        status = await connection.ask(request)
        self._idle.append(connection)
        self._acked(tally, name, status)

    @staticmethod
    def _acked(tally: Tally, name: str, status: int) -> None:
        tally.acked[name] = time.perf_counter()
        if status != 202:
            tally.wrong.append(f"{name}: the webhook was answered {status}")

    async def _ended(self, tally: Tally, before: Used, count: int) -> Round:
        """After the last SET. Raises RuntimeError if one is missing, wrong or came twice."""
        until = time.perf_counter() + STUCK
        while len(tally.told) < count and not tally.wrong and time.perf_counter() < until:
            await asyncio.sleep(0.005)
        await asyncio.sleep(SETTLE)
        if tally.wrong or tally.told.keys() != tally.sent.keys():
            words = "; ".join(tally.wrong[:3]) or f"{len(tally.told)} SETs for {count} webhooks"
            raise RuntimeError(f"not one SET for each webhook: {words}\n{self.service.log.read_text()[-3000:]}")
        return Round(tally, self.service.used().since(before))
