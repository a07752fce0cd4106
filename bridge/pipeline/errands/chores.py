"""chores: the errands that concern one device or one stream: compare, resync, verify, test."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

import structlog

from bridge.clock import Clock, Ids
from bridge.errors import BridgeError
from bridge.model import DEVICE_COMPLIANCE_CHANGE, ComplianceChange, SignedSET, Status, Stream
from bridge.pipeline.errands.errandry import Failed, Note, txn_of
from bridge.pipeline.errands.tally import told_by
from bridge.pipeline.ports import Mint
from bridge.pipeline.streams.resume import resume
from bridge.pipeline.tell import Teller
from bridge.pipeline.turn import Answered
from bridge.ssf.stream import wants
from bridge.ssf.subject import wire_subject
from bridge.store.errands import Errand
from bridge.store.protocol import Store
from bridge.store.records import NewDelivery, Unit
from bridge.value import replace

_log = structlog.get_logger("bridge.errands")

AGAIN = 2.0
"""Seconds until a comparison that could not be made is tried again."""
TOLD_WITHIN = 10.0
TEST_WORDS = "TEST of caep-bridge, asked for by an operator: no device changed"


class Chores:
    def __init__(
        self,
        store: Store,
        teller: Teller,
        mint: Mint,
        verify: Callable[[Stream, str | None, str], Awaitable[str | None]],
        named: Callable[[str], Stream | None],
        clock: Clock,
        ids: Ids,
        minted: Callable[[Collection[str]], None],
    ) -> None:
        self._store = store
        self._teller = teller
        self._mint = mint
        self._verify = verify
        self._named = named
        self._clock = clock
        self._ids = ids
        self._minted = minted

    async def compare(self, errand: Errand, note: Note) -> Mapping[str, Any]:
        """Belief of one device against what each stream was told: after an operator changed what counts."""
        connector, _, device_id = errand.target.partition("/")
        begun = self._clock.now()
        while not await self._compared(errand, connector, device_id):
            await self._clock.sleep(AGAIN)
        return await told_by(self._store, txn_of(errand), connector, begun, TOLD_WITHIN, self._clock)

    async def _compared(self, errand: Errand, connector: str, device_id: str) -> bool:
        """False: not now. It stays due, for nothing else may bring what the operator's word changed."""
        try:
            device = await self._store.device(connector, device_id)
            if device is not None:
                await self._teller.tell(Answered(None, device, txn=txn_of(errand)))
        except BridgeError as problem:
            _log.warning("errand.compare_again", connector=connector, device=device_id, problem=str(problem))
            return False
        if device is None:
            raise Failed(f"there is no device {errand.target}")
        return True

    async def resync(self, errand: Errand, note: Note) -> Mapping[str, Any]:
        stream = self._running(errand.target)
        begun = self._clock.now()
        compared = await resume(self._store, self._teller, [stream], txn_of(errand))
        told = await told_by(self._store, txn_of(errand), None, begun, TOLD_WITHIN, self._clock)
        return {"compared": compared, "held": told["held_by_guard"], **told}

    async def verify(self, errand: Errand, note: Note) -> Mapping[str, Any]:
        """SSF 1.0 §8.1.4: a verification event; only profiles that know it."""
        stream = self._running(errand.target)
        if stream.profile == "okta":
            raise Failed("the okta profile knows no verification event: Okta would refuse it")
        begun = self._clock.now()
        jti = await self._verify(stream, None, txn_of(errand))
        if jti is None:
            raise Failed(f"{stream.name} was disabled at this moment")
        return {**await self._told(errand, begun), "jtis": [jti]}

    async def test(self, errand: Errand, note: Note) -> Mapping[str, Any]:
        """One labelled pair about one person: failing, then compliant. Refused if the person is failing for real."""
        stream, login = self._running(errand.target), str(errand.asked["user"])
        if DEVICE_COMPLIANCE_CHANGE not in stream.events:
            raise Failed(f"{stream.name} does not want device-compliance-change")
        for name in stream.connectors or ("test",):
            if unwanted := wants(stream, DEVICE_COMPLIANCE_CHANGE, name, login, "test", {name: "test"}):
                raise Failed(f"{stream.name} may not hear of this person: {unwanted}")
        if await self._failing(stream, login):
            raise Failed("the person is not compliant at this receiver: a test would let them in")
        order = wire_subject(stream, login, "test", "test").order
        subject = wire_subject(replace(stream, aggregate="device"), login, "test", "test").key
        pair = [self._event(login, errand, "compliant", "not-compliant")]
        pair.append(self._event(login, errand, "not-compliant", "compliant"))
        signed = await self._mint([(event, stream) for event in pair])
        units = tuple(
            self._delivery(stream, one, subject, order, event.current, event.previous, errand)
            for one, event in zip(signed, pair, strict=True)
        )
        return await self._committed(units, errand)

    async def _failing(self, stream: Stream, login: str) -> bool:
        rows = await self._store.ledger_of(login, None)
        return any(row.stream_id == stream.id and row.told == "not-compliant" for row in rows)

    def _event(self, login: str, errand: Errand, previous: Status, current: Status) -> ComplianceChange:
        return ComplianceChange(
            login, "test", "test", int(self._clock.now()), TEST_WORDS, txn_of(errand), "admin", previous, current
        )

    def _running(self, name: str) -> Stream:
        stream = self._named(name)
        if stream is None:
            raise Failed(f"there is no stream {name} that runs")
        if not stream.enabled or stream.paused:
            raise Failed(f"{stream.name} is {'paused' if stream.paused else 'disabled'}: nothing is sent to it")
        return stream

    def _delivery(
        self, stream: Stream, signed: SignedSET, subject: str, order: str, status: Status, previous: Status,
        errand: Errand,
    ) -> NewDelivery:  # fmt: skip
        return NewDelivery(
            stream.id, subject, order, signed.jti, txn_of(errand), signed.kid, signed.text, status, previous,
            "", "", self._clock.now(),
        )  # fmt: skip

    async def _committed(self, sets: tuple[NewDelivery, ...], errand: Errand) -> Mapping[str, Any]:
        begun = self._clock.now()
        await self._store.commit([Unit(sets=sets)])
        self._minted({one.stream_id for one in sets})
        return {**await self._told(errand, begun), "jtis": [one.jti for one in sets]}

    async def _told(self, errand: Errand, begun: float) -> Mapping[str, Any]:
        return await told_by(self._store, txn_of(errand), None, begun, TOLD_WITHIN, self._clock)
