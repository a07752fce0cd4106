"""The random histories again, with a receiver that makes, changes, holds and deletes streams of its own.

Always: what it took of one stream alternates; nothing after a DELETE was answered, no event for a stream that it held,
or to a place that was not verified; nobody else's SET. At the end, before any device is looked at again: each of its
streams knows what is believed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Coroutine
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from bridge.model import DEVICE_COMPLIANCE_CHANGE, Status
from tests.histories.api_world import ApiWorld, delivery
from tests.histories.guest import Guest
from tests.histories.test_histories import LAPTOPS, PEOPLE, Histories, _settings, last, worst
from tests.histories.world import Heard

URLS = ("https://c.example/a", "https://c.example/b")
PLACES = ("", *URLS)
STATUSES = ("enabled", "enabled", "paused", "disabled")
CHANGES = (
    "status",
    "status",
    "place",
    "events",
    "subject",
    "subject",
    "delete",
    "create",
    "verify",
    "poll",
    "poll",
    "look",
)


class ApiHistories(Histories):
    world: ApiWorld

    def make_world(self) -> ApiWorld:
        return ApiWorld()

    @initialize(seed=st.integers(0, 2**16), place=st.sampled_from(PLACES))
    def seed(self, seed: int, place: str) -> None:
        self.world.dice.seed(seed)
        self.world.at_once([self.world.create(place)])

    # -- one thing after the other ----------------------------------------------------------------

    @rule(data=st.data(), what=st.sampled_from(CHANGES))
    def change(self, data: st.DataObject, what: str) -> None:
        self.world.at_once([self.drawn(data, what)])

    @rule(data=st.data(), whats=st.lists(st.sampled_from(CHANGES), min_size=2, max_size=4))
    def several_at_once(self, data: st.DataObject, whats: list[str]) -> None:
        self.world.at_once([self.drawn(data, what) for what in whats])

    @rule(data=st.data(), whats=st.lists(st.sampled_from(CHANGES), max_size=3), steps=st.integers(0, 60))
    def killed(self, data: st.DataObject, whats: list[str], steps: int) -> None:
        self.world.at_once([self.drawn(data, what) for what in whats], steps)

    @rule(up=st.booleans())
    def guests(self, up: bool) -> None:
        self.world.guests_up = up

    @rule(person=st.sampled_from(PEOPLE), refuses=st.booleans())
    def guest_refuses(self, person: str, refuses: bool) -> None:
        login = self.world.vendor.emails[person]
        (set.add if refuses else set.discard)(self.world.guests_refuse, login)

    @rule()
    def operator_sends_again(self) -> None:
        self.world.retry_guests()

    @precondition(lambda self: self.living())
    @rule(data=st.data())
    def polled(self, data: st.DataObject) -> None:
        """Everything, until nothing comes."""
        guest = data.draw(st.sampled_from(self.living()))
        for _ in range(8):
            self.world.at_once([self.world.poll(guest, reads=True, says=True)])

    def living(self) -> list[Guest]:
        return [one for one in self.world.guests.values() if not one.gone]

    def drawn(self, data: st.DataObject, what: str) -> Coroutine[Any, Any, Any]:
        world, living = self.world, self.living()
        if what == "look":
            return world.lane.turn()
        if what == "create" or not living:
            return world.create(data.draw(st.sampled_from(PLACES)))
        guest = data.draw(st.sampled_from(living))
        match what:
            case "status":
                return world.set_status(guest, data.draw(st.sampled_from(STATUSES)))
            case "place":
                return world.patch(guest, delivery=delivery(data.draw(st.sampled_from(PLACES))))
            case "events":
                return world.patch(guest, events_requested=data.draw(st.sampled_from(([DEVICE_COMPLIANCE_CHANGE], []))))
            case "subject":
                login = world.vendor.emails[data.draw(st.sampled_from(PEOPLE))]
                return world.subject(guest, login, add=data.draw(st.booleans()))
            case "delete":
                return world.delete(guest)
            case "verify":
                return world.verify(guest)
        return world.poll(guest, data.draw(st.booleans()), data.draw(st.booleans()), data.draw(st.booleans()))

    # -- what must hold ---------------------------------------------------------------------------

    @invariant()
    def nothing_went_wrong(self) -> None:
        assert self.world.wrong == []

    @invariant()
    def guests_hear_what_alternates(self) -> None:
        for guest in self.world.guests.values():
            for subject, sets in self.of(guest).items():
                told: Status = "compliant"
                for one in sets:
                    assert (one.previous, one.current) != (told, told), (guest.id, subject, sets)
                    assert one.previous == told, (guest.id, subject, sets)
                    told = one.current

    def of(self, guest: Guest) -> dict[object, list[Heard]]:
        subjects: dict[object, list[Heard]] = defaultdict(list)
        for one in guest.heard:
            subjects[self.people_of[one.login], one.device].append(one)
        return subjects

    def settle_everything(self) -> None:
        world = self.world
        world.guests_up = True
        world.guests_refuse.clear()
        world.retry_guests()
        for guest in self.living():
            self.all_wanted(guest)
        for _ in range(8 + int(world.clock.lost / 300)):
            self.all_polled()
            world.pass_time(400.0)
        self.all_polled()
        self.guests_know_what_is_believed()
        super().settle_everything()

    def all_wanted(self, guest: Guest) -> None:
        world = self.world
        world.at_once([world.patch(guest, events_requested=[DEVICE_COMPLIANCE_CHANGE])])
        for login in self.people_of:
            world.at_once([world.subject(guest, login, add=True)])
        if not guest.primed:
            world.at_once([world.set_status(guest, "paused")])
        world.at_once([world.set_status(guest, "enabled")])
        world.work()

    def all_polled(self) -> None:
        for guest in self.living():
            for _ in range(30 if not guest.url else 0):
                self.world.at_once([self.world.poll(guest, reads=True, says=True)])

    def guests_know_what_is_believed(self) -> None:
        devices = self.world.loop.run_until_complete(self.world.store.devices())
        for guest in self.living():
            heard = self.of(guest)
            for person in PEOPLE:
                for name in LAPTOPS:
                    mine = [one for one in devices if one.device_id == name and one.login]
                    theirs = [one for one in mine if self.people_of[one.login or ""] == person]
                    told = last(heard[person, name])
                    assert told == worst(theirs), (guest, person, name, theirs, heard[person, name])


class ApiHistoriesOnSqlite(ApiHistories):
    def make_world(self) -> ApiWorld:
        self.folder = TemporaryDirectory()
        return ApiWorld(Path(self.folder.name))


ApiHistories.TestCase.settings = _settings(5)
ApiHistoriesOnSqlite.TestCase.settings = _settings(1)
TestApiHistories = ApiHistories.TestCase
TestApiHistoriesOnSqlite = ApiHistoriesOnSqlite.TestCase
