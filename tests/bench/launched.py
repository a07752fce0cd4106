"""`serve` as the bench starts it: on one core, its threads named for /proc, and its tasks timed if asked.

    python -m tests.bench.launched CORE [FILE]

With FILE the CPU of each kind of task on the event loop is added up, and written there at each SIGUSR1.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from pathlib import Path
from typing import Any

import orjson

_spent: dict[str, int] = defaultdict(int)


class _Timed(Coroutine[Any, Any, Any]):
    """A coroutine whose every step on the loop is added to the CPU time of its kind."""

    def __init__(self, inner: Coroutine[Any, Any, Any]) -> None:
        self._inner = inner
        self._kind = str(getattr(inner, "__qualname__", type(inner).__name__))

    def send(self, value: Any) -> Any:
        return self._step(self._inner.send, value)

    def throw(self, *error: Any) -> Any:
        return self._step(self._inner.throw, *error)

    def _step(self, step: Callable[..., Any], *arguments: Any) -> Any:
        began = time.thread_time_ns()
        try:
            return step(*arguments)
        finally:
            _spent[self._kind] += time.thread_time_ns() - began

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._inner.__await__()


def _timing(loop: asyncio.AbstractEventLoop, coro: Any, **others: Any) -> asyncio.Task[Any]:
    return asyncio.Task(_Timed(coro), loop=loop, **others)


def _name_threads() -> None:
    run = threading.Thread.run

    def named(thread: threading.Thread) -> None:
        Path(f"/proc/self/task/{threading.get_native_id()}/comm").write_text(thread.name[:15])
        run(thread)

    threading.Thread.run = named  # type: ignore[method-assign,assignment]  # on purpose


def _loop_factory(made: Callable[[], asyncio.AbstractEventLoop], file: Path) -> asyncio.AbstractEventLoop:
    def write() -> None:
        fresh = file.with_suffix(".new")
        fresh.write_bytes(orjson.dumps(_spent))
        fresh.rename(file)

    loop = made()
    loop.set_task_factory(_timing)
    loop.add_signal_handler(signal.SIGUSR1, write)
    return loop


def main() -> int:
    os.sched_setaffinity(0, {int(sys.argv[1])})
    _name_threads()
    from bridge.cli import serve

    if len(sys.argv) > 2:
        made, file = serve._loop_factory() or asyncio.new_event_loop, Path(sys.argv[2])
        serve._loop_factory = lambda: partial(_loop_factory, made, file)  # type: ignore  # on purpose
    return serve.serve()


if __name__ == "__main__":
    raise SystemExit(main())
