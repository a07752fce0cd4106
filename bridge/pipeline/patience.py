"""patience: what the world answered is not thrown away because the store cannot take it this second."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_fixed

from bridge.clock import Clock
from bridge.errors import Unavailable

Result = TypeVar("Result")

AGAIN = 1.0
"""Seconds between tries."""


async def patiently(
    work: Callable[[], Awaitable[Result]],
    *,
    clock: Clock,
    seconds: float,
    stopping: Callable[[], bool],
    trouble: Callable[[str], None],
) -> Result:
    """`work()`, again and again for so many seconds while the store says Unavailable; then, or when stopping, that is
    raised. `trouble` hears of each failure. The first try costs nothing beyond itself: this is on the hot path."""
    try:
        return await work()
    except Unavailable as problem:
        if stopping():
            raise
        trouble(str(problem))
    until = clock.monotonic() + seconds

    def enough(_: RetryCallState) -> bool:
        return stopping() or clock.monotonic() >= until

    def heard(state: RetryCallState) -> None:
        trouble(str(state.outcome.exception() if state.outcome else ""))

    async def tried() -> Result:
        return await work()

    await clock.sleep(AGAIN)
    retrying = AsyncRetrying(
        retry=retry_if_exception_type(Unavailable),
        wait=wait_fixed(AGAIN),
        stop=enough,
        sleep=clock.sleep,
        before_sleep=heard,
        reraise=True,
    )
    return await retrying(tried)
