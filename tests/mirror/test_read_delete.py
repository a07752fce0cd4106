"""Reading, listing and deleting streams; methods (SSF §8.1.1.2, §8.1.1.5; specs §4.4, §4.10)."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.e2e.times import wait_until
from tests.independent.management import Management
from tests.independent.stream import Stream
from tests.mirror.answers import empty, ok, refused
from tests.mirror.clients import AT_ONCE
from tests.mirror.house import House, Streams, is_failing

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_stream_is_read(streams: Streams) -> None:
    """SSF §8.1.1.2, IOP-17: 200 and the object."""
    stream = await streams.poll(description="read me")
    assert ok(await stream.api.read(stream.id)) == stream.config


async def test_all_streams_are_listed(house: House, streams: Streams) -> None:
    """SSF §8.1.1.2: an array, also of one, and empty where there is none."""
    api = await house.client("gamma")
    answer = await api.list()
    assert (answer.status_code, answer.json()) == (200, [])
    assert answer.headers["cache-control"] == "no-store"
    first = await streams.poll("gamma")
    assert (await api.list()).json() == [first.config]
    second = await streams.poll("gamma")
    listed = {one["stream_id"]: one for one in (await api.list()).json()}
    assert listed == {first.id: first.config, second.id: second.config}


@pytest.mark.parametrize("stream_id", ["none", "", "../x", "a" * 5000, "é", "x\0y"])
async def test_what_is_not_there(alpha: Management, stream_id: str) -> None:
    """SSF §8.1.1.2, §8.1.1.5, §8.1.2.1: 404 for an id that this client does not have; an empty one is none (400)."""
    for call in (alpha.read, alpha.delete, alpha.status):
        answer = await call(stream_id)
        refused(answer, 404 if answer.status_code == 404 and stream_id else 400)
        if stream_id == "none":
            assert answer.status_code == 404


async def test_a_delete_names_its_stream(alpha: Management, streams: Streams) -> None:
    """SSF §8.1.1.5: the parameter is required; nothing is deleted without."""
    stream = await streams.poll()
    refused(await alpha.send("DELETE", alpha.at("configuration")), 400)
    assert (await alpha.read(stream.id)).status_code == 200


async def test_deleted_is_gone(streams: Streams) -> None:
    """SSF §8.1.1.5, IOP-20: 204 once; then the stream is nowhere, nor can it be polled (specs §4.10)."""
    stream = await streams.poll()
    empty(await stream.api.delete(stream.id))
    refused(await stream.api.delete(stream.id), 404)
    refused(await stream.api.read(stream.id), 404)
    refused(await stream.api.status(stream.id), 404)
    refused(await stream.api.verify(stream.id), 404)
    refused(await stream.api.update({"stream_id": stream.id, "description": "x"}), 404)
    refused(await stream.raw_poll(returnImmediately=True), 404)
    assert stream.id not in [one["stream_id"] for one in (await stream.api.list()).json()]


async def test_a_waiting_poll_ends_with_its_stream(streams: Streams) -> None:
    """SSF §8.1.1.5: whoever waits hears of it at once."""
    stream = await streams.poll()
    waiting = asyncio.create_task(stream.raw_poll())
    await asyncio.sleep(0.3)
    began = time.monotonic()
    empty(await stream.api.delete(stream.id))
    answer = await waiting
    assert time.monotonic() - began < AT_ONCE
    assert answer.status_code == 404 or answer.json()["sets"] == {}


async def test_deleting_cancels_what_waits(house: House, streams: Streams, device: int) -> None:
    """Within a second nothing goes out any more, not even what is retried."""
    stream = await streams.push()
    assert stream.inbox is not None
    stream.inbox.scripted = [503] * 100
    await house.fails(device)
    await wait_until(lambda: stream.inbox is not None and len(stream.inbox.pushes) >= 2, 15)
    empty(await stream.api.delete(stream.id))
    await asyncio.sleep(1)
    seen = len(stream.inbox.pushes)
    await asyncio.sleep(2.5)
    assert len(stream.inbox.pushes) == seen
    store = await house.store()
    assert not await store.deliveries(stream_id=stream.id, state="pending")


async def test_a_new_stream_starts_empty(house: House, streams: Streams, device: int) -> None:
    """What was so before is not told; what comes after is."""
    first = await streams.poll()
    await house.fails(device)
    await first.until(is_failing(device))
    second = await streams.poll()
    assert (await second.poll()).events == []
    await house.recovers(device)
    await first.until(lambda event: event.payload.get("current_status") == "compliant")


ALLOWED = {
    "configuration": {"GET", "POST", "PATCH", "PUT", "DELETE"},
    "status": {"GET", "POST"},
    "add_subject": {"POST"},
    "remove_subject": {"POST"},
    "verification": {"POST"},
}


@pytest.mark.parametrize("endpoint", ALLOWED)
async def test_other_methods(alpha: Management, endpoint: str) -> None:
    """specs §4.10: 405, and Allow names those that work."""
    for method in {"GET", "POST", "PATCH", "PUT", "DELETE"} - ALLOWED[endpoint]:
        answer = await alpha.send(method, alpha.at(endpoint), {})
        assert answer.status_code == 405, (method, answer.status_code)
        assert {one.strip() for one in answer.headers["allow"].split(",")} - {"HEAD"} == ALLOWED[endpoint]


async def test_a_poll_is_posted(streams: Streams) -> None:
    """RFC 8936 §2.2: 405 for anything else."""
    stream = await streams.poll()
    answer = await stream.api.send("GET", stream.poll_url)
    assert answer.status_code == 405 and "POST" in answer.headers["allow"]


async def test_no_address_that_may_be_guessed(streams: Streams) -> None:
    """specs §4.1: ids are long and differ throughout."""
    ids = [(await streams.make({}))["stream_id"] for _ in range(4)]
    prefix = min(len(one) for one in ids)
    assert prefix >= 16 and len({one[-12:] for one in ids}) == 4


async def test_streams_of_others_stay(house: House, streams: Streams, device: int) -> None:
    """Deleting one is about this one."""
    gone, stays = await streams.poll(), await streams.poll()
    empty(await gone.api.delete(gone.id))
    await house.fails(device)
    assert isinstance(stays, Stream) and await stays.until(is_failing(device))
