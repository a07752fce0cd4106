"""The commit queue: sharing, patience, faults that stay with their own row."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event

from bridge.errors import BridgeError, StoreProblem, Unavailable
from bridge.store.sql.commit_queue import MOST_ROWS, CommitQueue
from bridge.store.sql.engine import sqlite_engine


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    made = sqlite_engine(tmp_path / "q.db")
    with made.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE t (n INTEGER PRIMARY KEY CHECK (n >= 0))")
    yield made
    made.dispose()


@pytest.fixture
async def queue(engine: Engine) -> AsyncIterator[CommitQueue]:
    made = CommitQueue(engine, "test", patience=30)
    yield made
    await made.close()


def insert_many(conn: Connection, items: Sequence[int]) -> list[int]:
    conn.exec_driver_sql("INSERT INTO t VALUES (?)", [(n,) for n in items])
    return [n * 2 for n in items]


def stored(engine: Engine) -> list[int]:
    with engine.connect() as conn:
        return list(conn.exec_driver_sql("SELECT n FROM t ORDER BY n").scalars())


class Gate:
    """A batch function that holds the queue's thread until it is opened."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.reached = threading.Event()
        self.sizes: list[int] = []

    def hold(self, conn: Connection, items: Sequence[int]) -> list[int]:
        self.reached.set()
        assert self.open.wait(10)
        return [0] * len(items)

    def counted(self, conn: Connection, items: Sequence[int]) -> list[int]:
        self.sizes.append(len(items))
        return insert_many(conn, items)

    async def closed(self, queue: CommitQueue) -> asyncio.Task[int]:
        task = asyncio.create_task(queue.submit(self.hold, 0))
        await asyncio.to_thread(self.reached.wait, 10)
        return task


async def test_each_caller_gets_its_own_result(queue: CommitQueue, engine: Engine) -> None:
    assert await asyncio.gather(*(queue.submit(insert_many, n) for n in range(50))) == [n * 2 for n in range(50)]
    assert stored(engine) == list(range(50))


async def test_what_waits_is_one_transaction_of_at_most_256_rows(queue: CommitQueue, engine: Engine) -> None:
    commits: list[int] = []
    event.listen(engine, "commit", lambda conn: commits.append(1))
    gate = Gate()
    holding = await gate.closed(queue)
    waiting = [asyncio.create_task(queue.submit(gate.counted, n)) for n in range(600)]
    await asyncio.sleep(0)
    gate.open.set()
    await asyncio.gather(holding, *waiting)
    assert gate.sizes == [MOST_ROWS, MOST_ROWS, 600 - 2 * MOST_ROWS]
    assert len(commits) == 4


async def test_a_heavy_item_goes_alone(queue: CommitQueue) -> None:
    gate = Gate()
    holding = await gate.closed(queue)
    heavy = asyncio.create_task(queue.submit(gate.counted, 1, rows=1000))
    light = asyncio.create_task(queue.submit(gate.counted, 2))
    await asyncio.sleep(0)
    gate.open.set()
    await asyncio.gather(holding, heavy, light)
    assert gate.sizes == [1, 1]


async def test_a_faulty_item_comes_back_alone(queue: CommitQueue, engine: Engine) -> None:
    gate = Gate()
    holding = await gate.closed(queue)
    waiting = [asyncio.create_task(queue.submit(insert_many, n)) for n in (1, 2, 2, -3, 4)]
    await asyncio.sleep(0)
    gate.open.set()
    results = await asyncio.gather(holding, *waiting, return_exceptions=True)
    assert [r if isinstance(r, int) else type(r) for r in results] == [0, 2, 4, StoreProblem, StoreProblem, 8]
    assert stored(engine) == [1, 2, 4]


async def test_a_function_that_breaks_after_writing_has_written_nothing(queue: CommitQueue, engine: Engine) -> None:
    def broken(conn: Connection, items: Sequence[int]) -> list[int]:
        insert_many(conn, items)
        raise KeyError("private words")

    results = await asyncio.gather(queue.submit(broken, 1), queue.submit(insert_many, 2), return_exceptions=True)
    assert isinstance(results[0], StoreProblem) and "private" not in str(results[0])
    assert results[1] == 4 and stored(engine) == [2]


async def test_who_loses_patience_is_not_written(engine: Engine) -> None:
    queue = CommitQueue(engine, "test", patience=0.1)
    gate = Gate()
    holding = await gate.closed(queue)
    with pytest.raises(Unavailable, match="nothing was written"):
        await queue.submit(insert_many, 1)
    gate.open.set()
    with pytest.raises(Unavailable):
        await holding
    assert await queue.submit(insert_many, 2) == 4
    await queue.close()
    assert stored(engine) == [2]


async def test_who_loses_patience_while_being_written_is_taken_back(engine: Engine) -> None:
    """The batch is rolled back and run again without them; their neighbour is committed once."""
    queue = CommitQueue(engine, "test", patience=0.15)
    gate, slow = Gate(), threading.Event()

    def slowly(conn: Connection, items: Sequence[int]) -> list[int]:
        done = insert_many(conn, items)
        if 1 in items:
            assert slow.wait(10)
        return done

    holding = await gate.closed(queue)
    first = asyncio.create_task(queue.submit(slowly, 1))
    await asyncio.sleep(0.1)
    second = asyncio.create_task(queue.submit(slowly, 2))
    gate.open.set()
    with pytest.raises(Unavailable):
        await first
    slow.set()
    assert await second == 4
    await asyncio.gather(holding, return_exceptions=True)
    await queue.close()
    assert stored(engine) == [2]


async def test_a_caller_that_is_cancelled_while_waiting_is_not_written(queue: CommitQueue, engine: Engine) -> None:
    gate = Gate()
    holding = await gate.closed(queue)
    task = asyncio.create_task(queue.submit(insert_many, 1))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.open.set()
    await holding
    assert await queue.submit(insert_many, 2) == 4
    assert stored(engine) == [2]


async def test_close_finishes_what_waits(queue: CommitQueue, engine: Engine) -> None:
    gate = Gate()
    holding = await gate.closed(queue)
    waiting = asyncio.create_task(queue.submit(insert_many, 1))
    await asyncio.sleep(0)
    closing = asyncio.create_task(queue.close())
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="closed"):
        await queue.submit(insert_many, 2)
    gate.open.set()
    await asyncio.gather(holding, closing)
    assert await waiting == 2 and stored(engine) == [1]


async def test_a_commit_that_fails_fails_all_and_the_next_works(queue: CommitQueue, engine: Engine) -> None:
    async def all_of(*numbers: int) -> list[object]:
        return list(await asyncio.gather(*(queue.submit(insert_many, n) for n in numbers), return_exceptions=True))

    failing = True

    @event.listens_for(engine, "commit")
    def refuse(conn: Connection) -> None:
        if failing:
            raise OSError("the disk went away")

    results = await all_of(1, 2, 3)
    assert all(isinstance(result, BridgeError) for result in results), results
    failing = False
    assert stored(engine) == []
    assert await all_of(1, 2, 3) == [2, 4, 6]


async def test_refusal_at_the_door(engine: Engine) -> None:
    full = True

    def admit() -> None:
        if full:
            raise Unavailable("no room")

    queue = CommitQueue(engine, "test", patience=30, admit=admit)
    with pytest.raises(Unavailable, match="no room"):
        await queue.submit(insert_many, 1)
    full = False
    assert await queue.submit(insert_many, 2) == 4
    await queue.close()
    assert stored(engine) == [2]


async def test_callers_of_two_event_loops(queue: CommitQueue, engine: Engine) -> None:
    def elsewhere() -> int:
        return asyncio.run(queue.submit(insert_many, 1))

    assert list(await asyncio.gather(asyncio.to_thread(elsewhere), queue.submit(insert_many, 2))) == [2, 4]
    assert stored(engine) == [1, 2]
