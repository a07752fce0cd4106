"""Streams: each sentence of `Streams`, and what `Outbox` says of SETs about a stream, on every store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bridge.model import Subscription
from bridge.store import open_store
from bridge.store.marks import StreamMark, stream_mark
from bridge.store.protocol import Store
from bridge.store.records import AuditEntry, NewDelivery, Rank, Settlement, StreamRow, Unit
from tests.store.given import FakeClock, ledger, mint, minted, states, url

POLL = Subscription("urn:ietf:rfc:8936", events_requested=("a", "b"), description="é", since=3.0)
ROW = StreamRow("s", "siem-1", "https://a.example", 10.0, client="siem", active_at=10.0, subscription=POLL)


def framed(stream: str, rank: Rank, order: str = "", at: float = 5.0, **more: object) -> NewDelivery:
    subject = "verification" if rank == Rank.VERIFICATION else "framework-update"
    new = replace(mint(subject, order or subject, stream=stream), rank=rank, created_at=at)
    return replace(new, **more)


async def put(store: Store, *news: NewDelivery) -> list[int]:
    """Commits SETs that no ledger tells of; their ids."""
    await store.commit([Unit(sets=news)])
    return [(await store.deliveries(jti=one.jti))[0].id for one in news]


async def lease(store: Store, reach: Rank = Rank.EVENT, now: float = 50.0, probes: tuple[str, ...] = ()) -> list[int]:
    found = await store.lease_deliveries({"s": 9}, now, now + 10, probes, {"s": reach})
    return [row.id for row in found]


class TestMade:
    async def test_it_comes_back_as_it_was_made(self, store: Store) -> None:
        whole = replace(POLL, endpoint_url="https://r.example", sealed_header="x", verified=False, by="service")
        assert await store.make_stream(replace(ROW, subscription=whole), 1)
        assert await store.streams() == [replace(ROW, subscription=whole)] == [await store.stream("s")]

    async def test_a_client_has_so_many_and_no_more(self, store: Store) -> None:
        for n, expected in ((1, True), (2, True), (3, False)):
            assert await store.make_stream(replace(ROW, id=f"s{n}"), 2) is expected
        assert await store.make_stream(replace(ROW, id="other", client="other"), 1)
        assert await store.change_subscription("s1", 0, replace(POLL, deleted_at=5.0))
        assert await store.make_stream(replace(ROW, id="s3"), 2)
        assert {row.id for row in await store.streams()} == {"s1", "s2", "s3", "other"}

    async def test_a_change_names_the_version_that_was_read(self, store: Store) -> None:
        await store.make_stream(ROW, 9)
        assert not await store.change_subscription("s", 1, POLL)
        assert not await store.change_subscription("nobody", 0, POLL)
        assert await store.change_subscription("s", 0, replace(POLL, description="b", version=77))
        assert not await store.change_subscription("s", 0, replace(POLL, description="c"))
        row = await store.stream("s")
        assert row is not None and row.subscription == replace(POLL, description="b", version=1)
        assert row.announced == "enabled"

    async def test_what_the_audit_log_tells_is_written_with_the_change_or_not_at_all(self, store: Store) -> None:
        made, changed, not_done = (AuditEntry(1.0, "client c", what, "s", "", "", "") for what in ("a", "b", "c"))
        assert await store.make_stream(ROW, 1, [made])
        assert not await store.make_stream(replace(ROW, id="t"), 1, [not_done])
        assert await store.change_subscription("s", 0, POLL, None, [changed])
        assert not await store.change_subscription("s", 0, POLL, "paused", [not_done])
        assert await store.change_subscription("s", 1, POLL, "paused", entries=[changed, changed])
        assert await store.audit() == [changed, changed, changed, made]

    async def test_a_change_may_say_what_the_receiver_knows(self, store: Store) -> None:
        await store.make_stream(ROW, 9)
        assert await store.change_subscription("s", 0, replace(POLL, status="paused"), announced="paused")
        row = await store.stream("s")
        assert row is not None and (row.announced, row.subscription and row.subscription.status) == ("paused", "paused")

    async def test_a_stream_of_the_configuration_has_no_subscription_to_change(self, store: Store) -> None:
        await store.put_stream(StreamRow("s", "okta", "https://a.example", 1.0))
        assert not await store.change_subscription("s", 0, POLL)

    @pytest.mark.parametrize("call", ["put_stream", "update_stream"])
    async def test_what_others_write_stays(self, store: Store, call: str) -> None:
        await store.make_stream(ROW, 9)
        await store.pause("s", "window")
        await store.announce("s", "enabled", "paused")
        await store.note_activity({"s": 99.0})
        strange = replace(ROW, failures=3, last_code="503", client="thief", active_at=None, subscription=None)
        await getattr(store, call)(strange)
        expected = replace(ROW, failures=3, last_code="503", paused="window", announced="paused", active_at=99.0)
        assert await store.stream("s") == expected

    async def test_activity_of_several_and_of_nobody(self, store: Store) -> None:
        await store.make_stream(ROW, 9)
        await store.make_stream(replace(ROW, id="t"), 9)
        await store.note_activity({})
        await store.note_activity({"s": 20.0, "t": 30.0, "gone": 40.0})
        assert {row.id: row.active_at for row in await store.streams()} == {"s": 20.0, "t": 30.0}


class TestAnnounced:
    async def test_the_word_and_its_set_are_one(self, store: Store) -> None:
        await store.make_stream(ROW, 9)
        new = framed("s", Rank.UPDATE)
        assert await store.announce("s", "enabled", "paused", [new])
        (row,) = await store.deliveries(stream_id="s")
        assert (row.jti, row.rank, row.state) == (new.jti, Rank.UPDATE, "pending")
        assert await lease(store) == [row.id]

    async def test_only_once(self, store: Store) -> None:
        await store.make_stream(ROW, 9)
        assert await store.announce("s", "enabled", "paused", [framed("s", Rank.UPDATE)])
        assert not await store.announce("s", "enabled", "paused", [framed("s", Rank.UPDATE)])
        assert not await store.announce("gone", "enabled", "paused", [framed("gone", Rank.UPDATE)])
        assert len(await store.deliveries()) == 1


class TestRanks:
    async def test_the_lower_rank_goes_first_whatever_is_older(self, store: Store) -> None:
        event, ver, upd = await put(store, mint("e", "e"), framed("s", Rank.VERIFICATION), framed("s", Rank.UPDATE))
        assert await lease(store) == [upd, ver, event]

    @pytest.mark.parametrize("probes", [(), ("s",)])
    async def test_no_later_rank_than_the_reach(self, store: Store, probes: tuple[str, ...]) -> None:
        _, ver = await put(store, mint("e", "e"), framed("s", Rank.VERIFICATION))
        assert await lease(store, Rank.UPDATE, probes=probes) == []
        assert await lease(store, Rank.VERIFICATION, probes=probes) == [ver]

    async def test_a_dead_one_takes_no_other_with_it_and_touches_no_ledger(self, store: Store) -> None:
        one, other = await put(store, framed("s", Rank.VERIFICATION, "a"), framed("s", Rank.VERIFICATION, "b"))
        await store.settle([Settlement(one, "dead", 60.0, "invalid_state", "no")])
        assert await states(store) == {one: "dead", other: "pending"}
        assert await store.revive(one, 70.0) == "framework"
        assert await states(store) == {one: "dead", other: "pending"}

    async def test_a_disabled_stream_keeps_what_says_so(self, store: Store) -> None:
        handed, ver, upd = await put(
            store, framed("s", Rank.VERIFICATION, "a"), framed("s", Rank.VERIFICATION, "b"), framed("s", Rank.UPDATE)
        )
        await store.lease_deliveries({"s": 1}, 50.0, 60.0, (), {"s": Rank.UPDATE})
        await store.settle([Settlement(upd, "pending", 51.0, "x")])
        await store.lease_deliveries({"s": 2}, 52.0, 62.0)
        assert await store.cancel_stream("s", 55.0, "stream_disabled") == 2
        assert await states(store) == {handed: "superseded", ver: "superseded", upd: "pending"}

    async def test_the_marks_of_a_stream_go_with_it(self, store: Store) -> None:
        kinds: tuple[StreamMark, ...] = ("compare", "aggregate", "entitled")
        for stream in ("s", "cleared", "pruned"):
            await store.make_stream(replace(ROW, id=stream), 9)
            for kind in kinds:
                assert await store.put_mark(stream_mark(kind, stream), "x", was=None)
        assert await store.put_mark("configuration", "x", was=None)
        assert await store.clear_stream("cleared", 60.0, 9) == 0
        await store.prune_stream("pruned")
        for stream, left in (("s", "x"), ("cleared", None), ("pruned", None)):
            assert [await store.mark(stream_mark(kind, stream)) for kind in kinds] == [left] * 3
        assert await store.mark("configuration") == "x"


class TestWhetherAnythingWasWritten:
    async def test_rows_only_if_so(self, store: Store) -> None:
        seen, rows = await store.streams_if_written(None)
        assert rows == [] and await store.streams_if_written(seen) == (seen, None)
        await store.make_stream(ROW, 9)
        seen, rows = await store.streams_if_written(seen)
        assert rows == [ROW] and await store.streams_if_written(seen) == (seen, None)
        await store.pause("s", "freeze")
        seen, rows = await store.streams_if_written(seen)
        assert rows == [replace(ROW, paused="freeze")]
        await store.prune_stream("s")
        assert (await store.streams_if_written(seen))[1] == []

    async def test_by_another_process(self, tmp_path: Path, clock: FakeClock) -> None:
        one = await open_store(url(tmp_path), clock, exclusive=True, create=True)
        other = await open_store(url(tmp_path), clock, exclusive=False)
        seen, _ = await one.streams_if_written(None)
        await other.make_stream(ROW, 9)
        assert (await one.streams_if_written(seen))[1] == [ROW]
        theirs, _ = await other.streams_if_written(None)
        assert (await one.streams_if_written(theirs))[1] == [ROW], "what another store has seen says nothing here"
        await other.close()
        await one.close()


class TestJti:
    async def test_pending_rows_of_this_stream_alone(self, store: Store) -> None:
        mine, done, foreign = mint("a", "a"), mint("b", "b"), mint("c", "c", stream="other")
        ids = await minted(store, mine, done, foreign)
        await store.settle([Settlement(ids[1], "delivered", 60.0, "202")])
        found = await store.by_jti("s", [mine.jti, done.jti, foreign.jti, "unknown"])
        assert [row.jti for row in found] == [mine.jti]
        assert await store.by_jti("s", []) == []

    async def test_many_at_once(self, store: Store) -> None:
        await minted(store, one := mint())
        assert len(await store.by_jti("s", [*(f"x{n}" for n in range(5000)), one.jti])) == 1


class TestTooOldOrTooMany:
    async def test_only_what_is_about_the_stream_and_older(self, store: Store) -> None:
        old, fresh, upd, event = await put(
            store, framed("s", Rank.VERIFICATION, "a", at=10.0), framed("s", Rank.VERIFICATION, "b", at=20.0),
            framed("t", Rank.UPDATE, at=10.0), replace(mint("e", "e"), created_at=10.0),
        )  # fmt: skip
        assert await store.expire_framework(20.0, 99.0) == 2
        assert await states(store) == {old: "superseded", fresh: "pending", upd: "superseded", event: "pending"}
        row = await store.delivery(old)
        assert row is not None and (row.settled_at, row.last_code, row.last_words) == (99.0, "superseded", "expired")

    async def test_what_stood_behind_it_comes_first_then(self, store: Store) -> None:
        _, second = await put(store, framed("s", Rank.UPDATE, at=10.0), framed("s", Rank.UPDATE, at=30.0))
        await store.expire_framework(20.0, 99.0)
        assert await lease(store) == [second]

    async def test_the_oldest_of_too_many_go(self, store: Store) -> None:
        ids = await put(store, *(framed("s", Rank.VERIFICATION, f"v{n}") for n in range(4)))
        (upd, foreign) = await put(store, framed("s", Rank.UPDATE), framed("t", Rank.VERIFICATION))
        assert await store.bound_verifications("s", 9, 99.0) == 0
        assert await store.bound_verifications("s", 3, 99.0) == 1
        assert await store.bound_verifications("s", 1, 99.0) == 2
        left = [id_ for id_, state in (await states(store)).items() if state == "pending"]
        assert sorted(left) == [ids[3], upd, foreign]


class TestCleared:
    async def test_in_steps_to_the_end(self, store: Store) -> None:
        await store.make_stream(ROW, 9)
        await store.make_stream(replace(ROW, id="other"), 9)
        open_ = await minted(store, *(mint(f"u{n}", "o") for n in range(5)))
        (dead,) = await minted(store, mint("dead", "dead"))
        await store.settle([Settlement(dead, "dead", 60.0, "400")])
        await minted(store, mint("theirs", "theirs", stream="other"))
        assert [await store.clear_stream("s", 99.0, 2) for _ in range(4)] == [2, 2, 1, 1]
        found = await states(store)
        assert {found[id_] for id_ in (*open_, dead)} == {"superseded"}
        assert await lease(store) == []
        steps = [await store.clear_stream("s", 99.0, 4) for _ in range(3)]
        assert steps == [4, 2, 0]
        assert [row.id for row in await store.streams()] == ["other"]
        assert (await ledger(store, "theirs", "other")).told == "not-compliant"
        assert await store.clear_stream("s", 99.0, 4) == 0
