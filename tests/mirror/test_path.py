"""The whole way, as a receiver that knows nothing but the issuer's name goes it, by push and by poll."""

from __future__ import annotations

import pytest

from tests.e2e.times import wait_until
from tests.independent import tokens
from tests.independent.receiver import Receiver
from tests.independent.stream import Stream
from tests.mirror.answers import empty, ok
from tests.mirror.clients import secret_of
from tests.mirror.house import EVENTS, House, is_failing, state

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("delivery", ["push", "poll"])
@pytest.mark.parametrize("way", [tokens.basic, tokens.post], ids=["basic", "post"])
async def test_from_discovery_to_the_ack(house: House, device: int, delivery: str, way: object) -> None:
    """IOP-1, IOP-14 to IOP-20, IOP-29, IOP-31, IOP-39: discovery → token → create → verify → receive → ack → delete."""
    proof = tokens.basic if way is tokens.basic else tokens.post
    async with Receiver(house.service.url, house.authority.client(), house.authority.server()) as receiver:
        api = await receiver.client(proof("alpha", secret_of("alpha")))
        opening = receiver.open_push if delivery == "push" else receiver.open_poll
        stream: Stream = await opening(api, EVENTS)
        assert ok(await api.read(stream.id)) == stream.config
        assert ok(await api.status(stream.id))["status"] == "enabled"
        await stream.verified(state())
        await house.fails(device)
        await stream.until(is_failing(device))
        await stream.look()
        store = await house.store()

        async def settled() -> bool:
            return not await store.deliveries(stream_id=stream.id, state="pending")

        await wait_until(settled, 5, house.service.tail)
        empty(await api.delete(stream.id))
