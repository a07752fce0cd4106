"""kill -9 while a receiver makes, holds, deletes, verifies and polls a stream: afterwards everything is true."""

from __future__ import annotations

import base64
import json
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from itertools import count
from typing import Any, Final

import aiohttp
import pytest
import pytest_asyncio

from tests.e2e.arrows import arrows
from tests.e2e.rig import Rig, audience
from tests.e2e.times import wait_until
from tests.e2e.webhooks import opened, resolved

pytestmark = pytest.mark.asyncio(loop_scope="module")

BAD: Final = "not-compliant"
GOOD: Final = "compliant"
TOKEN: Final = "a-static-token-of-some-length"
ANSWERED: Final = {200, 201, 202, 204}


class Door:
    """One receiver at the door of a `serve` that dies, and a laptop for each of its streams."""

    def __init__(self, rig: Rig, hook: str) -> None:
        self.rig, self.hook = rig, hook
        self.numbers = count(1)

    async def ask(self, method: str, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
        """0: nobody answered."""
        headers = {"authorization": f"Bearer {TOKEN}"}
        with suppress(aiohttp.ClientError):
            url = f"{self.rig.service.url}{path}"
            async with self.rig.session.request(method, url, json=body, params=query, headers=headers) as answer:
                text = await answer.text()
                return answer.status, json.loads(text) if text else None
        return 0, None

    async def make(self, push: bool) -> str:
        status, made = await self.create(push)
        assert status == 201, made
        return str(made["stream_id"])

    async def create(self, push: bool) -> tuple[int, Any]:
        delivery = {"method": "urn:ietf:rfc:8935", "endpoint_url": self.hook}
        return await self.ask("POST", "/ssf/streams", {"delivery": delivery} if push else {})

    async def status(self, stream: str, status: str) -> int:
        return (await self.ask("POST", "/ssf/status", {"stream_id": stream, "status": status}))[0]

    async def delete(self, stream: str) -> int:
        return (await self.ask("DELETE", "/ssf/streams", stream_id=stream))[0]

    async def poll(self, stream: str, *acks: str) -> dict[str, dict[str, Any]]:
        """jti → event, of one poll that does not wait."""
        body = {"returnImmediately": True, "ack": list(acks)}
        status, answer = await self.ask("POST", f"/ssf/poll/{stream}", body)
        return {jti: _event(text) for jti, text in answer["sets"].items()} if status == 200 else {}

    async def flips(self, device: int) -> None:
        """Its only issue opens, or is resolved; and we know."""
        if device not in self.rig.api.laptops:
            self.rig.api.add(device, owner=device)
        issues = self.rig.api.laptops[device].issues
        hook = resolved(device) if issues else opened(device)
        issues.clear() if issues else issues.update({1: False})
        await self.rig.ring(hook)
        await self.rig.quiet_looks(devices=[device])

    async def dies(self) -> None:
        assert await self.rig.service.ended() == -signal.SIGKILL
        await self.rig.service.start()

    async def logged(self, what: str, streams: Sequence[dict[str, Any]]) -> int:
        """How often the audit log tells this of these streams."""
        store = await self.rig.store()
        return sum([len(await store.audit(what=what, target=one["stream_id"])) for one in streams])

    async def fetched(self, stream: str, *wanted: str, member: str = "current_status") -> None:
        """Until polls have brought these, of all events with this member."""
        got: list[str] = []

        async def all_came() -> bool:
            sets = await self.poll(stream)
            got.extend(event[member] for event in sets.values() if member in event)
            await self.poll(stream, *sets)
            return len(got) >= len(wanted)

        await wait_until(all_came, 10.0, lambda: f"{got}\n{self.rig.service.tail()}")
        assert got == list(wanted)


def _event(text: str) -> dict[str, Any]:
    part = text.split(".")[1]
    (event,) = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["events"].values()
    return dict(event)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    async with Rig(tmp_path_factory.mktemp("streams"), {"rp": {"profile": "ssf"}}) as rig:
        hook = rig.service.tables.pop("receivers.rp")["endpoint_url"]
        rig.service.tables["policy"] = {"baseline": "announce"}
        rig.service.tables["streams"] = {"poll_visibility": "1s"}
        terms = {"token": TOKEN, "audience": audience("rp"), "min_verification_interval": "0s"}
        rig.service.tables["oauth.clients.rp"] = terms
        rig.service.fragile = True
        await rig.start()
        yield Door(rig, hook)


@arrows("make_stream.after 1", "make_stream.before 1")
async def test_created(door: Door, where: str) -> None:
    door.rig.service.crash(where)
    assert (await door.create(push=False))[0] == 0
    await door.dies()
    listed = (await door.ask("GET", "/ssf/streams"))[1]
    assert len(listed) == ("after" in where) == await door.logged("streams.create", listed)
    stream = listed[0]["stream_id"] if listed else await door.make(push=False)
    device = next(door.numbers)
    await door.flips(device)
    await door.fetched(stream, BAD)
    assert await door.delete(stream) == 204


@arrows("settle.after 1", "settle.before 1", "change_subscription.before 1")
async def test_verified(door: Door, where: str) -> None:
    """A verification was accepted, and nothing came of it: events go all the same in the end."""
    door.rig.service.crash(where)
    await door.create(push=True)
    await door.dies()
    (stream,) = [one["stream_id"] for one in (await door.ask("GET", "/ssf/streams"))[1]]
    device = next(door.numbers)
    await door.flips(device)
    await door.rig.hears("rp", BAD, device=device, seconds=20.0)
    assert await door.delete(stream) == 204


@arrows("change_subscription.after 1", "change_subscription.before 1", "put_mark.after 1")
@pytest.mark.parametrize(("first", "then"), [("paused", "enabled"), ("disabled", "enabled")])
async def test_held_and_let_go_on(door: Door, where: str, first: str, then: str) -> None:
    """Dies while it is held; and while it goes on, with something to be told."""
    stream, device = await door.make(push=True), next(door.numbers)
    await door.flips(device)
    await door.rig.hears("rp", BAD, device=device, seconds=20.0)
    door.rig.service.crash(where)
    await door.status(stream, first)
    await door.dies()
    assert await door.status(stream, first) == 200
    await door.flips(device)
    if "put_mark" not in where:
        door.rig.service.crash(where)
        await door.status(stream, then)
        await door.dies()
    assert await door.status(stream, then) == 200
    await door.rig.hears("rp", BAD, GOOD, device=device)
    assert await door.delete(stream) == 204


@arrows("clear_stream.after 1", "change_subscription.before 1", "change_subscription.after 1", "clear_stream.before 1")
async def test_deleted(door: Door, where: str) -> None:
    stream, device = await door.make(push=False), next(door.numbers)
    await door.flips(device)
    door.rig.service.crash(where)
    await door.delete(stream)
    await door.dies()
    gone = where != "change_subscription.before 1"
    assert await door.logged("streams.delete", [{"stream_id": stream}]) == gone
    assert await door.delete(stream) == (404 if gone else 204)
    await door.flips(device)
    assert await door.poll(stream) == {}
    store = await door.rig.store()

    async def cleared() -> bool:
        return await store.streams() == [] and not (await store.counts())["pending"]

    await wait_until(cleared, 10.0, door.rig.service.tail)


@arrows("lease_deliveries.after 1", "settle.after 1", "settle.before 1")
async def test_polled(door: Door, where: str) -> None:
    """Handed out and never had; acknowledged, and it is not known whether that was heard."""
    stream, device = await door.make(push=False), next(door.numbers)
    await door.flips(device)
    had = {} if "lease" in where else await door.poll(stream)
    door.rig.service.crash(where)
    assert await door.poll(stream, *had) == {}
    await door.dies()
    await door.flips(device)
    if had:
        again = await door.poll(stream, *had)
        assert not again.keys() & had.keys()
        assert [event["current_status"] for event in again.values()] == [GOOD]
    else:
        await door.fetched(stream, BAD, GOOD)
    assert await door.delete(stream) == 204


@arrows("announce.after 1", "announce.before 1")
async def test_announced(door: Door, where: str) -> None:
    """What the operator made of it is told once."""
    stream = await door.make(push=False)
    for command, status in (("pause", "paused"), ("enable", "enabled")):
        door.rig.service.crash(where)
        code, out, err = await door.rig.service.command("streams", command, stream)
        assert code in (0, 1), out + err
        await door.dies()
        await door.fetched(stream, status, member="status")
        assert [event for event in (await door.poll(stream)).values() if "status" in event] == []
    assert await door.delete(stream) == 204
