"""Notices: whole rows by target and key, written and dropped together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bridge.store import open_store
from bridge.store.notices import Notice
from bridge.store.protocol import Store
from tests.store.given import FakeClock, url

WHOLE = Notice(
    "ops", "guard:k", {"kind": "guard", "about": "k", "count": 600, "device": "Ann's MäcBook"}, 1.5, True, True, 3, 2.5,
    "id", '{"a":"é\\u0000"}', 4, 0.5, 0.25, "500",
)  # fmt: skip


async def test_a_notice_comes_back_as_it_was_given(store: Store) -> None:
    assert await store.notices() == []
    await store.put_notices([WHOLE, Notice("chat", "dead:okta")])
    assert await store.notices() == [Notice("chat", "dead:okta"), WHOLE]


async def test_a_row_is_written_over_whole(store: Store) -> None:
    await store.put_notices([WHOLE])
    later = replace(WHOLE, occasion={"kind": "guard"}, message_id="", body="", due_at=None, sent_at=None)
    await store.put_notices([later])
    assert await store.notices() == [later]


async def test_written_and_dropped_together(store: Store) -> None:
    await store.put_notices([WHOLE, Notice("ops", "dead:okta"), Notice("chat", "dead:okta")])
    await store.put_notices([Notice("ops", "drift:k")], gone=[("ops", "dead:okta"), ("ops", "never:was")])
    assert [(row.target, row.key) for row in await store.notices()] == [
        ("chat", "dead:okta"), ("ops", "drift:k"), ("ops", "guard:k"),
    ]  # fmt: skip
    await store.put_notices([])
    assert len(await store.notices()) == 3


async def test_notices_outlive_the_process(tmp_path: Path) -> None:
    first = await open_store(url(tmp_path), FakeClock(), exclusive=True, create=True)
    await first.put_notices([WHOLE])
    await first.close()
    second = await open_store(url(tmp_path), FakeClock(), exclusive=True)
    assert await second.notices() == [WHOLE]
    await second.close()
