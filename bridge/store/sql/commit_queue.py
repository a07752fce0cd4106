"""The commit queue: callers of one event loop or many share transactions (design §2.7).

One thread owns one connection. Each turn it takes what is waiting, up to 256 rows, groups it by batch function, and
runs one transaction. An idle thread is called once for all that one pass of an event loop submits, and does not linger:
what comes alone is committed at once. Under load commits keep a pace (docs/decisions/006): a commit costs as much as
ten rows. A caller is answered after the commit. If a batch function fails, the items are run again one by one, each
behind a savepoint, so that the faulty one comes back alone.

A caller that has waited for `patience` seconds gets `Unavailable` and its item is taken back: it will not be written.
Only an item whose commit is already under way cannot be taken back; its caller waits a further `_LAST_PATIENCE` times
as long, and then gets an `Unavailable` that says that the outcome is not known.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from bridge.errors import BridgeError, StoreProblem, Unavailable
from bridge.store.sql.engine import connect
from bridge.store.sql.faults import meaning, spoils_connection
from bridge.store.sql.place import never_close
from bridge.store.sql.waiting import BatchFunction, Load, Waiting, Watch

MOST_ROWS = 256
BUSY = 1500.0
"""Items a second from which commits keep their pace."""
PACE = 0.010
"""Seconds from one commit's beginning to the next one's, under load."""
_LAST_PATIENCE = 5

Item = TypeVar("Item")
Result = TypeVar("Result")


class _TakenBack(Exception):
    """Somebody lost patience between BEGIN and COMMIT: roll back and run without them."""


class CommitQueue:
    """`admit` is called before each transaction and may raise to refuse it. The thread starts with the first item."""

    def __init__(
        self,
        engine: Engine,
        name: str,
        *,
        patience: float = 2.0,
        admit: Callable[[], None] | None = None,
        pace: float = 0.0,
        spoiled: Callable[[], bool] = lambda: False,
    ) -> None:
        """`spoiled`: whether the file is no longer the one that was opened; then its connection is never closed."""
        self._engine = engine
        self._spoiled = spoiled
        self._patience = patience
        self._admit = admit
        self._pace = pace
        self._pacing = False
        self._load = Load()
        self._conn: Connection | None = None
        self._lock = threading.Condition()
        self._waiting: deque[Waiting] = deque()
        self._calling: asyncio.AbstractEventLoop | None = None
        """The loop that will call the thread once it has run what is ready now."""
        self._watches: dict[asyncio.AbstractEventLoop, Watch] = {}
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    async def submit(
        self, function: Callable[[Connection, Sequence[Item]], Sequence[Result]], item: Item, *, rows: int = 1
    ) -> Result:
        """What `function` made of `item`, committed. Raises Unavailable or StoreProblem, and has changed nothing."""
        waiting = Waiting(function, item, rows)
        with self._lock:
            if self._closed:
                raise Unavailable("the store is closed")
            if self._thread.ident is None:
                self._thread.start()
            self._waiting.append(waiting)
            if self._calling is not waiting.loop:
                self._calling = waiting.loop
                waiting.loop.call_soon(self._call)
        self._watch(waiting)
        try:
            result: Result = await waiting.future
            return result
        finally:
            if not waiting.future.done() or waiting.future.cancelled():
                self._take_back(waiting)

    async def close(self) -> None:
        """Finishes what is waiting, refuses what comes later, and closes the connection."""
        with self._lock:
            self._closed = True
            self._lock.notify()
        if self._thread.ident is not None:
            await asyncio.to_thread(self._thread.join)

    # -- in the caller's thread -------------------------------------------------------------------

    def _call(self) -> None:
        with self._lock:
            self._calling = None
            if not self._pacing or len(self._waiting) >= MOST_ROWS:
                self._lock.notify()

    def _watch(self, waiting: Waiting) -> None:
        watch = self._watches.get(waiting.loop)
        if watch is None:
            watch = self._watches[waiting.loop] = Watch(waiting.loop, self._patience, self._lose_patience)
        watch.add(waiting)

    def _take_back(self, waiting: Waiting) -> bool:
        with self._lock:
            waiting.gone = not waiting.sealed
            return waiting.gone

    def _lose_patience(self, waiting: Waiting) -> None:
        if waiting.future.done():
            return
        if self._take_back(waiting):
            waiting.future.set_exception(Unavailable("the store is too busy: nothing was written"))
        else:
            waiting.loop.call_later(self._patience * _LAST_PATIENCE, self._lose_hope, waiting)

    @staticmethod
    def _lose_hope(waiting: Waiting) -> None:
        if not waiting.future.done():
            waiting.future.set_exception(Unavailable("the disk does not answer: it is not known what was written"))

    # -- in the queue's own thread ----------------------------------------------------------------

    def _run(self) -> None:
        while batch := self._next_batch():
            results = self._outcome(batch)
            for loop in {waiting.loop for waiting in batch}:
                answers = [pair for pair in zip(batch, results, strict=True) if pair[0].loop is loop]
                with suppress(RuntimeError):  # that loop is closed: nobody is left to be told
                    loop.call_soon_threadsafe(_answer, answers)
        self._disconnect()

    def _next_batch(self) -> list[Waiting]:
        """Waits for items; an empty list once the queue is closed and drained."""
        with self._lock:
            while not self._waiting and not self._closed:
                self._lock.wait()
            self._keep_pace()
            batch: list[Waiting] = []
            rows = 0
            while self._waiting and (not batch or rows + self._waiting[0].weight <= MOST_ROWS):
                rows += self._waiting[0].weight
                batch.append(self._waiting.popleft())
            if batch:
                self._load.took(len(batch), time.monotonic())
            return batch

    def _keep_pace(self) -> None:
        """Under load, let more gather until it is time for the next commit."""
        while self._pace and self._waiting and not self._closed and len(self._waiting) < MOST_ROWS:
            left = self._load.taken_at + self._pace - time.monotonic()
            if left <= 0 or self._load.rate < BUSY:
                return
            self._pacing = True
            self._lock.wait(left)
            self._pacing = False

    def _outcome(self, batch: list[Waiting]) -> list[Any]:
        """A result or an exception for each."""
        results: dict[Waiting, Any] = {}
        apart = False
        try:
            while live := self._seal(batch, only_look=True):
                try:
                    results = self._transaction(live, apart)
                    break
                except _TakenBack:
                    continue
                except DBAPIError as error:
                    if apart or meaning(error) is not None:
                        raise
                    apart = True
                except BridgeError:
                    raise
                except Exception:
                    if apart:
                        raise
                    apart = True
        except Exception as error:
            problem = self._after(error)
            return [problem] * len(batch)
        return [results.get(waiting) for waiting in batch]

    def _transaction(self, batch: list[Waiting], apart: bool) -> dict[Waiting, Any]:
        if self._admit is not None:
            self._admit()
        if self._conn is None:
            self._conn = connect(self._engine)
        with self._conn.begin():
            if len(self._seal(batch, only_look=True)) < len(batch):
                raise _TakenBack  # they lost patience while another process held the database
            results = (_one_by_one if apart else _together)(self._conn, batch)
            if len(self._seal(batch)) < len(batch):
                raise _TakenBack
        return results

    def _seal(self, batch: list[Waiting], *, only_look: bool = False) -> list[Waiting]:
        """Those of `batch` whose callers still wait; if that is all of them, they cannot be taken back any more."""
        with self._lock:
            live = [waiting for waiting in batch if not waiting.gone]
            if not only_look and len(live) == len(batch):
                for waiting in batch:
                    waiting.sealed = True
            return live

    def _after(self, error: Exception) -> BridgeError:
        if isinstance(error, BridgeError):
            return error
        if isinstance(error, DBAPIError):
            if spoils_connection(error):
                self._disconnect()
            return meaning(error) or StoreProblem(f"the database refused the commit ({type(error.orig).__name__})")
        self._disconnect()
        return StoreProblem(f"the store failed ({type(error).__name__})")

    def _disconnect(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None and self._spoiled():
            never_close(conn)
        elif conn is not None:
            try:
                conn.close()
            except (DBAPIError, OSError):
                conn.invalidate()


def _answer(answers: list[tuple[Waiting, Any]]) -> None:
    for waiting, result in answers:
        if waiting.future.done():
            continue
        if isinstance(result, BaseException):
            waiting.future.set_exception(result)
        else:
            waiting.future.set_result(result)


def _together(conn: Connection, batch: list[Waiting]) -> dict[Waiting, Any]:
    groups: dict[BatchFunction, list[Waiting]] = {}
    for waiting in batch:
        groups.setdefault(waiting.function, []).append(waiting)
    results: dict[Waiting, Any] = {}
    for function, group in groups.items():
        results |= zip(group, function(conn, [waiting.item for waiting in group]), strict=True)
    return results


def _one_by_one(conn: Connection, batch: list[Waiting]) -> dict[Waiting, Any]:
    results: dict[Waiting, Any] = {}
    for waiting in batch:
        try:
            with conn.begin_nested():
                (results[waiting],) = waiting.function(conn, [waiting.item])
        except DBAPIError as error:
            if meaning(error) is not None:
                raise
            results[waiting] = StoreProblem(f"the database refuses this row ({type(error.orig).__name__})")
        except Exception as error:
            results[waiting] = StoreProblem(f"the store cannot keep this ({type(error).__name__})")
    return results
