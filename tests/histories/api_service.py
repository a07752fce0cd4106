"""The small world's service with all that is about streams of the API: the real pieces, and no receiver yet."""

from __future__ import annotations

import asyncio
import random
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bridge.config import Client
from bridge.model import Event, Outcome, SignedSET, Stream, StreamStatus
from bridge.pipeline.api.management import Management
from bridge.pipeline.api.ownership import Ownership
from bridge.pipeline.api.selections import Selections
from bridge.pipeline.api.standing import Standing
from bridge.pipeline.api.subjects import Subjects
from bridge.pipeline.api.verification import Verification
from bridge.pipeline.gate import Gate
from bridge.pipeline.journal import Journal
from bridge.pipeline.sending.mailbox import Bounds, Mailbox
from bridge.pipeline.sending.outbox import Outbox
from bridge.pipeline.streams.activity import Activity
from bridge.pipeline.streams.clearing import Clearing
from bridge.pipeline.streams.herald import Herald
from bridge.pipeline.streams.keeper import Changed, Keeper
from bridge.pipeline.streams.resume import catch_up, resume
from bridge.pipeline.streams.running import Running, status_of
from bridge.pipeline.streams.subscribed import Subscribed
from bridge.pipeline.streams.upkeep import Upkeep
from bridge.pipeline.streams.verifier import Verifier
from bridge.posture.guard import Limits
from bridge.vault import Vault
from tests.histories.guest import Guest
from tests.histories.jitter import Jitter
from tests.histories.ports import Dice, Nothing
from tests.histories.world import World

CLIENT = "siem"
TERMS: dict[str, Any] = {"audience": "https://siem.example", "min_verification_interval": "0s", "max_streams": 4}


class ApiService(World):
    """The pieces of the service that are about streams of the API. `seed` decides how what runs at once is interleaved;
    what is pushed to receivers comes to `hooked`."""

    def __init__(self, folder: Path | None = None, seed: int = 0, **terms: Any) -> None:
        self.dice = random.Random(seed)
        self.clients = {CLIENT: Client(**(TERMS | terms))}
        self.guests: dict[str, Guest] = {}
        self.of_stream: dict[str, str] = {}
        """jti → the stream that it was made for"""
        self.wrong: list[str] = []
        self.guests_up, self.guests_refuse = True, set[str]()
        self.keys = TemporaryDirectory()
        super().__init__(folder)

    def close(self) -> None:
        super().close()
        self.keys.cleanup()

    # -- the process ------------------------------------------------------------------------------

    def begin(self) -> None:
        if not isinstance(self.store, Jitter):
            self.store = Jitter(self.store, self.dice)
        super().begin()
        store, clock, journal = self.store, self.clock, self._journal("serve")
        self.teller._gate = Gate(store, Limits(max_users=99, max_percent=100.0))
        self.teller._minted = self._minted
        self.hook = Outbox(
            store,
            self.hooked,
            clock,
            Dice(),
            Nothing(),
            self.trouble,
            accepted=lambda one: self.verifier.accepted(one),
        )
        self.selections = Selections(
            store, self._journal, clock, self._sending, lambda *chosen: self.keeper.select(*chosen), self._catch_up,
            self.trouble, defaults={CLIENT: "ALL"}, most=50,
        )  # fmt: skip
        made = Subscribed(self.clients, Vault(Path(self.keys.name) / "vault.key"), self.selections.of)
        self.keeper = Keeper(store, clock, self._carry, self._resume, self.trouble, made)
        self.mailbox = Mailbox(store, self.keeper.running, clock, Nothing(), self.trouble, Bounds(wait=0.002))
        self.verifier = Verifier(store, self.keeper, self._verify, clock, self.ids, journal, self._minted, self.trouble)
        self.herald = Herald(store, self.keeper, self._updated, clock, self.ids, self._minted, self.trouble)
        activity = Activity(store, clock)
        self.upkeep = Upkeep(
            store, self.keeper, activity, self.clients, 72 * 3600.0, self.hook.unwell_since, clock, journal,
            self.trouble,
        )  # fmt: skip
        self.clearing = Clearing(store, clock, self.trouble)
        owned = Ownership(store, self.keeper, activity.used)
        self.management = Management(
            store, self.keeper, owned, self.clients, issuer="https://tr.example", vault=made._vault, refusal=_fine,
            clock=clock, ids=self.ids, journal=self._journal, deleted=self.selections.forget,
        )  # fmt: skip
        self.standing = Standing(self.keeper, owned, clock, self._journal)
        self.subjects = Subjects(owned, self.selections)
        self.verification = Verification(owned, self.verifier, self.clients, clock)
        self.loop.run_until_complete(self._start())

    async def _start(self) -> None:
        await self.selections.load()
        await self.keeper.begin_made()
        await self._resume(await self.keeper.due())
        running = self.keeper.running()
        for guest in self.guests.values():
            self.see(guest, running.get(guest.id))

    def end(self) -> None:
        super().end()
        for guest in self.guests.values():
            guest.doubts = 0

    def see(self, guest: Guest, one: Running | None) -> None:
        """What a receiver finds when it reads its stream after it heard no answer."""
        guest.gone = guest.gone or one is None
        if one is not None:
            guest.status, guest.url, guest.proved = status_of(one.stream), one.stream.endpoint_url, one.stream.verified

    # -- what the pieces need ---------------------------------------------------------------------

    def _journal(self, who: str) -> Journal:
        return Journal(self.store, self.clock, self.ids, who)

    def streams(self) -> list[Stream]:
        keeper = getattr(self, "keeper", None)
        return [*super().streams(), *(keeper.streams() if keeper is not None else ())]

    def _carry(self, changed: Changed) -> None:
        self.hook.carry(changed)
        if hasattr(self, "mailbox"):
            self.mailbox.changed(changed)

    def _minted(self, ids: Any) -> None:
        self.mailbox.minted(ids)

    def _sending(self, stream_id: str) -> Stream | None:
        one = self.keeper.running().get(stream_id)
        return one.stream if one is not None and status_of(one.stream) == "enabled" else None

    async def _catch_up(self, stream: Stream, subjects: Any) -> None:
        await catch_up(self.store, self.teller, stream, subjects, {"vendor": "vendor"}, self.ids.token())

    async def _resume(self, streams: Sequence[Stream]) -> None:
        if streams:
            await resume(self.store, self.teller, streams, self.ids.token())
            await self.keeper.compared(streams)
            await self.hook.note_enabled([one.id for one in streams])

    async def mint(self, pairs: Sequence[tuple[Event, Stream]]) -> list[SignedSET]:
        signed = await super().mint(pairs)
        for one, (_, stream) in zip(signed, pairs, strict=True):
            self.of_stream[one.jti] = stream.id
        await asyncio.sleep(0)
        return signed

    async def _verify(self, asked: Sequence[tuple[Stream, str | None, str]]) -> list[SignedSET]:
        return [self._about(stream) for stream, _, _ in asked]

    async def _updated(self, stream: Stream, status: StreamStatus, reason: str, txn: str) -> SignedSET:
        await asyncio.sleep(0)
        return self._about(stream)

    def _about(self, stream: Stream) -> SignedSET:
        jti = self.ids.jti()
        self.of_stream[jti] = stream.id
        return SignedSET(jti, int(self.clock.now()), "kid", jti)

    @abstractmethod
    async def hooked(self, stream: Stream, text: str) -> Outcome:
        """A push arrives at a receiver that made its stream."""


async def _fine(url: str) -> str | None:
    return None
