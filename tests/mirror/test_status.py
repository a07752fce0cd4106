"""Reading and setting the status of a stream (SSF §8.1.2; specs §4.7)."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.e2e.times import wait_until
from tests.independent.events import STREAM_UPDATED, VERIFICATION
from tests.independent.management import Management
from tests.independent.stream import Stream
from tests.mirror.answers import empty, ok, refused
from tests.mirror.clients import POLL_WAIT
from tests.mirror.house import House, Streams, about, is_failing, nothing, state

pytestmark = pytest.mark.asyncio(loop_scope="session")

DELIVERIES = pytest.mark.parametrize("delivery", ["push", "poll"])


async def test_a_new_stream_is_enabled(streams: Streams) -> None:
    """SSF §8.1.2.1, IOP-18: GET, 200, with the stream's id."""
    stream = await streams.poll()
    assert ok(await stream.api.status(stream.id)) == {"stream_id": stream.id, "status": "enabled"}


@pytest.mark.parametrize("status", ["paused", "disabled", "enabled"])
async def test_every_status_is_taken(streams: Streams, status: str) -> None:
    """SSF §8.1.2.2, IOP-9, IOP-10: POST, 200, the answer and what is read then say it, with the reason."""
    stream = await streams.poll()
    wanted = {"stream_id": stream.id, "status": status, "reason": "maintenance window"}
    assert ok(await stream.api.set_status(stream.id, status, reason="maintenance window")) == wanted
    assert ok(await stream.api.status(stream.id)) == wanted
    again = ok(await stream.api.set_status(stream.id, status))
    assert again["status"] == status


MISFITS: dict[str, Any] = {
    "broken": b'{"stream_id": ',
    "a list": [],
    "no stream": {"status": "paused"},
    "stream: number": {"stream_id": 7, "status": "paused"},
    "no status": {"stream_id": "STREAM"},
    "another status": {"stream_id": "STREAM", "status": "stopped"},
    "a status in capitals": {"stream_id": "STREAM", "status": "PAUSED"},
    "status: null": {"stream_id": "STREAM", "status": None},
    "status: list": {"stream_id": "STREAM", "status": ["paused"]},
    "reason: object": {"stream_id": "STREAM", "status": "paused", "reason": {"en": "x"}},
}


@pytest.mark.parametrize("body", MISFITS.values(), ids=MISFITS)
async def test_what_is_no_status(streams: Streams, body: Any) -> None:
    """SSF §8.1.2.2: 400, and nothing changes."""
    stream = await streams.poll()
    if isinstance(body, dict) and body.get("stream_id") == "STREAM":
        body = {**body, "stream_id": stream.id}
    refused(await stream.api.send("POST", stream.api.at("status"), body), 400)
    assert ok(await stream.api.status(stream.id))["status"] == "enabled"


async def test_of_an_unknown_stream(alpha: Management) -> None:
    """SSF §8.1.2.1, §8.1.2.2: 404; without stream_id, 400 (specs §4.10)."""
    refused(await alpha.status("none"), 404)
    refused(await alpha.set_status("none", "paused"), 404)
    refused(await alpha.send("GET", alpha.at("status")), 400)


@DELIVERIES
async def test_paused_holds(house: House, streams: Streams, device: int, delivery: str) -> None:
    """SSF §8.1.2.1, IOP-11: nothing is transmitted while paused; what was held comes when it is enabled again."""
    stream, other = await streams.of(delivery), await streams.poll()
    ok(await stream.api.set_status(stream.id, "paused"))
    await house.fails(device)
    await other.until(is_failing(device))
    await nothing(stream, about(device), 0.7)
    ok(await stream.api.set_status(stream.id, "enabled"))
    await stream.until(is_failing(device))


@DELIVERIES
async def test_only_the_last_of_what_was_held_need_come(
    house: House, streams: Streams, device: int, delivery: str
) -> None:
    """SSF §8.1.2.1: about one subject in order, or only the newest; what cancelled out is not told as a change."""
    stream, other = await streams.of(delivery), await streams.poll()
    ok(await stream.api.set_status(stream.id, "paused"))
    await house.fails(device)
    await other.until(is_failing(device))
    await house.recovers(device)
    await other.until(about(device, "compliant"))
    await house.fails(device, 2)
    await other.until(is_failing(device), count=2)
    ok(await stream.api.set_status(stream.id, "enabled"))
    await stream.until(is_failing(device))
    told = [event.payload["current_status"] for event in stream.events if about(device)(event)]
    assert told in (["not-compliant"], ["not-compliant", "compliant", "not-compliant"])


@DELIVERIES
async def test_verification_is_held_too(streams: Streams, delivery: str) -> None:
    """SSF §8.1.2.1 makes no exception for it; §8.1.4.2: the request is accepted all the same."""
    stream, mine = await streams.of(delivery), state()
    ok(await stream.api.set_status(stream.id, "paused"))
    empty(await stream.api.verify(stream.id, state=mine))
    await nothing(stream, lambda event: True, 1.0)
    ok(await stream.api.set_status(stream.id, "enabled"))
    await stream.until(lambda event: event.type == VERIFICATION and event.payload.get("state") == mine)


@DELIVERIES
async def test_disabled_drops(house: House, streams: Streams, device: int, delivery: str) -> None:
    """SSF §8.1.2.1: nothing goes out and nothing is kept; enabled again it is told how things are then."""
    stream, other = await streams.of(delivery), await streams.poll()
    ok(await stream.api.set_status(stream.id, "disabled"))
    empty(await stream.api.verify(stream.id, state="never to be seen"))
    await house.fails(device)
    await other.until(is_failing(device))
    await nothing(stream, lambda event: True, 0.7)
    ok(await stream.api.set_status(stream.id, "enabled"))
    await stream.until(is_failing(device))
    await stream.verified(state())
    assert "never to be seen" not in [event.payload.get("state") for event in stream.events]


async def test_disabling_drops_what_waits(house: House, streams: Streams, device: int) -> None:
    """SSF §8.1.2.1: also what was there before."""
    stream = await streams.poll()
    await house.fails(device)
    store = await house.store()

    async def waits() -> bool:
        return bool(await store.deliveries(stream_id=stream.id, state="pending"))

    await wait_until(waits)
    ok(await stream.api.set_status(stream.id, "disabled"))
    assert not await store.deliveries(stream_id=stream.id, state="pending")
    assert (await stream.poll()).events == []


@pytest.mark.parametrize("status", ["paused", "disabled"])
async def test_a_poll_then_is_empty(streams: Streams, status: str) -> None:
    """specs §4.7: 200 and no sets, also for one that waits."""
    stream = await streams.poll()
    ok(await stream.api.set_status(stream.id, status))
    for now in (True, False):
        began = time.monotonic()
        batch = await stream.poll(now=now)
        assert (batch.events, batch.more) == ([], False)
        assert time.monotonic() - began < POLL_WAIT + 20


async def test_acks_are_taken_while_paused(house: House, streams: Streams, device: int) -> None:
    """What was received before may be acknowledged then, and does not come again."""
    stream = await streams.poll()
    await house.fails(device)
    found = await wait_polled(stream, device)
    ok(await stream.api.set_status(stream.id, "paused"))
    assert (await stream.acknowledge([found])).events == []
    ok(await stream.api.set_status(stream.id, "enabled"))
    store = await house.store()
    assert [one.state for one in await store.deliveries(stream_id=stream.id)] == ["delivered"]


async def wait_polled(stream: Stream, device: int) -> str:
    """The jti of the SET about this device, polled and not acknowledged."""
    jtis: list[str] = []

    async def came() -> bool:
        jtis.extend(event.jti for event in (await stream.poll()).events if about(device)(event))
        return bool(jtis)

    await wait_until(came)
    return jtis[0]


async def test_a_waiting_poll_when_paused(house: House, streams: Streams, device: int) -> None:
    """SSF §8.1.2.1: a poll that waited before the pause gets nothing after it."""
    stream, other = await streams.poll(), await streams.poll()
    waiting = asyncio.create_task(stream.poll(now=False))
    await asyncio.sleep(0.2)
    ok(await stream.api.set_status(stream.id, "paused"))
    await house.fails(device)
    await other.until(is_failing(device))
    assert (await waiting).events == []


@DELIVERIES
async def test_its_own_changes_are_no_news(streams: Streams, delivery: str) -> None:
    """SSF §8.1.5: stream-updated is for changes of ours; what the receiver set, it knows."""
    stream = await streams.of(delivery)
    for status in ("paused", "enabled", "disabled", "enabled"):
        ok(await stream.api.set_status(stream.id, status))
    await stream.verified(state())
    assert not [event for event in stream.events if event.type == STREAM_UPDATED]
