"""Notices: once while something stands, rarely while it grows, at least once whatever crashes, and nobody held up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from bridge.config.notify import OCCASIONS, Alarms, OccasionKind
from bridge.errors import StoreProblem
from bridge.notify.occasion import Occasion
from bridge.notify.retry import Sent
from bridge.notify.send import Target
from bridge.pipeline.notices.notices import MOST, Notices
from bridge.pipeline.notices.rules import REMIND
from bridge.store import open_store
from bridge.store.protocol import Store
from tests.histories.ports import Dice, Ids
from tests.store.given import FakeClock

INTERVAL = 900.0
DAY = 86400.0


def target(name: str = "ops", on: Sequence[OccasionKind] = OCCASIONS, devices: bool = False) -> Target:
    return Target(
        name, "webhook", "https://x.example", "https://x.example/h", (b"k" * 24,), frozenset(on), INTERVAL, devices
    )


@dataclass
class Channel:
    """What was sent, and what each try is answered."""

    answers: dict[str, Sent] = field(default_factory=dict)
    tries: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    hang: set[str] = field(default_factory=set)

    async def send(self, to: Target, message_id: str, body: str) -> Sent:
        self.tries.append((to.name, message_id, json.loads(body)))
        if to.name in self.hang:
            await asyncio.Event().wait()
        return self.answers.get(to.name, Sent("sent", "200"))

    def told(self, name: str = "ops") -> list[tuple[str, int, int]]:
        """Type, count and how many were left out."""
        data = [(one["type"], one["data"]) for to, _, one in self.tries if to == name]
        return [(kind, said["count"], said["left_out"]) for kind, said in data]


class Counting:
    def __init__(self) -> None:
        self.outcomes: list[str] = []

    def notice(self, target: str, outcome: str) -> None:
        self.outcomes.append(outcome)


class Desk:
    """Notices on a store, with a channel that listens. `again` is a restart."""

    def __init__(self, store: Store, clock: FakeClock, *targets: Target) -> None:
        self.store, self.clock, self.targets = store, clock, targets or (target(),)
        self.channel, self.meter, self.ids = Channel(), Counting(), Ids()
        self.begin()

    def begin(self) -> None:
        self.notices = Notices(
            self.store, self.targets, Alarms(), self.channel.send,
            bridge="https://signals.acme.example", clock=self.clock, ids=self.ids, dice=Dice(), meter=self.meter,
        )  # fmt: skip

    async def again(self, *names: str) -> None:
        self.begin()
        await self.notices.start({"kolide", "okta", *names})

    async def work(self) -> None:
        for lane in self.notices.lanes.values():
            while await lane.turn():
                pass
        await self.notices.save()

    async def later(self, seconds: float) -> None:
        self.clock.at += seconds
        await self.work()


@pytest.fixture
async def store(clock: FakeClock) -> Store:
    return await open_store("memory:", clock, exclusive=False, create=True)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(1_700_000_000.0)


async def test_what_stands_is_told_once_and_then_once_a_day(store: Store, clock: FakeClock) -> None:
    desk = Desk(store, clock)
    for _ in range(5):
        desk.notices.raise_(Occasion("denied", "kolide"))
        await desk.later(60)
    assert desk.channel.told() == [("connector.denied", 0, 0)]
    await desk.later(REMIND)
    assert len(desk.channel.tries) == 2 and desk.channel.tries[1][2]["data"]["still"] is True
    desk.notices.clear("denied", "kolide")
    await desk.later(10 * DAY)
    assert len(desk.channel.tries) == 2


async def test_a_thousand_in_a_burst_are_two_messages_and_one_row(store: Store, clock: FakeClock) -> None:
    desk = Desk(store, clock)
    for count in range(1, 1001):
        desk.notices.held("kolide", count)
        if count == 1:
            await desk.work()
    await desk.work()
    assert desk.channel.told() == [("guard.held", 1, 0)]
    await desk.later(INTERVAL - 1)
    assert len(desk.channel.tries) == 1
    await desk.later(1)
    assert desk.channel.told() == [("guard.held", 1, 0), ("guard.held", 1000, 998)]
    assert len(await store.notices()) == 1


async def test_different_occasions_do_not_wait_for_each_other(store: Store, clock: FakeClock) -> None:
    desk = Desk(store, clock)
    desk.notices.raise_(Occasion("dead", "okta", count=1))
    desk.notices.raise_(Occasion("dead", "rp", count=1))
    desk.notices.raise_(Occasion("denied", "kolide"))
    await desk.work()
    assert len(desk.channel.tries) == 3


async def test_fewer_is_no_news_but_growing_again_is(store: Store, clock: FakeClock) -> None:
    desk = Desk(store, clock)
    for count in (5, 2, 2, 4):
        desk.notices.raise_(Occasion("dead", "okta", count=count))
        await desk.later(INTERVAL)
    assert [count for _, count, _ in desk.channel.told()] == [5, 4]


async def test_what_ended_before_it_was_told_is_not_told(store: Store, clock: FakeClock) -> None:
    desk = Desk(store, clock)
    desk.notices.held("kolide", 3)
    desk.notices.held("kolide", 0)
    await desk.later(DAY)
    assert desk.channel.tries == []


async def test_well_again_goes_to_those_that_heard_of_it(store: Store, clock: FakeClock) -> None:
    desk = Desk(store, clock, target(), target("quiet", on=["unwell"]), target("other", on=["dead", "well"]))
    well = Occasion("well", "okta", seconds=700)
    desk.notices.clear("unwell", "okta", then=well)
    await desk.work()
    assert desk.channel.tries == []
    desk.notices.raise_(Occasion("unwell", "okta"))
    await desk.work()
    desk.notices.clear("unwell", "okta", then=well)
    desk.notices.clear("unwell", "okta", then=well)
    await desk.later(DAY)
    assert [(name, one["type"]) for name, _, one in desk.channel.tries] == [
        ("ops", "stream.unwell"), ("quiet", "stream.unwell"), ("ops", "stream.well"),
    ]  # fmt: skip


async def test_well_is_not_told_of_what_is_unwell_again(store: Store, clock: FakeClock) -> None:
    desk = Desk(store, clock)
    for _ in range(2):  # unwell, well; unwell, and well again within the interval
        desk.notices.raise_(Occasion("unwell", "okta"))
        await desk.work()
        desk.notices.clear("unwell", "okta", then=Occasion("well", "okta"))
        await desk.work()
        clock.at += 10
    desk.notices.raise_(Occasion("unwell", "okta"))
    await desk.later(DAY)
    assert [kind for kind, _, _ in desk.channel.told()][-1] == "stream.unwell"


async def test_each_target_hears_what_it_asked_for(store: Store, clock: FakeClock) -> None:
    desk = Desk(store, clock, target("a", on=["dead"]), target("b", on=["guard"], devices=True))
    desk.notices.raise_(Occasion("dead", "okta", count=1, device="Ann's"))
    desk.notices.raise_(Occasion("guard", "kolide", count=1, device="Ann's"))
    await desk.work()
    assert [(name, one["type"], "device" in one["data"]) for name, _, one in desk.channel.tries] == [
        ("a", "delivery.dead", False), ("b", "guard.held", True),
    ]  # fmt: skip


async def test_a_failure_is_tried_again_with_the_same_bytes_and_id_then_given_up(
    store: Store, clock: FakeClock
) -> None:
    desk = Desk(store, clock)
    desk.channel.answers["ops"] = Sent("failed", "500")
    desk.notices.raise_(Occasion("dead", "okta", count=1))
    begun = clock.at
    while "given_up" not in desk.meter.outcomes:
        await desk.later(60)
    assert DAY <= clock.at - begun < DAY + 3700
    assert 20 < len(desk.channel.tries) < 80
    assert len({(message_id, json.dumps(body)) for _, message_id, body in desk.channel.tries}) == 1
    assert desk.notices.waiting() == {"ops": 0}
    desk.channel.answers.clear()
    desk.notices.raise_(Occasion("dead", "okta", count=2))
    await desk.work()
    assert desk.meter.outcomes[-1] == "sent"


async def test_what_comes_while_a_message_fails_stands_in_the_next(store: Store, clock: FakeClock) -> None:
    desk = Desk(store, clock)
    desk.channel.answers["ops"] = Sent("failed", "connect")
    for count in range(1, 11):
        desk.notices.raise_(Occasion("dead", "okta", count=count))
        await desk.work()
    desk.channel.answers.clear()
    await desk.later(3600)
    await desk.later(INTERVAL)
    assert [told for told in desk.channel.told() if told[1] != 1] == [("delivery.dead", 10, 8)]


async def test_retry_after_holds_the_whole_lane(store: Store, clock: FakeClock) -> None:
    desk = Desk(store, clock)
    desk.channel.answers["ops"] = Sent("failed", "429", 300.0)
    desk.notices.raise_(Occasion("dead", "okta", count=1))
    await desk.work()
    desk.channel.answers.clear()
    desk.notices.raise_(Occasion("denied", "kolide"))
    await desk.later(299)
    assert len(desk.channel.tries) == 1
    await desk.later(1)
    assert len(desk.channel.tries) == 3


async def test_gone_ends_it_until_the_next_start(store: Store, clock: FakeClock) -> None:
    desk = Desk(store, clock)
    desk.channel.answers["ops"] = Sent("gone", "410")
    desk.notices.raise_(Occasion("dead", "okta", count=1))
    await desk.work()
    desk.notices.raise_(Occasion("denied", "kolide"))
    await desk.later(DAY)
    assert len(desk.channel.tries) == 1 and desk.meter.outcomes == ["gone"]
    desk.channel.answers.clear()
    await desk.again()
    await desk.work()
    assert [kind for kind, _, _ in desk.channel.told()] == ["delivery.dead", "connector.denied"]


async def test_a_crash_in_the_middle_of_a_try_sends_the_same_again(store: Store, clock: FakeClock) -> None:
    desk = Desk(store, clock)
    desk.channel.hang.add("ops")
    desk.notices.raise_(Occasion("guard", "kolide", count=9))
    task = asyncio.create_task(desk.work())
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    desk.channel.hang.clear()
    await desk.again()
    desk.notices.raise_(Occasion("guard", "kolide", count=9))
    await desk.later(DAY / 2)
    (_, first, one), (_, second, other) = desk.channel.tries
    assert (first, one) == (second, other)


async def test_after_a_restart_nothing_is_told_twice(store: Store, clock: FakeClock) -> None:
    desk = Desk(store, clock)
    desk.notices.raise_(Occasion("dead", "okta", count=3))
    await desk.work()
    await desk.again()
    desk.notices.raise_(Occasion("dead", "okta", count=3))
    await desk.later(INTERVAL)
    assert desk.channel.told() == [("delivery.dead", 3, 0)]
    assert desk.notices.standing("dead") == {"okta"}


async def test_what_is_no_longer_configured_is_forgotten(store: Store, clock: FakeClock) -> None:
    desk = Desk(store, clock, target(), target("old"))
    desk.notices.raise_(Occasion("dead", "former", count=3))
    desk.notices.raise_(Occasion("stuck", "store"))
    await desk.work()
    desk.targets = (target(),)
    await desk.again()
    assert [(row.target, row.key) for row in await store.notices()] == [("ops", "stuck:store")]


async def test_a_store_that_takes_nothing_holds_back_no_alarm(clock: FakeClock) -> None:
    class Full:
        async def put_notices(self, *_: object) -> None:
            raise StoreProblem("the disk is full")

    desk = Desk(Full(), clock)  # type: ignore[arg-type]  # it is asked for nothing else
    desk.notices.raise_(Occasion("stuck", "store", seconds=60))
    await desk.work()
    assert desk.channel.told() == [("bridge.stuck", 0, 0)]
    assert await desk.notices.save() is False  # and it is still to be written


async def test_a_target_that_hangs_holds_up_no_other(store: Store, clock: FakeClock) -> None:
    desk = Desk(store, clock, target("hung"), target("fine"))
    desk.channel.hang.add("hung")
    tasks = [asyncio.create_task(work, name=name) for name, work in desk.notices.work()]
    desk.notices.raise_(Occasion("dead", "okta", count=1))
    async with asyncio.timeout(5):
        while not desk.channel.told("fine"):
            await asyncio.sleep(0.01)
    started = asyncio.get_running_loop().time()
    await desk.notices.stop(0.2)
    assert asyncio.get_running_loop().time() - started < 1
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    rows = {row.target: row for row in await store.notices()}
    assert rows["fine"].sent_at is not None and rows["hung"].message_id and rows["hung"].body


async def test_however_many_names_there_are_the_rows_are_bounded(store: Store, clock: FakeClock) -> None:
    desk = Desk(store, clock)
    for number in range(3 * MOST):
        desk.notices.raise_(Occasion("stuck", f"part{number}"))
    await desk.notices.save()
    assert len(await store.notices()) == MOST + 1


@pytest.mark.parametrize(
    ("count", "of", "told"), [(2, 20, 0), (3, 20, 1), (3, 1000, 0), (20, 1000, 0), (21, 1000, 1), (3, 0, 1)]
)
async def test_drift_over_its_bound(store: Store, clock: FakeClock, count: int, of: int, told: int) -> None:
    desk = Desk(store, clock)
    desk.notices.drifted("kolide", count, of)
    await desk.work()
    assert len(desk.channel.tries) == told


async def test_expiring(store: Store, clock: FakeClock) -> None:
    desk = Desk(store, clock)
    desk.notices.expiring("signing_key", 15 * DAY)
    await desk.work()
    assert desk.channel.tries == []
    desk.notices.expiring("signing_key", 3 * DAY + 5)
    await desk.work()
    assert "3 days" in desk.channel.tries[0][2]["data"]["text"]
