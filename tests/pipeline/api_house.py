"""Streams that receivers made, as they run: over a real store, with a clock, a signer and receivers of the test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from bridge.config import Client
from bridge.model import DEVICE_COMPLIANCE_CHANGE, Outcome, SignedSET, Stream, StreamStatus
from bridge.pipeline.api.management import Management
from bridge.pipeline.api.ownership import Ownership
from bridge.pipeline.api.standing import Standing
from bridge.pipeline.api.verification import Verification
from bridge.pipeline.journal import Journal
from bridge.pipeline.sending.outbox import Outbox
from bridge.pipeline.streams.activity import Activity
from bridge.pipeline.streams.clearing import Clearing
from bridge.pipeline.streams.herald import Herald
from bridge.pipeline.streams.keeper import Keeper
from bridge.pipeline.streams.subscribed import Subscribed
from bridge.pipeline.streams.upkeep import Upkeep
from bridge.pipeline.streams.verifier import Verifier
from bridge.ssf.profile import stream_updated, verification
from bridge.store.protocol import Store
from bridge.store.records import NewDelivery, StreamRow, Unit
from bridge.vault import Vault
from tests.histories.ports import START, Clock, Dice, Ids, Nothing

ISSUER = "https://tr.example"
ADMINS = Stream("s1", "okta", "https://okta.example", "okta", "https://okta.example")
HOOK, OTHER = "https://r.example/events", "https://r.example/elsewhere"
DELIVERED = Outcome("delivered", "202", received=True)
DOWN = Outcome("stream", "connect")
REFUSED = Outcome("row", "invalid_state", "not mine")
DEAD_AFTER = 72 * 3600.0


@dataclass(frozen=True)
class Pushed:
    stream: str
    where: str
    type: str
    said: dict[str, Any]


class House:
    """`configured` are streams of the configuration beside those that the client `siem` makes."""

    def __init__(self, store: Store, clock: Clock, folder: Path, **terms: Any) -> None:
        self.store, self.clock, self.ids = store, clock, Ids()
        self.clients = {"siem": Client(audience="https://siem.example", **{"min_verification_interval": "0s", **terms})}
        self.vault = Vault(folder / "vault.key")
        self.configured: tuple[Stream, ...] = ()
        self.answer = DELIVERED
        self.pushes: list[Pushed] = []
        self.troubles: list[str] = []

    async def begin(self, *configured: Stream) -> House:
        """The process starts; again: it died."""
        self.configured = configured or self.configured
        await self.store.release_leases()
        self.outbox = Outbox(
            self.store, self._push, self.clock, Dice(), Nothing(), self.troubles.append,
            accepted=lambda stream: self.verifier.accepted(stream),
        )  # fmt: skip
        made = Subscribed(self.clients, self.vault)
        self.keeper = Keeper(self.store, self.clock, self.outbox.carry, self._resume, self.troubles.append, made)
        journal = self._journal("serve")
        self.verifier = Verifier(
            self.store, self.keeper, self._verify, self.clock, self.ids, journal, self._minted, self.troubles.append
        )
        self.herald = Herald(
            self.store, self.keeper, self._updated, self.clock, self.ids, self._minted, self.troubles.append
        )
        idle = [one.inactivity_timeout for one in self.clients.values() if one.inactivity_timeout]
        self.activity = Activity(self.store, self.clock, idle)
        self.upkeep = Upkeep(
            self.store, self.keeper, self.activity, self.clients, DEAD_AFTER, self.outbox.unwell_since, self.clock,
            journal, self.troubles.append,
        )  # fmt: skip
        self.clearing = Clearing(self.store, self.clock, self.troubles.append)
        owned = Ownership(self.store, self.keeper, self.activity.used)
        self.management = Management(
            self.store, self.keeper, owned, self.clients, issuer=ISSUER, vault=self.vault, refusal=_none,
            clock=self.clock, ids=self.ids, journal=self._journal, deleted=lambda _: self.clearing.wake(),
        )  # fmt: skip
        self.standing = Standing(self.keeper, owned, self.clock, self._journal)
        self.verification = Verification(owned, self.verifier, self.clients, self.clock)
        await self._carry_configured()
        await self.keeper.begin_made()
        await self._resume(await self.keeper.due())
        return self

    async def _carry_configured(self) -> None:
        rows = {row.id: row for row in await self.store.streams()}
        for stream in self.configured:
            if stream.id not in rows:
                rows[stream.id] = StreamRow(stream.id, stream.name, stream.audience, START)
                await self.store.put_stream(rows[stream.id])
        carried = [(replace(one, paused=bool(rows[one.id].paused)), rows[one.id]) for one in self.configured]
        self.keeper.begin(carried, ())

    # -- what happens ---------------------------------------------------------------------------

    async def turn(self, times: int = 2) -> None:
        """Every loop does its work, as often."""
        for _ in range(times):
            await self.keeper.turn()
            await self.upkeep.turn()
            await self.herald.turn()
            await self.verifier.turn()
            while await self.outbox.turn():
                await self.outbox.idle()

    async def hours(self, count: float, step: float = 1.0) -> None:
        for _ in range(int(count / step)):
            self.clock.time += step * 3600
            await self.turn(1)

    async def push_stream(self, url: str = HOOK, **more: Any) -> str:
        body = {"delivery": {"method": "urn:ietf:rfc:8935", "endpoint_url": url}, **more}
        return str((await self.management.create("siem", body))["stream_id"])

    async def poll_stream(self) -> str:
        return str((await self.management.create("siem", {}))["stream_id"])

    async def event(self, stream_id: str) -> str:
        """Something about a person waits for the stream; its jti."""
        jti = self.ids.jti()
        text = orjson.dumps({"events": {DEVICE_COMPLIANCE_CHANGE: {}}}).decode()
        new = NewDelivery(stream_id, "ann", "ann", jti, "txn", "kid", text, created_at=self.clock.now())
        await self.store.commit([Unit(sets=(new,))])
        return jti

    async def row(self, stream_id: str) -> StreamRow:
        row = await self.store.stream(stream_id)
        assert row is not None
        return row

    def heard(self, stream_id: str) -> list[tuple[str, dict[str, Any]]]:
        """Type and event of each push to the stream."""
        return [(one.type, one.said) for one in self.pushes if one.stream == stream_id]

    # -- ports ----------------------------------------------------------------------------------

    async def _push(self, stream: Stream, text: str) -> Outcome:
        ((uri, said),) = orjson.loads(text)["events"].items()
        self.pushes.append(Pushed(stream.id, stream.endpoint_url, uri.rpartition("/")[2], said))
        return self.answer

    async def _verify(self, asked: Sequence[tuple[Stream, str | None, str]]) -> list[SignedSET]:
        return [self._signed(verification, stream, state=state, txn=txn) for stream, state, txn in asked]

    async def _updated(self, stream: Stream, status: StreamStatus, reason: str, txn: str) -> SignedSET:
        return self._signed(stream_updated, stream, status=status, reason=reason or None, txn=txn)

    def _signed(self, claims: Any, stream: Stream, **more: Any) -> SignedSET:
        jti, iat = self.ids.jti(), int(self.clock.now())
        made = claims(stream, issuer=ISSUER, jti=jti, iat=iat, **more)
        return SignedSET(jti, iat, "kid", orjson.dumps(made).decode())

    async def _resume(self, streams: Sequence[Stream]) -> None:
        await self.keeper.compared(streams)
        await self.outbox.note_enabled([stream.id for stream in streams])

    def _journal(self, who: str) -> Journal:
        return Journal(self.store, self.clock, self.ids, who)

    def _minted(self, stream_ids: object) -> None:
        self.outbox.wake()


async def _none(url: str) -> str | None:
    return None
