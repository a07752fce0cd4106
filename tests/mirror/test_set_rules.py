"""The SETs themselves (SSF §3, §4; RFC 8417; CAEP 1.0; profile §2.5, §2.6, §2.8.1).

Each SET that any test here receives is judged by `tests/independent/sets.py`, whose own tests show what it refuses.
"""

from __future__ import annotations

import time

import pytest

from tests.e2e.rig import email
from tests.independent import keys
from tests.independent.events import DEVICE_COMPLIANCE_CHANGE, VERIFICATION
from tests.mirror.house import House, Streams, about, is_failing, state

pytestmark = pytest.mark.asyncio(loop_scope="session")

DELIVERIES = pytest.mark.parametrize("delivery", ["push", "poll"])


@DELIVERIES
async def test_an_event(house: House, streams: Streams, device: int, delivery: str) -> None:
    """IOP-4, IOP-22, IOP-23, IOP-24, IOP-27; SSF §3.1, §4.1: header, claims, one event, its subject and its reason."""
    stream = await streams.of(delivery)
    await house.fails(device)
    (event,) = await stream.until(is_failing(device))
    assert event.header == {"typ": "secevent+jwt", "alg": "RS256", "kid": event.header["kid"]}
    assert keys.bits(house.receiver.found.set_keys[event.header["kid"]]) >= 2048
    assert set(event.claims) == {"iss", "aud", "jti", "iat", "txn", "sub_id", "events"}
    assert abs(event.claims["iat"] - time.time()) < 30
    assert event.subject["user"] == {"format": "email", "email": email(device)}
    assert event.payload["reason_admin"]["en"]
    assert event.payload["event_timestamp"] <= event.claims["iat"]
    assert (event.payload["previous_status"], event.payload["current_status"]) == ("compliant", "not-compliant")


@DELIVERIES
async def test_a_framework_event(streams: Streams, delivery: str) -> None:
    """IOP-23, IOP-24; SSF §4.1.9, §8.1.4.1: signed and shaped as all others, with txn."""
    stream = await streams.of(delivery)
    event = await stream.verified(state())
    assert event.type == VERIFICATION
    assert event.header["alg"] == "RS256" and event.header["kid"] in house_keys(stream)
    assert set(event.claims) == {"iss", "aud", "jti", "iat", "txn", "sub_id", "events"}


def house_keys(stream: object) -> set[str]:
    return set(stream.api.found.set_keys)  # type: ignore[attr-defined]  # found by then


async def test_a_change_follows_what_was_told(house: House, streams: Streams, device: int) -> None:
    """CAEP 1.0 §3.5: previous_status is what this stream was told before."""
    stream = await streams.poll()
    for change in (house.fails, house.recovers, house.fails):
        count = len([event for event in stream.events if about(device)(event)])
        await change(device)
        await stream.until(about(device), count=count + 1)
    told = [event.payload for event in stream.events if about(device)(event)]
    assert [one["current_status"] for one in told] == ["not-compliant", "compliant", "not-compliant"]
    assert [one["previous_status"] for one in told] == ["compliant", "not-compliant", "compliant"]
    stamps = [one["event_timestamp"] for one in told]
    assert stamps == sorted(stamps)


async def test_jtis_are_unique(house: House, streams: Streams, device: int) -> None:
    """RFC 8417 §2.2: on a stream and between streams."""
    made = [await streams.poll(), await streams.poll(), await streams.push()]
    fleet = [device * 100 + n for n in range(5)]
    for one in fleet:
        await house.fails(one)
    jtis = []
    for stream in made:
        for one in fleet:
            await stream.until(is_failing(one))
        jtis += [event.jti for event in stream.events if event.type == DEVICE_COMPLIANCE_CHANGE]
    assert len(jtis) == len(set(jtis)) == len(made) * len(fleet)


async def test_no_more_than_is_needed(house: House, streams: Streams, device: int) -> None:
    """SSF §10; specs §11: neither the device's name nor what the vendor sent beside."""
    stream = await streams.poll()
    await house.fails(device)
    (event,) = await stream.until(is_failing(device))
    assert f"lap-{device}" not in str(event.claims) and "Person" not in str(event.claims)
