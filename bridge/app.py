"""The composition root: the parts of the configuration become a running bridge, and end in order.

Bridge     everything that runs, tied together
run        from start to the end of a SIGTERM
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import structlog

from bridge import __version__
from bridge.channels import Channels
from bridge.config import Loaded
from bridge.delivery.push import push
from bridge.errors import BridgeError, ConfigError
from bridge.model import Outcome, Stream
from bridge.observe.metrics import Metrics
from bridge.parts import Parts, Ports, key_terms, lookups, parts
from bridge.pipeline.chores import Chores
from bridge.pipeline.configuration import note_configuration
from bridge.pipeline.directory import Directories, Directory
from bridge.pipeline.errands import Doc, Errandry, Failed, Note
from bridge.pipeline.gate import Gate
from bridge.pipeline.gauges import gauge
from bridge.pipeline.intake import Intake
from bridge.pipeline.journal import Journal
from bridge.pipeline.keeper import Keeper
from bridge.pipeline.keyring import Keyring
from bridge.pipeline.looks import Lane
from bridge.pipeline.mint import Minter
from bridge.pipeline.outbox import Outbox
from bridge.pipeline.reconcile import Reconciler
from bridge.pipeline.remint import Remint
from bridge.pipeline.reread import Reread
from bridge.pipeline.resume import resume
from bridge.pipeline.retention import Retention
from bridge.pipeline.streams import Plan, reconcile
from bridge.pipeline.tell import Teller
from bridge.pipeline.timetable import Timetable
from bridge.store import open_store
from bridge.store.errands import ConnectorRow, Errand
from bridge.store.protocol import Store
from bridge.web.app import PublicPorts, admin_app, public_app
from bridge.web.health import Check
from bridge.web.server import Address, Listener, serve
from bridge.web.wellknown import keys_age

_log = structlog.get_logger("bridge.app")

PUSH_GRACE = 7.0
"""Seconds that pushes under way get at the end; the whole end takes at most ten."""
NOTICE_GRACE = 2.0
"""Seconds that notices under way get, beside the pushes."""
LOOK_GRACE = 1.0
"""Seconds of those that looks under way get, so that what they yield is still sent; the rest is due again later."""
REQUEST_GRACE = 1
"""Whole seconds that requests under way get once everything else has ended."""
RESUME_AGAIN = 2.0
"""Seconds until a comparison that the store did not let end is begun again."""
TROUBLE_SHOWN = 5.0
"""Seconds that trouble of a worker shows in readiness; one that goes on failing says so again every few seconds."""


class Bridge:
    """Everything that runs. `start` makes it work, `stop` ends it in order; both once."""

    def __init__(self, parts: Parts, store: Store, ports: Ports) -> None:
        self.config = parts.config
        self.sources = parts.sources
        self.store = store
        self.metrics = Metrics(
            __version__, list(parts.sources), list(parts.config.receivers), [one.name for one in parts.config.notify]
        )
        self.stopping = False
        self.plan: Plan | None = None
        self._ports = ports
        self._outbound = parts.outbound
        self._signer = ThreadPoolExecutor(1, thread_name_prefix="sign")
        self._troubles: dict[str, float] = {}
        self._tasks: list[asyncio.Task[None]] = []
        clock = ports.clock
        self.journal = Journal(store, clock, ports.ids, "serve")
        self.keyring = Keyring(store, parts.keys, key_terms(parts.config), clock, self.journal, self.trouble)
        self.reread = Reread(parts.watch, clock)
        mint = Minter(parts.config.transmitter.issuer, lambda: self.keyring.ring, clock, ports.ids, self._signer)
        self.directories = Directories(
            {name: Directory(name, lookup, clock) for name, lookup in lookups(parts, ports).items()}
        )
        self.remint = Remint(store, mint, lambda: {stream.id: stream for stream in self.streams()}, clock)
        self.outbox = Outbox(store, self._push, clock, ports.dice, self.metrics, self.trouble, self.keyring.publishes)
        self.gate = Gate(store, parts.limits, lambda *about: self.channels.guard(*about))
        self.teller = Teller(
            store, parts.sources, self.streams, parts.identity, mint, clock, ports.dice, self.metrics, self.outbox.wake,
            gate=self.gate, policy=parts.policy, directories=self.directories,
        )  # fmt: skip
        self.lanes = {
            name: Lane(source, store, self.teller, clock, self.metrics, self.trouble)
            for name, source in parts.sources.items()
        }
        self.keeper = Keeper(store, clock, self.outbox.carry, self._resume, self.trouble)
        self.chores = Chores(
            store, self.teller, mint, mint.verification, self.keeper.named, clock, ports.ids, self.outbox.wake
        )
        self.reconcilers = {
            name: Reconciler(
                source, store, self.teller, clock, self.metrics,
                hold_baseline=parts.config.policy.baseline == "hold", rang=self._rang,
            )
            for name, source in parts.sources.items()
        }  # fmt: skip
        self.timetable = Timetable(list(parts.sources.values()), store, clock, ports.dice, ports.ids, self.trouble)
        self.errandry = Errandry(
            store,
            {
                "reconcile": self._reconcile, "compare": self.chores.compare, "resync": self.chores.resync,
                "verify": self.chores.verify, "test": self.chores.test,
            },
            clock, self.trouble,
        )  # fmt: skip
        self.channels = Channels(
            parts, store, ports, self.metrics,
            outbox=self.outbox, lanes=self.lanes, streams=self._names, failing=self._failing,
        )  # fmt: skip
        self.notices = self.channels.notices
        keep = parts.config.retention
        self.intake = Intake(
            parts.sources, store, clock, ports.ids, self.metrics, self._rang, quarantine=keep.quarantine_limit
        )
        """For what is done by itself: holds, releases. What a person asked for is recorded in their name."""
        self.retention = Retention(store, keep, clock, self.metrics, self.trouble)

    # -- start and stop -------------------------------------------------------------------------

    async def start(self) -> None:
        await self.store.release_leases()
        await self.channels.start()
        now = self._ports.clock.now()
        await self.gate.recall(now)
        tried = frozenset(name for name, source in self.sources.items() if source.dry_run)
        plan = reconcile(self.config.receivers, await self.store.streams(), self._ports.ids, now, tried)
        for row in plan.put:
            await self.store.put_stream(row)
        for stream_id, why in plan.silenced:
            await self.store.cancel_stream(stream_id, now, why)
        for stream_id in plan.ended:
            await self.store.prune_stream(stream_id)
        self.plan = plan
        self.keeper.begin(plan.carried, plan.rehearsed)
        self._run("keys", self.keyring.run(self.remint))
        self._run("secrets", self.reread.run())
        self._run("tell", self.teller.run())
        self._run("outbox", self.outbox.run())
        for name, lane in self.lanes.items():
            self._run(f"looks:{name}", lane.run())
        self._run("retention", self.retention.run())
        self._run("streams", self.keeper.run())
        self._run("errands", self.errandry.run())
        self._run("timetable", self.timetable.run(), ends=True)
        live = await self._gone_live()
        if plan.resumed or live:
            self._run("resume", self._resume(plan.resumed or live), ends=True)
        for name, work in self.channels.work():
            self._run(name, work)

    async def _resume(self, streams: Sequence[Stream]) -> None:
        """Until it succeeded once; the store remembers only then that they are enabled, whatever dies before."""
        while True:
            try:
                await resume(self.store, self.teller, streams, self._ports.ids.token())
                await self.outbox.note_enabled([stream.id for stream in streams])
                return
            except BridgeError as problem:
                self.trouble(f"resume: {type(problem).__name__}")
                _log.error("stream.resume_stuck", problem=str(problem))
                await self._ports.clock.sleep(RESUME_AGAIN)

    async def _gone_live(self) -> Sequence[Stream]:
        """The streams to compare because a connector's dry run is over; how each runs now is remembered."""
        rows = {row.name: row for row in await self.store.connectors()}
        live = False
        for name, source in self.sources.items():
            row = rows.get(name, ConnectorRow(name))
            live = live or (row.dry_run is True and not source.dry_run)
            if row.dry_run != source.dry_run:
                await self.store.put_connector(replace(row, dry_run=source.dry_run))
        return [stream for stream in self.streams() if stream.enabled] if live else []

    async def _reconcile(self, errand: Errand, note: Note) -> Doc:
        reconciler = self.reconcilers.get(errand.target)
        if reconciler is None:
            raise Failed(f"there is no connector {errand.target}")
        try:
            return await reconciler(errand, note)
        except Failed:
            self.timetable.failed(errand.target)
            raise

    def _run(self, name: str, work: Coroutine[Any, Any, None], *, ends: bool = False) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(lambda done: self._worker_ended(done, ends))
        self._tasks.append(task)

    def _worker_ended(self, task: asyncio.Task[None], ends: bool) -> None:
        if self.stopping or task.cancelled() or (ends and task.exception() is None):
            return
        self._troubles[task.get_name()] = float("inf")
        _log.error("worker.ended", worker=task.get_name(), exc_info=task.exception())

    async def stop(self) -> None:
        """In-flight work ends: pushes get seven seconds, looks one; what is not done is durable and goes on later."""
        self.stopping = True
        for lane in self.lanes.values():
            await lane.stop()
        begun = self._ports.clock.monotonic()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_GRACE):
                await asyncio.gather(*(lane.idle() for lane in self.lanes.values()))
        pushes = PUSH_GRACE - (self._ports.clock.monotonic() - begun)
        await asyncio.gather(self.outbox.stop(pushes), self.notices.stop(NOTICE_GRACE))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.directories.close()
        for lane in self.lanes.values():
            await lane.abandon()

    async def close(self) -> None:
        """After the last request was answered."""
        await self._outbound.close()
        await self.store.close()
        self._signer.shutdown(wait=False)

    # -- what the pieces need of each other -----------------------------------------------------

    def streams(self) -> Sequence[Stream]:
        return self.keeper.streams()

    def _names(self) -> dict[str, str]:
        return {stream.id: stream.name for stream in self.streams()}

    def _rang(self, connector: str) -> None:
        self.lanes[connector].wake()

    async def _push(self, stream: Stream, text: str) -> Outcome:
        return await push(self._outbound, stream, text, self._ports.clock)

    async def _failing(self) -> list[str]:
        return [check.name for check in await self.readiness() if not check.ok]

    def trouble(self, what: str) -> None:
        self._troubles[what] = self._ports.clock.monotonic() + TROUBLE_SHOWN

    # -- what is seen from outside --------------------------------------------------------------

    async def readiness(self) -> list[Check]:
        if self.stopping:
            return [Check("running", False, "stopping")]
        checks = [Check("signing_key", True, self.keyring.shown), Check("secrets", True, self.reread.shown)]
        try:
            await self.store.ping()
            checks.append(Check("store", True, self.config.store.shown))
        except BridgeError as problem:
            checks.append(Check("store", False, str(problem)))
        now = self._ports.clock.monotonic()
        troubles = [what for what, until in self._troubles.items() if until > now]
        checks.append(Check("workers", not troubles, "; ".join(troubles) or "running"))
        return checks

    async def scrape(self) -> bytes:
        now = self._ports.clock.now()
        await gauge(self.metrics, self.store, streams=self._names(), connectors=self.sources, now=now)
        self.metrics.notices_waiting(self.notices.waiting())
        self.metrics.signing_key_age(self.keyring.age(now))
        return self.metrics.render()

    def listeners(self) -> list[Listener]:
        server, admin = self.config.server, self.config.admin
        ports = PublicPorts(
            issuer=self.config.transmitter.issuer,
            jwks=lambda: self.keyring.ring.jwks(),
            keys_age=keys_age(self.config.keys.publish_for),
            intake=self.intake,
            connectors={name: source.content_types for name, source in self.sources.items()},
            readiness=self.readiness,
            clock=self._ports.clock,
            count=self.metrics.webhook,
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
        await bridge.keyring.open()
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
