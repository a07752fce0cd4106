"""Time in tests that run for real: a deadline for everything that is waited for."""

from __future__ import annotations

import asyncio
import inspect
import os
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

SLOWER = float(os.environ.get("TEST_PATIENCE", "4"))
"""How many times longer than on a quiet machine is waited: whatever comes in time takes no longer for it."""


def iso(at: float | None = None) -> str:
    """RFC 3339 with a Z, as Kolide writes its times."""
    moment = datetime.fromtimestamp(time.time() if at is None else at, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def wait_until(
    condition: Callable[[], Any | Awaitable[Any]],
    seconds: float = 10.0,
    what: Callable[[], str] | str = "",
    slower: float = SLOWER,
) -> Any:
    """The first true value of `condition()`; AssertionError with `what` after so many seconds of a quiet machine."""
    seconds *= slower
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what or condition}"[:4000])
        await asyncio.sleep(0.02)
