"""The works: every piece of the pipeline, built from the parts of the configuration and tied together. Nothing runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor

import structlog

from bridge import __version__
from bridge.callers import Callers
from bridge.channels import Channels
from bridge.config import Config
from bridge.delivery.push import push
from bridge.errors import BridgeError
from bridge.model import Outcome, Stream
from bridge.observe.metrics import Metrics
from bridge.parts import Parts, Ports, key_terms, lookups
from bridge.pipeline.api.selections import Selections
from bridge.pipeline.directory import Directories, Directory
from bridge.pipeline.errands.chores import Chores
from bridge.pipeline.errands.errandry import Doc, Errandry, Failed, Note
from bridge.pipeline.fleet.reconcile import Reconciler
from bridge.pipeline.fleet.timetable import Timetable
from bridge.pipeline.gate import Gate
from bridge.pipeline.intake import Intake
from bridge.pipeline.journal import Journal
from bridge.pipeline.keys.keyring import Keyring
from bridge.pipeline.keys.remint import Remint
from bridge.pipeline.keys.reread import Reread
from bridge.pipeline.looks import Lane
from bridge.pipeline.mint import Minter
from bridge.pipeline.notices.alarm import Alarm
from bridge.pipeline.retention import Retention
from bridge.pipeline.sending.mailbox import Bounds, Mailbox
from bridge.pipeline.sending.outbox import Outbox
from bridge.pipeline.streams.activity import Activity
from bridge.pipeline.streams.clearing import Clearing
from bridge.pipeline.streams.herald import Herald
from bridge.pipeline.streams.keeper import Changed, Keeper
from bridge.pipeline.streams.resume import catch_up, resume
from bridge.pipeline.streams.running import status_of
from bridge.pipeline.streams.subscribed import Subscribed
from bridge.pipeline.streams.upkeep import Upkeep
from bridge.pipeline.streams.verifier import Verifier
from bridge.pipeline.tell import Teller
from bridge.ssf.identifier import Identifier
from bridge.store.errands import Errand
from bridge.store.protocol import Store
from bridge.vault import Vault

_log = structlog.get_logger("bridge.works")

RESUME_AGAIN = 2.0
"""Seconds until a comparison that the store did not let end is begun again."""


class Works:
    """`trouble` is told of what a piece cannot do now, `failing` gives the names of the checks that do not hold."""

    def __init__(
        self,
        parts: Parts,
        store: Store,
        ports: Ports,
        trouble: Callable[[str], None],
        failing: Callable[[], Awaitable[Sequence[str]]],
    ) -> None:
        config, clock, ids = parts.config, ports.clock, ports.ids
        self.store = store
        self.ports = ports
        self.outbound = parts.outbound
        self.trouble = trouble
        self.signers = ThreadPoolExecutor(1, thread_name_prefix="sign"), ThreadPoolExecutor(1, "sign_at_once")
        self.metrics = Metrics(
            __version__,
            list(parts.sources),
            list(config.receivers),
            [one.name for one in config.notify],
            list(config.oauth.clients),
        )
        self.journal = Journal(store, clock, ids, "serve")
        """For what is done by itself: holds, releases. What a person asked for is recorded in their name."""
        self.keyring = Keyring(store, parts.keys, key_terms(config), clock, self.journal, trouble)
        self.callers = Callers(parts, store, ports, self.metrics, self.journal, trouble)
        self.reread = Reread(parts.watch, clock, self.callers.clients.changed)
        mint = Minter(config.transmitter.issuer, lambda: self.keyring.ring, clock, ids, *self.signers)
        self.remint = Remint(store, mint, lambda: {stream.id: stream for stream in self.streams()}, clock)
        self.directories = Directories(
            {name: Directory(name, lookup, clock) for name, lookup in lookups(parts, ports).items()}
        )
        self.outbox = Outbox(
            store, self._push, clock, ports.dice, self.metrics, trouble, self.keyring.publishes,
            config.delivery.give_up_after, lambda stream: self.verifier.accepted(stream),
        )  # fmt: skip
        self.vault = Vault(config.key_directory / "vault.key")
        self.selections = Selections(
            store, self.journal_of, clock, self._sending, lambda *chosen: self.keeper.select(*chosen), self._catch_up,
            trouble,
            defaults={name: client.default_subjects for name, client in config.oauth.clients.items()},
            most=config.streams.max_subjects,
        )  # fmt: skip
        self._namespaces = config.namespaces
        made = Subscribed(config.oauth.clients, self.vault, self.selections.of)
        self.keeper = Keeper(store, clock, self._carry, self.resume, trouble, made)
        self.mailbox = Mailbox(
            store, self.keeper.running, clock, self.metrics, trouble, _bounds(config), self.keyring.publishes
        )
        self.verifier = Verifier(
            store, self.keeper, mint.verification, clock, ids, self.journal, self.minted, trouble
        )  # fmt: skip
        self.herald = Herald(store, self.keeper, mint.stream_updated, clock, ids, self.minted, trouble)
        clients = config.oauth.clients
        idle = [one.inactivity_timeout for one in clients.values() if one.inactivity_timeout is not None]
        self.activity = Activity(store, clock, idle)
        self.upkeep = Upkeep(
            store, self.keeper, self.activity, clients, config.streams.dead_after, self.outbox.unwell_since, clock,
            self.journal, trouble,
        )  # fmt: skip
        self.clearing = Clearing(store, clock, trouble)
        self.gate = Gate(store, parts.limits, Alarm(self.journal, lambda *about: self.channels.guard(*about)))
        self.teller = Teller(
            store, parts.sources, self.streams, parts.identity, mint, clock, ports.dice, self.metrics, self.minted,
            gate=self.gate, policy=parts.policy, directories=self.directories,
        )  # fmt: skip
        self.lanes = {
            name: Lane(source, store, self.teller, clock, self.metrics, trouble)
            for name, source in parts.sources.items()
        }
        self.intake = Intake(
            parts.sources, store, clock, ids, self.metrics, self.rang,
            quarantine=config.retention.quarantine_limit, statements=config.retention.statements,
        )  # fmt: skip
        self.reconcilers = {
            name: Reconciler(
                source, store, self.teller, clock, self.metrics,
                hold_baseline=config.policy.baseline == "hold", rang=self.rang,
            )
            for name, source in parts.sources.items()
        }  # fmt: skip
        chores = Chores(store, self.teller, mint, self.verifier.send, self.keeper.named, clock, ids, self.minted)
        self.errandry = Errandry(
            store,
            {
                "reconcile": self._reconcile, "compare": chores.compare, "resync": chores.resync,
                "verify": chores.verify, "test": chores.test,
            },
            clock, trouble,
        )  # fmt: skip
        self.timetable = Timetable(
            list(parts.sources.values()), store, clock, ports.dice, ids, trouble, self.errandry.wake
        )
        self.retention = Retention(store, config.retention, clock, self.metrics, trouble)
        self.channels = Channels(
            parts, store, ports, self.metrics,
            outbox=self.outbox, lanes=self.lanes, streams=self.names, failing=failing, keys=lambda: self.keyring.rows,
        )  # fmt: skip

    # -- what the pieces need of each other -----------------------------------------------------

    def streams(self) -> Sequence[Stream]:
        return self.keeper.streams()

    def names(self) -> dict[str, str]:
        """stream id → name"""
        return {stream.id: stream.name for stream in self.streams()}

    def minted(self, stream_ids: Collection[str]) -> None:
        """SETs were made for these streams."""
        self.outbox.wake()
        self.mailbox.minted(stream_ids)

    def _carry(self, changed: Changed) -> None:
        self.outbox.carry(changed)
        self.mailbox.changed(changed)

    def rang(self, connector: str) -> None:
        self.lanes[connector].wake()

    def stream_deleted(self, stream_id: str) -> None:
        """What is left of it goes in small steps."""
        self.selections.forget(stream_id)
        self.clearing.wake(stream_id)

    def journal_of(self, client: str) -> Journal:
        """What a client of the API does is recorded in its name."""
        return Journal(self.store, self.ports.clock, self.ports.ids, f"client {client}")

    def _sending(self, stream_id: str) -> Stream | None:
        """The stream, if it is told of what happens now."""
        one = self.keeper.running().get(stream_id)
        return one.stream if one is not None and status_of(one.stream) == "enabled" else None

    async def _catch_up(self, stream: Stream, subjects: Sequence[Identifier]) -> None:
        await catch_up(self.store, self.teller, stream, subjects, self._namespaces, self.ports.ids.token())

    async def _push(self, stream: Stream, text: str) -> Outcome:
        return await push(self.outbound, stream, text, self.ports.clock)

    async def resume(self, streams: Sequence[Stream]) -> None:
        """Until it succeeded once; the store remembers only then that they are enabled, whatever dies before."""
        while True:
            try:
                await resume(self.store, self.teller, streams, self.ports.ids.token())
                await self.keeper.compared(streams)
                await self.outbox.note_enabled([stream.id for stream in streams])
                return
            except BridgeError as problem:
                self.trouble(f"resume: {type(problem).__name__}")
                _log.error("stream.resume_stuck", problem=str(problem))
                await self.ports.clock.sleep(RESUME_AGAIN)

    async def _reconcile(self, errand: Errand, note: Note) -> Doc:
        reconciler = self.reconcilers.get(errand.target)
        if reconciler is None:
            raise Failed(f"there is no connector {errand.target}")
        try:
            return await reconciler(errand, note)
        except Failed:
            self.timetable.failed(errand.target)
            raise


def _bounds(config: Config) -> Bounds:
    terms = config.streams
    return Bounds(terms.poll_wait, terms.poll_visibility, terms.polls_per_stream, terms.polls, terms.polls_per_client)
