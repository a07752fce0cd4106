"""What every store promises: basic, atomic, concurrent. The rest stands beside this file."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bridge.model import Finding, Owner
from bridge.store.protocol import Store
from bridge.store.records import Accepted, AuditEntry, LedgerWrite, Quarantined, StreamRow, Unit
from tests.store.given import arrival, device, mint, minted, ring, told, write

FULL = device(
    "d1", name="Ann's MäcBook", owner=Owner("7", "ann@x.example"), login="ann@x.example", login_reason="",
    status="not-compliant", since=1.5, basis="provisional", failing=("a",), seen_clean=True, looked_at=2.5, gone=True,
    findings=(Finding("a", "failing", 1.0, "c", "t", True, 9.0, ("x", "y"), "high"), Finding("b", "gone", 2.0)),
    pending_owner=Owner(None, None), why="why", reason="told", status_at=3.0, first_seen=0.5, updated_at=4.0,
)  # fmt: skip


class TestBasic:
    async def test_a_repeat_gives_the_first_id_and_writes_nothing(self, store: Store) -> None:
        assert await store.accept(arrival("w1", "h", ring("d1"))) == Accepted("w1", False)
        assert await store.accept(arrival("w2", "h", ring("d2"))) == Accepted("w1", True)
        assert await store.look("k", "d2") is None
        look = await store.look("k", "d1")
        assert look is not None and look.generation == 1
        assert (await store.counts())["webhooks"] == 1

    async def test_without_a_delivery_id_nothing_is_a_repeat(self, store: Store) -> None:
        assert [(await store.accept(arrival(id_))).duplicate for id_ in ("w1", "w2")] == [False, False]

    async def test_quarantine_is_bounded_and_rings(self, store: Store) -> None:
        for n in range(5):
            await store.quarantine(Quarantined(f"q{n}", "k", 1.0, b"\xff", "body: not JSON"), [ring(f"d{n}")], keep=3)
        counts = await store.counts()
        assert (counts["quarantined"], counts["looks"], counts["webhooks"]) == (3, 5, 0)

    async def test_a_device_comes_back_as_it_was_given(self, store: Store) -> None:
        assert await store.commit([Unit(devices=(FULL,))]) == []
        assert await store.device("k", "d1") == replace(FULL, version=1)
        assert await store.device("k", "d2") is None
        assert await store.device("other", "d1") is None

    async def test_devices_are_listed_searched_and_paged(self, store: Store) -> None:
        known = [
            device("b", name="Ünit 100%", status="compliant"),
            device("a", login="ann@x.example", status="not-compliant", owner=Owner("7", None)),
            replace(device("a_c"), connector="j"),
        ]
        await store.commit([Unit(devices=tuple(known))])

        async def ids(**wanted: object) -> list[tuple[str, str]]:
            return [found.key for found in await store.devices(**wanted)]  # type: ignore[arg-type]  # a filter of any kind

        everything = [("j", "a_c"), ("k", "a"), ("k", "b")]
        assert await ids() == everything
        assert await ids(limit=2) == everything[:2]
        assert await ids(after=("j", "a_c")) == everything[1:]
        assert await ids(after=("k", "b")) == []
        assert await ids(connector="j") == everything[:1]
        assert await ids(status="compliant") == [("k", "b")]
        assert await ids(search="ÜNIT") == [("k", "b")]
        assert await ids(search="0%") == [("k", "b")]
        assert await ids(search="a%") == []
        assert await ids(search="a_c") == [("j", "a_c")]
        assert await ids(search="X.EXAMPLE") == [("k", "a")]
        assert await ids(search="'; --") == []
        people = await store.devices_of_people({("k", "7"), ("j", "7")})
        assert {person: [d.key for d in found] for person, found in people.items()} == {
            ("k", "7"): [("k", "a")],
            ("j", "7"): [],
        }
        assert await store.devices_of_people(()) == {}

    async def test_a_scene_has_all_devices_of_the_people_asked_for(self, store: Store) -> None:
        ann = [replace(FULL, device_id=id_, login="ann") for id_ in ("d2", "d1")]
        other = replace(FULL, connector="j", device_id="d9", login="ann")
        await store.commit([Unit(devices=(*ann, other, replace(FULL, device_id="d3", login="bob")))])
        await minted(store, mint())
        scene = await store.scene(["ann", "nobody"], [("s", "ann|d1"), ("s", "no"), ("no", "ann|d1")])
        assert [d.key for d in scene.people["ann"]] == [("j", "d9"), ("k", "d1"), ("k", "d2")]
        assert set(scene.people) == {"ann", "nobody"} and scene.people["nobody"] == ()
        assert set(scene.ledger) == {("s", "ann|d1")}

    async def test_a_large_scene(self, store: Store) -> None:
        await store.commit([Unit(devices=(replace(FULL, login="u7"),))])
        scene = await store.scene([f"u{n}" for n in range(40_000)], [("s", f"x{n}") for n in range(40_000)])
        assert len(scene.people) == 40_000 and len(scene.people["u7"]) == 1 and not scene.ledger

    async def test_ledger_of_a_person_or_a_device(self, store: Store) -> None:
        rows = [
            told(subject="ann|d1"), replace(told(subject="ann"), connector="", device_id=""),
            replace(told(subject="bob|d1"), login="bob"), replace(told(subject="bob|d2"), login="bob", device_id="d2"),
        ]  # fmt: skip
        await store.commit([Unit(ledger=tuple(LedgerWrite(row) for row in rows))])

        async def subjects(login: str | None, of: tuple[str, str] | None) -> list[str]:
            return [row.subject for row in await store.ledger_of(login, of)]

        assert await subjects("ann", None) == ["ann", "ann|d1"]
        assert await subjects(None, ("k", "d1")) == ["ann|d1", "bob|d1"]
        assert await subjects("ann", ("k", "d2")) == ["ann", "ann|d1", "bob|d2"]
        assert await subjects(None, None) == []

    async def test_streams_and_audit(self, store: Store) -> None:
        okta = StreamRow("s1", "okta", "https://a.example", 5.0)
        await store.put_stream(okta)
        await store.put_stream(StreamRow("s0", "older", "https://b.example", 4.0))
        unwell = replace(okta, enabled=False, orphaned=True, failures=3, retry_at=9.0, unwell_since=8.0,
                         last_code="503", last_words="busy", last_delivered_at=7.0)  # fmt: skip
        await store.put_stream(unwell)
        assert await store.streams() == [StreamRow("s0", "older", "https://b.example", 4.0), unwell]
        entries = [AuditEntry(n, "root", "drop", str(n), "why", "before", "after") for n in range(3)]
        for entry in entries:
            await store.record(entry)
        assert await store.audit(limit=2) == [entries[2], entries[1]]

    async def test_counts_and_ping(self, store: Store) -> None:
        await store.commit([Unit(devices=(device("a", status="not-compliant", login="x"), device("b")))])
        await minted(store, mint())
        before = await store.counts()
        await store.ping()
        assert before == await store.counts()
        assert dict(before) == {
            "devices": 2, "not_compliant": 1, "no_owner": 1, "looks": 0, "pending": 1, "dead": 0,
            "webhooks": 0, "quarantined": 0,
        }  # fmt: skip

    async def test_close_twice(self, store: Store) -> None:
        await store.close()
        await store.close()


class TestConcurrent:
    async def test_identical_arrivals_at_once_are_one(self, store: Store) -> None:
        results = await asyncio.gather(*(store.accept(arrival(f"w{n}", "h", ring())) for n in range(100)))
        assert {result.id for result in results} == {results[0].id}
        assert [result.duplicate for result in results].count(False) == 1
        look = await store.look("k", "d1")
        assert look is not None and look.generation == 1

    async def test_a_thousand_arrivals_ring_for_one_device(self, store: Store) -> None:
        results = await asyncio.gather(*(store.accept(arrival(f"w{n}", f"h{n}", ring())) for n in range(1000)))
        assert {result.id for result in results} == {f"w{n}" for n in range(1000)}
        look = await store.look("k", "d1")
        assert look is not None and look.generation == 1000

    async def test_one_of_many_rival_units_wins(self, store: Store) -> None:
        results = await asyncio.gather(
            *(store.commit([Unit((device(name=str(n)),), (write(mint()),))]) for n in range(50))
        )
        assert sum(not clashes for clashes in results) == 1
        assert len(await store.deliveries()) == 1

    async def test_no_head_is_given_twice(self, store: Store) -> None:
        await minted(store, *(mint(subject=f"u{n}", order=f"o{n % 10}") for n in range(30)))
        leased = await asyncio.gather(*(store.lease_deliveries({"s": 3}, 50, 60) for _ in range(10)))
        ids = [row.id for rows in leased for row in rows]
        assert sorted(ids) == list(range(1, 11))

    async def test_no_look_is_given_twice(self, store: Store) -> None:
        await store.ring([ring(f"d{n}") for n in range(40)])
        leased = await asyncio.gather(*(store.lease_looks("k", 7, 50, 60) for _ in range(10)))
        ids = [one.look.device_id for looks in leased for one in looks]
        assert len(ids) == len(set(ids)) == 40

    async def test_readers_see_whole_units(self, store: Store) -> None:
        async def writes() -> None:
            for version in range(30):
                both = (device("a", version, login="u"), device("b", version, login="u"))
                assert await store.commit([Unit(devices=both)]) == []

        async def reads() -> None:
            for _ in range(30):
                versions = {found.version for found in (await store.scene(["u"], [])).people["u"]}
                assert len(versions) <= 1

        await asyncio.gather(writes(), reads(), reads())
