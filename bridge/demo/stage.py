"""The stage: a temporary folder, the real service, a stand-in on either side of it. All of it ends with the demo."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge import app
from bridge.clock import Clock, Ids
from bridge.config import Loaded, load
from bridge.demo.script import Script
from bridge.demo.vendor import Vendor
from bridge.errors import BridgeError, ConfigError
from bridge.observe.logs import configure
from bridge.receiver.keys import Fetched
from bridge.receiver.server import ReceiverServer
from bridge.store import open_store
from bridge.store.protocol import Store
from bridge.web.server import Address, Listener, serve

HOST = "127.0.0.1"
AUDIENCE = "https://acme.okta.com"
STREAM = "okta"
SETS_PATH = "/security/api/v1/security-events"
DATABASE = "caep-bridge.db"
STARTING = 30.0
"""Seconds that the service may take to start."""

_CONFIG = """\
# Made by `caep-bridge demo`, and gone with it.
[transmitter]
issuer = {issuer}

[server]
host = {host}
port = {port}

[admin]
host = {host}
port = 0

[store]
url = {store}

[delivery]
allow_insecure_targets = true

[connectors.{connector}]
{settings}

[receivers.{stream}]
profile = "okta"
audience = {audience}
endpoint_url = {endpoint}
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """`store` is the service's own, opened beside it as a command does."""

    folder: Path
    config: Path
    issuer: str
    loaded: Loaded
    vendor: Vendor
    receiver: ReceiverServer
    store: Store

    @property
    def connector(self) -> str:
        return self.vendor.script.type

    @property
    def webhooks(self) -> str:
        return f"{self.issuer}/webhooks/{self.connector}"


@asynccontextmanager
async def stage(script: Script, clock: Clock, ids: Ids) -> AsyncIterator[Stage]:
    """Everything runs inside. Raises BridgeError if it cannot be set up."""
    async with AsyncExitStack() as cleanup:
        try:
            made = await _set_up(cleanup, script, clock, ids)
        except OSError as problem:
            raise BridgeError(f"the demo cannot be set up: {problem.strerror or problem}") from None
        yield made


async def _set_up(cleanup: AsyncExitStack, script: Script, clock: Clock, ids: Ids) -> Stage:
    folder = cleanup.enter_context(_folder())
    cleanup.enter_context(_logs(folder / "service.log", clock))
    vendor = Vendor(script, clock, ids)
    vendor.url = await cleanup.enter_async_context(_served(vendor))
    issuer = f"http://{HOST}:{_free_port()}"
    keys = Fetched(clock, well_known=f"{issuer}/.well-known/ssf-configuration")
    receiver = ReceiverServer(profile="okta", audience=AUDIENCE, keys=keys, clock=clock)
    await cleanup.enter_async_context(receiver)
    config = folder / "config.toml"
    config.write_text(_config(folder, issuer, vendor, receiver.url + SETS_PATH), "utf-8")
    loaded = load(config, {})
    await cleanup.enter_async_context(_service(loaded))
    store = await open_store(f"sqlite:///{folder / DATABASE}", clock, exclusive=False)
    cleanup.push_async_callback(store.close)
    return Stage(folder, config, issuer, loaded, vendor, receiver, store)


@contextmanager
def _folder() -> Iterator[Path]:
    try:
        made = tempfile.TemporaryDirectory(prefix="caep-bridge-demo-", ignore_cleanup_errors=True)
    except OSError as problem:
        raise BridgeError(f"no temporary folder can be made: {problem.strerror or problem}") from None
    with made as name:
        yield Path(name).resolve()


@contextmanager
def _logs(file: Path, clock: Clock) -> Iterator[None]:
    with file.open("w", encoding="utf-8") as out:
        configure("info", "json", clock=clock, person_key=os.urandom(32), stream=out)
        yield


@asynccontextmanager
async def _served(vendor: Vendor) -> AsyncIterator[str]:
    async with _running("the stand-in of the vendor's API", serve, [Listener("vendor", vendor.app, HOST, 0)]) as bound:
        yield f"http://{HOST}:{bound[0][1]}"


@asynccontextmanager
async def _service(loaded: Loaded) -> AsyncIterator[None]:
    """The machinery of `caep-bridge serve`."""
    async with _running("the service", app.run, loaded):
        yield


@asynccontextmanager
async def _running(what: str, run: object, first: object) -> AsyncIterator[Sequence[Address]]:
    """`run(first, stop=…, on_ready=…)` from its readiness on until the end of the block."""
    assert callable(run)
    stop = asyncio.Event()
    ready: asyncio.Future[Sequence[Address]] = asyncio.get_running_loop().create_future()
    task: asyncio.Task[None] = asyncio.create_task(run(first, stop=stop, on_ready=ready.set_result))
    awaited: list[asyncio.Future[Any]] = [task, ready]
    try:
        await asyncio.wait(awaited, timeout=STARTING, return_when=asyncio.FIRST_COMPLETED)
        yield _bound(what, task, ready)
    finally:
        stop.set()
        await asyncio.wait([task])
    task.result()


def _bound(what: str, task: asyncio.Task[None], ready: asyncio.Future[Sequence[Address]]) -> Sequence[Address]:
    if ready.done():
        return ready.result()
    problem = task.exception() if task.done() else None
    if problem is None:
        raise BridgeError(f"{what} was not ready within {STARTING:.0f} seconds")
    if isinstance(problem, ConfigError):
        raise BridgeError(f"{what} could not be started: {problem}") from None
    raise problem


def _config(folder: Path, issuer: str, vendor: Vendor, endpoint: str) -> str:
    table: Mapping[str, str] = {"type": vendor.script.type, **vendor.settings()}
    return _CONFIG.format(
        issuer=_text(issuer),
        host=_text(HOST),
        port=int(issuer.rpartition(":")[2]),
        store=_text(f"sqlite:///{folder / DATABASE}"),
        connector=vendor.script.type,
        settings="\n".join(f"{key} = {_text(value)}" for key, value in table.items()),
        stream=STREAM,
        audience=_text(AUDIENCE),
        endpoint=_text(endpoint),
    )


def _text(value: str) -> str:
    """A TOML basic string; JSON's escapes are TOML's."""
    return json.dumps(value)


def _free_port() -> int:
    """Free a moment ago: the issuer stands in the configuration before the service listens."""
    try:
        with socket.create_server((HOST, 0)) as found:
            port: int = found.getsockname()[1]
    except OSError as problem:
        raise BridgeError(f"no port is free on {HOST}: {problem.strerror}") from None
    return port
