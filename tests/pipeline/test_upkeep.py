"""Streams that nobody uses, or that reach nobody, are paused; what deleted ones leave goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bridge.model import Stream
from bridge.pipeline.streams.clearing import STEP
from tests.pipeline.api_house import DEAD_AFTER, DOWN, REFUSED, House

Built = Callable[..., House]
SIEMS = Stream("s2", "siem", "https://siem.example", "ssf", "https://siem.example/hook")
DAY = 86400.0


async def status(house: House, stream_id: str) -> tuple[str, str, str]:
    made = (await house.row(stream_id)).subscription
    assert made is not None
    return made.status, made.by, made.reason


RUNS = ("enabled", "receiver", "")
IDLE = ("paused", "service", "the receiver has not used this stream for 2 days")
UNREACHED = ("paused", "service", "nothing could be delivered to the endpoint for 3 days")
UNPROVED = ("paused", "service", "no verification event was accepted at the endpoint for 3 days")


class TestInactivity:
    async def test_one_that_nobody_uses(self, built: Built) -> None:
        house = await built(inactivity_timeout="2d", verify=False).begin()
        stream_id = await house.push_stream()
        house.clock.time += 2 * DAY - 1
        await house.event(stream_id)
        await house.turn()
        assert await status(house, stream_id) == RUNS
        assert len(house.heard(stream_id)) == 1, "a push that is taken is no use of the stream"
        house.clock.time += 1
        await house.turn()
        assert await status(house, stream_id) == IDLE
        assert house.heard(stream_id)[1:] == [("stream-updated", {"status": "paused", "reason": IDLE[2]})]
        assert await house.standing.read("siem", stream_id) == {
            "stream_id": stream_id, "status": "paused", "reason": IDLE[2],
        }  # fmt: skip

    async def test_each_call_that_names_it_begins_the_time_anew(self, built: Built) -> None:
        house = await built(inactivity_timeout="2d", verify=False).begin()
        used, unused = await house.push_stream(), await house.push_stream()
        for _ in range(4):
            house.clock.time += DAY
            await house.management.read("siem", used)
            house.management.listed("siem")
            await house.turn()
        assert (await status(house, used), await status(house, unused)) == (RUNS, IDLE)

    async def test_it_is_remembered_across_a_start(self, built: Built) -> None:
        house = await built(inactivity_timeout="2d", verify=False).begin()
        stream_id = await house.push_stream()
        house.clock.time += DAY
        await house.management.read("siem", stream_id)
        await house.turn()
        await house.begin()
        house.clock.time += DAY + 1
        await house.turn()
        assert await status(house, stream_id) == RUNS

    async def test_its_receiver_may_enable_it_again(self, built: Built) -> None:
        house = await built(inactivity_timeout="2d", verify=False).begin()
        stream_id = await house.push_stream()
        house.clock.time += 3 * DAY
        await house.turn()
        await house.standing.set("siem", {"stream_id": stream_id, "status": "enabled"})
        await house.turn()
        assert await status(house, stream_id) == RUNS
        assert [type_ for type_, _ in house.heard(stream_id)] == ["stream-updated"]

    async def test_without_a_timeout_it_may_rest(self, built: Built) -> None:
        house = await built(verify=False).begin()
        stream_id = await house.push_stream()
        house.clock.time += 400 * DAY
        await house.turn()
        assert await status(house, stream_id) == RUNS


class TestUnreached:
    async def test_one_whose_receiver_is_dead(self, built: Built) -> None:
        house = await built(verify=False).begin()
        stream_id = await house.push_stream()
        house.answer = DOWN
        await house.event(stream_id)
        await house.turn()
        await house.hours(71)
        assert await status(house, stream_id) == RUNS
        await house.hours(2)
        assert await status(house, stream_id) == UNREACHED
        assert [type_ for type_, _ in house.heard(stream_id)].count("stream-updated") == 1
        (waiting,) = await house.store.deliveries(stream_id=stream_id, state="pending")
        assert waiting.subject == "ann"

    async def test_it_has_as_long_again_once_it_is_enabled(self, built: Built) -> None:
        house = await built(verify=False).begin()
        stream_id = await house.push_stream()
        house.answer = DOWN
        await house.event(stream_id)
        await house.turn()
        await house.hours(80)
        await house.standing.set("siem", {"stream_id": stream_id, "status": "enabled"})
        await house.begin()
        await house.turn()
        await house.hours(70)
        assert await status(house, stream_id) == RUNS
        await house.hours(4)
        assert await status(house, stream_id) == UNREACHED

    async def test_an_operators_pause_does_not_count(self, built: Built) -> None:
        house = await built(verify=False).begin()
        stream_id = await house.push_stream()
        house.answer = DOWN
        await house.event(stream_id)
        await house.turn()
        await house.store.pause(stream_id, "cleaning up")
        await house.turn()
        await house.hours(100)
        await house.store.pause(stream_id, "")
        await house.turn()
        await house.hours(1)
        assert await status(house, stream_id) == RUNS

    async def test_who_refuses_a_set_lives(self, built: Built) -> None:
        house = await built(verify=False).begin()
        stream_id = await house.push_stream()
        house.answer = REFUSED
        await house.event(stream_id)
        await house.hours(80)
        assert await status(house, stream_id) == RUNS

    async def test_one_that_never_verified(self, built: Built) -> None:
        house = await built().begin()
        stream_id = await house.push_stream()
        house.answer = REFUSED
        await house.hours(71)
        assert await status(house, stream_id) == RUNS
        await house.hours(2)
        assert await status(house, stream_id) == UNPROVED

    async def test_one_of_the_configuration_is_tried_on(self, built: Built) -> None:
        house = await built().begin(SIEMS)
        house.answer = DOWN
        await house.event(SIEMS.id)
        await house.hours(80)
        assert house.keeper.running()[SIEMS.id].stream.paused is False
        assert len(house.heard(SIEMS.id)) > 40

    async def test_a_change_of_its_receiver_at_that_moment_wins(
        self, built: Built, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        house = await built(verify=False).begin()
        stream_id = await house.push_stream()
        house.answer = DOWN
        await house.event(stream_id)
        await house.turn()
        house.clock.time += DEAD_AFTER
        stale = house.keeper.running()[stream_id]
        await house.standing.set("siem", {"stream_id": stream_id, "status": "disabled", "reason": "moving"})
        monkeypatch.setattr(house.keeper, "running", lambda: {stream_id: stale})
        await house.upkeep.turn()
        assert await status(house, stream_id) == ("disabled", "receiver", "moving")


class TestDeleted:
    async def test_what_it_leaves_goes_in_steps(self, built: Built) -> None:
        house = await built(verify=False).begin()
        gone, stays = await house.poll_stream(), await house.poll_stream()
        for stream_id in (gone, stays):
            await house.event(stream_id)
        for _ in range(STEP):
            await house.event(gone)
        await house.management.delete("siem", gone)
        assert await house.clearing.turn() == STEP + 1
        assert [row.id for row in await house.store.streams()] == [stays]
        assert await house.store.deliveries(stream_id=gone, state="pending") == []
        assert len(await house.store.deliveries(stream_id=stays, state="pending")) == 1

    async def test_it_goes_on_after_a_start(self, built: Built) -> None:
        house = await built(verify=False).begin()
        stream_id = await house.poll_stream()
        await house.event(stream_id)
        await house.management.delete("siem", stream_id)
        await house.begin()
        assert stream_id not in house.keeper.running()
        assert await house.clearing.turn() == 1
        assert await house.clearing.turn() == 0
        assert await house.store.streams() == []

    async def test_what_was_decided_before_and_written_after_it_goes_too(self, built: Built) -> None:
        house = await built(verify=False).begin()
        stream_id = await house.poll_stream()
        await house.management.delete("siem", stream_id)
        await house.clearing.turn()
        await house.event(stream_id)
        house.clock.time += 61
        assert await house.clearing.turn() == 1
        (row,) = await house.store.deliveries(stream_id=stream_id)
        assert row.state == "superseded"
        await house.event(stream_id)
        house.clock.time += 61
        assert await house.clearing.turn() == 0, "once is enough"

    async def test_a_delete_wakes_it(self, built: Built) -> None:
        house = await built(verify=False).begin()
        stream_id = await house.poll_stream()
        assert not house.clearing._wake.is_set()
        await house.management.delete("siem", stream_id)
        assert house.clearing._wake.is_set()

    async def test_nothing_is_sent_to_it_any_more(self, built: Built) -> None:
        house = await built(verify=False).begin()
        stream_id = await house.push_stream()
        house.answer = DOWN
        await house.event(stream_id)
        await house.turn()
        house.pushes.clear()
        await house.management.delete("siem", stream_id)
        await house.hours(3)
        assert house.pushes == []


async def test_a_service_that_cannot_note_use_now_notes_it_later(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    house = await built(verify=False).begin()
    stream_id = await house.push_stream()
    house.clock.time += 90
    house.activity.used(stream_id)

    async def fails(at: object) -> None:
        raise OSError

    with monkeypatch.context() as patched:
        patched.setattr(house.store, "note_activity", fails)
        with pytest.raises(OSError):
            await house.activity.flush()
    await house.activity.flush()
    row = await house.row(stream_id)
    assert row.active_at == house.clock.now()
    assert house.activity.last(replace(row, active_at=None, created_at=5.0)) == 5.0
