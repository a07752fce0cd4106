"""The random histories again, with everything that keeps a telling back: the first list, a settling time, the guard,
a pause, an operator's word; and with a vendor that nobody can ask."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from bridge.model import Device, Status
from tests.histories.held_world import HeldWorld
from tests.histories.test_histories import LAPTOPS, RECEIVERS, Histories, _settings

WINDOW = 60.0


class HeldHistories(Histories):
    world: HeldWorld

    def make_world(self) -> HeldWorld:
        return HeldWorld()

    @rule()
    def discard(self) -> None:
        self.world.discard()

    @rule(goes=st.booleans())
    def baseline(self, goes: bool) -> None:
        self.world.baseline(goes)

    @rule(name=st.sampled_from(RECEIVERS), paused=st.booleans())
    def pause(self, name: str, paused: bool) -> None:
        self.world.set_paused(name, paused)

    @rule(laptop=st.sampled_from(LAPTOPS))
    def retire(self, laptop: str) -> None:
        self.world.retire(laptop)

    def settle_everything(self) -> None:
        for name in RECEIVERS:
            self.world.set_paused(name, False)
        super().settle_everything()

    def true(self, told: Status, devices: list[Device]) -> bool:
        """What was discarded is not told until the device changes."""
        if super().true(told, devices):
            return True
        held = self.world.loop.run_until_complete(self.world.store.held(why="discarded"))
        return any(one.login in {row.login for row in held} for one in devices)


class SettlingHistories(HeldHistories):
    def make_world(self) -> HeldWorld:
        return HeldWorld(settle=45.0)


class FoldedHistories(HeldHistories):
    """Nobody can be asked: belief is what was stated. Who was told alternates, and is told what is believed."""

    def make_world(self) -> HeldWorld:
        return HeldWorld(api=False)

    @rule()
    def reconcile(self) -> None: ...

    def check_end(self) -> None:
        for laptop in self.world.vendor.laptops.values():
            laptop.exists = False
        super().check_end()


class GuardedHistories(HeldHistories):
    """Nobody lets go, and the clock is right: never more than one person loses access within a window."""

    @rule()
    def release(self) -> None: ...

    @rule()
    def set_the_clock_back(self) -> None: ...

    @invariant()
    def one_at_most(self) -> None:
        told: dict[str, list[float]] = defaultdict(list)
        for row in self.world.loop.run_until_complete(self.world.store.deliveries(limit=1000)):
            if row.status == "not-compliant":
                told[self.world.minted[row.jti].login].append(row.created_at)
        times = sorted((at, login) for login, ats in told.items() for at in ats)
        for at, _ in times:
            within = {login for other, login in times if at <= other < at + WINDOW}
            assert len(within) <= 1, (at, times)


for _each in (HeldHistories, SettlingHistories, FoldedHistories, GuardedHistories):
    _each.TestCase.settings = _settings(10)
TestHeldHistories = HeldHistories.TestCase
TestSettlingHistories = SettlingHistories.TestCase
TestFoldedHistories = FoldedHistories.TestCase
TestGuardedHistories = GuardedHistories.TestCase
