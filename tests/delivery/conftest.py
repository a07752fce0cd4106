from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from ssl import SSLContext

import pytest
import uvloop

from bridge.outbound import Outbound

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Serve = Callable[..., Awaitable[int]]


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """What is sent and read must not depend on whose event loop it is."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """`await serve(handler, ssl=None)` starts a raw loopback server and returns its port."""
    stack = AsyncExitStack()
    tasks: set[asyncio.Task[None]] = set()

    async def start(handler: Handler, ssl: SSLContext | None = None) -> int:
        async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            try:
                await handler(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass
            finally:
                tasks.discard(task)
                writer.transport.abort()

        server = await asyncio.start_server(run, "127.0.0.1", 0, ssl=ssl)
        stack.callback(server.close)
        return int(server.sockets[0].getsockname()[1])

    yield start
    for task in list(tasks):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await stack.aclose()


@pytest.fixture
async def outbound() -> AsyncIterator[Outbound]:
    made = Outbound(insecure=True, user_agent="caep-bridge/test", limit_per_host=4)
    yield made
    await made.close()
