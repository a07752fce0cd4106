"""The small world in which some act late on what they read, and commands act beside the service between its steps."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from bridge.errors import Conflict
from bridge.model import Device, LookFailed, Snapshot, Status
from bridge.pipeline.fleet import baseline, heldback
from bridge.pipeline.operator.word import Word, clear, comparison, override, retire, speak
from bridge.pipeline.streams.resume import resume
from bridge.pipeline.turn import Answered
from bridge.ssf.subject import login_of
from bridge.store.erasure import Erase, addresses_of
from bridge.store.records import LeasedLook
from tests.histories.held_world import HeldWorld, nowhere
from tests.histories.meddler import Meddler

ERRAND = 30.0
LOOK = 180.0


@dataclass
class Begun:
    """A look whose answer is on its way."""

    leased: LeasedLook
    answer: Snapshot | LookFailed


class LateWorld(HeldWorld):
    store: Meddler  # type: ignore[assignment]  # it does what a store does

    def begin(self) -> None:
        if not isinstance(self.store, Meddler):
            self.store = Meddler(self.store)
            self.read: list[Device] = []
            self.begun: list[Begun] = []
        self.store.acts.clear()
        self.begun.clear()
        super().begin()

    # -- what commands do, beside the service -----------------------------------------------------

    async def word(self, name: str, kind: str) -> None:
        plain, now = self.store.plain, self.clock.now()
        device = await plain.device("vendor", name)
        if device is None:
            return
        asked = comparison(device, self.ids.new(), now, "root")
        words: dict[str, Word] = {
            "fails": override("not-compliant", now + 60, now, "root", "test", self.ids.token(), asked),
            "passes": override("compliant", now + 60, now, "root", "test", self.ids.token(), asked),
            "clear": clear(now, self.ids.token()),
            "retire": retire("lost", asked),
        }
        await speak(plain, device, words[kind])

    async def let_go(self, what: str) -> None:
        plain, txn = self.store.plain, self.ids.token()
        if what == "guard":
            await heldback.release(plain, None, txn, self.clock, nowhere)
        elif what == "no guard":
            await heldback.discard(plain, None, self.clock, nowhere)
        elif what == "baseline":
            await baseline.release(plain, "vendor", txn, self.clock, nowhere)
        else:
            await baseline.discard(plain, "vendor", "test", self.clock, nowhere)

    async def send_again(self) -> None:
        for row in (await self.store.plain.deliveries(state="dead", limit=1000))[::-1]:
            await self.store.plain.revive(row.id, self.clock.now())

    async def forget(self, login: str) -> None:
        """If nothing hinders."""
        plain = self.store.plain
        devices = tuple(one.key for one in await plain.devices() if login in addresses_of(one))
        subjects = tuple(pair for pair in await plain.subjects() if login_of(pair[1]) == login)
        await plain.erase(Erase(devices, subjects, addresses=frozenset({login})), self.clock.now())

    def override(self, name: str, status: Status, seconds: float) -> None:
        self.loop.run_until_complete(self.word(name, "passes" if status == "compliant" else "fails"))

    def retire(self, name: str) -> None:
        self.loop.run_until_complete(self.word(name, "retire"))

    # -- what the service does late ---------------------------------------------------------------

    def run_errands(self) -> None:
        self.loop.run_until_complete(self._run_errands())

    async def _run_errands(self) -> None:
        now = self.clock.now()
        while (errand := await self.store.lease_errand(now, now + ERRAND)) is not None:
            device = await self.store.device("vendor", errand.target.partition("/")[2])
            if device is not None:
                await self.teller.tell(Answered(None, device, txn=self.ids.token()))
            await self.store.end_errand(errand.id, "done", {}, now)

    def resync(self, name: str) -> None:
        stream = self.receivers[name].stream
        self.loop.run_until_complete(resume(self.store, self.teller, [stream], self.ids.token()))  # type: ignore[arg-type]  # as above

    def compare_late(self) -> None:
        device = self.read.pop(0)
        self.loop.run_until_complete(self.teller.tell(Answered(None, device, txn=self.ids.token())))

    def begin_look(self) -> None:
        self.loop.run_until_complete(self._begin_look())

    async def _begin_look(self) -> None:
        now = self.clock.now()
        for leased in await self.store.lease_looks("vendor", 1, now, now + LOOK):
            try:
                answer: Snapshot | LookFailed = await self.vendor.snapshot(leased.look.device_id, now)
            except LookFailed as failure:
                answer = failure
            self.begun.append(Begun(leased, answer))

    def end_look(self) -> None:
        begun = self.begun.pop(0)
        answered = Answered(begun.leased.look, begun.leased.device, begun.answer)
        with suppress(Conflict):
            self.loop.run_until_complete(self.teller.tell(answered))
