"""Signing keys, and SETs minted anew: each sentence of `Keys` and `Undelivered`, on every store."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bridge.key import KeyRow
from bridge.model import SignedSET
from bridge.store.protocol import Store
from bridge.store.records import Settlement
from bridge.store.undelivered import Renewal
from tests.store.given import mint, minted

A = KeyRow("a", "RS256", "active", 2.0, 0.0, 2.0, 2.0)
B = KeyRow("b", "RS256", "next", 1.0, 60.0)
GONE = KeyRow("c", "RS256", "retired", 3.0, 1.5, 4.0, 5.0, 6.0, 7.0, 8.0, True)


class TestKeys:
    async def test_they_come_back_as_they_were_given(self, store: Store) -> None:
        assert await store.keys() == []
        assert await store.swap_keys([], [A, GONE, B])
        assert await store.keys() == [B, A, GONE]
        assert await store.swap_keys([GONE, B, A], [replace(A, state="retired")])
        assert [(row.kid, row.state) for row in await store.keys()] == [("a", "retired")]

    @pytest.mark.parametrize("expected", [[], [A], [A, replace(B, publish_for=61.0)], [A, B, GONE]])
    async def test_nothing_changes_where_something_else_is_there(self, store: Store, expected: list[KeyRow]) -> None:
        assert await store.swap_keys([], [A, B])
        assert not await store.swap_keys(expected, [])
        assert await store.keys() == [B, A]

    async def test_one_of_many_wins(self, store: Store) -> None:
        assert await store.swap_keys([], [A])
        tries = [store.swap_keys([A], [A, replace(B, kid=f"b{n}")]) for n in range(20)]
        assert (await asyncio.gather(*tries)).count(True) == 1
        assert len(await store.keys()) == 2


def anew(id_: int, jti: str, to: str = "new", at: float = 70.0) -> Renewal:
    return Renewal(id_, jti, SignedSET(to, 1, "key-2", "f30.e30."), at)


class TestMintedAnew:
    async def test_which_keys_are_named(self, store: Store) -> None:
        await minted(store, *(replace(mint(f"u{n}", f"o{n}"), kid=f"k{n}") for n in range(4)))
        await store.settle([Settlement(1, "dead", 60.0, "x"), Settlement(2, "delivered", 60.0, "x")])
        assert await store.undelivered_kids() == {"k0", "k2", "k3"}
        assert await store.stranded(["k2"]) == [1, 4]
        assert await store.stranded([]) == [1, 3, 4]
        assert await store.stranded(["k0", "k1", "k2", "k3"]) == []

    async def test_one_that_waits_takes_the_place_and_is_due(self, store: Store) -> None:
        first, second = await minted(store, mint("u", "o", jti="one"), mint("u", "o", jti="two", status="compliant"))
        await store.lease_deliveries({"s": 1}, 50, 60)
        await store.settle([Settlement(first, "pending", 55.0, "no", "words", 900.0, 3, 2, 51.0, maybe_received=True)])
        before = await store.delivery(first)
        assert before is not None
        assert await store.renew([anew(first, "one")]) == [""]
        after = await store.delivery(first)
        assert after == replace(
            before, jti="new", kid="key-2", text="f30.e30.", attempts=0, faults=0, faulted_at=None, next_at=70.0
        )
        assert after.maybe_received and after.last_words == "words"
        assert [row.id for row in await store.lease_deliveries({"s": 5}, 70, 80)] == [first]
        assert [row.jti for row in await store.deliveries()] == ["two", "new"]
        assert second > first

    async def test_a_dead_one_stays_dead(self, store: Store) -> None:
        (id_,) = await minted(store, mint(jti="one"))
        await store.settle([Settlement(id_, "dead", 60.0, "refused", attempts=9, faults=9, faulted_at=1.0)])
        before = await store.delivery(id_)
        assert before is not None
        assert await store.renew([anew(id_, "one")]) == [""]
        assert await store.delivery(id_) == replace(before, jti="new", kid="key-2", text="f30.e30.")
        assert await store.revive(id_, 80.0) == ""
        (row,) = await store.lease_deliveries({"s": 1}, 80, 90)
        assert (row.jti, row.text) == ("new", "f30.e30.")

    async def test_why_not(self, store: Store) -> None:
        ids = await minted(store, *(mint(f"u{n}", f"o{n}", jti=f"j{n}") for n in range(4)))
        await store.settle([Settlement(ids[0], "delivered", 60.0, "x")])
        await store.cancel_stream("s", 60.0, "off")
        (held,) = await minted(store, mint("v", "v", jti="held"))
        await store.lease_deliveries({"s": 1}, 60, 75)
        (free,) = await minted(store, mint("w", "w", jti="free"))
        tries = [anew(99, "x"), anew(ids[0], "j0"), anew(ids[1], "j1"), anew(held, "held"), anew(free, "other")]
        assert await store.renew(tries) == ["not_found", "delivered", "superseded", "held", "changed"]
        assert [row.jti for row in await store.deliveries(state="pending")] == ["free", "held"]
        assert await store.renew([anew(held, "held", at=75.0)]) == [""]
        (row,) = await store.lease_deliveries({"s": 1}, 75, 80)
        assert (row.jti, row.maybe_received) == ("new", True)  # who held it may have sent the one before

    async def test_of_two_at_once_one_wins(self, store: Store) -> None:
        (id_,) = await minted(store, mint(jti="one"))
        answers = await asyncio.gather(*(store.renew([anew(id_, "one", f"new-{n}")]) for n in range(5)))
        assert sorted(answers) == [[""], ["changed"], ["changed"], ["changed"], ["changed"]]
        assert await store.renew([]) == []
