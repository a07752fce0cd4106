"""Clients of our API as every store remembers them, and assertions that are good for once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from bridge.store import open_store
from bridge.store.oauth import OAuthClient
from bridge.store.protocol import Store
from tests.store.given import FakeClock, url

ROW = OAuthClient("siem", 3, "ab" * 16, ("11", "22"), 1.5)


async def test_a_client_comes_back_as_it_was_given(store: Store) -> None:
    assert await store.oauth_clients() == []
    gone = OAuthClient("gone", 9, "", (), 2.0)
    assert await store.put_oauth_client(ROW) and await store.put_oauth_client(gone)
    assert await store.oauth_clients() == [gone, ROW]


async def test_a_generation_never_goes_back(store: Store) -> None:
    await store.put_oauth_client(ROW)
    assert await store.put_oauth_client(replace(ROW, hashes=("11",)))
    assert await store.put_oauth_client(replace(ROW, generation=4, salt="cd"))
    assert not await store.put_oauth_client(ROW)
    assert await store.oauth_clients() == [replace(ROW, generation=4, salt="cd")]


async def test_an_assertion_is_good_for_once(store: Store) -> None:
    assert await store.spend_assertion("siem", "a", 100.0, 10.0)
    assert not await store.spend_assertion("siem", "a", 100.0, 99.9)
    assert await store.spend_assertion("siem", "b", 100.0, 10.0)
    assert await store.spend_assertion("other", "a", 100.0, 10.0)


async def test_what_is_too_old_anyway_is_forgotten(store: Store) -> None:
    await store.spend_assertion("siem", "a", 100.0, 10.0)
    assert await store.spend_assertion("siem", "a", 200.0, 100.0)
    assert not await store.spend_assertion("siem", "a", 200.0, 100.0)


async def test_of_many_at_once_one_wins(store: Store) -> None:
    tries = [store.spend_assertion("siem", "j" * 200, 100.0, 10.0) for _ in range(20)]
    assert sorted(await asyncio.gather(*tries)) == [False] * 19 + [True]


async def test_what_was_used_stays_used_after_a_restart(tmp_path: Path) -> None:
    first = await open_store(url(tmp_path), FakeClock(), exclusive=True, create=True)
    await first.put_oauth_client(ROW)
    await first.spend_assertion("siem", "a", 100.0, 10.0)
    await first.close()
    second = await open_store(url(tmp_path), FakeClock(), exclusive=True)
    assert await second.oauth_clients() == [ROW]
    assert not await second.spend_assertion("siem", "a", 100.0, 10.0)
    await second.close()
