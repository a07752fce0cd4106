"""Running a receiver: as a program, or inside a test or the demo."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

import uvicorn

from bridge.clock import Clock, SystemClock
from bridge.receiver.app import Desk, Duplicates, receiver_app
from bridge.receiver.book import Book, Receipt
from bridge.receiver.check import Checker
from bridge.receiver.keys import KeySource
from bridge.receiver.rules import Profile


def run_receiver(
    host: str,
    port: int,
    *,
    profile: Profile = "okta",
    audience: str | None = None,
    keys: KeySource | None = None,
    duplicates: Duplicates = "202",
    authorization: str | None = None,
    on_receipt: Callable[[Receipt], None] | None = None,
    clock: Clock | None = None,
) -> None:
    """Serve until SIGINT (returns) or SIGTERM (ends the process). OSError if the port is taken.

    `on_receipt` is called for each request, in order.
    """
    checker = Checker(profile, audience, keys, clock or SystemClock())
    desk = Desk(checker, Book(keep=1000), duplicates, authorization, on_receipt)
    listener = _listen(host, port)
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(_config(desk)).run(sockets=[listener])


class ReceiverServer:
    """A receiver on a free loopback port, in this process: `async with ReceiverServer(…) as receiver`.

    `book` holds what came and the script. `stop` frees the port as a receiver does that is gone (connections are
    refused, kept ones are closed); `start` brings it back on the same port, with the same book.
    """

    def __init__(
        self,
        *,
        profile: Profile = "okta",
        audience: str | None = None,
        keys: KeySource | None = None,
        duplicates: Duplicates = "202",
        authorization: str | None = None,
        on_receipt: Callable[[Receipt], None] | None = None,
        clock: Clock | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        keep: int = 100_000,
    ) -> None:
        self.book = Book(keep)
        checker = Checker(profile, audience, keys, clock or SystemClock())
        self._desk = Desk(checker, self.book, duplicates, authorization, on_receipt)
        self._host = host
        self._port = port
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Without a path; it stays the same over stop and start."""
        return f"http://{self._host}:{self._port}"

    async def start(self) -> None:
        """Returns once connections are taken."""
        listener = _listen(self._host, self._port)
        self._port = listener.getsockname()[1]
        self._server = _QuietServer(_config(self._desk))
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]))

    async def stop(self) -> None:
        """Stop at once: requests in flight are cut off."""
        if self._server is None or self._task is None:
            return
        self._server.should_exit = self._server.force_exit = True
        task, self._task = self._task, None
        await task
        for request in list(self._server.server_state.tasks):
            request.cancel()
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


class _QuietServer(uvicorn.Server):
    """Leaves the signals to the program that it runs in."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _config(desk: Desk) -> uvicorn.Config:
    return uvicorn.Config(
        receiver_app(desk), log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=2
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=128)
