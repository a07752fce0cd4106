"""Update (PATCH) against replace (PUT): every rule of SSF §8.1.1.3 and §8.1.1.4 (specs §4.6)."""

from __future__ import annotations

from typing import Any

import httpx2 as httpx
import pytest

from tests.independent.events import DEVICE_COMPLIANCE_CHANGE, SESSION_REVOKED
from tests.independent.management import POLL, PUSH, Management
from tests.independent.stream import Stream
from tests.mirror.answers import ok, refused
from tests.mirror.house import House, Streams, is_failing
from tests.mirror.test_create import HTTPS, MISFITS, UNKNOWN

pytestmark = pytest.mark.asyncio(loop_scope="session")

BOTH = pytest.mark.parametrize("method", ["PATCH", "PUT"])


async def change(stream: Stream, method: str, **members: Any) -> httpx.Response:
    call = stream.api.update if method == "PATCH" else stream.api.replace
    return await call({"stream_id": stream.id, **members})


async def kept(stream: Stream) -> dict[str, Any]:
    return ok(await stream.api.read(stream.id))


@BOTH
async def test_what_is_present_is_set(streams: Streams, method: str) -> None:
    """SSF §8.1.1.3, §8.1.1.4: 200 with the entire configuration, which is then also what is read."""
    stream = await streams.poll()
    wanted = {"events_requested": [UNKNOWN, DEVICE_COMPLIANCE_CHANGE], "description": "changed"}
    config = ok(await change(stream, method, **wanted))
    assert config["description"] == "changed" and set(config["events_requested"]) == set(wanted["events_requested"])
    assert set(config) >= {"stream_id", "iss", "aud", "events_delivered", "delivery"}
    assert await kept(stream) == config


async def test_patch_leaves_what_is_missing(streams: Streams) -> None:
    """SSF §8.1.1.3: missing members stay as they are."""
    stream = await streams.poll(description="stays")
    config = ok(await change(stream, "PATCH", events_requested=[DEVICE_COMPLIANCE_CHANGE, UNKNOWN]))
    assert config["description"] == "stays" and config["delivery"] == stream.config["delivery"]
    again = ok(await change(stream, "PATCH"))
    assert again == config == await kept(stream)


async def test_put_deletes_what_is_missing(streams: Streams) -> None:
    """SSF §8.1.1.4: a missing description is gone, missing events are none, a missing delivery is poll as in create."""
    stream = await streams.push(description="goes")
    config = ok(await change(stream, "PUT", events_requested=[DEVICE_COMPLIANCE_CHANGE]))
    assert "description" not in config
    assert config["delivery"]["method"] == POLL
    bare = ok(await change(stream, "PUT"))
    assert not bare.get("events_requested")
    assert await kept(stream) == bare


@BOTH
async def test_the_stream_is_named_in_the_body(streams: Streams, method: str) -> None:
    """SSF §8.1.1.3, §8.1.1.4: stream_id is required there; the query is no place for it."""
    stream = await streams.poll(description="stays")
    for body in ({"description": "x"}, {"stream_id": None}, {"stream_id": 7}, {"stream_id": ""}):
        answer = await stream.api.send(method, stream.api.at("configuration"), body, params={"stream_id": stream.id})
        refused(answer, 400)
    assert await kept(stream) == stream.config


@BOTH
async def test_an_unknown_stream(alpha: Management, method: str) -> None:
    """SSF §8.1.1.3, §8.1.1.4: 404."""
    refused(await alpha.send(method, alpha.at("configuration"), {"stream_id": "none", "description": "x"}), 404)


SUPPLIED = ("iss", "aud", "events_supported", "events_delivered", "min_verification_interval")


@BOTH
@pytest.mark.parametrize("name", SUPPLIED)
async def test_members_of_the_transmitter_must_match(streams: Streams, method: str, name: str) -> None:
    """SSF §8.1.1.3, §8.1.1.4: with the present value all is well, with another one 400 and nothing changes."""
    stream = await streams.poll("patient", description="before")
    held = stream.config[name]
    wrong: Any = [UNKNOWN] if isinstance(held, list) else held + 1 if isinstance(held, int) else f"{held}/x"
    refused(await change(stream, method, description="after", **{name: wrong}), 400)
    refused(await change(stream, method, description="after", **{name: {"x": 1}}), 400)
    assert await kept(stream) == stream.config
    mine = {"events_requested": [DEVICE_COMPLIANCE_CHANGE], "description": "after"}
    assert ok(await change(stream, method, **mine, **{name: held}))["description"] == "after"


@BOTH
async def test_a_timeout_that_is_not_there(streams: Streams, method: str) -> None:
    """SSF §8.1.1.3: a value for a member that the stream does not have is no match."""
    stream = await streams.poll()
    assert "inactivity_timeout" not in stream.config
    refused(await change(stream, method, inactivity_timeout=60), 400)


@BOTH
async def test_events_delivered_is_that_from_before(streams: Streams, method: str) -> None:
    """SSF §8.1.1.3, §8.1.1.4: it must match the value before the update, not the one that comes of it."""
    stream = await streams.poll()
    before = stream.config["events_delivered"]
    refused(await change(stream, method, events_requested=[UNKNOWN], events_delivered=[]), 400)
    config = ok(await change(stream, method, events_requested=[UNKNOWN], events_delivered=before))
    assert config["events_delivered"] == []


@BOTH
async def test_a_whole_configuration_may_be_sent_back(streams: Streams, method: str) -> None:
    """SSF §8.1.1.3, §8.1.1.4: what was read is a valid request, and changes nothing."""
    stream = await streams.poll(description="as it is")
    members = {name: value for name, value in stream.config.items() if name != "stream_id"}
    assert ok(await change(stream, method, **members)) == stream.config


@BOTH
async def test_events_are_computed_anew(house: House, streams: Streams, method: str, device: int) -> None:
    """specs §4.6: after events_requested changed, only those are delivered."""
    stream = await streams.poll()
    assert ok(await change(stream, method, events_requested=[SESSION_REVOKED]))["events_delivered"] == []
    other = await streams.poll()
    await house.fails(device)
    await other.until(is_failing(device))
    assert (await stream.poll()).events == []
    wanted = [DEVICE_COMPLIANCE_CHANGE]
    assert ok(await change(stream, method, events_requested=wanted))["events_delivered"] == wanted


@BOTH
async def test_from_push_to_poll(house: House, streams: Streams, method: str, device: int) -> None:
    """specs §4.6: an endpoint is allocated, and what comes is polled there."""
    stream = await streams.push()
    assert stream.inbox is not None
    body = {"delivery": {"method": POLL}, "events_requested": [DEVICE_COMPLIANCE_CHANGE]}
    config = ok(await change(stream, method, **body))
    assert config["delivery"]["endpoint_url"].startswith(house.service.url + "/")
    polled = Stream(stream.api, config)
    await house.fails(device)
    await polled.until(is_failing(device))
    assert stream.inbox.events == []


@BOTH
async def test_from_poll_to_push(house: House, streams: Streams, method: str, device: int) -> None:
    """specs §4.6: the poll endpoint is dropped, and what comes is pushed."""
    stream = await streams.poll()
    inbox = house.receiver.inbox()
    inbox.judge = stream.judged
    body = {"delivery": {"method": PUSH, "endpoint_url": inbox.url}, "events_requested": [DEVICE_COMPLIANCE_CHANGE]}
    assert ok(await change(stream, method, **body))["delivery"]["endpoint_url"] == inbox.url
    await house.fails(device)
    pushed = Stream(stream.api, stream.config, inbox)
    await pushed.until(is_failing(device))
    answer = await stream.raw_poll(returnImmediately=True)
    assert answer.status_code == 404 or answer.json()["sets"] == {}


@BOTH
async def test_delivery_is_replaced_as_a_whole(house: House, streams: Streams, method: str, device: int) -> None:
    """specs §4.6: a header that is not named again is no longer sent."""
    stream = await streams.push(authorization="Bearer first")
    assert stream.inbox is not None
    body = {"delivery": {"method": PUSH, "endpoint_url": stream.inbox.url}}
    ok(await change(stream, method, **body, events_requested=[DEVICE_COMPLIANCE_CHANGE]))
    await house.fails(device)
    await stream.until(is_failing(device))
    assert "authorization" not in stream.inbox.pushes[-1].headers


@BOTH
@pytest.mark.parametrize("name", [name for name, body in MISFITS.items() if isinstance(body, dict)])
async def test_members_that_are_wrong(streams: Streams, method: str, name: str) -> None:
    """SSF §8.1.1.3, §8.1.1.4: 400, and nothing changes."""
    stream = await streams.poll(description="before")
    refused(await change(stream, method, **MISFITS[name]), 400)
    assert await kept(stream) == stream.config


@BOTH
@pytest.mark.parametrize("name", [name for name, body in MISFITS.items() if not isinstance(body, dict)])
async def test_what_is_no_request(alpha: Management, method: str, name: str) -> None:
    """SSF §8.1.1.3, §8.1.1.4: 400 where the body cannot be parsed."""
    refused(await alpha.send(method, alpha.at("configuration"), MISFITS[name]), 400)


@BOTH
async def test_an_endpoint_that_is_not_allowed(streams: Streams, method: str) -> None:
    """specs §11: a change is checked as a creation is."""
    stream = await streams.push()
    delivery = {"method": PUSH, "endpoint_url": HTTPS.replace("https://", "https://user@")}
    refused(await change(stream, method, delivery=delivery), 400)
    assert (await kept(stream))["delivery"] == stream.config["delivery"]
