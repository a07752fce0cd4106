"""What we change about a stream ourselves (SSF §8.1.2, §8.1.5; specs §4.9): stream-updated, once, before it stops."""

from __future__ import annotations

import asyncio

import pytest

from tests.independent.events import STREAM_UPDATED
from tests.independent.sets import SecurityEvent
from tests.independent.stream import Stream
from tests.mirror.answers import ok, refused
from tests.mirror.clients import VISIBILITY
from tests.mirror.house import House, Streams, about, is_failing, nothing, state

pytestmark = pytest.mark.asyncio(loop_scope="session")

DELIVERIES = pytest.mark.parametrize("delivery", ["push", "poll"])


def says(status: str) -> object:
    def is_it(event: SecurityEvent) -> bool:
        return event.type == STREAM_UPDATED and event.payload["status"] == status

    return is_it


async def command(house: House, *arguments: str) -> None:
    code, out, err = await house.service.command("streams", *arguments)
    assert code == 0, (arguments, out, err)


async def pause(house: House, stream: Stream, why: str) -> None:
    """What `streams pause` and, with "", `streams enable` write, without a process for each."""
    await (await house.store()).pause(stream.id, why)


async def updated(stream: Stream, status: str) -> SecurityEvent:
    """The event that says so; there is exactly one."""
    found = await stream.until(says(status), 5)  # type: ignore[arg-type]  # a text of three
    return found[0]


@DELIVERIES
async def test_a_pause_and_its_end(house: House, streams: Streams, device: int, delivery: str) -> None:
    """SSF §8.1.2, §8.1.5: each is told with its reason; in between nothing comes, and what differs comes after."""
    stream, other = await streams.of(delivery), await streams.poll()
    await command(house, "pause", stream.id, "--reason", "the mirror cleans up")
    event = await updated(stream, "paused")
    assert event.subject == {"format": "opaque", "id": stream.id}
    assert "the mirror cleans up" in event.payload["reason"]
    shown = ok(await stream.api.status(stream.id))
    assert shown["status"] == "paused" and "the mirror cleans up" in shown["reason"]
    await house.fails(device)
    await other.until(is_failing(device))
    await nothing(stream, about(device), 0.5)
    await command(house, "enable", stream.id)
    await updated(stream, "enabled")
    await stream.until(is_failing(device))
    assert ok(await stream.api.status(stream.id))["status"] == "enabled"
    assert len([one for one in stream.events if one.type == STREAM_UPDATED]) == 2


async def test_it_stays_fetchable(house: House, streams: Streams) -> None:
    """specs §4.9: on a poll stream the event waits for its receiver, paused or not, until it is acknowledged."""
    stream = await streams.poll()
    await pause(house, stream, "by hand")
    await asyncio.sleep(1.2)
    first = await stream.poll()
    assert [event.type for event in first.events] == [STREAM_UPDATED]
    await asyncio.sleep(VISIBILITY + 0.3)
    again = await stream.poll()
    assert again.jtis == first.jtis
    assert (await stream.poll(ack=again.jtis)).events == []
    await asyncio.sleep(VISIBILITY + 0.3)
    assert (await stream.poll()).events == []


async def test_what_an_operator_paused_its_receiver_may_verify(house: House, streams: Streams) -> None:
    """SSF §8.1.4.2: the request is taken; the SET is held as all others are."""
    stream, mine = await streams.push(), state()
    await pause(house, stream, "by hand")
    await updated(stream, "paused")
    assert (await stream.api.verify(stream.id, state=mine)).status_code == 204
    await nothing(stream, lambda event: event.payload.get("state") == mine, 0.5)
    await pause(house, stream, "")
    await stream.until(lambda event: event.payload.get("state") == mine)


async def test_what_an_operator_paused_its_receiver_cannot_enable(house: House, streams: Streams) -> None:
    """SSF §8.1.2.2: 403, with the reason; enabled by the operator it runs."""
    stream = await streams.poll()
    await pause(house, stream, "by hand")
    await updated(stream, "paused")
    assert "by hand" in refused(await stream.api.set_status(stream.id, "enabled"), 403)["description"]
    await pause(house, stream, "")
    await updated(stream, "enabled")
