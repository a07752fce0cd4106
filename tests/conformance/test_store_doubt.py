"""A SET that dies while its receiver may have it: what nobody can know must not lock anybody out for good."""

from __future__ import annotations

import pytest

from bridge.store.protocol import Store
from bridge.store.records import Settlement
from tests.store.given import ledger, mint, minted, states


async def fail_and_recover(store: Store) -> None:
    """Two pending SETs of Ann's device: not compliant, and compliant again."""
    await minted(store, mint("ann|d1", "d1"))
    await store.lease_deliveries({"s": 1}, 50, 60)
    await store.settle([Settlement(1, "pending", 55.0, "timeout", attempts=1, maybe_received=True)])
    await minted(store, mint("ann|d1", "d1", status="compliant", previous="not-compliant"))


@pytest.mark.parametrize("how", ["dies", "is dropped"])
async def test_what_follows_it_is_still_sent(store: Store, how: str) -> None:
    await fail_and_recover(store)
    if how == "dies":
        await store.settle([Settlement(1, "dead", 60.0, "timeout", faults=3, faulted_at=1.0, maybe_received=True)])
    else:
        assert await store.drop(1, 60.0, "not wanted") == ""
    assert await states(store) == {1: "dead", 2: "pending"}
    assert [row.id for row in await store.lease_deliveries({"s": 1}, 60, 70)] == [2]
    row = await ledger(store)
    assert (row.told, row.given_up) == ("compliant", None)


async def test_it_counts_as_told(store: Store) -> None:
    """So that a recovery is told, whether or not the receiver knew that there was something to recover from."""
    await minted(store, mint("ann|d1", "d1"))
    await store.settle([Settlement(1, "dead", 60.0, "timeout", maybe_received=True)])
    row = await ledger(store)
    assert (row.told, row.given_up) == ("not-compliant", None)
    assert await store.revive(1, 70.0) == ""
    assert await states(store) == {1: "pending"}


async def test_a_refusal_is_no_doubt(store: Store) -> None:
    await fail_and_recover(store)
    await store.settle([Settlement(1, "dead", 60.0, "invalid_request", faults=9, faulted_at=1.0)])
    assert await states(store) == {1: "dead", 2: "superseded"}
    row = await ledger(store)
    assert (row.told, row.given_up) == ("compliant", None)


async def test_a_lease_that_ran_out_is_a_doubt(store: Store) -> None:
    await minted(store, mint("ann|d1", "d1"))
    await store.lease_deliveries({"s": 1}, 50, 60)
    assert await store.drop(1, 61.0, "not wanted") == ""
    assert (await ledger(store)).told == "not-compliant"
