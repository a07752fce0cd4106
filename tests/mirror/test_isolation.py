"""Two clients with one audience: at every route each sees its own streams only (SSF §8; specs §4.4, §11)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx2 as httpx
import pytest

from tests.independent.management import PUSH, Management
from tests.independent.stream import Stream
from tests.mirror.answers import ok, refused
from tests.mirror.clients import VISIBILITY
from tests.mirror.house import House, Streams, device_subject, is_failing, nothing, state
from tests.mirror.test_poll import filled

pytestmark = pytest.mark.asyncio(loop_scope="session")

URL = "https://hooks.acme.example/theirs"
SUBJECT = device_subject(1)
Route = Callable[[Management, Stream], Awaitable[httpx.Response]]

ROUTES: dict[str, Route] = {
    "GET streams": lambda api, theirs: api.read(theirs.id),
    "PATCH streams": lambda api, theirs: api.update({"stream_id": theirs.id, "description": "mine now"}),
    "PATCH streams, to mine": lambda api, theirs: api.update(
        {"stream_id": theirs.id, "delivery": {"method": PUSH, "endpoint_url": URL}}
    ),
    "PUT streams": lambda api, theirs: api.replace({"stream_id": theirs.id}),
    "DELETE streams": lambda api, theirs: api.delete(theirs.id),
    "GET status": lambda api, theirs: api.status(theirs.id),
    "POST status": lambda api, theirs: api.set_status(theirs.id, "disabled"),
    "add subject": lambda api, theirs: api.add(theirs.id, SUBJECT),
    "remove subject": lambda api, theirs: api.remove(theirs.id, SUBJECT),
    "verify": lambda api, theirs: api.verify(theirs.id, state="theirs"),
    "poll": lambda api, theirs: api.poll(theirs.poll_url, {"returnImmediately": True}),
    "ack": lambda api, theirs: api.poll(theirs.poll_url, {"ack": ["x"], "maxEvents": 0, "returnImmediately": True}),
}


@pytest.mark.parametrize("pair", [("alpha", "beta"), ("beta", "alpha"), ("gamma", "alpha")], ids="-".join)
@pytest.mark.parametrize("name", ROUTES)
async def test_a_foreign_stream_is_not_there(house: House, streams: Streams, name: str, pair: tuple[str, str]) -> None:
    """SSF §8, §8.1.1.2: 404, to the letter what an unknown stream gets, and nothing has changed for its owner."""
    owner, stranger = pair
    theirs, api = await streams.poll(owner), await house.client(stranger)
    answer = await ROUTES[name](api, theirs)
    error = refused(answer, 404)
    assert theirs.id not in answer.text and "theirs" not in answer.text
    nowhere = Stream(api, {**theirs.config, "stream_id": "none"})
    nowhere.config["delivery"] = {"endpoint_url": theirs.poll_url.replace(theirs.id, "none")}
    assert refused(await ROUTES[name](api, nowhere), 404) == error
    assert ok(await theirs.api.read(theirs.id)) == theirs.config
    assert ok(await theirs.api.status(theirs.id))["status"] == "enabled"
    assert (await theirs.poll()).events == []


async def test_each_lists_its_own(house: House, streams: Streams) -> None:
    """SSF §8.1.1.2: the list is of this receiver's streams."""
    mine, theirs = await streams.poll("alpha"), await streams.poll("beta")
    for one, other in ((mine, theirs), (theirs, mine)):
        listed = [config["stream_id"] for config in (await one.api.list()).json()]
        assert one.id in listed and other.id not in listed


async def test_foreign_jtis_are_not_acknowledged(house: House, streams: Streams, device: int) -> None:
    """RFC 8936 §2.4; specs §6.4: an ack, or an error, counts on the stream that it is sent to and nowhere else."""
    theirs, fleet = await filled(house, streams, device, 1)
    for name in ("beta", "alpha"):
        mine = await streams.poll(name)
        jti = (await theirs.poll()).jtis or [event.jti for event in theirs.received]
        error = {jti[0]: {"err": "invalid_request", "description": "not mine"}}
        assert (await mine.poll(ack=jti, maxEvents=0)).events == []
        assert (await mine.poll(setErrs=error, maxEvents=0)).events == []
    store = await house.store()
    assert [one.state for one in await store.deliveries(stream_id=theirs.id)] == ["pending"]
    assert await theirs.until(is_failing(fleet[0]), VISIBILITY + 5)


async def test_verification_goes_to_its_own_stream(streams: Streams) -> None:
    """SSF §8.1.4: nobody else hears of it."""
    mine, theirs = await streams.push("alpha"), await streams.push("beta")
    await mine.verified(state())
    await nothing(theirs, lambda event: True, 0.3)


async def test_pausing_one_pauses_one(house: House, streams: Streams, device: int) -> None:
    """SSF §8.1.2: a status is of one stream."""
    mine, theirs = await streams.poll("alpha"), await streams.poll("beta")
    ok(await mine.api.set_status(mine.id, "paused"))
    await house.fails(device)
    await theirs.until(is_failing(device))
    assert (await mine.poll()).events == []


async def test_a_configured_stream_is_its_clients(house: House) -> None:
    """Only the client that the configuration names sees it."""
    (config,) = (await (await house.client("pollster")).list()).json()
    theirs = Stream(await house.client("pollster"), config)
    api = await house.client("alpha")
    for name, route in ROUTES.items():
        answer = await route(api, theirs)
        assert answer.status_code == 404, name
