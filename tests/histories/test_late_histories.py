"""Random histories in which some act late on what they read, and other processes act in between.

Always, where no comparison waits: each stream was told what is believed, unless something is kept back or given up.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from bridge.model import Device, LedgerRow, Stream
from bridge.ssf.subject import wire_subject
from bridge.store.records import Scene
from tests.histories.late_world import LateWorld
from tests.histories.meddler import Act
from tests.histories.test_held_histories import HeldHistories
from tests.histories.test_histories import LAPTOPS, PEOPLE, RECEIVERS, _settings, worst

WORDS = ("fails", "passes", "clear", "retire")
LETS_GO = ("guard", "no guard", "baseline", "no baseline")
LAPTOP = st.sampled_from(LAPTOPS)


class LateHistories(HeldHistories):
    world: LateWorld

    def make_world(self) -> LateWorld:
        return LateWorld()

    # -- beside the service -----------------------------------------------------------------------

    def beside(self, act: Act, between: bool) -> None:
        """Now, or when the service has next read something and not yet written what follows."""
        if between:
            self.world.store.acts.append(act)
        else:
            self.world.loop.run_until_complete(act())

    @rule(laptop=LAPTOP, word=st.sampled_from(WORDS), between=st.booleans())
    def word(self, laptop: str, word: str, between: bool) -> None:
        self.beside(lambda: self.world.word(laptop, word), between)

    @rule(what=st.sampled_from(LETS_GO), between=st.booleans())
    def let_go(self, what: str, between: bool) -> None:
        self.beside(lambda: self.world.let_go(what), between)

    @rule(between=st.booleans())
    def send_again(self, between: bool) -> None:
        self.beside(self.world.send_again, between)

    @rule(person=st.sampled_from(PEOPLE), between=st.booleans())
    def forget(self, person: str, between: bool) -> None:
        self.beside(lambda: self.world.forget(self.world.vendor.emails[person]), between)

    @precondition(lambda self: self.world.webhooks)
    @rule()
    def arrive_between(self) -> None:
        arrival = self.world.webhooks.pop(0)
        self.beside(lambda: self.world.store.plain.accept(arrival), True)

    # -- late -------------------------------------------------------------------------------------

    @rule()
    def errands(self) -> None:
        self.world.run_errands()

    @rule(name=st.sampled_from(RECEIVERS))
    def resync(self, name: str) -> None:
        self.world.resync(name)

    @rule(laptop=LAPTOP)
    def read(self, laptop: str) -> None:
        device = self.world.loop.run_until_complete(self.world.store.plain.device("vendor", laptop))
        if device is not None:
            self.world.read.append(device)

    @precondition(lambda self: self.world.read)
    @rule()
    def compare(self) -> None:
        self.world.compare_late()

    @rule(laptop=LAPTOP, word=st.sampled_from(("", *WORDS)), other=LAPTOP, reads=st.integers(0, 2))
    def compare_meanwhile(self, laptop: str, word: str, other: str, reads: int) -> None:
        """Between its reading and its writing somebody says something of the same device, or forgets its person."""
        world = self.world
        device = world.loop.run_until_complete(world.store.plain.device("vendor", laptop))
        if device is None or not device.login:
            return
        login = device.login
        world.read.insert(0, device)
        world.loop.run_until_complete(world.word(laptop, "passes" if reads else "fails"))
        world.store.acts[:] = [(lambda: world.word(other, word)) if word else (lambda: world.forget(login))]
        world.compare_late()
        world.run_errands()

    @rule(laptop=LAPTOP, name=st.sampled_from(RECEIVERS), again=st.booleans())
    def given_up(self, laptop: str, name: str, again: bool) -> None:
        """What a receiver that is down should be told is given up; perhaps it is so no more when it is sent again."""
        world, receiver = self.world, self.world.receivers[name]
        up, receiver.up, world.vendor.up = receiver.up, False, True
        self.flips(laptop)
        world.drop_all(name)
        if again:
            self.flips(laptop)
            world.loop.run_until_complete(world.send_again())
        receiver.up = up

    def flips(self, laptop: str) -> None:
        issues = self.world.vendor.laptops[laptop].issues
        issues.clear() if issues else issues.update(disk=False)
        self.world.deliver(self.world.ring(laptop))
        self.world.work()

    @rule()
    def look_begins(self) -> None:
        self.world.begin_look()

    @precondition(lambda self: self.world.begun)
    @rule()
    def look_ends(self) -> None:
        self.world.end_look()

    # -- what must hold ---------------------------------------------------------------------------

    @invariant()
    def told_is_believed(self) -> None:
        run, plain = self.world.loop.run_until_complete, self.world.store.plain
        if any(one.ended_at is None for one in run(plain.errands(limit=1000))):
            return
        people = [one for one in run(plain.devices(limit=1000)) if one.login]
        for receiver in self.world.receivers.values():
            if receiver.stream.enabled and not receiver.stream.paused:
                scene = run(plain.scene((), self.subjects(receiver.stream, people)))
                for row, mine in self.rows(receiver.stream, scene, people):
                    so = worst(mine)
                    kept = row.held is not None and row.held.status == so
                    assert (row.told or "compliant") == so or kept or row.given_up == so, (row, mine)

    def subjects(self, stream: Stream, people: list[Device]) -> list[tuple[str, str]]:
        logins = {one.login for one in people if one.login} | self.people_of.keys()
        return [(stream.id, wire_subject(stream, login, "vendor", name).key) for login in logins for name in LAPTOPS]

    def rows(self, stream: Stream, scene: Scene, people: list[Device]) -> Iterator[tuple[LedgerRow, list[Device]]]:
        """Each with the devices that it is about; of somebody who was told nothing too."""
        for login in self.people_of:
            for name in LAPTOPS:
                subject = wire_subject(stream, login, "vendor", name)
                row = scene.ledger.get((stream.id, subject.key)) or LedgerRow(stream.id, subject.key)
                yield row, [one for one in people if one.login == login and subject.device_id in (None, one.device_id)]

    def settle_everything(self) -> None:
        self.world.store.acts.clear()
        self.world.run_errands()
        self.told_is_believed()
        super().settle_everything()


class LateHistoriesOnSqlite(LateHistories):
    def make_world(self) -> LateWorld:
        self.folder = TemporaryDirectory()
        return LateWorld(Path(self.folder.name))


LateHistories.TestCase.settings = _settings(8)
LateHistoriesOnSqlite.TestCase.settings = _settings(1)
TestLateHistories = LateHistories.TestCase
TestLateHistoriesOnSqlite = LateHistoriesOnSqlite.TestCase
