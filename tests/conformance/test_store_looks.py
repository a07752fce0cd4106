"""Looks: each sentence of `Ring`, `Look`, `LookDone` and `Looks`, on every store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.store.protocol import Store
from bridge.store.records import Look, LookDone, Unit, Urgency
from tests.store.given import FakeClock, device, ring, says


async def the_look(store: Store, device_id: str = "d1") -> Look:
    look = await store.look("k", device_id)
    assert look is not None
    return look


async def lease(store: Store, now: float = 50, until: float = 60, limit: int = 10) -> list[str]:
    return [one.look.device_id for one in await store.lease_looks("k", limit, now, until)]


class TestRing:
    async def test_a_first_ring_is_a_look(self, store: Store) -> None:
        await store.ring([ring("d1", says("f"), due=12, got=11, txn="t", urgency=Urgency.RECONCILE)])
        look = await the_look(store)
        assert look == Look("k", "d1", 12, Urgency.RECONCILE, "t", 1, rung_at=11, stated=look.stated)
        assert [(s.statement, s.received_at, s.generation) for s in look.stated] == [(says("f"), 11, 1)]

    @pytest.mark.parametrize(("first", "second", "due"), [(10, 20, 10), (20, 10, 10)])
    async def test_the_earlier_due_time_and_the_more_urgent_urgency_win(
        self, store: Store, first: float, second: float, due: float
    ) -> None:
        await store.ring([ring(due=first, got=first, urgency=Urgency.REPEAT)])
        await store.ring([ring(due=second, got=second, urgency=Urgency.RECONCILE), ring(due=second, got=second)])
        look = await the_look(store)
        assert (look.due_at, look.urgency, look.generation, look.rung_at) == (due, Urgency.DOORBELL, 3, due)

    async def test_unleased_keeps_its_first_txn_and_leased_takes_the_new(self, store: Store) -> None:
        await store.ring([ring(txn="t1"), ring(txn="t2")])
        assert (await the_look(store)).txn == "t1"
        assert await lease(store) == ["d1"]
        await store.ring([ring(txn="t3")])
        look = await the_look(store)
        assert (look.txn, look.leased_until, look.generation) == ("t3", 60, 3)

    async def test_statements_merge(self, store: Store) -> None:
        bell, other = says(), says(device="d1")
        await store.ring([ring("d1", bell, says("a", 5), says("b", 5, "passing"), says("c", 5))])
        await store.ring([ring("d1", other, says("a", 4, "passing"), says("b", 5), says("c", 5, "passing"))])
        await store.ring([ring("d1", says("a", 6, "gone"), says("b", 5, "passing"))])
        stated = [(s.statement.finding, s.generation) for s in (await the_look(store)).stated]
        found = [(f.key, f.at, f.state, generation) if f else (None, generation) for f, generation in stated]
        assert found == [(None, 1), ("c", 5, "failing", 1), ("b", 5, "failing", 2), ("a", 6, "gone", 3)]

    async def test_at_most_200_statements_and_the_oldest_go(self, store: Store) -> None:
        await store.ring([ring("d1", *(says(f"f{n}", n) for n in range(150)))])
        await store.ring([ring("d1", *(says(f"g{n}", n) for n in range(100)))])
        keys = [s.statement.finding.key for s in (await the_look(store)).stated if s.statement.finding]
        assert len(keys) == 200 and keys[0] == "f50" and keys[-1] == "g99"

    async def test_how_many_are_kept_goes_with_the_ring_that_brings_some(self, store: Store) -> None:
        await store.ring([replace(ring("d1", *(says(f"f{n}", n) for n in range(300))), keep=250)])
        assert len((await the_look(store)).stated) == 250
        await store.ring([ring("d1")])
        assert len((await the_look(store)).stated) == 250, "a ring without a word takes none away"
        await store.ring([replace(ring("d1", says("g", 1)), keep=60)])
        assert len((await the_look(store)).stated) == 60


class TestLease:
    async def test_most_urgent_first_then_oldest(self, store: Store) -> None:
        await store.ring([
            ring("d5", due=1, urgency=Urgency.RECONCILE), ring("d4", due=2), ring("d3", due=1), ring("d2", due=1),
            ring("d1", due=3, urgency=Urgency.PROVISIONAL), ring("d0", due=51), ring("e", connector="other"),
            ring("d6", due=0, urgency=Urgency.REPEAT),
        ])  # fmt: skip
        assert await lease(store, limit=0) == []
        assert await lease(store, limit=4) == ["d1", "d2", "d3", "d4"]
        assert await lease(store) == ["d6", "d5"]
        assert await lease(store) == []
        assert await lease(store, now=60, until=70, limit=9) == ["d1", "d2", "d3", "d4", "d0", "d6", "d5"][:9]

    async def test_a_leased_look_comes_with_belief(self, store: Store) -> None:
        await store.ring([ring("d1"), ring("d2")])
        await store.commit([Unit(devices=(device("d1", name="n"),))])
        one, two = await store.lease_looks("k", 9, 50, 60)
        assert one.device == device("d1", 1, name="n") and two.device is None
        assert one.look == await the_look(store) and one.look.leased_until == 60

    async def test_next_look_at(self, store: Store, clock: FakeClock) -> None:
        clock.at = 50
        assert await store.next_look_at("k") is None
        await store.ring([ring("d1", due=30, urgency=Urgency.RECONCILE), ring("d2", due=70)])
        await store.ring([ring(connector="j", due=1)])
        assert await store.next_look_at("k") == 30
        assert await lease(store) == ["d1"]
        assert await store.next_look_at("k") == 70
        clock.at = 60
        assert await store.next_look_at("k") == 30

    async def test_release_at_start(self, store: Store) -> None:
        await store.ring([ring("d1"), ring("d2")])
        await lease(store, limit=1)
        assert await store.release_leases() == 1
        assert await lease(store) == ["d1", "d2"]


DONE = LookDone("k", "d1", 1, 99, Urgency.REPEAT, 3, 2, False, "down: timeout")


class TestDone:
    async def finish(self, store: Store, done: LookDone) -> None:
        assert await store.commit([Unit(look=done)]) == []

    async def given(self, store: Store) -> Look:
        await store.ring([ring("d1", says("f"), txn="t1")])
        assert await lease(store) == ["d1"]
        return await the_look(store)

    async def test_nothing_more_is_due(self, store: Store) -> None:
        await self.given(store)
        await self.finish(store, LookDone("k", "d1", 1))
        assert await store.look("k", "d1") is None
        await self.finish(store, LookDone("k", "d1", 1, 70))
        assert await store.look("k", "d1") is None

    async def test_again_with_the_values_given(self, store: Store) -> None:
        look = await self.given(store)
        await self.finish(store, DONE)
        expected = replace(look, due_at=99, urgency=Urgency.REPEAT, attempts=3, contradictions=2,
                           last_error="down: timeout", leased_until=None, stated=(), rung_at=None)  # fmt: skip
        assert await the_look(store) == expected

    async def test_again_keeping_what_was_stated(self, store: Store) -> None:
        look = await self.given(store)
        await self.finish(store, replace(DONE, keep_stated=True))
        after = await the_look(store)
        assert (after.stated, after.rung_at, after.generation) == (look.stated, 10, 1)

    @pytest.mark.parametrize("again_at", [None, 999.0])
    async def test_rung_meanwhile(self, store: Store, again_at: float | None) -> None:
        await self.given(store)
        await store.ring([ring("d1", says("g"), got=21, txn="t2"), ring("d1", says("h"), got=20)])
        await self.finish(store, replace(DONE, again_at=again_at))
        look = await the_look(store)
        assert (look.due_at, look.urgency, look.generation, look.txn) == (10, Urgency.DOORBELL, 3, "t1")
        assert (look.attempts, look.contradictions, look.leased_until, look.rung_at) == (0, 0, None, 20)
        assert [s.statement.finding.key for s in look.stated if s.statement.finding] == ["g", "h"]
        assert await lease(store, 50, 60) == ["d1"]

    async def test_rung_meanwhile_but_the_look_failed(self, store: Store) -> None:
        await self.given(store)
        await store.ring([ring("d1", says("g"), got=21)])
        await self.finish(store, replace(DONE, keep_stated=True))
        look = await the_look(store)
        assert (len(look.stated), look.rung_at, look.attempts, look.due_at) == (2, 10, 0, 10)

    async def test_rung_meanwhile_without_a_statement(self, store: Store) -> None:
        await self.given(store)
        await store.ring([ring("d1", got=21)])
        await self.finish(store, DONE)
        look = await the_look(store)
        assert (look.stated, look.rung_at) == ((), None)

    async def test_the_look_ends_before_the_units_own_rings(self, store: Store) -> None:
        await self.given(store)
        await store.commit([Unit(look=LookDone("k", "d1", 1), rings=(ring("d1", txn="t9", due=77), ring("d2")))])
        look = await the_look(store)
        assert (look.txn, look.due_at, look.generation, look.stated) == ("t9", 77, 1, ())
        assert await store.look("k", "d2") is not None
