"""tell: from the answers of looks to belief, and to what each stream is owed, in one commit (design §2.2, §2.3).

One batch at a time: what waited meanwhile goes together, read in one look at the store, signed in one hop, written in
one transaction. So no two decisions about a person see each other half-done in this process; against other processes
every row that was read is checked again when it is written, and a decision that clashes is made anew.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Collection, Mapping, Sequence

import structlog

from bridge.clock import Clock, Dice
from bridge.errors import Conflict
from bridge.model import Snapshot, Stream
from bridge.pipeline.directory import Directories
from bridge.pipeline.draft import Draft, Standing, draft_of, reach_of
from bridge.pipeline.gate import Counted, Gate
from bridge.pipeline.owed import owed_by
from bridge.pipeline.owing import Owed
from bridge.pipeline.ports import Meter, Mint, Source
from bridge.pipeline.turn import Answered, Waiting, apart, is_outdated, outcome_of, swept, together, unit_of
from bridge.posture.believe import believe
from bridge.posture.decision import Context, Decision
from bridge.posture.guard import Limits
from bridge.posture.identity import Identity
from bridge.posture.policy import Policy
from bridge.store.records import NewDelivery, Scene
from bridge.value import replace

_log = structlog.get_logger("bridge.tell")

BATCH = 256
"""Decisions that go together, at most;"""
PAIRS = 8192
"""and so many pairs of a decision and a stream: with thousands of streams one read and one commit would else be of
hundreds of thousands of rows, and the store would lose its patience with them."""
TRIES = 8
"""How often a decision that clashes is made anew before its look is left to be leased again."""


class Teller:
    def __init__(
        self,
        store: Counted,
        sources: Mapping[str, Source],
        streams: Callable[[], Sequence[Stream]],
        identity: Identity,
        mint: Mint,
        clock: Clock,
        dice: Dice,
        meter: Meter,
        minted: Callable[[Collection[str]], None],
        *,
        gate: Gate | None = None,
        policy: Policy | None = None,
        directories: Directories | None = None,
    ) -> None:
        self._store = store
        self._sources = sources
        self._streams = streams
        self._identity = identity
        self._mint = mint
        self._clock = clock
        self._dice = dice
        self._meter = meter
        self._minted = minted
        self._gate = gate or Gate(store, Limits(max_users=sys.maxsize, max_percent=100.0))
        self._policy = policy or Policy()
        self._directories = directories or Directories()
        self._waiting: list[Waiting] = []
        self._wake = asyncio.Event()

    async def tell(self, answered: Answered) -> Decision:
        """Returns when belief and SETs are durable. Raises what the store raises, or Conflict."""
        done: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        self._waiting.append(Waiting(answered, done))
        self._wake.set()
        return await done

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                most = together(self._waiting[:BATCH], len(self._streams()), PAIRS)
                batch, self._waiting = self._waiting[:most], self._waiting[most:]
                await self._survive(batch)

    async def _survive(self, batch: list[Waiting]) -> None:
        try:
            again = await self._turn(batch)
        except Exception as trouble:
            for one in batch:
                one.fail(trouble)
        else:
            self._waiting = again + self._waiting

    async def _turn(self, batch: list[Waiting]) -> list[Waiting]:
        now = self._clock.now()
        batch, later = apart(await self._draft(batch, now))
        batch = await self._owe(batch, now)
        deliveries = await self._signed([one.owed for one in batch], now)
        clashes = {clash.index for clash in await self._store.commit([unit_of(one, deliveries, now) for one in batch])}
        for index, one in enumerate(batch):
            if index in clashes:
                await self._anew(one, later)
            else:
                self._finished(one, now)
        if deliveries:
            self._minted({one.stream_id for one in deliveries.values()})
        return later

    async def _draft(self, batch: list[Waiting], now: float) -> list[Waiting]:
        """One that cannot be decided fails alone. The families that matter are read together."""
        drafted = []
        for one in batch:
            try:
                one.draft = self._drafted(one.answered, now)
            except Exception as trouble:
                one.fail(trouble)
            else:
                drafted.append(one)
        await self._add_families([one for one in drafted if one.the_draft.person is not None])
        return drafted

    async def _add_families(self, seeking: Sequence[Waiting]) -> None:
        """To each draft all devices of its vendor person whose login is, by the rules of today, that of its device."""
        people = {person for one in seeking if (person := one.the_draft.person) is not None}
        known = await self._store.devices_of_people(people) if people else {}
        for one in seeking:
            device = one.the_draft.device
            family = known.get(one.the_draft.person or ("", ""), ())
            one.draft = one.the_draft.with_family(
                other
                for other in family
                if self._identity.login(other.connector, other.device_id, device.owner)[0] == device.login
            )

    async def _owe(self, batch: list[Waiting], now: float) -> list[Waiting]:
        scene = await self._scene([one.the_draft for one in batch])
        batch = self._each(batch, lambda one: self._compared(one, scene, now))
        failures = [(owing.stream, owing.subject.login) for one in batch for owing in one.owed.owings if owing.costs]
        if await self._directories.prefetch(failures):
            batch = self._each(batch, lambda one: self._compared(one, scene, now))
        owings = [owing for one in batch for owing in one.owed.owings]
        await self._gate.refresh({owing.device.connector for owing in owings if owing.event is not None}, now)
        return self._each(batch, lambda one: self._gate.let_through(one.owed, one.the_draft, now))

    def _compared(self, one: Waiting, scene: Scene, now: float) -> Owed:
        draft = one.the_draft
        return owed_by(draft, scene, draft.streams, self._sources, now, self._directories.unknown)

    def _each(self, batch: list[Waiting], owed: Callable[[Waiting], Owed]) -> list[Waiting]:
        """Each gets what it is owed; one that cannot fails alone."""
        owing = []
        for one in batch:
            try:
                one.owed = owed(one)
            except Exception as trouble:
                one.fail(trouble)
            else:
                owing.append(one)
        return owing

    def _drafted(self, answered: Answered, now: float) -> Draft:
        streams = self._meant(answered)
        if answered.look is None and answered.answer is None:
            device = answered.device
            if device is None:
                raise Conflict("a comparison needs a device")
            before = replace(device, login=answered.told_as) if answered.told_as else device
            return draft_of(before, Decision(device), Standing.COMPARED, streams, device.connector, answered.txn)
        look = answered.look or swept(answered)
        decision = self.decide(answered, now)
        return draft_of(
            answered.device, decision, Standing.DECIDED, streams, look.connector, look.txn, look.rung_at,
            confirmed=_confirms(answered),
        )  # fmt: skip

    def _meant(self, answered: Answered) -> Sequence[Stream]:
        """The streams as they run now: who asked may have begun when they were otherwise, or one more was there."""
        running = self._streams()
        if answered.streams is None:
            return running
        asked = {one.id for one in answered.streams}
        return [one for one in running if one.id in asked]

    def decide(self, answered: Answered, now: float) -> Decision:
        """What would be believed after this answer. Writes nothing."""
        look = answered.look or swept(answered)
        source = self._sources[look.connector]
        context = Context(
            connector=look.connector,
            judge=source.judge,
            identity=self._identity,
            now=now,
            txn=look.txn,
            statements=tuple(stated.statement for stated in look.stated),
            received=tuple(stated.received_at for stated in look.stated),
            rung_at=look.rung_at,
            attempts=look.attempts,
            contradictions=look.contradictions,
            jitter=self._dice.between(0.8, 1.2),
            policy=self._policy,
            first_list=answered.first_list,
        )
        return believe(answered.device, look.device_id, answered.answer, context, recoveries=source.fold_recoveries)

    async def _scene(self, drafts: Sequence[Draft]) -> Scene:
        logins: set[str] = set()
        subjects: set[tuple[str, str]] = set()
        for draft in drafts:
            reach = reach_of(draft)
            logins |= reach.logins
            subjects |= reach.subjects
        if not subjects:
            return Scene({}, {})
        return await self._store.scene(logins, subjects)

    async def _signed(self, owed: Sequence[Owed], now: float) -> dict[int, NewDelivery]:
        """Keyed by the identity of what is owed."""
        minting = [owing for owes in owed for owing in owes.owings if owing.event is not None]
        signed = await self._mint([(owing.event, owing.stream) for owing in minting if owing.event]) if minting else []
        return {id(owing): owing.delivery(one, now) for owing, one in zip(minting, signed, strict=True)}

    async def _anew(self, one: Waiting, later: list[Waiting]) -> None:
        """Something changed under the decision: read the device again and decide again."""
        one.tries += 1
        device = one.draft.device if one.draft else one.answered.device
        if one.tries >= TRIES or device is None:
            one.fail(Conflict("the device changed each time that it was decided"))
            return
        fresh = await self._store.device(device.connector, device.device_id)
        if one.answered.connector and fresh != one.answered.device:
            one.fail(Conflict("the device changed while the list was read, which may be older"))
            return
        if is_outdated(one.answered, fresh, self._clock.now()):
            one.fail(Conflict("a later answer about the device was believed meanwhile"))
            return
        compares = one.the_draft.standing is Standing.COMPARED  # with a person, who may own no device any more
        one.answered = replace(one.answered, device=fresh or (device if compares else None))
        later.append(one)

    def _finished(self, one: Waiting, now: float) -> None:
        draft, owed = one.the_draft, one.owed
        decision = draft.decision
        reasons = {owing.stream.name: owing.reason for owing in owed.owings}
        minted = sum(owing.event is not None for owing in owed.owings)
        if one.answered.look is not None:
            self._meter.decision(draft.connector, decision.reason.partition(":")[0])
            _log.info(
                "look.finished",
                connector=draft.connector,
                device=draft.device.device_id,
                reason=decision.reason,
                change=decision.change.why if decision.change else None,
                status=decision.device.status,
                sets=minted,
                streams=reasons,
                txn=draft.txn,
                again_in=round(decision.again_at - now, 1) if decision.again_at else None,
                attempts=decision.attempts,
                answer=outcome_of(one.answered.answer),
            )
        if not one.done.done():
            one.done.set_result(decision)


def _confirms(answered: Answered) -> bool:
    """Whether the vendor has just shown it; where nobody can be asked, belief is all there is."""
    return answered.answer is None or (isinstance(answered.answer, Snapshot) and answered.answer.present)
