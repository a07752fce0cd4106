"""Deliveries: each sentence of `Outbox` and `Settlement`, on every store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.model import Status
from bridge.store.protocol import Store
from bridge.store.records import Backlog, LedgerMove, LedgerWrite, NewDelivery, Rank, Settlement, Unit
from tests.store.given import ledger, mint, minted, states, told


async def lease(
    store: Store, most: int = 9, now: float = 50, *, probes: tuple[str, ...] = (), **more: int
) -> list[int]:
    return [row.id for row in await store.lease_deliveries({"s": most} | more, now, now + 10, probes)]


async def settle(store: Store, id_: int, state: str, **more: object) -> None:
    await store.settle([Settlement(id_, state, 60.0, "code", **more)])  # type: ignore[arg-type]  # any member


def flip(n: int, subject: str = "ann|d1", order: str = "d1") -> NewDelivery:
    """SETs of one subject, alternating."""
    if n % 2:
        return mint(subject, order, status="compliant", previous="not-compliant")
    return mint(subject, order)


class TestHeads:
    async def test_the_oldest_of_each_key(self, store: Store) -> None:
        await minted(store, *(mint(f"u{n}", f"o{n % 3}") for n in range(9)), mint("x", "o0", stream="other"))
        assert await lease(store) == [1, 2, 3]
        assert await lease(store) == []
        await settle(store, 2, "delivered")
        assert await lease(store) == [5]
        assert await lease(store, other=5) == [10]

    async def test_limits(self, store: Store) -> None:
        await minted(store, *(mint(f"u{n}", f"o{n}") for n in range(5)))
        assert await lease(store, 0) == []
        assert await lease(store, 2) == [1, 2]
        assert await store.lease_deliveries({"nobody": 5}, 50, 60) == []

    async def test_what_is_leased_is_given_whole(self, store: Store) -> None:
        new = replace(mint(), rung_at=4.5, text="a.b.c")
        await minted(store, new)
        (row,) = await store.lease_deliveries({"s": 1}, 50, 60)
        assert row == await store.delivery(1)
        assert (row.jti, row.text, row.order, row.subject, row.kid, row.txn) == (
            new.jti, "a.b.c", "d1", "ann|d1", "kid", "txn",
        )  # fmt: skip
        assert (row.state, row.leased_until, row.rung_at, row.created_at) == ("pending", 60, 4.5, 5.0)
        assert row.maybe_received is False

    async def test_a_row_made_before_the_clock_was_set_back_is_due(self, store: Store) -> None:
        await minted(store, replace(mint("a", "oa"), created_at=999.0), replace(mint("b", "ob"), created_at=999.0))
        assert await lease(store) == [1, 2]
        await settle(store, 1, "pending", next_at=1010.0, attempts=1, faults=1, faulted_at=1000.0)
        await settle(store, 2, "pending", next_at=1000.0, attempts=1)
        assert await lease(store) == [2]

    async def test_a_head_in_backoff_blocks_its_key(self, store: Store) -> None:
        await minted(store, flip(0), flip(1))
        await lease(store)
        await settle(store, 1, "pending", next_at=100.0, attempts=1, faults=1, faulted_at=60.0, words="no")
        assert await lease(store, now=99) == []
        row = await store.delivery(1)
        assert row is not None
        assert (row.attempts, row.faults, row.faulted_at, row.next_at, row.last_code, row.last_words) == (
            1, 1, 60.0, 100.0, "code", "no",
        )  # fmt: skip
        assert row.leased_until is None and row.settled_at is None
        assert await lease(store, now=100) == [1]

    async def test_a_lease_that_ran_out(self, store: Store) -> None:
        await minted(store, mint())
        await lease(store)
        assert await lease(store, now=59) == []
        (row,) = await store.lease_deliveries({"s": 1}, 60, 70)
        assert row.maybe_received  # whoever held it may have sent it

    async def test_maybe_received_is_not_forgotten(self, store: Store) -> None:
        await minted(store, mint())
        for maybe in (True, False):
            await lease(store)
            await settle(store, 1, "pending", maybe_received=maybe)
        row = await store.delivery(1)
        assert row is not None and row.maybe_received

    async def test_a_probe_takes_the_least_tried_head_due_or_not(self, store: Store) -> None:
        await minted(store, *(mint(f"u{n}", f"o{n}") for n in range(4)))
        await lease(store)
        for id_, attempts in ((1, 2), (2, 1), (3, 1)):
            await settle(store, id_, "pending", next_at=900.0, attempts=attempts)
        assert await lease(store, probes=("s",)) == [2]
        assert await lease(store, 0, probes=("s",)) == [3]
        assert await lease(store, probes=("s",)) == [1]
        assert await lease(store, probes=("s", "s", "none")) == []

    async def test_listing(self, store: Store) -> None:
        await minted(store, mint("a", "a"), mint("b", "b"), mint("a", "a", stream="z", jti="known"))
        await settle(store, 2, "delivered")

        async def ids(**wanted: object) -> list[int]:
            return [row.id for row in await store.deliveries(**wanted)]  # type: ignore[arg-type]  # any filter

        assert await ids() == [3, 2, 1]
        assert await ids(before=3, limit=1) == [2]
        assert await ids(stream_id="s") == [2, 1]
        assert await ids(state="pending") == [3, 1]
        assert await ids(subject="a", stream_id="z") == [3]
        assert await ids(jti="known") == [3]
        assert await ids(device=("k", "d1")) == [3, 2, 1] and await ids(device=("k", "d2")) == []
        assert await store.delivery(4) is None

    async def test_backlog(self, store: Store) -> None:
        assert await store.backlog(1) == []
        await minted(store, mint("a", "a"), replace(mint("b", "b"), created_at=2.0), mint("c", "c", stream="done"))
        await settle(store, 3, "delivered")
        assert await store.backlog(1) == [Backlog("s", 2, 0, 2.0)]
        await settle(store, 2, "dead")
        await settle(store, 1, "dead")
        assert await store.backlog(1) == [Backlog("s", 0, 2, None)]

    async def test_release(self, store: Store) -> None:
        await minted(store, mint("a", "a"), mint("b", "b"), mint("c", "c"))
        await lease(store, 2)
        await settle(store, 2, "delivered")
        assert await store.release_leases() == 1
        assert await store.release_leases() == 0
        assert [row.maybe_received for row in await store.lease_deliveries({"s": 9}, 50, 60)] == [True, False]


class TestSettle:
    async def test_delivered_leaves_the_ledger(self, store: Store) -> None:
        await minted(store, mint())
        before = await ledger(store)
        await lease(store)
        await settle(store, 1, "delivered", attempts=2, words="thanks")
        row, after = await store.delivery(1), await ledger(store)
        assert row is not None and (row.state, row.settled_at, row.attempts) == ("delivered", 60.0, 2)
        assert row.leased_until is None
        assert (after.told, after.version, after.given_up) == (before.told, before.version, None)
        assert after.tail is not None and after.tail.state == "delivered" and not after.tail.unsent

    async def test_dead_takes_later_rows_along_and_the_ledger_back(self, store: Store) -> None:
        await minted(store, flip(0), flip(1), flip(2), mint("bob|d1", "d1"))
        await lease(store)
        await settle(store, 1, "dead", attempts=3, faults=3, faulted_at=1.0)
        assert await states(store) == {1: "dead", 2: "superseded", 3: "superseded", 4: "pending"}
        row = await ledger(store)
        assert (row.told, row.given_up, row.version) == ("compliant", "not-compliant", 4)
        assert row.tail is not None and (row.tail.id, row.tail.state) == (1, "dead")
        bob = await ledger(store, "bob|d1")
        assert (bob.told, bob.version) == ("not-compliant", 1)
        assert await lease(store) == [4]
        gone = await store.delivery(2)
        assert gone is not None and gone.settled_at == 60.0 and "1" in gone.last_words

    @pytest.mark.parametrize("end", ["delivered", "dead", "superseded"])
    @pytest.mark.parametrize("then", ["pending", "delivered", "dead"])
    async def test_a_row_that_is_settled_is_left_alone(self, store: Store, end: str, then: str) -> None:
        await minted(store, flip(0))
        if end == "superseded":
            await store.cancel_stream("s", 55, "off")
        else:
            await settle(store, 1, end)
        row, told_before = await store.delivery(1), await ledger(store)
        await settle(store, 1, then, attempts=9, next_at=999.0)
        await settle(store, 77, then)
        assert await store.delivery(1) == row and await ledger(store) == told_before

    async def test_many_in_one_call_in_their_order(self, store: Store) -> None:
        await minted(store, flip(0), flip(1), mint("b", "b"), mint("c", "c"))
        dead, late = Settlement(1, "dead", 60, "x"), Settlement(2, "delivered", 61, "202")
        twice = [Settlement(3, "delivered", 60, "202"), Settlement(3, "dead", 62, "x")]
        await store.settle([dead, late, *twice, Settlement(4, "pending", 60, "503", next_at=80)])
        assert await states(store) == {1: "dead", 2: "superseded", 3: "delivered", 4: "pending"}
        assert (await ledger(store, "b")).told == "not-compliant"

    async def test_a_death_after_the_newest_was_taken_back(self, store: Store) -> None:
        await minted(store, flip(0), flip(1))
        await lease(store)
        back = replace(await ledger(store), told="not-compliant")
        await store.commit([Unit(ledger=(LedgerWrite(back, None, 2, "cancelled out"),))])
        await settle(store, 1, "dead")
        row = await ledger(store)
        assert (row.told, row.given_up, row.tail and row.tail.id) == ("compliant", "not-compliant", 1)

    async def test_a_death_whose_ledger_row_was_renamed_away(self, store: Store) -> None:
        await minted(store, mint())
        new = LedgerWrite(told("not-compliant", subject="anna|d1"))
        await store.commit([Unit(moves=(LedgerMove("s", "ann|d1", 1),), ledger=(new,))])
        await settle(store, 1, "dead")
        assert (await ledger(store, "anna|d1")).version == 1
        assert await store.revive(1, 70) == "overtaken"


class TestByHand:
    async def test_revive_the_dead(self, store: Store) -> None:
        await minted(store, flip(0), mint("bob", "d1"))
        await settle(store, 1, "dead", attempts=5, faults=3, faulted_at=3.0)
        assert await store.revive(1, 70.0) == ""
        row, told_now = await store.delivery(1), await ledger(store)
        assert row is not None
        assert (row.state, row.attempts, row.faults, row.faulted_at, row.next_at, row.settled_at) == (
            "pending", 0, 0, None, 70.0, None,
        )  # fmt: skip
        assert (told_now.told, told_now.given_up, told_now.version) == ("not-compliant", None, 3)
        assert await lease(store, now=70) == [1]

    async def test_revive_makes_a_pending_row_due(self, store: Store) -> None:
        await minted(store, mint())
        await settle(store, 1, "pending", next_at=900.0, attempts=4)
        assert await store.revive(1, 70.0) == ""
        (row,) = await store.lease_deliveries({"s": 1}, 70, 80)
        assert row.attempts == 4 and (await ledger(store)).version == 1

    async def test_what_revive_leaves_alone(self, store: Store) -> None:
        await minted(store, flip(0), flip(1), mint("b", "b"))
        await settle(store, 3, "delivered")
        await settle(store, 1, "dead")
        assert [await store.revive(id_, 70) for id_ in (2, 3, 9)] == ["superseded", "delivered", "not_found"]
        await minted(store, flip(0))
        before = await states(store)
        assert await store.revive(1, 70) == "overtaken"
        assert await states(store) == before

    @pytest.mark.parametrize("status", ["not-compliant", "compliant"])
    async def test_what_is_no_longer_so_is_not_revived(self, store: Store, status: Status) -> None:
        """A comparison found the opposite since: nobody is locked out, or let in, by yesterday's SET."""
        previous: Status = "compliant" if status == "not-compliant" else "not-compliant"
        await minted(store, mint(status=status, previous=previous))
        await settle(store, 1, "dead")
        died = await ledger(store)
        assert (died.told, died.given_up) == (previous, status)
        assert await store.commit([Unit(ledger=(LedgerWrite(replace(died, given_up=None)),))]) == []
        assert await store.revive(1, 70.0) == "overtaken"
        assert await states(store) == {1: "dead"} and (await ledger(store)).told == previous

    async def test_what_was_taken_back_before_it_died_is_not_given_up(self, store: Store) -> None:
        """The next time that it is so is news, and what died is no longer so."""
        await minted(store, flip(0), flip(1))
        await settle(store, 1, "dead")
        told_now = await ledger(store)
        assert (told_now.told, told_now.given_up) == ("compliant", None)
        assert await store.revive(1, 70.0) == "overtaken"

    async def test_a_revived_row_waits_for_the_one_that_is_being_sent(self, store: Store) -> None:
        await minted(store, mint("a", "o"), mint("b", "o"), mint("c", "o"))
        await settle(store, 1, "dead")
        assert await lease(store) == [2]
        assert await store.revive(1, 50) == ""
        assert await lease(store) == []
        await settle(store, 2, "pending")
        assert await lease(store) == [1]
        await settle(store, 1, "delivered")
        assert await lease(store) == [2]

    async def test_drop(self, store: Store) -> None:
        await minted(store, flip(0), flip(1))
        await settle(store, 1, "pending", attempts=2, faults=1, faulted_at=9.0)
        assert await store.drop(1, 70.0, "not wanted") == ""
        row, told_now = await store.delivery(1), await ledger(store)
        assert row is not None
        assert (row.state, row.settled_at, row.last_words, row.attempts) == ("dead", 70.0, "not wanted", 2)
        assert (told_now.told, told_now.given_up) == ("compliant", None)
        assert await states(store) == {1: "dead", 2: "superseded"}

    async def test_what_drop_leaves_alone(self, store: Store) -> None:
        await minted(store, flip(0), flip(1), mint("b", "b"), mint("c", "c"))
        await settle(store, 3, "delivered")
        await settle(store, 1, "dead")
        await lease(store)
        answers = [await store.drop(id_, 55, "w") for id_ in (1, 2, 3, 4, 9)]
        assert answers == ["dead", "superseded", "delivered", "held", "not_found"]
        assert await store.drop(4, 60, "the lease ran out") == ""

    async def test_cancel_stream(self, store: Store) -> None:
        await minted(store, flip(0), flip(1), flip(2), mint("b", "b"), mint("z", "z", stream="other"))
        await settle(store, 1, "delivered")
        assert await store.cancel_stream("s", 70.0, "disabled") == 3
        assert await states(store) == {1: "delivered", 2: "superseded", 3: "superseded", 4: "superseded", 5: "pending"}
        ann, bob = await ledger(store), await ledger(store, "b")
        assert (ann.told, ann.given_up, ann.version) == ("not-compliant", None, 4)
        assert (bob.told, bob.given_up, bob.version) == ("compliant", None, 2)
        row = await store.delivery(3)
        assert row is not None and (row.settled_at, row.last_words, row.leased_until) == (70.0, "disabled", None)
        assert await store.cancel_stream("s", 71.0, "disabled") == 0
        assert await lease(store) == []
        assert (await ledger(store)).version == 4

    async def test_cancel_of_some_subjects_alone(self, store: Store) -> None:
        await minted(store, mint("a", "a"), mint("b", "b"), mint("a", "a", stream="other"))
        assert await store.cancel_stream("s", 70.0, "not_entitled", ["a", "unknown"]) == 1
        assert await states(store) == {1: "superseded", 2: "pending", 3: "pending"}
        assert (await ledger(store, "a")).told == "compliant" != (await ledger(store, "b")).told
        assert await store.cancel_stream("s", 70.0, "not_entitled", []) == 0

    async def test_cancel_stream_keeps_what_the_receiver_may_have(self, store: Store) -> None:
        """Taken back, a SET that was received would leave the receiver believing what nobody told it to unbelieve."""
        await minted(store, flip(0), flip(1), mint("b", "b"))
        await lease(store)
        assert await store.cancel_stream("s", 70.0, "disabled") == 1
        assert await states(store) == {1: "pending", 2: "superseded", 3: "pending"}
        ann = await ledger(store)
        assert (ann.told, ann.given_up) == ("not-compliant", None)
        await store.release_leases()
        assert await store.cancel_stream("s", 71.0, "disabled") == 0
        assert await lease(store) == [1, 3]


class TestPolls:
    async def test_by_jti_finds_what_waits_in_this_stream_alone(self, store: Store) -> None:
        mine, done, theirs = mint("a", "oa"), mint("b", "ob"), mint("c", "oc", stream="other")
        await minted(store, mine, done, theirs)
        await settle(store, 2, "delivered")
        asked = [mine.jti, done.jti, theirs.jti, "unknown", "", *(f"x{n}" for n in range(10_000))]
        assert [row.id for row in await store.by_jti("s", asked)] == [1]
        assert await store.by_jti("s", []) == []

    async def test_has_due_sees_what_could_be_leased_now(self, store: Store) -> None:
        await minted(store, mint("a", "oa"), replace(mint("b", "ob", stream="low"), rank=Rank.UPDATE))
        names = ["s", "low", "none", *(f"n{n}" for n in range(20))]
        for reach, found in ((Rank.EVENT, {"s", "low"}), (Rank.VERIFICATION, {"low"}), (Rank.UPDATE, {"low"})):
            assert await store.has_due(dict.fromkeys(names, reach), 50) == found
            assert await store.has_due(dict.fromkeys(names[:3], reach), 50) == found
        assert await lease(store) == [1]
        assert await store.has_due({"s": Rank.EVENT}, 50) == set()
        assert await store.has_due({"s": Rank.EVENT}, 60) == {"s"}, "the lease has ended"
        await settle(store, 1, "pending", next_at=90.0)
        assert await store.has_due({"s": Rank.EVENT}, 80) == set()
        assert await store.has_due({}, 80) == set()
