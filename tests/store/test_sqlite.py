"""The SQLite file: opening, locking, other processes, and what goes wrong with disks and files."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import Connection

from bridge.errors import StoreProblem, Unavailable
from bridge.store import open_store
from bridge.store.protocol import Store
from bridge.store.records import Accepted, Unit
from bridge.store.sql.store import SqlStore
from tests.store.given import FakeClock, arrival, device, mint, minted, ring, url


async def opened(path: Path, *, exclusive: bool = False, create: bool = True, **more: float) -> Store:
    return await open_store(url(path), FakeClock(), exclusive=exclusive, create=create, **more)  # type: ignore  # any option


def raw(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path / "bridge.db", isolation_level=None, timeout=0.1)


class TestOpen:
    @pytest.mark.parametrize(
        ("bad", "words"),
        [
            ("postgresql://u:hunter2@h/db", "not supported yet"),
            ("postgresql+asyncpg://u:hunter2@h/db", "not supported yet"),
            ("mysql://u:hunter2@h/db", "supported are sqlite:///<file> and memory:"),
            ("sqlite+pysqlite:///x.db", "supported are"),
            ("sqlite://", "needs a file"),
            ("sqlite:///:memory:", "needs a file"),
            ("sqlite:///x.db?mode=ro", "needs a file"),
            ("x.db", "supported are"),
            ("", "supported are"),
            ("://", "supported are"),
        ],
    )
    async def test_other_urls(self, bad: str, words: str) -> None:
        with pytest.raises(StoreProblem, match=words) as caught:
            await open_store(bad, FakeClock(), exclusive=True, create=True)
        assert "hunter2" not in str(caught.value)

    async def test_there_must_be_a_database(self, tmp_path: Path) -> None:
        with pytest.raises(StoreProblem, match="caep-bridge db upgrade"):
            await opened(tmp_path, create=False)
        assert not (tmp_path / "bridge.db").exists()

    @pytest.mark.parametrize("exclusive", [True, False])
    async def test_there_must_be_a_folder(self, tmp_path: Path, exclusive: bool) -> None:
        with pytest.raises(StoreProblem, match="cannot be opened: No such file"):
            await opened(tmp_path / "missing", exclusive=exclusive)

    async def test_an_empty_file_is_filled(self, tmp_path: Path) -> None:
        (tmp_path / "bridge.db").touch()
        with pytest.raises(StoreProblem, match="revision none"):
            await opened(tmp_path, create=False)
        store = await opened(tmp_path)
        assert await store.streams() == []
        await store.close()

    async def test_the_file_is_the_owners_and_synced(self, tmp_path: Path) -> None:
        store = await opened(tmp_path, exclusive=True)
        await store.accept(arrival("w"))
        for name in ("bridge.db", "bridge.db-wal", "bridge.db.lock"):
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600, name
        assert isinstance(store, SqlStore)
        conn = store._writer._engine.connect()
        pragmas = {
            name: conn.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        }
        conn.close()
        assert pragmas == {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 5000, "foreign_keys": 1}
        await store.close()

    @pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" + b"\xff" * 4096])
    async def test_a_file_that_is_no_database(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "bridge.db").write_bytes(content)
        with pytest.raises(StoreProblem, match="not a database|corrupt"):
            await opened(tmp_path, exclusive=True)
        assert (tmp_path / "bridge.db").read_bytes() == content

    async def test_the_database_of_another_program(self, tmp_path: Path) -> None:
        with raw(tmp_path) as conn:
            conn.execute("CREATE TABLE cookies (id)")
        with pytest.raises(StoreProblem, match="another program"):
            await opened(tmp_path)

    async def test_a_failed_open_lets_go_of_the_lock(self, tmp_path: Path) -> None:
        with pytest.raises(StoreProblem):
            await opened(tmp_path, exclusive=True, create=False)
        await (await opened(tmp_path, exclusive=True)).close()


class TestOneServe:
    async def test_a_second_serve_is_refused_and_the_cli_is_not(self, tmp_path: Path) -> None:
        serve = await opened(tmp_path, exclusive=True)
        with pytest.raises(StoreProblem, match="another process already serves"):
            await opened(tmp_path, exclusive=True)
        cli = await opened(tmp_path, create=False)
        await serve.accept(arrival("w1", "h"))
        assert await cli.accept(arrival("w2", "h")) == Accepted("w1", True)
        await minted(cli, mint())
        assert [row.id for row in await serve.lease_deliveries({"s": 1}, 50, 60)] == [1]
        assert (await cli.drop(1, 55, "why"), await serve.drop(1, 61, "why")) == ("held", "")
        row = await cli.delivery(1)
        assert row is not None and row.state == "dead"
        await cli.close()
        await serve.close()
        await (await opened(tmp_path, exclusive=True)).close()

    async def test_one_file_by_two_names_is_one(self, tmp_path: Path) -> None:
        serve = await opened(tmp_path, exclusive=True)
        (tmp_path / "link").mkdir()
        (tmp_path / "link" / "bridge.db").symlink_to(tmp_path / "bridge.db")
        with pytest.raises(StoreProblem, match="another process already serves"):
            await opened(tmp_path / "link", exclusive=True)
        await serve.close()

    async def test_a_closed_store_says_so(self, tmp_path: Path) -> None:
        store = await opened(tmp_path)
        await store.accept(arrival("w"))
        await store.close()
        with pytest.raises(Unavailable, match="closed"):
            await store.accept(arrival("w2"))


class TestTrouble:
    async def test_busy_in_another_process(self, tmp_path: Path) -> None:
        store = await opened(tmp_path, patience=0.2)
        other = raw(tmp_path)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="nothing was written") as caught:
            await store.accept(arrival("w1", "h"))
        assert caught.value.retry_after > 0
        assert await store.streams() == []  # reading goes on
        other.execute("ROLLBACK")
        other.close()
        assert await store.accept(arrival("w2", "h")) == Accepted("w2", False)  # and w1 was truly taken back
        await store.close()

    async def test_no_room_in_the_database(self, tmp_path: Path) -> None:
        """`max_page_count` makes SQLite answer SQLITE_FULL as a full disk does."""
        store = await opened(tmp_path)
        assert isinstance(store, SqlStore)
        await store.accept(arrival("w0", "h0"))
        conn = store._writer._conn
        assert conn is not None and conn.connection.driver_connection is not None

        def limit(conn_: Connection, items: Sequence[int]) -> list[None]:
            conn_.exec_driver_sql(f"PRAGMA max_page_count={items[0]}")
            return [None]

        await store._writer.submit(limit, 1)
        big = [ring(f"d{n}", txn="x" * 20_000) for n in range(20)]
        with pytest.raises(Unavailable, match="full"):
            await store.accept(arrival("w1", "h1", *big))
        assert await store.look("k", "d0") is None and (await store.counts())["webhooks"] == 1
        await store._writer.submit(limit, 1_000_000)
        assert await store.accept(arrival("w1", "h1", *big)) == Accepted("w1", False)
        await store.close()

    async def test_a_disk_that_is_nearly_full(self, tmp_path: Path) -> None:
        store = await opened(tmp_path, min_free=1 << 62)
        with pytest.raises(Unavailable, match="nearly full") as caught:
            await store.accept(arrival("w"))
        assert caught.value.retry_after > 5
        assert (await store.counts())["webhooks"] == 0
        with pytest.raises(Unavailable):
            await store.ping()
        await store.close()

    async def test_damage_is_named(self, tmp_path: Path) -> None:
        store = await opened(tmp_path)
        await store.commit([])
        for n in range(200):
            await store.accept(arrival(f"w{n}", f"h{n}", ring(f"d{n}")))
        await store.close()
        with (tmp_path / "bridge.db").open("r+b") as file:
            file.seek(4096)
            file.write(b"\xde\xad" * 2048 * 30)
        problems = []
        try:
            store = await opened(tmp_path)
        except StoreProblem as problem:
            problems.append(str(problem))
        else:
            for call in (store.accept(arrival("new", "new", ring("d3"))), store.counts(), store.ping()):
                try:
                    await call
                except StoreProblem as problem:
                    problems.append(str(problem))
            await store.close()
        assert problems and all("corrupt" in problem for problem in problems), problems

    async def test_read_only(self, tmp_path: Path) -> None:
        store = await opened(tmp_path)
        assert isinstance(store, SqlStore)

        def lock(conn: Connection, items: Sequence[None]) -> list[None]:
            conn.exec_driver_sql("PRAGMA query_only=1")
            return [None]

        await store._writer.submit(lock, None)
        with pytest.raises(StoreProblem, match="read-only"):
            await store.accept(arrival("w"))
        await store.close()

    async def test_tables_that_are_gone(self, tmp_path: Path) -> None:
        store = await opened(tmp_path)
        with raw(tmp_path) as conn:
            conn.execute("DROP TABLE looks")
        with pytest.raises(StoreProblem, match="caep-bridge db upgrade"):
            await store.accept(arrival("w", "h", ring()))
        assert (await store.streams()) == []
        await store.close()

    async def test_no_message_repeats_what_was_to_be_written(self, tmp_path: Path) -> None:
        store = await opened(tmp_path)
        await store.commit([])
        for bad in (device("d\ud800", login="ann@x.example"), device("d", login="ann@x.example", version=1 << 70)):
            try:
                clashes = await store.commit([Unit(devices=(bad,))])
            except StoreProblem as problem:
                assert "ann@" not in str(problem)
            else:
                assert clashes and "ann@" not in clashes[0].what
        await store.close()


CHILD = """
import asyncio, sys
from bridge.clock import SystemClock
from bridge.store import open_store
from tests.store.given import arrival, ring

async def one(store, n):
    while True:
        n += 8
        done = await store.accept(arrival(f"w{n}", f"h{n}", ring(f"d{n}")))
        print(done.id, flush=True)

async def main():
    store = await open_store(sys.argv[1], SystemClock(), exclusive=True, create=True)
    await asyncio.gather(*(one(store, n) for n in range(8)))

asyncio.run(main())
"""


async def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, url(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip
    assert child.stdout is not None
    said = [child.stdout.readline().strip() for _ in range(400)]
    with pytest.raises(StoreProblem, match="already serves"):
        await opened(tmp_path, exclusive=True)
    child.send_signal(signal.SIGKILL)
    rest = child.stdout.read()
    said += rest.split("\n")[:-1]  # the last line may be half written
    assert child.wait() == -signal.SIGKILL
    child.stdout.close()
    store = await opened(tmp_path, exclusive=True, create=False)
    for id_ in said:
        number = id_.removeprefix("w")
        assert await store.accept(arrival("again", f"h{number}")) == Accepted(id_, True)
        assert await store.look("k", f"d{number}") is not None
    await store.close()
