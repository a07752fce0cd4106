"""What we change ourselves is told, once, with its reason; what a receiver or the configuration changes is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bridge.model import Stream
from bridge.pipeline.streams.framework import LIFE, UPDATE
from tests.pipeline.api_house import ADMINS, DELIVERED, DOWN, House

Built = Callable[..., House]
SIEMS = Stream("s2", "siem", "https://siem.example", "ssf", "https://siem.example/hook")


def updated(status: str, reason: str) -> tuple[str, dict[str, Any]]:
    return "stream-updated", {"status": status, "reason": reason}


PAUSED = updated("paused", "paused by the transmitter's operator: cleaning up")
GOES_ON = updated("enabled", "the transmitter lets the stream go on")


async def states(house: House, stream_id: str) -> list[str]:
    found = await house.store.deliveries(stream_id=stream_id, subject=UPDATE)
    return [one.state for one in reversed(found)]


@pytest.mark.parametrize("by_api", [True, False])
async def test_an_operators_pause_and_its_end(built: Built, by_api: bool) -> None:
    house = await built(verify=False).begin(SIEMS)
    stream_id = await house.push_stream() if by_api else SIEMS.id
    await house.store.pause(stream_id, "cleaning up")
    await house.turn(3)
    await house.event(stream_id)
    await house.turn()
    assert house.heard(stream_id) == [PAUSED]
    await house.store.pause(stream_id, "")
    await house.turn(3)
    assert house.heard(stream_id) == [PAUSED, GOES_ON, ("device-compliance-change", {})]
    assert (await house.row(stream_id)).announced == "enabled"


async def test_okta_is_never_told(built: Built) -> None:
    house = await built().begin(ADMINS)
    await house.store.pause(ADMINS.id, "cleaning up")
    await house.turn(3)
    assert (house.pushes, house.troubles, await states(house, ADMINS.id)) == ([], [], [])


async def test_what_the_configuration_says_is_no_news(built: Built) -> None:
    house = await built().begin(replace(SIEMS, enabled=False))
    await house.turn()
    await house.begin(SIEMS)
    await house.turn()
    assert house.heard(SIEMS.id) == []


async def test_a_pause_that_began_while_the_configuration_had_it_off(built: Built) -> None:
    house = await built().begin(replace(SIEMS, enabled=False))
    await house.store.pause(SIEMS.id, "cleaning up")
    await house.turn()
    assert house.heard(SIEMS.id) == []
    await house.begin(SIEMS)
    await house.turn()
    assert house.heard(SIEMS.id) == [PAUSED]


async def test_what_the_receiver_sets_it_knows(built: Built) -> None:
    house = await built(verify=False).begin()
    stream_id = await house.push_stream()
    for status in ("paused", "enabled", "disabled", "enabled"):
        await house.standing.set("siem", {"stream_id": stream_id, "status": status})
        await house.turn()
    assert house.heard(stream_id) == []


async def test_it_is_told_once_whatever_dies(built: Built) -> None:
    house = await built(verify=False).begin()
    stream_id = await house.poll_stream()
    await house.store.pause(stream_id, "cleaning up")
    for _ in range(3):
        await house.begin()
        await house.turn()
    assert await states(house, stream_id) == ["pending"]


async def test_a_push_is_tried_once(built: Built) -> None:
    house = await built(verify=False).begin()
    stream_id = await house.push_stream()
    house.answer = DOWN
    await house.store.pause(stream_id, "cleaning up")
    await house.turn()
    await house.hours(30)
    assert (house.heard(stream_id), await states(house, stream_id)) == ([PAUSED], ["dead"])
    house.answer = DELIVERED
    await house.store.pause(stream_id, "")
    await house.turn(3)
    assert house.heard(stream_id) == [PAUSED, GOES_ON]
    dead = (await house.store.deliveries(stream_id=stream_id, state="dead"))[0]
    assert await house.store.revive(dead.id, house.clock.now()) == "framework"


async def test_on_a_poll_stream_it_waits_for_a_day(built: Built) -> None:
    house = await built().begin()
    stream_id = await house.poll_stream()
    await house.store.pause(stream_id, "cleaning up")
    await house.turn()
    house.clock.time += LIFE - 60
    await house.turn()
    now, reach = house.clock.now(), {stream_id: house.keeper.running()[stream_id].reach}
    (leased,) = await house.store.lease_deliveries({stream_id: 9}, now, now + 1, reach=reach)
    assert leased.subject == UPDATE
    house.clock.time += 180
    await house.turn()
    assert await states(house, stream_id) == ["superseded"]


async def test_one_that_is_disabled_by_its_receiver_is_told_nothing_of_a_pause(built: Built) -> None:
    house = await built(verify=False).begin()
    stream_id = await house.push_stream()
    await house.standing.set("siem", {"stream_id": stream_id, "status": "disabled"})
    await house.store.pause(stream_id, "cleaning up")
    await house.turn()
    assert house.heard(stream_id) == []
