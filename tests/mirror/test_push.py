"""Pushing (RFC 8935 §2; SSF §6.1.1; specs §5)."""

from __future__ import annotations

import asyncio

import pytest

from tests.e2e.times import wait_until
from tests.independent.endpoint import Inbox
from tests.independent.stream import Stream
from tests.mirror.house import House, Streams, about, is_failing, state

pytestmark = pytest.mark.asyncio(loop_scope="session")


def inbox_of(stream: Stream) -> Inbox:
    assert stream.inbox is not None
    return stream.inbox


async def pushed(inbox: Inbox, count: int, seconds: float = 15) -> None:
    await wait_until(lambda: len(inbox.pushes) >= count, seconds, lambda: f"{len(inbox.pushes)} of {count}")


async def test_a_request_holds_one_set(house: House, streams: Streams, device: int) -> None:
    """RFC 8935 §2.1: POST, application/secevent+jwt, Accept: application/json, the compact SET and nothing else."""
    stream = await streams.push()
    await house.fails(device)
    await stream.until(is_failing(device))
    (push,) = inbox_of(stream).pushes
    assert push.headers["content-type"] == "application/secevent+jwt"
    assert push.headers["accept"] == "application/json"
    assert push.event is not None and push.body == push.event.text


@pytest.mark.parametrize("header", ["Bearer rcv-1", "Basic dTpw", "secret without a scheme", 'Digest a="b", c'])
async def test_the_authorization_header_is_sent_as_it_is(streams: Streams, header: str) -> None:
    """SSF §6.1.1: on every request, verification too, to the letter."""
    stream = await streams.push(authorization=header)
    await stream.verified(state())
    await stream.verified(state())
    assert [push.headers.get("authorization") for push in inbox_of(stream).pushes] == [header, header]


async def test_none_where_none_was_given(streams: Streams) -> None:
    """specs §4.2: no Authorization header at all."""
    stream = await streams.push()
    await stream.verified(state())
    assert "authorization" not in inbox_of(stream).pushes[0].headers


async def test_each_stream_has_a_set_of_its_own(house: House, streams: Streams, device: int) -> None:
    """SSF §4.1.8, §4.1.9; RFC 8417 §2.2: another stream, another SET and jti; the same cause, the same txn."""
    made = [await streams.push(), await streams.push("beta"), await streams.push("gamma"), await streams.poll()]
    await house.fails(device)
    events = [(await stream.until(is_failing(device)))[0] for stream in made]
    assert len({event.jti for event in events}) == 4
    assert len({event.claims["txn"] for event in events}) == 1
    audiences = [event.claims["aud"] for event in events]
    assert audiences[0] == audiences[1] == audiences[3] != audiences[2]


async def test_an_accepted_set_is_not_sent_again(house: House, streams: Streams, device: int) -> None:
    """RFC 8935 §2.2: 202 releases it."""
    stream = await streams.push()
    await house.fails(device)
    await stream.until(is_failing(device))
    await asyncio.sleep(1.5)
    assert len(inbox_of(stream).pushes) == 1


@pytest.mark.parametrize("status", [500, 503, 429, 408])
async def test_it_is_sent_again_the_very_same(house: House, streams: Streams, device: int, status: int) -> None:
    """RFC 8935 §2.4, §4: what may pass is retried; the bytes and the jti stay."""
    stream = await streams.push()
    inbox = inbox_of(stream)
    inbox.scripted = [status]
    await house.fails(device)
    await pushed(inbox, 2)
    assert [push.status for push in inbox.pushes] == [status, 202]
    assert inbox.pushes[0].body == inbox.pushes[1].body


async def test_a_refusal_is_not_hammered(house: House, streams: Streams, device: int) -> None:
    """RFC 8935 §2.4; specs §5.3: what was refused is not sent again at once, and the operator sees the words."""
    stream = await streams.push()
    inbox_of(stream).refusing = "invalid_request"
    await house.fails(device)
    await pushed(inbox_of(stream), 1)
    await asyncio.sleep(1.5)
    assert len(inbox_of(stream).pushes) == 1
    (row,) = await (await house.store()).deliveries(stream_id=stream.id)
    assert "by order of the test" in row.last_words


async def test_redirects_are_not_followed(house: House, streams: Streams, device: int) -> None:
    """specs §5.3, §11: nobody but the receiver's own address is told."""
    stream = await streams.push()
    other = house.receiver.inbox()
    other.judge = stream.judged
    inbox = inbox_of(stream)
    inbox.scripted, inbox.headers = [307], {"location": other.url}
    await house.fails(device)
    await pushed(inbox, 1)
    await asyncio.sleep(0.5)
    assert other.pushes == []


async def test_order_holds(house: House, streams: Streams, device: int) -> None:
    """specs §5.3: about one subject the second waits for the first, even where that is retried."""
    stream = await streams.push()
    inbox = inbox_of(stream)
    inbox.scripted = [503]
    await house.fails(device)
    await pushed(inbox, 1)
    await house.recovers(device)
    await stream.until(about(device, "compliant"), 15)
    told = [event.payload["current_status"] for event in stream.events]
    assert told == ["not-compliant", "compliant"]


async def test_a_slow_receiver_holds_up_nobody(house: House, streams: Streams, device: int) -> None:
    """specs §11: one endpoint that fails is its own trouble."""
    failing, well = await streams.push(), await streams.push()
    inbox_of(failing).scripted = [503] * 50
    await house.fails(device)
    await well.until(is_failing(device), 5)
