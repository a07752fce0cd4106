"""What the guard remembers: the size of a fleet that is just coming in, and who was told lately."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from bridge.model import Device, LedgerRow, Status, Stream
from bridge.pipeline.draft import Standing, draft_of
from bridge.pipeline.gate import Gate, recalled
from bridge.pipeline.owed import owed_by
from bridge.posture.decision import Decision
from bridge.posture.guard import Limits
from bridge.store.memory import MemoryStore
from bridge.store.records import LedgerWrite, NewDelivery, Scene, StreamRow, Unit
from bridge.value import replace
from tests.histories.ports import START, Clock
from tests.rules.given import NOW, broken, clean, risk

Found = TypeVar("Found")


def on_a_store(work: Callable[[MemoryStore], Awaitable[Found]]) -> Found:
    async def opened() -> Found:
        return await work(MemoryStore(Clock()))

    return asyncio.run(opened())


async def grow(store: MemoryStore, first: int, last: int) -> None:
    await store.commit([Unit(devices=(Device("kolide", str(one)),)) for one in range(first, last)])


@pytest.mark.parametrize(("soon", "size"), [(0.01, 10), (0.5, 200)])
def test_a_fleet_whose_list_is_coming_in_is_counted_again(soon: float, size: int) -> None:
    """One that is remembered by its first page would let too many through, or too few."""

    async def work(store: MemoryStore) -> list[int]:
        gate = Gate(store, Limits())
        await grow(store, 0, size)
        await gate.refresh(["kolide"], START)
        await grow(store, size, size + 300)
        sizes = [gate._fleets["kolide"][0]]
        for after in (soon, 31.0):
            await gate.refresh(["kolide"], START + after)
            sizes.append(gate._fleets["kolide"][0])
        return sizes

    assert on_a_store(work) == [size, size + 300, size + 300]


def told(number: int, login: str, at: float, status: Status = "not-compliant") -> Unit:
    subject = f"user={login}"
    row = LedgerRow("s1", subject, login, version=0)
    other: Status = "compliant" if status == "not-compliant" else "not-compliant"
    sent = NewDelivery("s1", subject, subject, f"jti-{number}", "txn", "kid", "text", status, other, "kolide", "1", at)
    return Unit(ledger=(LedgerWrite(row, sent),))


def test_after_a_start_those_told_within_the_window_are_counted_with_their_newest_time() -> None:
    async def work(store: MemoryStore) -> list[int]:
        await store.put_stream(StreamRow("s1", "okta", "https://a.example", START))
        for number, (login, at) in enumerate(
            [("old@x.example", -700.0), ("ada@x.example", -500.0), ("bob@x.example", -10.0)]
        ):
            await store.commit([told(number, login, START + at)])
        tally = await recalled(store, 600.0, START)
        return [tally.count("kolide", "loses", START + later) for later in (0.0, 101.0, 591.0)]

    assert on_a_store(work) == [2, 1, 0]


def test_it_counts_for_the_connector_whose_device_is_why() -> None:
    """A comparison comes by way of any of a person's devices: else one vendor's fault would be counted as another's."""
    gate = Gate(MemoryStore(Clock()), Limits(max_users=0))
    device, failing = clean(), broken(connector="jamf")
    draft = draft_of(device, Decision(device), Standing.COMPARED, (risk(),), "kolide", "txn")
    scene = Scene({str(device.login): (device, failing)}, {})
    (owing,) = gate.let_through(owed_by(draft, scene, draft.streams, {}, NOW), draft, NOW).owings
    assert owing.comparison.held is not None and owing.comparison.held.connector == "jamf"


@pytest.mark.parametrize(("stream", "held"), [(risk(), False), (replace(risk(), by_api=True, client="guest"), True)])
def test_what_a_client_has_its_own_streams_told_uses_up_nothing_of_others(stream: Stream, held: bool) -> None:
    gate = Gate(MemoryStore(Clock()), Limits(max_users=3))
    for number in range(9):
        gate._tally.add("kolide", "loses", f"u{number}@x.example", NOW, "guest")
    device = broken()
    draft = draft_of(clean(), Decision(device), Standing.COMPARED, (stream,), "kolide", "txn")
    scene = Scene({str(device.login): (device,)}, {})
    (owing,) = gate.let_through(owed_by(draft, scene, draft.streams, {}, NOW), draft, NOW).owings
    assert (owing.comparison.held is not None, owing.event is None) == (held, held)
