"""Polling (RFC 8936 §2; SSF §6.1.2; specs §6)."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.e2e.times import wait_until
from tests.independent.events import VERIFICATION
from tests.independent.stream import Batch, Stream
from tests.mirror.answers import empty, refused
from tests.mirror.clients import AT_ONCE, POLL_WAIT, VISIBILITY
from tests.mirror.house import House, Streams, is_failing, state

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def waiting(house: House, stream: Stream, count: int) -> None:
    """Until so many SETs wait."""
    store = await house.store()

    async def there() -> bool:
        return len(await store.deliveries(stream_id=stream.id, state="pending")) >= count

    await wait_until(there, 15, house.service.tail)


async def filled(house: House, streams: Streams, device: int, count: int) -> tuple[Stream, list[int]]:
    """A stream on which so many devices have failed."""
    stream = await streams.poll()
    fleet = [device * 100 + n for n in range(count)]
    await asyncio.gather(*(house.fails(one) for one in fleet))
    await waiting(house, stream, count)
    return stream, fleet


async def test_nothing_is_an_empty_object(streams: Streams) -> None:
    """RFC 8936 §2.3: `sets` is required, also where there is none."""
    stream = await streams.poll()
    answer = await stream.raw_poll(returnImmediately=True)
    assert answer.json().get("sets") == {} and not answer.json().get("moreAvailable", False)


async def test_a_poll_hands_out(house: House, streams: Streams, device: int) -> None:
    """RFC 8936 §2.3, §2.4.1: jti → SET."""
    stream, fleet = await filled(house, streams, device, 3)
    batch = await stream.poll()
    assert {event.subject["device"]["id"] for event in batch.events} == {f"kolide:{one}" for one in fleet}
    assert not batch.more


async def test_a_long_poll_wakes_at_once(house: House, streams: Streams) -> None:
    """RFC 8936 §2.5: it waits while there is nothing, and answers when something comes."""
    stream, mine = await streams.poll(), state()
    poll = asyncio.create_task(stream.poll(now=False))
    await asyncio.sleep(0.5)
    assert not poll.done()
    began = time.monotonic()
    empty(await stream.api.verify(stream.id, state=mine))
    batch = await poll
    assert time.monotonic() - began < AT_ONCE
    assert [event.payload.get("state") for event in batch.of(VERIFICATION)] == [mine]


async def test_by_default_a_poll_is_long(streams: Streams) -> None:
    """RFC 8936 §2.2, §2.5: an absent returnImmediately is false; at the end of its time it answers 200 and nothing."""
    stream = await streams.poll()
    bodies: tuple[Any, ...] = ({}, b"")
    for body in bodies:
        began = time.monotonic()
        answer = await stream.api.poll(stream.poll_url, body)
        assert POLL_WAIT - 0.3 < time.monotonic() - began < POLL_WAIT + 20
        assert stream.batch(answer).events == []


async def test_a_long_poll_does_not_wait_for_what_is_there(house: House, streams: Streams, device: int) -> None:
    """RFC 8936 §2.5: with SETs available it responds at once."""
    stream, _ = await filled(house, streams, device, 1)
    began = time.monotonic()
    assert len((await stream.poll(now=False)).events) == 1
    assert time.monotonic() - began < AT_ONCE


async def test_acknowledging_only(house: House, streams: Streams, device: int) -> None:
    """RFC 8936 §2.4.2: maxEvents 0 and ack: an answer at once, without SETs, and what was acknowledged is gone."""
    stream, _ = await filled(house, streams, device, 2)
    first = await stream.poll(maxEvents=1)
    assert len(first.events) == 1 and first.more
    assert (await stream.acknowledge(first.jtis)).events == []
    rest = await stream.poll()
    assert len(rest.events) == 1 and not set(rest.jtis) & set(first.jtis)


async def test_no_events_are_wanted(house: House, streams: Streams, device: int) -> None:
    """RFC 8936 §2.2: `maxEvents` 0 hands nothing out, and says that there is more."""
    stream, _ = await filled(house, streams, device, 1)
    batch = await stream.poll(maxEvents=0)
    assert batch.events == [] and batch.more
    assert len((await stream.poll()).events) == 1, "nor was it hidden"


async def test_acknowledging_and_polling(house: House, streams: Streams, device: int) -> None:
    """RFC 8936 §2.4.3: acks first, so that what they make room for is in the same answer; and order holds: the
    second about a subject is handed out once the first was acknowledged."""
    stream, fleet = await filled(house, streams, device, 1)
    first = await stream.poll()
    await house.recovers(fleet[0])
    await waiting(house, stream, 2)
    assert (await stream.poll()).events == [], "the older one of this subject is out and unacknowledged"
    second = await stream.poll(ack=first.jtis)
    assert [event.payload["current_status"] for event in second.events] == ["compliant"]


async def test_at_most_so_many(house: House, streams: Streams, device: int) -> None:
    """RFC 8936 §2.2, §2.3: maxEvents is kept to, and moreAvailable says the rest waits."""
    stream, fleet = await filled(house, streams, device, 5)
    seen: list[str] = []
    sizes: list[tuple[int, bool]] = []
    while len(seen) < 5:
        batch = await stream.poll(maxEvents=2)
        assert batch.events
        sizes.append((len(batch.events), batch.more))
        seen += batch.jtis
        await stream.acknowledge(batch.jtis)
    assert sizes == [(2, True), (2, True), (1, False)]
    assert len(set(seen)) == len(fleet)


async def test_errors_are_final(house: House, streams: Streams, device: int) -> None:
    """RFC 8936 §2.4.4; specs §6.4: what `setErrs` names comes no more, and the operator sees the receiver's words."""
    stream, _ = await filled(house, streams, device, 2)
    first = await stream.poll(maxEvents=1)
    error = {"err": "invalid_request", "description": "the mirror does not like it"}
    answer = await stream.api.poll(
        stream.poll_url,
        {"setErrs": {first.jtis[0]: error}, "maxEvents": 0, "returnImmediately": True},
        headers={"content-language": "en"},
    )
    assert stream.batch(answer).events == []
    await asyncio.sleep(VISIBILITY + 0.5)
    assert first.jtis[0] not in (await stream.poll()).jtis
    store = await house.store()
    dead = await store.deliveries(stream_id=stream.id, state="dead")
    assert [one.jti for one in dead] == first.jtis
    assert "the mirror does not like it" in dead[0].last_words


async def test_hidden_for_a_while(house: House, streams: Streams, device: int) -> None:
    """RFC 8936 §2.4; specs §6.4: handed out and not acknowledged, a SET is hidden and comes again, the very same."""
    stream, _ = await filled(house, streams, device, 1)
    first = await stream.poll()
    began = time.monotonic()
    assert (await stream.poll()).events == []
    again: list[Batch] = []

    async def came() -> bool:
        again.append(await stream.poll())
        return bool(again[-1].events)

    await wait_until(came, VISIBILITY + 5)
    assert time.monotonic() - began > VISIBILITY - 0.5
    assert [event.text for event in again[-1].events] == [event.text for event in first.events]


async def test_a_waiting_poll_sees_what_comes_back(house: House, streams: Streams, device: int) -> None:
    """specs §6.4: the end of the visibility time wakes it as well."""
    stream, _ = await filled(house, streams, device, 1)
    first = await stream.poll()
    ends = time.monotonic() + VISIBILITY + 3
    found: list[str] = []
    while not found and time.monotonic() < ends:
        found = (await stream.poll(now=False)).jtis
    assert found == first.jtis


async def test_parallel_polls_share(house: House, streams: Streams, device: int) -> None:
    """specs §6.4: no SET is handed out twice at once."""
    stream, fleet = await filled(house, streams, device, 12)
    batches = await asyncio.gather(*(stream.poll(maxEvents=3) for _ in range(6)))
    jtis = [jti for batch in batches for jti in batch.jtis]
    assert len(jtis) == len(set(jtis)) == len(fleet)


async def test_unknown_jtis_are_ignored(house: House, streams: Streams, device: int) -> None:
    """RFC 8936 §2.4; specs §6.4: unknown and repeated acks and errors are no error."""
    stream, _ = await filled(house, streams, device, 1)
    jti = (await stream.poll()).jtis[0]
    unknown = {"nothing": {"err": "invalid_request", "description": "x"}}
    for _ in range(2):
        batch = await stream.poll(ack=[jti, "none", jti, ""], setErrs=unknown)
        assert batch.events == []
    store = await house.store()
    assert [one.state for one in await store.deliveries(stream_id=stream.id)] == ["delivered"]


MISFITS: dict[str, Any] = {
    "broken": b'{"ack": ',
    "a list": [],
    "a text": "x",
    "ack: text": {"ack": "x"},
    "ack: numbers": {"ack": [1]},
    "ack: object": {"ack": {}},
    "setErrs: list": {"setErrs": []},
    "setErrs: text": {"setErrs": {"x": "bad"}},
    "maxEvents: negative": {"maxEvents": -1},
    "maxEvents: text": {"maxEvents": "5"},
    "maxEvents: half": {"maxEvents": 1.5},
    "maxEvents: truth": {"maxEvents": True},
    "returnImmediately: text": {"returnImmediately": "true"},
    "returnImmediately: number": {"returnImmediately": 1},
    "too many acks": {"ack": [f"jti-{n}" for n in range(10_001)]},
}


@pytest.mark.parametrize("body", MISFITS.values(), ids=MISFITS)
async def test_what_is_no_request(streams: Streams, body: Any) -> None:
    """RFC 8936 §2.5.1: 400; lists have a documented limit (413 or 400)."""
    stream = await streams.poll()
    answer = await stream.api.poll(stream.poll_url, body)
    refused(answer, 413 if answer.status_code == 413 else 400)


async def test_too_large(streams: Streams) -> None:
    """specs §11: bodies are bounded."""
    stream = await streams.poll()
    refused(await stream.api.poll(stream.poll_url, b'{"x": "' + b"x" * 5 * 1024 * 1024 + b'"}'), 413)


async def test_another_media_type(streams: Streams) -> None:
    """RFC 8936 §2.2: the request is JSON."""
    stream = await streams.poll()
    refused(await stream.api.poll(stream.poll_url, {}, headers={"content-type": "text/plain"}), 415)


async def test_no_more_than_so_many_wait(house: House, streams: Streams) -> None:
    """specs §6.3, §11: waiting polls are bounded; who is one too many is told so at once, and all others go on."""
    stream, other = await streams.poll(), await streams.poll("beta")
    answers = await asyncio.gather(*(stream.raw_poll() for _ in range(60)))
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) <= {200, 429} and 200 in statuses
    for answer in answers:
        if answer.status_code == 429:
            refused(answer, 429)
            assert int(answer.headers["retry-after"]) > 0
    assert 429 in statuses, "sixteen may wait"
    await other.verified(state())


async def test_more_than_anybody_has(house: House, streams: Streams, device: int) -> None:
    """RFC 8936 §2.2: a large maxEvents is no error, nor is an unknown member; null is no value."""
    stream, _ = await filled(house, streams, device, 1)
    assert len((await stream.poll(maxEvents=10**9, surprise={"x": 1})).events) == 1


async def test_events_keep_coming_to_one_that_loops(house: House, streams: Streams, device: int) -> None:
    """RFC 8936 §2.4.3: the usual loop, ack and poll in one, gets all there is, each once."""
    stream = await streams.poll()
    fleet = [device * 100 + n for n in range(10)]
    told: list[str] = []

    async def loop() -> None:
        jtis: list[str] = []
        while len(told) < len(fleet):
            batch = await stream.poll(now=False, ack=jtis, maxEvents=4)
            jtis = batch.jtis
            told.extend(event.subject["device"]["id"] for event in batch.events)
        await stream.acknowledge(jtis)

    async with asyncio.timeout(20):
        looping = asyncio.create_task(loop())
        for one in fleet:
            await house.fails(one)
        await looping
    assert sorted(told) == sorted(f"kolide:{one}" for one in fleet)
    assert is_failing(fleet[0])(stream.received[0]) or len(stream.received) == len(fleet)
