"""What came, who did what, and a person taken out: the same of every store."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bridge.store.archive import Kept, Wanted
from bridge.store.erasure import Erase, Hindrance
from bridge.store.protocol import Store
from bridge.store.records import Accepted, AuditEntry, Quarantined, Settlement, Unit
from tests.store.given import arrival, device, mint, minted, ring, states

MISFIT = Quarantined("w2", "k", 20.0, b"\xff{", "body.id: is missing", {"x-event": "é"})


class TestWebhooks:
    async def came(self, store: Store) -> None:
        await store.accept(arrival("w1", "h1", ring("d1", txn="t1"), ring("d2", txn="t1")))
        await store.quarantine(MISFIT, [ring("d3", txn="t2")])
        await store.accept(replace(arrival("w3", None), connector="j", received_at=30.0, ignored="test", type="Ping_1"))

    async def test_they_come_back_as_they_were_kept(self, store: Store) -> None:
        await self.came(store)
        assert await store.webhook("w1") == Kept(
            "w1", "k", 10.0, "issues.new", "accepted", "t1", ("d1", "d2"), "", 8, {"x-a": "é"}, b'{"a":\x001}'
        )
        assert await store.webhook("w2") == Kept(
            "w2", "k", 20.0, "", "misfit", "t2", ("d3",), "body.id: is missing", 2, {"x-event": "é"}, b"\xff{"
        )
        assert await store.webhook("w4") is None
        (newest, *_) = await store.webhooks(Wanted())
        assert (newest.body, newest.size, newest.outcome, newest.txn, newest.devices) == (None, 8, "test", "", ())

    async def test_they_are_chosen(self, store: Store) -> None:
        await self.came(store)

        async def ids(**wanted: Any) -> list[str]:
            return [one.id for one in await store.webhooks(Wanted(**wanted))]

        assert await ids() == ["w3", "w2", "w1"]
        assert await ids(oldest_first=True, limit=2) == ["w1", "w2"]
        assert await ids(oldest_first=True, after="w1") == ["w2", "w3"]
        assert await ids(before="w3", limit=1) == ["w2"]
        assert await ids(connector="k") == ["w2", "w1"]
        assert await ids(since=20.0) == ["w3", "w2"]
        assert await ids(outcome="misfit") == ["w2"]
        assert await ids(outcome="accepted") == ["w1"]
        assert await ids(outcome="test") == ["w3"]
        assert await ids(search="D2") == ["w1"]
        assert await ids(search="is MISSING") == ["w2"]
        assert await ids(search="g_1") == ["w3"]
        assert await ids(search="%") == []

    async def test_a_misfit_is_let_in_once(self, store: Store) -> None:
        await self.came(store)
        fits = replace(arrival("w2", "h2", ring("d9", txn="t2")), received_at=20.0)
        assert await store.readmit("w2", fits) == Accepted("w2", False)
        assert await store.readmit("w2", fits) is None
        kept = await store.webhook("w2")
        assert kept is not None and (kept.outcome, kept.devices) == ("accepted", ("d9",))
        assert await store.look("k", "d9") is not None

    async def test_a_misfit_that_came_again_meanwhile(self, store: Store) -> None:
        await self.came(store)
        again = await store.readmit("w2", arrival("w2", "h1", ring("d9")))
        assert again == Accepted("w1", True)
        assert await store.webhook("w2") is None and await store.look("k", "d9") is None

    async def test_what_it_caused(self, store: Store) -> None:
        ids = await minted(store, mint(), replace(mint("bob"), txn="other"), mint("eve"))
        assert [row.id for row in await store.caused("txn")] == [ids[0], ids[2]]
        assert [row.id for row in await store.caused("txn", limit=1)] == ids[:1]
        assert await store.caused("") == []


class TestAuditAndMarks:
    async def test_the_log_is_searched(self, store: Store) -> None:
        told = [("root", "guard.release", "kolide"), ("ada", "guard", "x"), ("root", "guards.x", "KoLIDE/1")]
        for at, (who, what, target) in enumerate(told):
            await store.record(AuditEntry(float(at), who, what, target))

        async def found(**wanted: Any) -> list[float]:
            return [entry.at for entry in await store.audit(**wanted)]

        assert await found() == [2, 1, 0]
        assert await found(since=1.0) == [2, 1]
        assert await found(who="root") == [2, 0]
        assert await found(what="guard") == [1, 0]
        assert await found(what="guard.release") == [0]
        assert await found(target="kolide") == [2, 0]
        assert await found(target="_") == []
        assert await found(limit=1) == [2]

    async def test_a_mark_changes_from_what_it_was(self, store: Store) -> None:
        entry = AuditEntry(1.0, "serve", "configuration", "x")
        assert await store.mark("m") is None
        assert not await store.put_mark("m", "b", was="a", entries=[entry])
        assert await store.put_mark("m", "a", was=None)
        assert not await store.put_mark("m", "c", was=None, entries=[entry])
        assert await store.audit() == []
        assert await store.put_mark("m", "b", was="a", entries=[entry])
        assert await store.mark("m") == "b" and await store.audit() == [entry]


class TestErasure:
    async def known(self, store: Store) -> list[int]:
        await store.commit([Unit(devices=(device("d1", login="ann"), device("d2", login="bob")))])
        await store.ring([ring("d1"), ring("d2")])
        return await minted(
            store, mint("ann", "o"), mint("bob", "o"), mint("ann", "o", status="compliant", previous="not-compliant")
        )

    async def test_subjects_are_listed_once(self, store: Store) -> None:
        await self.known(store)
        await minted(store, mint("ann", "o", stream="r"))
        assert await store.subjects() == [("r", "ann"), ("s", "ann"), ("s", "bob")]
        assert await store.subjects(after=("r", "ann"), limit=1) == [("s", "ann")]

    async def test_a_person_goes_and_others_stay(self, store: Store) -> None:
        ids = await self.known(store)
        await store.settle([Settlement(ids[0], "delivered", 20.0, "202"), Settlement(ids[2], "delivered", 21.0, "202")])
        erased = await store.erase(Erase((("k", "d1"),), (("s", "ann"),)), 30.0)
        assert (erased.hindrances, erased.devices, erased.looks, erased.ledger, erased.deliveries) == ((), 1, 1, 1, 2)
        assert await store.subjects() == [("s", "bob")]
        assert [one.device_id for one in await store.devices()] == ["d2"]
        assert await store.look("k", "d1") is None and await store.look("k", "d2") is not None
        again = await store.erase(Erase((("k", "d1"),), (("s", "ann"),)), 30.0)
        assert (again.devices, again.ledger, again.deliveries) == (0, 0, 0)

    async def test_what_hinders_changes_nothing(self, store: Store) -> None:
        ids = await self.known(store)
        what = Erase((("k", "d1"),), (("s", "ann"),))
        refused = await store.erase(what, 30.0)
        assert refused.hindrances == (Hindrance("pending", "s", ids[0]), Hindrance("pending", "s", ids[2]))
        await store.lease_deliveries({"s": 1}, 30.0, 40.0)
        await store.lease_looks("k", 9, 30.0, 40.0)
        refused = await store.erase(replace(what, abandon=True), 35.0)
        assert refused.hindrances == (Hindrance("looking", device=("k", "d1")), Hindrance("sending", "s", ids[0]))
        assert len(await states(store)) == 3 and len(await store.devices()) == 2

    async def test_a_device_that_became_somebody_elses_is_not_theirs_to_remove(self, store: Store) -> None:
        await self.known(store)
        what = Erase((("k", "d1"), ("k", "d2")), (), addresses=frozenset({"ann", "ann@old.example"}))
        refused = await store.erase(what, 30.0)
        assert refused.hindrances == (Hindrance("another", device=("k", "d2")),)
        assert len(await store.devices()) == 2
        assert (await store.erase(replace(what, addresses=frozenset({"ann", "bob"})), 30.0)).devices == 2

    async def test_who_was_told_not_compliant(self, store: Store) -> None:
        (told,) = await minted(store, mint("ann", "o"))
        await store.settle([Settlement(told, "delivered", 20.0, "202")])
        what = Erase((), (("s", "ann"),))
        assert (await store.erase(what, 30.0)).hindrances == (Hindrance("told", "s"),)
        assert (await store.erase(replace(what, undone=frozenset({"s"})), 30.0)).ledger == 1

    async def test_what_is_abandoned_lets_the_next_in_line_go(self, store: Store) -> None:
        ids = await self.known(store)
        erased = await store.erase(Erase((), (("s", "ann"),), abandon=True), 30.0)
        assert erased.deliveries == 2
        assert [row.id for row in await store.lease_deliveries({"s": 9}, 30.0, 40.0)] == [ids[1]]

    async def test_a_decision_under_way_finds_its_rows_changed(self, store: Store) -> None:
        await store.commit([Unit(devices=(device("d1", login="ann"),))])
        (before,) = await store.devices()
        await store.erase(Erase((before.key,), ()), 30.0)
        assert len(await store.commit([Unit(devices=(before,))])) == 1
        assert await store.commit([Unit(devices=(replace(before, version=0),))]) == []

    async def test_payloads_go_and_misfits_altogether(self, store: Store) -> None:
        await store.accept(arrival("w1", "h1"))
        await store.quarantine(MISFIT, [])
        assert await store.empty(["w1", "w2", "w3"]) == 2
        assert await store.empty(["w1"]) == 0 and await store.empty([]) == 0
        kept = await store.webhook("w1")
        assert kept is not None and kept.body is None and kept.headers == {}
        assert await store.webhook("w2") is None
