"""Receivers that are away, slow, or refuse: the others do not notice, and nothing is lost or told twice."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import pytest
import pytest_asyncio

from bridge.receiver.book import Scripted
from bridge.store.records import Delivery
from tests.e2e import heard
from tests.e2e.rig import Rig
from tests.e2e.times import wait_until
from tests.e2e.webhooks import opened, resolved

pytestmark = pytest.mark.asyncio(loop_scope="module")

BAD: Final = "not-compliant"
GOOD: Final = "compliant"
WELL, SICK = "well", "sick"


@pytest_asyncio.fixture(loop_scope="module")
async def line(lines: Rig) -> AsyncIterator[Rig]:
    yield lines
    for receiver in lines.receivers.values():
        receiver.book.when = None
        await receiver.stop()
        await receiver.start()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lines(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    async with Rig(tmp_path_factory.mktemp("pair"), {name: {"profile": "ssf"} for name in (WELL, SICK)}) as rig:
        await rig.start()
        yield rig


async def _turn(line: Rig, device: int) -> float:
    """The only issue opens or is resolved; how long it took until the receiver that is well was told."""
    issues = line.api.laptops[device].issues
    before = len(line.heard(WELL, device=device))
    if issues:
        issues.clear()
    else:
        issues[1] = False
    started = time.monotonic()
    await line.ring(opened(device) if issues else resolved(device))
    await wait_until(lambda: len(line.heard(WELL, device=device)) > before, what=line.service.tail)
    return time.monotonic() - started


def _answers(line: Rig, device: int, *script: Scripted) -> None:
    """What the sick receiver answers to SETs about this device, one after the other; then as usual."""
    waiting = list(script)

    def when(claims: Mapping[str, Any]) -> Scripted | None:
        about = claims.get("sub_id", {}).get("device", {}).get("id")
        return waiting.pop(0) if waiting and about == f"kolide:{device}" else None

    line.receivers[SICK].book.when = when


def _tries(line: Rig, device: int) -> list[heard.Heard]:
    every = [heard.of(receipt) for receipt in line.receivers[SICK].book.receipts if receipt.claims]
    return [one for one in every if one.device == f"kolide:{device}"]


async def _newest(line: Rig, device: int) -> Delivery:
    store = await line.store()
    for one in await store.deliveries(device=("kolide", str(device))):
        if (await _name(line, one)) == SICK:
            return one
    raise AssertionError("no delivery")


async def _name(line: Rig, one: Delivery) -> str:
    return next(row.name for row in await (await line.store()).streams() if row.id == one.stream_id)


async def test_gone_throughout_a_history(line: Rig, number: int) -> None:
    """fail, recover, fail while connections are refused: what cancelled out vanishes, the newest truth is told."""
    line.api.add(number, owner=number)
    await line.receivers[SICK].stop()
    took = [await _turn(line, number) for _ in range(3)]
    assert max(took) < 2
    await line.receivers[SICK].start()
    await line.hears(SICK, BAD, device=number)
    await line.settled()
    assert line.statuses(WELL, device=number) == [BAD, GOOD, BAD]


async def test_answers_lost_throughout_a_history(line: Rig, number: int) -> None:
    """The receiver takes each SET and its answer is lost: the first stays in doubt and goes first, the same bytes."""
    line.api.add(number, owner=number)
    line.receivers[SICK].book.when = lambda claims: Scripted(status=503, take=True)
    took = [await _turn(line, number) for _ in range(4)]
    assert max(took) < 2
    await wait_until(lambda: _tries(line, number))
    line.receivers[SICK].book.when = None
    await line.settled()
    assert line.statuses(WELL, device=number) == [BAD, GOOD, BAD, GOOD]
    assert line.statuses(SICK, device=number) == [BAD, GOOD]
    assert [one.jti for one in _tries(line, number)][:2] == [line.heard(SICK, device=number)[0].jti] * 2


async def test_a_receiver_that_hangs_slows_no_other(line: Rig, number: int) -> None:
    devices = [number, *(number + 1_000_000 * n for n in range(1, 40))]
    line.receivers[SICK].book.when = lambda claims: Scripted(delay=3)
    took = []
    for device in devices:
        line.api.add(device, owner=device)
        took.append(await _turn(line, device))
    assert sum(took) < 10 and max(took) < 2
    line.receivers[SICK].book.when = None
    await line.settled(30)


async def test_429_waits_as_long_as_it_was_asked_to(line: Rig, number: int) -> None:
    line.api.add(number, owner=number)
    _answers(line, number, Scripted(429, {"Retry-After": "2"}))
    await _turn(line, number)
    await line.hears(SICK, BAD, device=number)
    first, second = _tries(line, number)
    assert second.receipt.received_at - first.receipt.received_at >= 1.9
    assert first.jti == second.jti


@pytest.mark.parametrize("status", [500, 401])
async def test_the_receivers_own_trouble_is_tried_again(line: Rig, number: int, status: int) -> None:
    line.api.add(number, owner=number)
    _answers(line, number, Scripted(status, body=b'{"err": "authentication_failed", "description": "who are you"}'))
    await _turn(line, number)
    await line.hears(SICK, BAD, device=number)
    first, second = _tries(line, number)
    assert first.receipt.status == status and first.receipt.text == second.receipt.text
    await line.settled()


async def test_a_set_that_is_refused_holds_up_only_its_own_device(line: Rig, number: int) -> None:
    other = number + 1_000_000
    for device in (number, other):
        line.api.add(device, owner=device)
    words = b'{"err": "invalid_request", "description": "no such device"}'
    _answers(line, number, Scripted(400, body=words))
    await _turn(line, number)
    await wait_until(lambda: _tries(line, number))
    await _turn(line, other)
    await line.hears(SICK, BAD, device=other)
    assert not line.heard(SICK, device=number)
    waiting = await wait_until(lambda: _settled(line, number))
    assert (waiting.state, waiting.last_code, waiting.attempts) == ("pending", "invalid_request", 1)
    assert "no such device" in waiting.last_words
    await line.hears(SICK, BAD, device=number)
    await line.settled()


async def _settled(line: Rig, device: int) -> Delivery | None:
    newest = await _newest(line, device)
    return newest if newest.attempts else None


@pytest.mark.parametrize(
    "answer",
    [
        Scripted(409, body=b'{"err": "duplicate_event", "description": "had it"}', take=True),
        Scripted(200, take=True),
        Scripted(204, take=True),
    ],
    ids=["409 duplicate_event", "200", "204"],
)
async def test_delivered_all_the_same(line: Rig, number: int, answer: Scripted) -> None:
    line.api.add(number, owner=number)
    _answers(line, number, answer)
    await _turn(line, number)
    await line.hears(SICK, BAD, device=number)
    await line.settled()
    assert (await _newest(line, number)).state == "delivered"
    assert len(_tries(line, number)) == 1
