"""Units, whole or not at all: what every store promises of `commit`."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bridge.errors import BridgeError
from bridge.store.erasure import Erase
from bridge.store.errands import Errand
from bridge.store.protocol import Store
from bridge.store.records import Accepted, LedgerMove, LedgerWrite, LookDone, Settlement, Unit
from tests.store.given import arrival, device, ledger, mint, minted, ring, states, told, write


class TestAtomic:
    @pytest.mark.parametrize("version", [0, 2, -1])
    async def test_a_device_at_another_version_clashes(self, store: Store, version: int) -> None:
        await store.commit([Unit(devices=(device(),))])
        clashes = await store.commit([Unit(devices=(device("d2"), device(version=version, name="late")))])
        assert [clash.index for clash in clashes] == [0] and "k/d1" in clashes[0].what
        assert await store.device("k", "d2") is None
        found = await store.device("k", "d1")
        assert found is not None and (found.version, found.name) == (1, "")

    @pytest.mark.parametrize("meanwhile", ["changed", "gone", "in the same commit", "nothing"])
    async def test_a_device_that_was_only_seen(self, store: Store, meanwhile: str) -> None:
        """It is not written, and must stand where it stood."""
        await store.commit([Unit(devices=(device(),))])
        (seen,) = await store.devices()
        if meanwhile == "changed":
            await store.commit([Unit(devices=(seen,))])
        elif meanwhile == "gone":
            await store.erase(Erase((seen.key,), ()), 30.0)
        before = [Unit(devices=(seen,))] if meanwhile == "in the same commit" else []
        clashes = await store.commit([*before, Unit(ledger=(write(mint()),), seen=(seen,))])
        assert [clash.index for clash in clashes] == ([] if meanwhile == "nothing" else [len(before)])
        assert len(await store.deliveries()) == (meanwhile == "nothing")
        found = await store.device("k", "d1")
        assert (found.version if found else 0) == (0 if meanwhile == "gone" else 1 if meanwhile == "nothing" else 2)

    async def test_comparisons_are_asked_for_with_what_they_follow(self, store: Store) -> None:
        """Each, also beside one that is open; and none where the unit clashes."""
        asked = [Errand(f"{n}", "compare", "k/d1", 5.0, "ann") for n in range(3)]
        assert await store.commit([Unit(devices=(device(),), errands=(asked[0],))]) == []
        assert len(await store.commit([Unit(devices=(device(),), errands=(asked[1],))])) == 1
        assert await store.ask(asked[2]) == asked[2]
        assert [one.id for one in await store.errands()] == ["2", "0"]

    async def test_a_clash_leaves_nothing_and_its_neighbours_stand(self, store: Store) -> None:
        await store.ring([ring("d1"), ring("d2")])
        await minted(store, mint())
        bad = Unit(
            devices=(device("d9"),), ledger=(write(mint(subject="new")), write(mint())),
            look=LookDone("k", "d1", 1), rings=(ring("d9"),),
        )  # fmt: skip
        clashes = await store.commit([Unit(devices=(device("d1"),)), bad, Unit(look=LookDone("k", "d2", 1))])
        assert [clash.index for clash in clashes] == [1]
        assert "ann" not in clashes[0].what
        assert await store.device("k", "d9") is None and await store.look("k", "d9") is None
        assert await store.look("k", "d1") is not None and await store.look("k", "d2") is None
        assert await store.device("k", "d1") is not None
        assert len(await store.deliveries()) == 1
        assert await minted(store, mint(subject="next")) == [2]

    async def test_of_two_units_about_one_row_the_later_clashes(self, store: Store) -> None:
        units = [Unit(devices=(device(name=n),)) for n in "ab"] + [Unit(ledger=(write(mint()),)) for _ in "ab"]
        assert [clash.index for clash in await store.commit(units)] == [1, 3]
        found = await store.device("k", "d1")
        assert found is not None and found.name == "a"
        assert len(await store.deliveries()) == 1

    async def test_a_later_unit_may_build_on_an_earlier_one(self, store: Store) -> None:
        first, second = mint(), mint(status="compliant", previous="not-compliant")
        units = [
            Unit((device(),), (write(first),)), Unit((device(version=1, name="b"),), (write(second, 1),)),
            Unit(ledger=(LedgerWrite(told("compliant", 2, reason="already_told")),)),
        ]  # fmt: skip
        assert await store.commit(units) == []
        row = await ledger(store)
        assert (row.version, row.told, row.reason, row.tail and row.tail.id) == (3, "compliant", "already_told", 2)

    async def test_the_ledger_names_its_newest_delivery(self, store: Store) -> None:
        await store.commit([Unit(ledger=(LedgerWrite(told(None, reason="no_owner")),))])
        assert (await ledger(store)).tail is None
        (id_,) = await minted(store, mint())
        row = await ledger(store)
        assert row.tail is not None and row.tail.unsent
        assert (row.tail.id, row.tail.state, row.tail.status, row.tail.previous) == (
            id_, "pending", "not-compliant", "compliant",
        )  # fmt: skip
        await store.commit([Unit(ledger=(LedgerWrite(replace(row, tail=None, event_at=77, compared_at=3.0)),))])
        again = await ledger(store)
        assert again == replace(row, version=row.version + 1, event_at=77, compared_at=3.0)

    async def test_superseding_an_unsent_row(self, store: Store) -> None:
        (id_,) = await minted(store, mint())
        row = replace(await ledger(store), told="compliant", compared_at=42.0)
        assert await store.commit([Unit(ledger=(LedgerWrite(row, None, id_, "cancelled out"),))]) == []
        gone = await store.delivery(id_)
        assert gone is not None
        assert (gone.state, gone.settled_at, gone.last_words) == ("superseded", 42.0, "cancelled out")
        tail = (await ledger(store)).tail
        assert tail is not None and tail.state == "superseded" and not tail.unsent
        assert await store.lease_deliveries({"s": 9}, 50, 60) == []

    @pytest.mark.parametrize("fate", ["held", "maybe", "delivered", "missing", "twice"])
    async def test_superseding_anything_else_clashes(self, store: Store, fate: str) -> None:
        (id_,) = await minted(store, mint())
        if fate != "missing":
            await store.lease_deliveries({"s": 1}, 50, 60)
        if fate == "maybe":
            await store.release_leases()
        if fate == "delivered":
            await store.settle([Settlement(id_, "delivered", 51, "202")])
        before = await states(store)
        row = await ledger(store)
        assert row.tail is not None and row.tail.unsent is (fate == "missing")
        doomed = 99 if fate == "missing" else id_
        new = mint(status="compliant", previous="not-compliant")
        clashes = await store.commit([Unit(ledger=(LedgerWrite(row, new, doomed, "x"),))])
        assert [clash.index for clash in clashes] == [0]
        assert await states(store) == before

    async def test_superseding_and_minting_in_one_step_keeps_the_line(self, store: Store) -> None:
        (first,) = await minted(store, mint())
        new = mint(status="compliant", previous="compliant")
        assert await store.commit([Unit(ledger=(LedgerWrite(await ledger(store), new, first, "newer"),))]) == []
        assert [row.id for row in await store.lease_deliveries({"s": 9}, 50, 60)] == [2]

    async def test_two_writes_cannot_supersede_one_row(self, store: Store) -> None:
        (id_,) = await minted(store, mint())
        other = LedgerWrite(told(subject="bob"), None, id_, "x")
        unit = Unit(ledger=(LedgerWrite(await ledger(store), None, id_, "x"), other))
        assert [clash.index for clash in await store.commit([unit])] == [0]
        units = [Unit(ledger=(LedgerWrite(await ledger(store), None, id_, "x"),)), Unit(ledger=(other,))]
        assert [clash.index for clash in await store.commit(units)] == [1]

    async def test_a_rename_moves_the_row(self, store: Store) -> None:
        (id_,) = await minted(store, mint())
        old = await ledger(store)
        new = LedgerWrite(replace(old, subject="anna|d1", login="anna", version=0))
        stale = Unit(moves=(LedgerMove("s", "ann|d1", 7),), ledger=(new,))
        missing = Unit(moves=(LedgerMove("s", "zoe|d1", 0),))
        good = Unit(moves=(LedgerMove("s", "ann|d1", 1),), ledger=(new,))
        assert [clash.index for clash in await store.commit([stale, missing, good, good])] == [0, 1, 3]
        scene = await store.scene([], [("s", "ann|d1"), ("s", "anna|d1")])
        assert [key[1] for key in scene.ledger] == ["anna|d1"]
        assert await states(store) == {id_: "pending"}

    async def test_nothing_to_do(self, store: Store) -> None:
        assert await store.commit([]) == []
        assert await store.commit([Unit()]) == []
        await store.settle([])
        await store.ring([])
        assert await store.lease_deliveries({}, 1, 2) == []

    async def test_a_row_that_the_store_cannot_keep_fails_alone(self, store: Store) -> None:
        await store.accept(arrival("w1", "h1"))
        results = await asyncio.gather(
            *(store.accept(arrival(id_, id_, ring(id_))) for id_ in ("w1", "w2", "w3")), return_exceptions=True
        )
        assert isinstance(results[0], BridgeError) and results[1:] == [Accepted("w2", False), Accepted("w3", False)]
        assert await store.look("k", "w1") is None and await store.look("k", "w3") is not None
