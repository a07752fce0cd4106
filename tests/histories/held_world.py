"""The small world with what operators may hold back, put away, pause and take out of the count."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bridge.pipeline.fleet import baseline, heldback
from bridge.pipeline.fleet.reconcile import Reconciler
from bridge.pipeline.operator.word import comparison, retire, speak
from bridge.pipeline.streams.resume import resume
from bridge.pipeline.turn import Answered
from bridge.posture.policy import Policy
from tests.histories.ports import Nothing
from tests.histories.world import World


def nowhere(done: int) -> None:
    """Progress that nobody sees."""


class HeldWorld(World):
    def __init__(self, folder: Path | None = None, *, settle: float = 0.0, api: bool = True) -> None:
        self.policy = Policy(settle=settle)
        self.api = api
        super().__init__(folder)

    def begin(self) -> None:
        self.vendor.has_api = self.vendor.has_list = self.api
        self.vendor.fold_recoveries = not self.api
        super().begin()
        self.teller._policy = self.policy
        self.reconciler = Reconciler(
            self.vendor, self.store, self.teller, self.clock, Nothing(), hold_baseline=True, rang=lambda name: None
        )

    def carry(self) -> None:
        self._run(one.stream for one in self.receivers.values() if one.stream.enabled and not one.stream.paused)

    def release(self) -> None:
        self.loop.run_until_complete(
            heldback.release(self.store, None, self.ids.token(), self.clock, nowhere)
        )  # fmt: skip

    def discard(self) -> None:
        self.loop.run_until_complete(heldback.discard(self.store, None, self.clock, nowhere))

    def baseline(self, goes: bool) -> None:
        if goes:
            work = baseline.release(self.store, "vendor", self.ids.token(), self.clock, nowhere)
            self.loop.run_until_complete(work)
        else:
            self.loop.run_until_complete(baseline.discard(self.store, "vendor", "test", self.clock, nowhere))

    def set_paused(self, name: str, paused: bool) -> None:
        """What waits goes on to wait; on going on, what differs is told."""
        receiver = self.receivers[name]
        was = receiver.stream.paused
        receiver.stream = replace(receiver.stream, paused=paused)
        self.carry()
        if was and not paused:
            self.loop.run_until_complete(resume(self.store, self.teller, [receiver.stream], self.ids.token()))

    def retire(self, name: str) -> None:
        device = self.loop.run_until_complete(self.store.device("vendor", name))
        if device is None:
            return
        asked = comparison(device, self.ids.new(), self.clock.now(), "root")
        self.loop.run_until_complete(speak(self.store, device, retire("lost", asked)))
        fresh = self.loop.run_until_complete(self.store.device("vendor", name))
        self.loop.run_until_complete(self.teller.tell(Answered(None, fresh, txn=self.ids.token())))
