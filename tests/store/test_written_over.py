"""A copy that is put over a database in its place, or restored into it, while a store has it open."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.errors import StoreProblem
from bridge.store import open_store
from bridge.store.protocol import Store
from tests.store.given import FakeClock, arrival, ring, url

ROOT = Path(__file__).parents[2]


async def opened(folder: Path, *, exclusive: bool = True) -> Store:
    return await open_store(url(folder), FakeClock(), exclusive=exclusive, create=True)


def backup(folder: Path, to: str = "copy.db") -> Path:
    """As docs/operating.md has it."""
    source, copy = sqlite3.connect(folder / "bridge.db"), sqlite3.connect(folder / to)
    source.backup(copy)
    source.close()
    copy.close()
    return folder / to


def checkpoint(folder: Path, how: str = "PASSIVE") -> None:
    """By another process than the store's; what it closes takes no locks of ours with it."""
    code = (
        "import sqlite3, sys; conn = sqlite3.connect(sys.argv[1]); "
        "print(conn.execute(f'PRAGMA wal_checkpoint({sys.argv[2]})').fetchone())"
    )
    subprocess.run([sys.executable, "-c", code, str(folder / "bridge.db"), how], check=True, stdout=subprocess.DEVNULL)


def in_another_process(code: str, folder: Path) -> str:
    """In this one SQLite still has the files of before."""
    program = (
        "import asyncio; from bridge.clock import SystemClock; from bridge.store import open_store\n"
        "async def main():\n"
        f"    store = await open_store({url(folder)!r}, SystemClock(), exclusive=True)\n"
        f"    {code}\n"
        "    await store.close()\n"
        "asyncio.run(main())"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout


async def filled(store: Store, first: int, count: int) -> None:
    for number in range(first, first + count):
        await store.accept(arrival(f"w{number}", f"h{number}", ring(f"d{number}")))


@pytest.mark.parametrize("how", ["cp", "the same length", "in pieces"])
async def test_a_copy_over_the_open_file_is_noticed_and_kept_whole(tmp_path: Path, how: str) -> None:
    store = await opened(tmp_path)
    await filled(store, 0, 5)
    copy = backup(tmp_path)
    await filled(store, 5, 20)
    before = copy.read_bytes()
    if how == "the same length":
        os.truncate(copy, (tmp_path / "bridge.db").stat().st_size)
        before = copy.read_bytes()
    with (tmp_path / "bridge.db").open("r+b") as file:
        if how == "cp":
            file.truncate(0)
        for piece in [before[:4096], before[4096:]] if how == "in pieces" else [before]:
            file.write(piece)
            file.flush()
    for call in (store.ping, store.streams, store.counts, lambda: store.accept(arrival("new"))):
        with pytest.raises(StoreProblem, match="was written over while it was in use"):
            await call()
    with pytest.raises(StoreProblem, match="-wal and -shm"):
        await opened(tmp_path, exclusive=False)
    await store.close()
    assert (tmp_path / "bridge.db").read_bytes() == before, "the log of before was not written into the copy"
    with pytest.raises(StoreProblem, match="was written over"):
        await opened(tmp_path)


async def test_after_what_the_message_says_it_goes_on(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await filled(store, 0, 5)
    copy = backup(tmp_path)
    await filled(store, 5, 20)
    shutil.copyfile(copy, tmp_path / "bridge.db")
    with pytest.raises(StoreProblem):
        await store.ping()
    await store.close()
    for end in ("-wal", "-shm"):
        (tmp_path / f"bridge.db{end}").unlink()
    shutil.copyfile(copy, tmp_path / "bridge.db")
    counted = in_another_process("print((await store.counts())['webhooks'])", tmp_path)
    assert counted == "5\n"
    assert not list(tmp_path.glob("*.written-over"))


@pytest.mark.parametrize("how", ["PASSIVE", "FULL", "RESTART", "TRUNCATE"])
async def test_checkpoints_of_whoever_are_no_reason(tmp_path: Path, how: str) -> None:
    store = await opened(tmp_path)
    for turn in range(4):
        await filled(store, turn * 10, 10)
        checkpoint(tmp_path, how)
        await store.ping()
        await store.streams()
    other = await opened(tmp_path, exclusive=False)
    await other.accept(arrival("other"))
    await other.close()
    await store.ping()
    assert (await store.counts())["webhooks"] == 41
    await store.close()


async def test_its_own_checkpoints_are_no_reason_and_a_copy_after_one_is(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    size = (tmp_path / "bridge.db").stat().st_size
    for turn in range(120):
        await store.accept(arrival(f"t{turn}", f"t{turn}", *(ring(f"d{turn}-{n}", txn="x" * 4000) for n in range(60))))
        if (tmp_path / "bridge.db").stat().st_size > size:
            break
    assert (tmp_path / "bridge.db").stat().st_size > size, "no checkpoint ran"
    await store.ping()
    shutil.copyfile(backup(tmp_path), tmp_path / "bridge.db")
    with pytest.raises(StoreProblem, match="was written over"):
        await store.ping()
    await store.close()


async def test_a_copy_that_sqlite_restores_is_noticed(tmp_path: Path) -> None:
    """`.restore` of the sqlite3 shell: a proper transaction, and yet another database."""
    store = await opened(tmp_path)
    await filled(store, 0, 5)
    copy = backup(tmp_path)
    await filled(store, 5, 5)
    await store.streams()
    source, target = sqlite3.connect(copy), sqlite3.connect(tmp_path / "bridge.db")
    source.backup(target)
    source.close()
    target.close()
    for call in (store.ping, store.streams, lambda: store.accept(arrival("new"))):
        with pytest.raises(StoreProblem, match="a copy restored into it"):
            await call()
    await store.close()
    again = await opened(tmp_path)
    assert (await again.counts())["webhooks"] == 5
    await again.close()


async def test_the_index_of_the_log_must_stay_too(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await filled(store, 0, 2)
    (tmp_path / "bridge.db-shm").unlink()
    with pytest.raises(StoreProblem, match="removed or replaced"):
        await store.ping()
    await store.close()
