"""The composition root: the works of the configuration run, are seen from outside, and end in order.

Bridge     everything that runs
run        from start to the end of a SIGTERM
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

import structlog

from bridge import __version__
from bridge.config import Loaded
from bridge.errors import BridgeError, ConfigError
from bridge.parts import Parts, Ports, parts
from bridge.pipeline.gauges import gauge
from bridge.pipeline.journal import Journal
from bridge.pipeline.notices.alarm import Held
from bridge.pipeline.operator.configuration import note_configuration
from bridge.pipeline.streams.beginning import begin_streams, gone_live
from bridge.pipeline.streams.narrowed import narrow
from bridge.pipeline.streams.regroup import regroup
from bridge.ssf_api import ssf_door, told_api
from bridge.store import open_store
from bridge.store.protocol import Store
from bridge.web.app import PublicPorts, admin_app, public_app
from bridge.web.health import Check
from bridge.web.server import Address, Listener, serve
from bridge.web.wellknown import keys_age
from bridge.workers import Workers
from bridge.works import Works

_log = structlog.get_logger("bridge.app")

PUSH_GRACE = 7.0
"""Seconds that pushes under way get at the end; the whole end takes at most ten."""
NOTICE_GRACE = 2.0
"""Seconds that notices under way get, beside the pushes."""
LOOK_GRACE = 1.0
"""Seconds of those that looks under way get, so that what they yield is still sent; the rest is due again later."""
REQUEST_GRACE = 1
"""Whole seconds that requests under way get once everything else has ended."""


class Bridge:
    """Everything that runs. `start` makes it work, `stop` ends it in order; both once."""

    def __init__(self, parts: Parts, store: Store, ports: Ports) -> None:
        self._parts = parts
        self.config = parts.config
        self.sources = parts.sources
        self.store = store
        self.stopping = False
        self._ports = ports
        self._workers = Workers(ports.clock)
        self._held = Held(store, ports.clock)
        self.works = Works(parts, store, ports, self._workers.trouble, self._failing)

    # -- start and stop -------------------------------------------------------------------------

    async def start(self) -> None:
        works, run = self.works, self._workers.run
        now = self._ports.clock.now()
        await self.store.release_leases()
        await works.channels.start()
        await works.gate.recall(now)
        plan = await begin_streams(self.store, self.config.receivers, self.sources, self._ports.ids, now)
        works.keeper.begin(plan.carried, plan.rehearsed)
        await works.selections.load()
        await works.keeper.begin_made()
        await gone_live(self.store, self.sources, works.streams(), works.keeper.owe)
        await regroup(self.store, works.streams(), works.keeper.owe, now)
        await narrow(self.store, works.streams(), works.keeper.owe, now)
        owed = list(dict.fromkeys([*plan.resumed, *await works.keeper.due()]))
        run("keys", works.keyring.run(works.remint))
        run("secrets", works.reread.run())
        run("tell", works.teller.run())
        run("outbox", works.outbox.run())
        run("mailbox", works.mailbox.run())
        for name, lane in works.lanes.items():
            run(f"looks:{name}", lane.run())
        run("retention", works.retention.run())
        run("streams", works.keeper.run())
        run("comparisons", works.keeper.run_comparisons())
        run("subjects", works.selections.run())
        run("verification", works.verifier.run())
        run("herald", works.herald.run())
        run("upkeep", works.upkeep.run())
        run("clearing", works.clearing.run())
        run("errands", works.errandry.run())
        run("timetable", works.timetable.run(), ends=True)
        if owed:
            run("resume", works.resume(owed), ends=True)
        for name, work in (*works.channels.work(), *works.callers.work()):
            run(name, work)

    async def stop(self) -> None:
        """In-flight work ends: pushes get seven seconds, looks one; what is not done is durable and goes on later."""
        self.stopping = True
        self._workers.closing()
        works, lanes = self.works, self.works.lanes.values()
        works.mailbox.stop()
        for lane in lanes:
            await lane.stop()
        begun = self._ports.clock.monotonic()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_GRACE):
                await asyncio.gather(*(lane.idle() for lane in lanes))
        pushes = PUSH_GRACE - (self._ports.clock.monotonic() - begun)
        await asyncio.gather(works.outbox.stop(pushes), works.channels.notices.stop(NOTICE_GRACE))
        await self._workers.stop()
        with contextlib.suppress(BridgeError):
            await works.activity.flush()
        await works.directories.close()
        for lane in lanes:
            await lane.abandon()

    async def close(self) -> None:
        """After the last request was answered."""
        await self.works.outbound.close()
        await self.store.close()
        for signer in self.works.signers:
            signer.shutdown(wait=False)

    # -- what is seen from outside --------------------------------------------------------------

    async def _failing(self) -> list[str]:
        return [check.name for check in await self.readiness() if not check.ok]

    async def readiness(self) -> list[Check]:
        if self.stopping:
            return [Check("running", False, "stopping")]
        checks = [
            Check("signing_key", True, self.works.keyring.shown), Check("secrets", True, self.works.reread.shown),
        ]  # fmt: skip
        try:
            await self.store.ping()
            checks.append(Check("store", True, self.config.store.shown))
            checks.append(Check("held", True, await self._held.words()))
        except BridgeError as problem:
            checks.append(Check("store", False, str(problem)))
        troubles = self._workers.troubles()
        checks.append(Check("workers", not troubles, "; ".join(troubles) or "running"))
        return checks

    async def scrape(self) -> bytes:
        now, works = self._ports.clock.now(), self.works
        await gauge(works.metrics, self.store, streams=works.names(), connectors=self.sources, now=now)
        works.metrics.notices_waiting(works.channels.notices.waiting())
        works.metrics.signing_key_age(works.keyring.age(now))
        return works.metrics.render()

    def listeners(self) -> list[Listener]:
        server, admin = self.config.server, self.config.admin
        bearer = self.works.callers.bearer()
        ports = PublicPorts(
            issuer=self.config.transmitter.issuer,
            jwks=lambda: self.works.keyring.ring.jwks(),
            keys_age=keys_age(self.config.keys.publish_for),
            intake=self.works.intake,
            connectors={name: source.content_types for name, source in self.sources.items()},
            readiness=self.readiness,
            clock=self._ports.clock,
            count=self.works.metrics.webhook,
            oauth=self.works.callers.oauth(),
            api=told_api(self.config.oauth.clients.values()),
            ssf=None if bearer is None else ssf_door(self._parts, self.store, self._ports, self.works, bearer),
        )
        return [
            Listener(
                "server",
                public_app(ports),
                server.host,
                server.port,
                server.tls_cert_file,
                server.tls_key_file,
                grace=REQUEST_GRACE,
            ),
            Listener("admin", admin_app(self.readiness, self.scrape), admin.host, admin.port, grace=REQUEST_GRACE),
        ]


async def open_bridge(loaded: Loaded, ports: Ports | None = None) -> Bridge:
    """Build all of it; a key signs, nothing runs yet. Raises ConfigError or StoreProblem, and leaves nothing open."""
    ports = ports or Ports()
    built = parts(loaded, ports)
    store = await open_store(loaded.config.store.url, ports.clock, exclusive=True, create=True)
    try:
        bridge = Bridge(built, store, ports)
        await bridge.works.keyring.open()
        await bridge.works.callers.open()
        secrets = {name: source.secret_settings for name, source in built.sources.items()}
        await note_configuration(Journal(store, ports.clock, ports.ids, ports.who), loaded, secrets, __version__)
        return bridge
    except BaseException:
        await store.close()
        await built.outbound.close()
        raise


async def run(
    loaded: Loaded,
    stop: asyncio.Event,
    on_ready: Callable[[Sequence[Address]], None] = lambda addresses: None,
    ports: Ports | None = None,
) -> None:
    """Serve until `stop`: readiness says 503, work under way ends, the listeners close; in ten seconds at most."""
    bridge = await open_bridge(loaded, ports)
    closing = asyncio.Event()
    await bridge.start()
    web = asyncio.create_task(serve(bridge.listeners(), stop=closing, on_ready=on_ready))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait([web, stopped], return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    _log.info("stopping")
    try:
        await bridge.stop()
    finally:
        closing.set()
        try:
            await web
        except ConfigError as error:
            raise ConfigError(loaded.locate(error.faults)) from None
        finally:
            await bridge.close()
    _log.info("stopped")
