"""What receivers that others wrote really send, as far as it is odd, and what they read of the answers.

The bodies are as their code writes them: members of no standard, empty texts, nulls.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.independent.events import DEVICE_COMPLIANCE_CHANGE, SESSION_REVOKED
from tests.independent.management import POLL, Management
from tests.independent.stream import Stream
from tests.mirror.answers import empty, ok
from tests.mirror.house import House, Streams, is_failing, state

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_library_of_caep_dev(house: House, streams: Streams, alpha: Management, device: int) -> None:
    """`ssfreceiver`, a library for Go: it reads an answer as a map of maps of texts, so `moreAvailable` must not stand
    there without need."""
    delivery = {"method": POLL, "endpoint_url": ""}
    events = [DEVICE_COMPLIANCE_CHANGE, SESSION_REVOKED]
    made = await streams.make({"delivery": delivery, "events_requested": events, "description": "go"})
    stream = Stream(alpha, made)
    empty(await alpha.verify(stream.id, state=state()))
    await house.fails(device)
    odd = {"stream_id": stream.id, "max_events": 100, "returnImmediately": True}
    async with asyncio.timeout(10):
        while not [one for one in stream.received if is_failing(device)(one)]:
            answer = await alpha.poll(stream.poll_url, odd)
            assert set(ok(answer)) == {"sets"}
            stream.batch(answer)
            await asyncio.sleep(0.05)
    acks = {"stream_id": stream.id, "ack": [one.jti for one in stream.received], "returnImmediately": True}
    assert ok(await alpha.poll(stream.poll_url, acks)) == {"sets": {}}
    put = {"stream_id": stream.id, "delivery": made["delivery"], "events_requested": events[:1]}
    assert "description" not in ok(await alpha.replace(put))
    patched = ok(await alpha.update({"stream_id": stream.id, "delivery": delivery}))
    assert patched["delivery"] == made["delivery"]


async def test_the_extension_of_keycloak(streams: Streams, alpha: Management) -> None:
    """It writes what it does not have as null, and refuses a configuration with members that it does not know."""
    body = {"events_requested": [DEVICE_COMPLIANCE_CHANGE], "delivery": {"method": POLL, "endpoint_url": None}}
    made = await streams.make({**body, "description": None})
    known = {"stream_id", "description", "iss", "aud", "delivery", "min_verification_interval"}
    assert set(made) <= known | {"events_supported", "events_requested", "events_delivered"}
    polled = {"maxEvents": 10, "returnImmediately": True, "ack": None, "setErrs": None}
    assert ok(await alpha.poll(made["delivery"]["endpoint_url"], polled)) == {"sets": {}}
