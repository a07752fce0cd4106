"""`caep-bridge serve`: run the bridge until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bridge.cli.console.changing import operator
from bridge.cli.console.configured import load_offline
from bridge.cli.open_files import BESIDE, raise_limit
from bridge.clock import SystemClock

if TYPE_CHECKING:
    from bridge.config import Loaded


def serve() -> int:
    """Take webhooks, look, tell and deliver, until SIGTERM or SIGINT.

    Work under way then ends within ten seconds; what is not done is durable and goes on at the next start.
    """
    loaded = load_offline().loaded
    from bridge.observe.logs import configure

    configure(loaded.config.log.level, loaded.config.log.format, clock=SystemClock(), person_key=os.urandom(32))
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(loaded))
    return 0


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not on Windows
        return None
    return uvloop.Loop


async def _serve(loaded: Loaded) -> None:
    import structlog

    from bridge import __version__, app
    from bridge.parts import Ports

    log = structlog.get_logger("bridge.serve")
    open_files, polls = raise_limit(), loaded.config.streams.polls
    if open_files is not None and open_files < polls + BESIDE:
        log.warning("files.few", open_files=open_files, needed=polls + BESIDE, setting="streams.polls")
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    def ready(addresses: Sequence[tuple[str, int]]) -> None:
        # What was made until now lives as long as the process: the collector need not walk it again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        log.info("serving", version=__version__, public=_shown(addresses[0]), admin=_shown(addresses[1]))

    await app.run(loaded, stop, ready, Ports(who=operator()))


def _shown(address: tuple[str, int]) -> str:
    host, port = address
    return f"{host}:{port}"
