"""A receiver holds, moves or deletes its stream in the moment in which the store hands a SET out: it does not go."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bridge.errors import NotFound
from bridge.pipeline.sending.mailbox import Bounds, Mailbox
from bridge.ssf.poll import PollRequest
from tests.histories.ports import Nothing
from tests.pipeline.api_house import OTHER, House

Built = Callable[..., House]
Change = Callable[[House, str], Awaitable[object]]


def _status(status: str) -> Change:
    return lambda house, stream_id: house.standing.set("siem", {"stream_id": stream_id, "status": status})


async def _delete(house: House, stream_id: str) -> None:
    await house.management.delete("siem", stream_id)


async def _elsewhere(house: House, stream_id: str) -> None:
    delivery = {"method": "urn:ietf:rfc:8935", "endpoint_url": OTHER}
    await house.management.change("siem", {"stream_id": stream_id, "delivery": delivery}, whole=False)


def changing(house: House, stream_id: str, change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    """The change is answered before whoever leases next hears of what it leased."""
    lease = house.store.lease_deliveries

    async def leased(*args: Any, **more: Any) -> Any:
        rows = await lease(*args, **more)
        if rows:
            monkeypatch.undo()
            await change(house, stream_id)
        return rows

    monkeypatch.setattr(house.store, "lease_deliveries", leased)


@pytest.mark.parametrize("change", [_status("paused"), _status("disabled"), _delete])
async def test_a_push(built: Built, change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    house = await built(verify=False).begin()
    stream_id = await house.push_stream()
    await house.event(stream_id)
    changing(house, stream_id, change, monkeypatch)
    assert await house.outbox.turn() == 1
    await house.outbox.idle()
    assert house.pushes == []


async def test_a_push_to_a_place_that_is_not_verified(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    house = await built().begin()
    stream_id = await house.push_stream()
    await house.turn()
    await house.event(stream_id)
    changing(house, stream_id, _elsewhere, monkeypatch)
    await house.outbox.turn()
    await house.outbox.idle()
    assert [one.type for one in house.pushes] == ["verification"]
    await house.turn()
    assert [one.type for one in house.pushes] == ["verification", "verification", "device-compliance-change"]


async def test_what_did_not_go_goes_at_once_when_the_stream_goes_on(
    built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = await built(verify=False).begin()
    stream_id = await house.push_stream()
    await house.event(stream_id)
    changing(house, stream_id, _status("paused"), monkeypatch)
    await house.outbox.turn()
    await house.outbox.idle()
    await _status("enabled")(house, stream_id)
    await house.turn()
    assert [one.type for one in house.pushes] == ["device-compliance-change"]


@pytest.mark.parametrize("status", ["paused", "disabled"])
async def test_a_poll(built: Built, status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    house = await built().begin()
    stream_id = await house.poll_stream()
    jti = await house.event(stream_id)
    mailbox = Mailbox(house.store, house.keeper.running, house.clock, Nothing(), house.troubles.append, Bounds())
    changing(house, stream_id, _status(status), monkeypatch)
    assert (await mailbox.poll(stream_id, PollRequest(at_once=True), _never))["sets"] == {}
    await _status("enabled")(house, stream_id)
    await house.turn()
    assert list((await mailbox.poll(stream_id, PollRequest(at_once=True), _never))["sets"]) == [jti]


async def test_a_poll_of_a_stream_that_is_deleted(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    house = await built().begin()
    stream_id = await house.poll_stream()
    await house.event(stream_id)
    mailbox = Mailbox(house.store, house.keeper.running, house.clock, Nothing(), house.troubles.append, Bounds())
    changing(house, stream_id, _delete, monkeypatch)
    with pytest.raises(NotFound):
        await mailbox.poll(stream_id, PollRequest(at_once=True), _never)


async def _never() -> None: ...
