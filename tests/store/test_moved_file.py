"""A database file that is removed or replaced under a running store: nothing is answered that would be lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.errors import StoreProblem
from bridge.store import open_store
from tests.store.given import FakeClock, arrival, url


def removed(folder: Path) -> None:
    for name in ("bridge.db", "bridge.db-wal", "bridge.db-shm"):
        (folder / name).unlink()


def renamed(folder: Path) -> None:
    (folder / "bridge.db").rename(folder / "moved.db")


def replaced(folder: Path) -> None:
    shutil.copy(folder / "bridge.db", folder / "copy.db")
    (folder / "copy.db").rename(folder / "bridge.db")


def without_log(folder: Path) -> None:
    (folder / "bridge.db-wal").unlink()


@pytest.mark.parametrize("loss", [removed, renamed, replaced, without_log])
async def test_nothing_is_kept_in_a_file_that_nobody_will_find(tmp_path: Path, loss: Callable[[Path], None]) -> None:
    store = await open_store(url(tmp_path), FakeClock(), exclusive=True, create=True)
    await store.accept(arrival("1"))
    await store.streams()
    loss(tmp_path)
    for call in (lambda: store.accept(arrival("2")), store.ping, store.streams):
        with pytest.raises(StoreProblem, match="removed or replaced"):
            await call()
    await store.close()


async def test_a_file_that_is_put_back_is_used_again(tmp_path: Path) -> None:
    store = await open_store(url(tmp_path), FakeClock(), exclusive=True, create=True)
    await store.accept(arrival("1"))
    renamed(tmp_path)
    with pytest.raises(StoreProblem):
        await store.accept(arrival("2"))
    (tmp_path / "moved.db").rename(tmp_path / "bridge.db")
    assert not (await store.accept(arrival("2"))).duplicate
    assert (await store.counts())["webhooks"] == 2
    await store.close()
