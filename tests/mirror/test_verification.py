"""Verification by push and by poll (SSF §8.1.4; specs §4.8)."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.e2e.times import wait_until
from tests.independent.events import VERIFICATION
from tests.independent.management import Management
from tests.mirror.answers import empty, refused
from tests.mirror.house import House, Streams, about, is_failing, nothing, state

pytestmark = pytest.mark.asyncio(loop_scope="session")

DELIVERIES = pytest.mark.parametrize("delivery", ["push", "poll"])


@DELIVERIES
async def test_the_state_comes_back(streams: Streams, delivery: str) -> None:
    """SSF §8.1.4.2, IOP-12, IOP-19: 204 with no body; the SET within 5 seconds, with the state unchanged."""
    stream, mine = await streams.of(delivery), state()
    began = time.monotonic()
    event = await stream.verified(mine)
    assert time.monotonic() - began < 5
    assert event.payload == {"state": mine}
    assert event.subject == {"format": "opaque", "id": stream.id}


@DELIVERIES
@pytest.mark.parametrize("strange", ["", " ", "é 漢 🙂", '"\\/\n\t', "x" * 1000, "null"])
async def test_any_text_comes_back(streams: Streams, delivery: str, strange: str) -> None:
    """SSF §8.1.4.2: as it was given."""
    stream = await streams.of(delivery)
    assert (await stream.verified(strange)).payload == {"state": strange}


@DELIVERIES
async def test_no_state_none_made_up(streams: Streams, delivery: str) -> None:
    """SSF §8.1.4: a state is only ever an echo."""
    stream = await streams.of(delivery)
    assert (await stream.verified()).payload == {}


@DELIVERIES
async def test_several_at_once(streams: Streams, delivery: str) -> None:
    """SSF §8.1.4.2: each request has its SET."""
    stream, states = await streams.of(delivery), [state() for _ in range(5)]
    answers = await asyncio.gather(*(stream.api.verify(stream.id, state=one) for one in states))
    assert {answer.status_code for answer in answers} == {204}
    for wanted in states:
        await stream.until(lambda event, wanted=wanted: event.payload.get("state") == wanted, 5)  # type: ignore[misc]  # a default
    assert len({event.jti for event in stream.events}) == len(stream.events) == 5


@DELIVERIES
async def test_it_is_quick_under_load(house: House, streams: Streams, delivery: str, device: int) -> None:
    """SSF §8.1.4.2: within 5 seconds also while events flow, which arrive as well."""
    stream = await streams.of(delivery)
    fleet = [device * 100 + n for n in range(40)]
    await asyncio.gather(*(house.fails(one) for one in fleet))
    await stream.verified(state(), 5)
    for one in fleet:
        await stream.until(is_failing(one), 15)


MISFITS: dict[str, Any] = {
    "broken": b"{",
    "a list": [],
    "no stream": {"state": "x"},
    "stream: number": {"stream_id": 5},
    "state: number": {"stream_id": "STREAM", "state": 5},
    "state: object": {"stream_id": "STREAM", "state": {}},
    "state: huge": {"stream_id": "STREAM", "state": "x" * 200_000},
}


@pytest.mark.parametrize("body", MISFITS.values(), ids=MISFITS)
async def test_what_is_no_request(streams: Streams, body: Any) -> None:
    """SSF §8.1.4.2: 400, and no SET."""
    stream = await streams.poll()
    if isinstance(body, dict) and body.get("stream_id") == "STREAM":
        body = {**body, "stream_id": stream.id}
    refused(await stream.api.send("POST", stream.api.at("verification"), body), 400)
    assert (await stream.poll()).events == []


async def test_of_an_unknown_stream(alpha: Management) -> None:
    """SSF §8.1.4.2: 404."""
    refused(await alpha.verify("none", state="x"), 404)


async def test_not_too_often(streams: Streams) -> None:
    """SSF §8.1.1, §8.1.4.2: 429 only inside min_verification_interval, for this stream alone, and it says how long."""
    stream, other = await streams.poll("patient"), await streams.poll("patient")
    await stream.verified(state())
    answer = await stream.api.verify(stream.id, state=state())
    refused(answer, 429)
    assert 0 < int(answer.headers["retry-after"]) <= stream.config["min_verification_interval"]
    assert (await stream.poll()).events == []
    await other.verified(state())


async def test_sent_in_time_and_come_early(streams: Streams) -> None:
    """SSF §8.1.1: the interval is between requests as their receiver sends them, so one that comes a little less than
    the interval after the one before it, which was slower on its way, is taken."""
    stream = await streams.poll("brisk")
    assert stream.config["min_verification_interval"] == 1
    for _ in range(3):
        empty(await stream.api.verify(stream.id, state=state()))
        await asyncio.sleep(0.75)


async def test_as_often_as_it_likes_where_there_is_no_interval(streams: Streams) -> None:
    """SSF §8.1.1: T SHOULD NOT 429 a receiver that keeps to the interval."""
    stream = await streams.poll()
    for _ in range(5):
        await stream.verified(state())


async def test_before_the_first_event(house: House, streams: Streams, device: int) -> None:
    """specs §4.8, §11: a new push stream is verified unasked, without a state, before anything else is sent there."""
    stream = await streams.push("proved")
    await house.fails(device)
    await stream.until(is_failing(device))
    assert stream.events[0].type == VERIFICATION and stream.events[0].payload == {}


async def test_nothing_before_it_was_accepted(house: House, streams: Streams, device: int) -> None:
    """specs §11: who refuses verification gets no event; who then accepts one that it asked for gets them."""
    inbox = house.receiver.inbox()
    inbox.refusing = "invalid_request"
    stream = await streams.push("proved", inbox=inbox)
    other = await streams.poll()
    await house.fails(device)
    await other.until(is_failing(device))
    await asyncio.sleep(0.5)
    assert all('"device"' not in push.body for push in inbox.pushes)
    sent = len(inbox.pushes)
    inbox.refusing = ""
    inbox.pushes.clear()
    mine = state()
    empty(await stream.api.verify(stream.id, state=mine))
    await stream.until(about(device), 10)
    assert sent and stream.events[0].type == VERIFICATION


async def test_none_unasked_where_it_is_switched_off(streams: Streams) -> None:
    """specs §4.8: `verify = false`."""
    stream = await streams.push()
    await nothing(stream, lambda event: True, 0.7)


async def test_a_refused_state_is_final(house: House, streams: Streams) -> None:
    """SSF §8.1.4.1; specs §5.2: `invalid_state` cannot become right by being sent again."""
    stream = await streams.push()
    assert stream.inbox is not None
    stream.inbox.refusing = "invalid_state"
    empty(await stream.api.verify(stream.id, state=state()))
    store = await house.store()

    async def dead() -> bool:
        return bool(await store.deliveries(stream_id=stream.id, state="dead"))

    await wait_until(dead, 5, house.service.tail)
    assert len(stream.inbox.pushes) == 1
