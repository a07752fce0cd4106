"""Both applications on uvicorn, in one event loop, with stopping left to the caller."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp

from bridge.errors import ConfigError, Fault
from bridge.web.certificate import Shown
from bridge.web.protocol import BoundedHead

KEEP_ALIVE: Final = 75
"""Seconds that an idle connection stays open: longer than the proxies in front keep theirs."""

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Listener:
    """An application and where it listens. `name` is the configuration's table; port 0 takes any free port."""

    name: str
    app: ASGIApp
    host: str
    port: int
    tls_cert_file: Path | None = None
    tls_key_file: Path | None = None
    grace: int = 5
    """Whole seconds that in-flight requests get at the end."""


class _Server(uvicorn.Server):
    def __init__(self, listener: Listener) -> None:
        config = _config(listener)
        super().__init__(config)
        self._shown: Shown | None = None
        if listener.tls_cert_file is not None and listener.tls_key_file is not None:
            self._shown = Shown(listener.name, listener.tls_cert_file, listener.tls_key_file)
            config.ssl = self._shown.context
        self.up = asyncio.Event()
        self._ending = asyncio.Event()

    def end(self) -> None:
        self.should_exit = True
        self._ending.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Signals are the caller's."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.up.set()

    async def main_loop(self) -> None:
        """Once a second, for the Date header and the certificate, and at the end; uvicorn's own looks ten times a
        second."""
        counter = 0
        while not await self.on_tick(counter):
            if self._shown is not None:
                self._shown.follow()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), 1)
            counter += 10


async def serve(
    listeners: Sequence[Listener],
    *,
    stop: asyncio.Event,
    on_ready: Callable[[Sequence[Address]], None] = lambda addresses: None,
) -> None:
    """Serve until `stop` is set, then end in-flight requests, each listener within its grace, the last listener last.

    All sockets are bound before anything is served: an address that is taken, or a certificate that cannot be used,
    is a ConfigError and nothing listens. `on_ready` is called once with the bound (host, port) of each listener.
    """
    with contextlib.ExitStack() as cleanup:
        servers = [_Server(listener) for listener in listeners]
        sockets = [cleanup.enter_context(contextlib.closing(_bind(listener))) for listener in listeners]
        running = [
            asyncio.create_task(server.serve(sockets=[bound]), name=f"web:{listener.name}")
            for server, bound, listener in zip(servers, sockets, listeners, strict=True)
        ]
        try:
            await _all_up(servers, running)
            on_ready([bound.getsockname()[:2] for bound in sockets])
            await _until(stop, running)
        finally:
            await _end(servers, running)


async def _all_up(servers: Sequence[_Server], running: Sequence[asyncio.Task[None]]) -> None:
    up = asyncio.gather(*(server.up.wait() for server in servers))
    awaited: list[asyncio.Future[Any]] = [up, *running]
    await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
    up.cancel()
    for task in running:
        if task.done():
            task.result()


async def _until(stop: asyncio.Event, running: Sequence[asyncio.Task[None]]) -> None:
    """Returns when `stop` is set; a server that ends before that is an error of its own."""
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([stopped, *running], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()


async def _end(servers: Sequence[_Server], running: Sequence[asyncio.Task[None]]) -> None:
    """One after the other, so that the operator's listener outlives the public one; then what went wrong is raised."""
    for server, task in zip(servers, running, strict=True):
        server.end()
        await asyncio.wait([task])
    for task in running:
        task.result()


def _config(listener: Listener) -> uvicorn.Config:
    config = uvicorn.Config(
        listener.app,
        loop="none",
        http=BoundedHead,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=listener.grace,
    )
    config.load()
    return config


def _bind(listener: Listener) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            listener.host, listener.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
        except OSError:
            bound.close()
            raise
    except OSError as problem:
        message = f"cannot listen on {listener.host}:{listener.port}: {problem.strerror}"
        raise ConfigError([Fault(where="", path=f"{listener.name}.port", message=message)]) from None
    return bound
