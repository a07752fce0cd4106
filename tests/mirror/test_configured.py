"""Streams that the admin made: a poll stream of a named client, who may read and poll it, and not change it."""

from __future__ import annotations

import pytest

from tests.independent.events import DEVICE_COMPLIANCE_CHANGE
from tests.independent.management import POLL
from tests.independent.stream import Stream
from tests.mirror.answers import ok, refused
from tests.mirror.house import House, about, is_failing, state

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def configured(house: House) -> Stream:
    api = await house.client("pollster")
    (config,) = [one for one in (await api.list()).json() if one["aud"] == "https://pollme.example"]
    return Stream(api, config)


async def test_it_is_listed_and_read(house: House) -> None:
    """SSF §8.1.1.2, IOP-17: as any other."""
    stream = await configured(house)
    assert ok(await stream.api.read(stream.id)) == stream.config
    assert stream.config["delivery"]["method"] == POLL
    assert stream.config["events_delivered"] == [DEVICE_COMPLIANCE_CHANGE]
    assert ok(await stream.api.status(stream.id)) == {"stream_id": stream.id, "status": "enabled"}


async def test_it_is_polled(house: House, device: int) -> None:
    """RFC 8936 §2.4: poll, ack, gone."""
    stream = await configured(house)
    await house.fails(device)
    await stream.until(is_failing(device))
    await house.recovers(device)
    await stream.until(about(device, "compliant"))
    assert not [event for event in (await stream.poll()).events if about(device)(event)]


async def test_it_is_verified(house: House) -> None:
    """SSF §8.1.4, IOP-19: asking for verification changes nothing."""
    stream = await configured(house)
    await stream.verified(state())


async def test_it_is_not_changed(house: House) -> None:
    """SSF §8.1.1.3 to §8.1.1.5, §8.1.2.2: 403 is for a stream that one may see and not change."""
    stream = await configured(house)
    api = stream.api
    refused(await api.update({"stream_id": stream.id, "description": "mine"}), 403)
    refused(await api.replace({"stream_id": stream.id}), 403)
    refused(await api.delete(stream.id), 403)
    refused(await api.set_status(stream.id, "paused"), 403)
    assert ok(await api.read(stream.id)) == stream.config
    assert ok(await api.status(stream.id))["status"] == "enabled"
