"""What goes by its age, in steps, and what stays whatever its age."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.store.archive import Wanted
from bridge.store.errands import Errand
from bridge.store.expiry import MOST_BYTES, Kind
from bridge.store.protocol import Store
from bridge.store.records import AuditEntry, Quarantined, Settlement
from tests.store.given import FakeClock, arrival, ledger, mint, minted, ring, states


def came(number: int, at: float) -> object:
    return replace(arrival(f"w{number:03}", f"h{number}", ring(f"d{number}")), received_at=at)


async def expired(store: Store, kind: Kind, before: float, limit: int = 200) -> tuple[int, int]:
    """(removed, steps)."""
    removed, steps, after = 0, 0, ""
    while True:
        step = await store.expire(kind, before, after=after, limit=limit)
        removed, steps, after = removed + step.removed, steps + 1, step.after
        if step.done:
            return removed, steps


class TestDeliveries:
    async def ended(self, store: Store, *ids: int, at: float = 20.0) -> None:
        await store.settle([Settlement(one, "delivered", at, "202") for one in ids])

    async def test_the_last_word_stays_and_what_went_before_it_goes(self, store: Store) -> None:
        first, second = await minted(store, mint(), mint(status="compliant", previous="not-compliant"))
        await self.ended(store, first, second)
        assert await expired(store, "deliveries", 100.0) == (1, 1)
        assert await states(store) == {second: "delivered"}
        row = await ledger(store)
        assert row.tail is not None and (row.tail.id, row.tail.state) == (second, "delivered")

    async def test_what_is_young_or_pending_stays(self, store: Store) -> None:
        ids = await minted(store, mint(), mint("bob"), mint(), mint("bob"))
        await self.ended(store, ids[0], at=20.0)
        await self.ended(store, ids[1], at=90.0)
        assert await expired(store, "deliveries", 90.0) == (1, 1)
        assert set(await states(store)) == set(ids[1:])

    async def test_a_dead_one_stays_until_it_is_decided(self, store: Store) -> None:
        (dead,) = await minted(store, mint())
        await store.settle([Settlement(dead, "dead", 20.0, "invalid_request")])
        assert await expired(store, "deliveries", 1e9) == (0, 1)
        assert await store.revive(dead, 30.0) == ""
        await self.ended(store, dead, at=31.0)
        await minted(store, mint(status="compliant", previous="not-compliant"))
        assert await expired(store, "deliveries", 1e9) == (1, 1)

    async def test_a_dead_one_that_something_newer_overtook_goes_by_its_age(self, store: Store) -> None:
        (dead,) = await minted(store, mint())
        await store.settle([Settlement(dead, "dead", 20.0, "invalid_request")])
        (newer,) = await minted(store, mint())
        assert await store.revive(dead, 30.0) == "overtaken"
        assert await expired(store, "deliveries", 20.0) == (0, 1)
        assert await expired(store, "deliveries", 21.0) == (1, 1)
        assert await states(store) == {newer: "pending"}

    async def test_ids_are_never_given_twice(self, store: Store) -> None:
        first, second = await minted(store, mint(), mint())
        await self.ended(store, first, second)
        await expired(store, "deliveries", 100.0)
        assert await minted(store, mint(), mint("bob")) == [3, 4]

    async def test_steps_are_bounded(self, store: Store) -> None:
        ids = await minted(store, *(mint() for _ in range(25)))
        await self.ended(store, *ids)
        step = await store.expire("deliveries", 100.0, limit=10)
        assert (step.removed, step.done) == (10, False)
        assert await expired(store, "deliveries", 100.0, limit=10) == (14, 2)


class TestSurplus:
    """`thin`: the newest of each subject stay, and what matters stays besides."""

    async def delivered(self, store: Store, count: int, subject: str = "ann|d1", at: float = 20.0) -> list[int]:
        ids = await minted(store, *(mint(subject, order=subject) for _ in range(count)))
        await store.settle([Settlement(one, "delivered", at, "202") for one in ids])
        return ids

    async def thinned(self, store: Store, keep: int, before: float = 100.0, limit: int = 200) -> tuple[int, int]:
        removed, steps, after = 0, 0, ""
        while True:
            step = await store.thin(keep, before, after=after, limit=limit)
            removed, steps, after = removed + step.removed, steps + 1, step.after
            assert step.removed <= limit
            if step.done:
                return removed, steps

    async def test_the_newest_of_each_subject_stay(self, store: Store) -> None:
        ann = await self.delivered(store, 7)
        bob = await self.delivered(store, 3, "bob|d1")
        assert await self.thinned(store, 3) == (4, 1)
        assert set(await states(store)) == {*ann[4:], *bob}
        assert await self.thinned(store, 3) == (0, 1)
        row = await ledger(store)
        assert row.tail is not None and row.tail.id == ann[-1]

    async def test_what_is_young_pending_or_the_last_word_stays(self, store: Store) -> None:
        old = await self.delivered(store, 2)
        young = await self.delivered(store, 1, at=150.0)
        waiting = await minted(store, mint(order="ann|d1"), mint(order="ann|d1"))
        assert await self.thinned(store, 1) == (2, 1)
        assert set(await states(store)) == {*young, *waiting} and not set(old) & set(await states(store))
        (dead,) = await minted(store, mint("bob|d1"))
        await store.settle([Settlement(dead, "dead", 20.0, "invalid_request")])
        assert await self.thinned(store, 1) == (0, 1)

    async def test_one_subject_of_very_many_goes_in_steps(self, store: Store) -> None:
        await self.delivered(store, 25)
        last = await self.delivered(store, 2, "bob|d1")
        assert await self.thinned(store, 1, limit=10) == (25, 3)
        assert last[-1] in await states(store) and len(await states(store)) == 2

    async def test_each_stream_counts_for_itself(self, store: Store) -> None:
        ids = await minted(store, *(mint(stream=name) for name in ("a", "b", "a", "b", "a")))
        await store.settle([Settlement(one, "delivered", 20.0, "202") for one in ids])
        assert (await self.thinned(store, 2, limit=1))[0] == 1
        assert set(await states(store)) == set(ids[1:])


class TestWebhooks:
    async def test_the_payload_goes_before_the_line_and_the_line_with_its_hash(self, store: Store) -> None:
        for number in range(4):
            await store.accept(came(number, 10.0 * number))
        assert await expired(store, "payloads", 20.0) == (2, 1)
        assert await expired(store, "payloads", 20.0) == (0, 1)
        kept = {one.id: one for one in await store.webhooks(Wanted(bodies=True))}
        assert [kept[f"w{n:03}"].body for n in range(4)] == [None, None, b'{"a":\x001}', b'{"a":\x001}']
        assert (kept["w000"].headers, kept["w000"].size, kept["w000"].devices) == ({}, None, ("d0",))
        assert (await store.accept(came(0, 50.0))).duplicate
        assert await expired(store, "webhooks", 10.0) == (1, 1)
        assert await store.webhook("w000") is None
        again = await store.accept(replace(came(0, 50.0), id="w900"))
        assert (again.id, again.duplicate) == ("w900", False)
        assert (await store.accept(came(1, 50.0))).duplicate

    async def test_a_step_deletes_a_bounded_number_of_bytes(self, store: Store) -> None:
        for number in range(4):
            large = replace(came(number, 10.0), body=b"x" * (MOST_BYTES // 3))
            await store.accept(large)
        assert await expired(store, "payloads", 100.0) == (4, 2)

    async def test_misfits(self, store: Store) -> None:
        for number in range(5):
            await store.quarantine(Quarantined(f"q{number}", "k", float(number), b"", "body"), [])
        assert await expired(store, "quarantine", 3.0, limit=2) == (3, 2)
        assert [one.id for one in await store.webhooks(Wanted())] == ["q4", "q3"]


class TestAudit:
    async def test_only_what_is_old_goes(self, store: Store) -> None:
        for at in range(5):
            await store.record(AuditEntry(float(at), "root", "drop", str(at)))
        assert await expired(store, "audit", 3.5) == (3, 1)
        assert [entry.target for entry in await store.audit()] == ["4", "3"]


class TestErrands:
    async def test_what_was_asked_goes_with_its_end(self, store: Store) -> None:
        """It may name a person; what came of it does not."""
        for number in range(2):
            await store.ask(Errand(f"e{number}", "test", f"s{number}", 1.0, "ops", {"user": "ada@acme.example"}))
        await store.lease_errand(2.0, 30.0)
        await store.note_errand("e0", {"step": 1}, 40.0)
        found = await store.errand("e0")
        assert found is not None and found.asked == {"user": "ada@acme.example"}
        await store.end_errand("e0", "done", {"told": 2}, 5.0)
        assert await store.withdraw_errand("e1", 6.0)
        assert [(one.asked, one.doc) for one in await store.errands()] == [({}, {}), ({}, {"told": 2})]

    async def test_those_that_ended_go_and_open_ones_stay(self, store: Store) -> None:
        for number in range(4):
            await store.ask(Errand(f"e{number}", "reconcile", f"c{number}", float(number), "ops"))
        await store.end_errand("e0", "done", {"told": 1}, 10.0)
        await store.end_errand("e1", "failed", {}, 30.0)
        await store.withdraw_errand("e3", 12.0)
        assert await expired(store, "errands", 20.0, limit=1) == (2, 5)
        assert [one.id for one in await store.errands()] == ["e2", "e1"]
        assert await expired(store, "errands", 1e9) == (1, 1)
        assert [one.id for one in await store.errands()] == ["e2"]
        found = {one.name: (one.rows, one.oldest_at) for one in (await store.sizes()).tables}
        assert found["errands"] == (1, 2.0)


async def test_sizes(store: Store, clock: FakeClock) -> None:
    await store.accept(came(1, 10.0))
    await store.accept(came(2, 30.0))
    await expired(store, "payloads", 20.0)
    await minted(store, mint())
    found = {one.name: (one.rows, one.oldest_at) for one in (await store.sizes(thorough=True)).tables}
    assert found["webhooks"] == (2, 10.0) and found["payloads"] == (1, 30.0) and found["webhook_ids"] == (2, 10.0)
    quick = {one.name: (one.rows, one.oldest_at) for one in (await store.sizes()).tables}
    assert quick == {name: (rows, found[name][1] if at else None) for name, (rows, at) in quick.items()}
    assert "payloads" not in quick and quick["webhook_ids"] == (2, None) and quick["webhooks"] == (2, 10.0)
    assert found["deliveries"] == (1, 5.0) and found["ledger"][0] == 1 and found["audit"] == (0, None)


@pytest.mark.parametrize("kind", ["deliveries", "payloads", "webhooks", "quarantine", "audit"])
async def test_an_empty_store(store: Store, kind: Kind) -> None:
    assert await expired(store, kind, 1e9) == (0, 1)
