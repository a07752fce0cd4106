"""Polls over both stores, by a clock of its own: who gets what, in which order, and what is said of it afterwards."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bridge.errors import NotFound, TooMany, Unavailable
from bridge.model import SignedSET, Status, Stream
from bridge.pipeline.keys.remint import WITHHELD
from bridge.pipeline.sending.mailbox import Bounds, Mailbox
from bridge.pipeline.streams.running import Running
from bridge.ssf.poll import PollRequest, SetError
from bridge.store import open_store
from bridge.store.protocol import Store
from bridge.store.records import NewDelivery, Rank, StreamRow, Unit
from bridge.store.undelivered import Renewal
from bridge.value import replace
from tests.store.given import FakeClock, ledger, mint, minted, states, url

Result = TypeVar("Result")
AUDIENCE = "https://a.example"


class Counts:
    def __init__(self) -> None:
        self.outcomes: list[tuple[str, str]] = []
        self.seconds: list[float] = []
        self.undone = 0

    def delivery(self, stream: str, outcome: str) -> None:
        self.outcomes.append((stream, outcome))

    def acknowledged(self, stream: str, seconds: float) -> None:
        self.seconds.append(seconds)

    def block_undone(self, connector: str) -> None:
        self.undone += 1

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


class House:
    """Streams s and t are polled, p is pushed. `bad` are keys that are published no more."""

    def __init__(self, store: Store, clock: FakeClock, bounds: Bounds | None = None) -> None:
        self.store, self.clock, self.meter = store, clock, Counts()
        self.bad: set[str] = set()
        self.troubles: list[str] = []
        self.running = {name: _running(name) for name in ("s", "t", "p")}
        self.mailbox = Mailbox(
            store, lambda: self.running, clock, self.meter, self.troubles.append, bounds or Bounds(wait=30.0),
            lambda kid: kid not in self.bad,
        )  # fmt: skip
        self.hung_up = asyncio.Event()

    async def gone(self) -> None:
        await self.hung_up.wait()

    def poll(self, stream_id: str = "s", **asked: Any) -> Coroutine[Any, Any, dict[str, Any]]:
        return self.mailbox.poll(stream_id, PollRequest(**asked), self.gone)

    async def short(self, stream_id: str = "s", **asked: Any) -> list[str]:
        """The jtis that a short poll brings."""
        return list((await self.poll(stream_id, at_once=True, **asked))["sets"])

    async def long(self, stream_id: str = "s", **asked: Any) -> asyncio.Task[dict[str, Any]]:
        """A poll that waits by now."""
        before = len(self.mailbox._waiting)
        task = asyncio.create_task(self.poll(stream_id, **asked))
        while len(self.mailbox._waiting) == before and not task.done():
            await asyncio.sleep(0)
        await self.settled()
        return task

    async def settled(self) -> None:
        """What is under way has come to where it waits; the store works in a thread of its own."""
        for _ in range(5):
            await self.store.counts()
            await asyncio.sleep(0)

    async def minted(self, *news: NewDelivery) -> list[str]:
        await minted(self.store, *news)
        self.mailbox.minted({new.stream_id for new in news})
        return [new.jti for new in news]

    async def row(self, jti: str) -> Any:
        return (await self.store.deliveries(jti=jti))[0]


def _running(name: str) -> Running:
    stream = Stream(name, f"name-{name}", AUDIENCE, "ssf", "", way="push" if name == "p" else "poll", client="c")
    return Running(stream, StreamRow(name, stream.name, AUDIENCE, 1.0, client="c"))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "sqlite"])
async def house(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> AsyncIterator[House]:
    where = "memory:" if request.param == "memory" else url(tmp_path)
    store = await open_store(where, clock, exclusive=True, create=True, patience=30)
    house = House(store, clock)
    for one in house.running.values():
        await store.put_stream(one.row)
    yield house
    house.mailbox.stop()
    assert house.troubles == []
    await store.close()


def flip(n: int, subject: str = "ann|d1", order: str = "d1", stream: str = "s") -> NewDelivery:
    told: list[Status] = ["not-compliant", "compliant"]
    return mint(subject, order, stream=stream, status=told[n % 2], previous=told[n % 2 - 1])


async def soon(task: asyncio.Task[Result]) -> Result:
    """What must come at once: far sooner than the tick and than a long poll lasts."""
    return await asyncio.wait_for(task, 0.9)


class TestOrder:
    async def test_of_each_key_only_the_oldest_until_it_is_acknowledged(self, house: House) -> None:
        one, two, other = await house.minted(flip(0), flip(1), mint("bob|d2", "d2"))
        assert await house.short() == [one, other]
        assert await house.short() == []
        assert await house.short(acks=(one,)) == [two], "acks are taken before SETs are chosen"
        assert await house.short(acks=(other, two)) == []
        assert set((await states(house.store)).values()) == {"delivered"}

    async def test_parallel_polls_share_the_work(self, house: House) -> None:
        await house.minted(*(mint(f"u{n}", f"o{n}") for n in range(12)))
        parts = await asyncio.gather(*(house.short(most=4) for _ in range(3)))
        assert sorted(map(len, parts)) == [4, 4, 4]
        assert len({jti for part in parts for jti in part}) == 12

    async def test_what_nobody_acknowledged_comes_again_with_the_same_bytes(self, house: House) -> None:
        (jti,) = await house.minted(mint())
        first = await house.poll(at_once=True)
        house.clock.at += 59.9
        assert await house.short() == []
        house.clock.at += 0.1
        assert await house.poll(at_once=True) == first
        assert (await house.row(jti)).maybe_received, "who held it may have it"

    async def test_an_ack_after_the_time_is_still_good(self, house: House) -> None:
        (jti,) = await house.minted(mint())
        await house.short()
        house.clock.at += 1e6
        assert await house.short(acks=(jti,)) == []
        assert (await house.row(jti)).state == "delivered"

    async def test_streams_have_nothing_to_do_with_each_other(self, house: House) -> None:
        (mine,) = await house.minted(mint())
        (theirs,) = await house.minted(mint(stream="t"))
        assert await house.short("t") == [theirs]
        assert await house.short("t", acks=(mine,), errors={"x": SetError("invalid_key")}) == []
        assert (await house.row(mine)).state == "pending"
        assert await house.short() == [mine]


class TestHowMany:
    async def test_more_available(self, house: House) -> None:
        await house.minted(*(mint(f"u{n}", f"o{n}") for n in range(5)))
        answer = await house.poll(at_once=True, most=3)
        assert (len(answer["sets"]), answer["moreAvailable"]) == (3, True)
        assert (await house.poll(at_once=True, most=0)) == {"sets": {}, "moreAvailable": True}
        answer = await house.poll(at_once=True, most=2)
        assert (len(answer["sets"]), answer.get("moreAvailable")) == (2, None), "all are out now"

    async def test_the_next_of_a_key_is_not_to_be_had_yet(self, house: House) -> None:
        await house.minted(flip(0), flip(1))
        answer = await house.poll(at_once=True, most=1)
        assert (len(answer["sets"]), answer.get("moreAvailable")) == (1, None)

    async def test_only_acks(self, house: House) -> None:
        one, two = await house.minted(flip(0), flip(1))
        await house.short()
        assert await house.poll(at_once=True, most=0, acks=(one,)) == {"sets": {}, "moreAvailable": True}
        assert (await house.row(two)).leased_until is None


class TestWhatIsSaidOfThem:
    async def test_acks_again_and_unknown_ones_change_nothing(self, house: House) -> None:
        (jti,) = await house.minted(replace(mint(), rung_at=990.0))
        await house.short()
        house.clock.at += 5
        for _ in range(3):
            assert await house.short(acks=(jti, "unknown", "")) == []
        await asyncio.gather(*(house.short(acks=(jti,)) for _ in range(3)))
        row = await house.row(jti)
        assert (row.state, row.last_code, row.attempts, row.settled_at) == ("delivered", "ack", 1, 1005.0)
        assert (house.meter.outcomes, house.meter.seconds) == ([("name-s", "delivered")], [15.0])

    async def test_two_polls_that_acknowledge_at_once_count_once(self, house: House) -> None:
        (jti,) = await house.minted(mint())
        await house.short()
        await asyncio.gather(*(house.short(acks=(jti,)) for _ in range(5)))
        assert house.meter.outcomes == [("name-s", "delivered")]

    async def test_an_error_is_final_and_the_ledger_goes_back(self, house: House) -> None:
        one, two = await house.minted(flip(0), flip(1))
        await house.short()
        words = "no key of ann@acme.example\nverifies eyJhbGciOi.eyJ.x"
        assert await house.short(errors={one: SetError("invalid_key", words)}) == []
        dead = await house.row(one)
        assert (dead.state, dead.last_code) == ("dead", "invalid_key")
        assert dead.last_words == "no key of [e-mail] verifies [token]"
        assert (await house.row(two)).state == "superseded", "it told of a change from what was never believed"
        row = await ledger(house.store)
        assert (row.told, row.given_up) == ("compliant", None), "that it recovered was believed: to fail again is news"
        assert house.meter.outcomes == [("name-s", "dead")]
        assert await house.short(acks=(one,)) == []
        assert (await house.row(one)).state == "dead"

    async def test_what_is_both_taken_and_refused_is_refused(self, house: House) -> None:
        (jti,) = await house.minted(mint())
        await house.short(acks=(jti,), errors={jti: SetError("invalid_key")})
        assert (await house.row(jti)).state == "dead"

    async def test_a_code_that_nobody_registered(self, house: House) -> None:
        (jti,) = await house.minted(mint())
        await house.short(errors={jti: SetError("my <b>word</b>", "it broke")})
        row = await house.row(jti)
        assert (row.last_code, row.last_words) == ("set_error", "my <b>word</b>: it broke")

    async def test_a_block_that_is_taken_back_soon_is_counted(self, house: House) -> None:
        one, two = await house.minted(flip(0), flip(1))
        await house.short(acks=(one,))
        await house.short(acks=(two,))
        assert house.meter.undone == 1

    async def test_the_stream_shows_when_something_was_taken(self, house: House) -> None:
        one, two = await house.minted(flip(0), flip(1))
        unwell = replace(house.running["s"].row, failures=9, unwell_since=1.0, last_code="503")
        await house.store.put_stream(unwell)
        await house.short(acks=(one,))
        house.clock.at += 1
        await house.short(acks=(two,))
        row = await house.store.stream("s")
        assert row is not None
        assert (row.last_delivered_at, row.failures, row.last_code) == (1000.0, 0, "")

    async def test_ten_thousand_acks(self, house: House) -> None:
        jtis = await house.minted(*(mint(f"u{n}", f"o{n}") for n in range(20)))
        await house.short()
        assert await house.short(acks=(*jtis, *(f"x{n}" for n in range(9980)))) == []
        assert set((await states(house.store)).values()) == {"delivered"}


class TestHeld:
    @pytest.mark.parametrize("reach", [Rank.UPDATE, Rank.VERIFICATION])
    async def test_a_stream_that_is_held_gives_no_events_and_takes_acks(self, house: House, reach: Rank) -> None:
        out, kept = await house.minted(mint(), mint("bob|d2", "d2"))
        assert await house.short(most=1) == [out]
        house.running["s"] = replace(house.running["s"], reach=reach)
        assert await house.poll(at_once=True, acks=(out,)) == {"sets": {}}
        assert (await house.row(out)).state == "delivered"
        house.clock.at += 100
        assert await house.poll(at_once=True, most=0) == {"sets": {}}, "nothing more can be had"
        update = replace(mint("", "framework"), rank=Rank.UPDATE)
        assert await house.store.commit([Unit(sets=(update,))]) == []
        assert await house.short() == [update.jti]
        house.clock.at += 60
        assert await house.short() == [update.jti], "until it is acknowledged"
        assert (await house.row(kept)).state == "pending"

    async def test_a_set_whose_key_is_gone_stays_here(self, house: House) -> None:
        bad, good = await house.minted(replace(mint(), kid="stolen"), mint("bob|d2", "d2"))
        house.bad.add("stolen")
        assert await house.poll(at_once=True, most=1) == {"sets": {good: "e30.e30."}}
        row = await house.row(bad)
        assert (row.state, row.last_code, row.leased_until) == ("pending", "key_withdrawn", None)
        assert row.next_at == 1000.0 + WITHHELD

    async def test_a_set_that_was_minted_anew(self, house: House) -> None:
        (old,) = await house.minted(mint())
        assert await house.short() == [old]
        row = await house.row(old)
        renewal = Renewal(row.id, old, SignedSET("anew", 1, "new", "n.e.w"), 1000.0)
        assert await house.store.renew([renewal]) == ["held"], "it may be on its way"
        house.clock.at += 61
        assert await house.store.renew([replace(renewal, at=house.clock.at)]) == [""]
        assert await house.short(acks=(old,)) == ["anew"], "the old one's ack speaks of nothing any more"
        await house.short(acks=("anew",))
        assert (await house.row("anew")).state == "delivered"

    async def test_streams_that_are_not_polled(self, house: House) -> None:
        for stream_id in ("p", "nobody"):
            with pytest.raises(NotFound):
                await house.short(stream_id)


class TestWaiting:
    async def test_a_new_set_wakes_at_once(self, house: House) -> None:
        waits, other = await house.long(), await house.long("t")
        (jti,) = await house.minted(mint())
        assert list((await soon(waits))["sets"]) == [jti]
        assert not other.done()

    async def test_with_nothing_there_nothing_is_written(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """A crowd of polls does not delay a webhook: their line is not that of those who write."""

        async def written(*_: Any, **__: Any) -> Any:
            raise AssertionError("something was written")

        with monkeypatch.context() as patched:
            patched.setattr(house.store, "lease_deliveries", written)
            assert await house.short() == []
            task = await house.long()
            house.hung_up.set()
            assert (await task)["sets"] == {}

    async def test_what_is_there_is_given_at_once(self, house: House) -> None:
        (jti,) = await house.minted(mint())
        assert list((await soon(await house.long()))["sets"]) == [jti]

    async def test_an_ack_wakes_whoever_waits_for_the_next(self, house: House) -> None:
        one, two = await house.minted(flip(0), flip(1))
        assert await house.short() == [one]
        waits = await house.long()
        assert await house.short(most=0, acks=(one,)) == []
        assert list((await soon(waits))["sets"]) == [two]

    async def test_one_of_several_gets_it(self, house: House) -> None:
        waits = [await house.long() for _ in range(3)]
        await house.minted(mint())
        done, left = await asyncio.wait(waits, timeout=0.9, return_when=asyncio.FIRST_COMPLETED)
        assert (len(done), len(left)) == (1, 2)

    async def test_the_tick_sees_what_others_wrote_and_what_is_due_again(self, house: House) -> None:
        waits = await house.long()
        (jti,) = [new.jti for new in [mint()] if await minted(house.store, new)]
        await house.settled()
        assert not waits.done()
        await house.mailbox.tick()
        assert list((await soon(waits))["sets"]) == [jti]
        again = await house.long()
        house.clock.at += 60
        await house.mailbox.tick()
        assert list((await soon(again))["sets"]) == [jti]

    async def test_the_tick_runs_by_itself(self, house: House) -> None:
        runs = asyncio.create_task(house.mailbox.run())
        waits = await house.long()
        await minted(house.store, mint())
        assert len((await asyncio.wait_for(waits, 5))["sets"]) == 1
        house.mailbox.stop()
        await soon(runs)

    async def test_time_is_up(self, house: House) -> None:
        quick = House(house.store, house.clock, Bounds(wait=0.05))
        assert await asyncio.wait_for(quick.poll(), 5) == {"sets": {}}
        assert len(quick.mailbox._waiting) == 0

    async def test_one_that_takes_no_sets_waits_for_one_too(self, house: House) -> None:
        waits = await house.long(most=0)
        assert not waits.done()
        (jti,) = await house.minted(mint())
        assert await soon(waits) == {"sets": {}, "moreAvailable": True}
        assert await house.short() == [jti]

    async def test_a_stream_that_goes_on(self, house: House) -> None:
        running = house.running["s"]
        house.running["s"] = replace(running, reach=Rank.UPDATE)
        house.mailbox.changed(["s"])
        waits = await house.long()
        (jti,) = await house.minted(mint())
        await house.settled()
        await house.mailbox.tick()
        await house.settled()
        assert not waits.done()
        house.running["s"] = running
        house.mailbox.changed(["s"])
        assert list((await soon(waits))["sets"]) == [jti]

    async def test_a_stream_that_ends(self, house: House) -> None:
        waits = await house.long()
        del house.running["s"]
        house.mailbox.changed(["s"])
        with pytest.raises(NotFound):
            await soon(waits)

    async def test_the_caller_hangs_up(self, house: House) -> None:
        waits = await house.long()
        house.hung_up.set()
        assert await soon(waits) == {"sets": {}}
        house.hung_up.clear()
        (jti,) = await house.minted(mint())
        assert await house.short() == [jti], "nothing is hidden for one who went away"

    async def test_the_caller_hangs_up_while_sets_are_fetched(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Then they were never handed out."""
        lease = house.store.lease_deliveries

        async def and_hang_up(*args: Any, **more: Any) -> Any:
            found = await lease(*args, **more)
            house.hung_up.set()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            return found

        (jti,) = await house.minted(mint())
        before = await house.row(jti)
        with monkeypatch.context() as patch:
            patch.setattr(house.store, "lease_deliveries", and_hang_up)
            assert await soon(await house.long()) == {"sets": {}}
        assert await house.row(jti) == before
        house.hung_up.clear()
        assert await house.short() == [jti]

    async def test_the_end(self, house: House) -> None:
        (jti,) = await house.minted(mint())
        waits = [await house.long(name, most=0 if name == "s" else 1) for name in ("t", "t")]
        house.mailbox.stop()
        assert [await soon(one) for one in waits] == [{"sets": {}}, {"sets": {}}]
        with pytest.raises(Unavailable):
            await house.poll()
        assert await house.short() == [jti], "who does not wait is still served"


class TestBounds:
    async def test_of_one_stream_and_of_all(self, house: House) -> None:
        small = House(house.store, house.clock, Bounds(30.0, 60.0, 2, 3))
        (jti,) = await house.minted(mint())
        assert await small.short() == [jti]
        waits = [await small.long(name) for name in ("s", "s", "t")]
        for name in ("s", "t"):
            with pytest.raises(TooMany) as refused:
                await small.poll(name, acks=(jti,))
            assert refused.value.retry_after > 0
        assert (await house.row(jti)).state == "pending", "nothing half done"
        assert await small.short(acks=(jti,)) == [], "who does not wait needs no place"
        waits[0].cancel()
        await asyncio.wait(waits[:1])
        waits[0] = await small.long("t")
        small.mailbox.stop()
        assert await asyncio.gather(*waits) == [{"sets": {}}] * 3
        assert (len(small.mailbox._waiting), small.mailbox._waiting.streams()) == (0, [])

    async def test_one_client_leaves_places_to_others(self, house: House) -> None:
        small = House(house.store, house.clock, Bounds(30.0, 60.0, 9, 9, 2))
        small.running["other"] = Running(
            replace(small.running["s"].stream, id="other", client="other"), small.running["s"].row
        )
        waits = [await small.long("s"), await small.long("t")]
        with pytest.raises(TooMany):
            await small.poll("s")
        waits.append(await small.long("other"))
        waits[0].cancel()
        await asyncio.wait(waits[:1])
        waits[0] = await small.long("t")
        small.mailbox.stop()
        assert await asyncio.gather(*waits) == [{"sets": {}}] * 3

    async def test_a_thousand_wait_with_no_thread_and_no_question_each(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        many = House(house.store, house.clock, Bounds(30.0, 60.0, 1, 1000))
        many.running = {f"m{n}": _running(f"m{n}") for n in range(1000)}
        waits = [asyncio.create_task(many.poll(name)) for name in many.running]
        while len(many.mailbox._waiting) < 1000:
            await asyncio.sleep(0)
        for _ in range(200):
            await house.settled()
        threads, asked = threading.active_count(), 0
        has_due = house.store.has_due

        async def counted(*args: Any) -> set[str]:
            nonlocal asked
            asked += 1
            return await has_due(*args)

        monkeypatch.setattr(house.store, "has_due", counted)
        with pytest.raises(TooMany):
            await many.poll("m7")
        await many.mailbox.tick()
        assert (asked, threading.active_count()) == (1, threads)
        (jti,) = [new.jti for new in [mint(stream="m500")] if await minted(house.store, new)]
        many.mailbox.minted(["m500"])
        assert list((await soon(waits[500]))["sets"]) == [jti]
        assert sum(one.done() for one in waits) == 1
        many.mailbox.stop()
        await asyncio.gather(*waits)
        assert many.mailbox._waiting.streams() == []
