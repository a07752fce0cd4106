"""Random histories against a plain model (the issue's "Posture, ledger, looks").

Always: what a receiver heard about one person (or person and device) alternates, and the `previous_status` of each SET
is what that receiver was told before. At the end, once every vendor and receiver answers and every look is done: each
enabled stream was last told the truth about each wire subject.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bridge.model import Device, Finding, Status
from tests.histories.world import Heard, Laptop, World

PEOPLE = ("ada", "bob", "cyd")
LAPTOPS = ("l1", "l2", "l3", "l4")
ISSUES = ("disk", "lock")
RECEIVERS = ("risk", "pairs")


class Histories(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder: TemporaryDirectory[str] | None = None
        self.world = self.make_world()
        self.people_of: dict[str, str] = {}
        """login → person, for every login that a person ever had"""

    def make_world(self) -> World:
        return World()

    def teardown(self) -> None:
        try:
            self.settle_everything()
            self.check_end()
        finally:
            self.world.close()
            if self.folder is not None:
                self.folder.cleanup()

    @initialize()
    def begin(self) -> None:
        for person in PEOPLE:
            self.call(person, f"{person}@acme.example")
        for number, laptop in enumerate(LAPTOPS):
            self.world.vendor.laptops[laptop] = Laptop(PEOPLE[min(number // 2, 2)])

    def call(self, person: str, login: str) -> None:
        self.world.vendor.emails[person] = login
        self.people_of[login] = person

    # -- the vendor's side ----------------------------------------------------------------------

    @rule(laptop=st.sampled_from(LAPTOPS), issue=st.sampled_from(ISSUES))
    def open(self, laptop: str, issue: str) -> None:
        self.world.vendor.laptops[laptop].issues[issue] = False
        self.webhook(laptop, Finding(issue, "failing", self.world.clock.now(), title=issue))

    @rule(laptop=st.sampled_from(LAPTOPS), issue=st.sampled_from(ISSUES))
    def resolve(self, laptop: str, issue: str) -> None:
        self.world.vendor.laptops[laptop].issues.pop(issue, None)
        self.webhook(laptop, Finding(issue, "gone", self.world.clock.now(), title=issue))

    @rule(laptop=st.sampled_from(LAPTOPS), issue=st.sampled_from(ISSUES))
    def exempt(self, laptop: str, issue: str) -> None:
        if issue in self.world.vendor.laptops[laptop].issues:
            self.world.vendor.laptops[laptop].issues[issue] = True
            self.webhook(laptop, None)

    @rule(laptop=st.sampled_from(LAPTOPS), person=st.sampled_from(PEOPLE))
    def reassign(self, laptop: str, person: str) -> None:
        self.world.vendor.laptops[laptop].owner = person
        self.webhook(laptop, None)

    @rule(person=st.sampled_from(PEOPLE), number=st.integers(1, 3))
    def rename(self, person: str, number: int) -> None:
        self.call(person, f"{person}{number}@acme.example")
        for laptop, held in self.world.vendor.laptops.items():
            if held.owner == person:
                self.webhook(laptop, None)

    @rule(laptop=st.sampled_from(LAPTOPS))
    def delete(self, laptop: str) -> None:
        self.world.vendor.laptops[laptop].exists = False
        self.webhook(laptop, None)

    @rule(laptop=st.sampled_from(LAPTOPS), seen=st.booleans())
    def lose_sight(self, laptop: str, seen: bool) -> None:
        self.world.vendor.laptops[laptop].seen = seen

    @rule(up=st.booleans())
    def vendor_api(self, up: bool) -> None:
        self.world.vendor.up = up

    # -- the way there --------------------------------------------------------------------------

    def webhook(self, laptop: str, finding: Finding | None) -> None:
        self.world.webhooks.append(self.world.ring(laptop, finding))

    @precondition(lambda self: self.world.webhooks)
    @rule(data=st.data(), keep=st.booleans())
    def arrive(self, data: st.DataObject, keep: bool) -> None:
        """Any of those under way: so they are reordered; kept, it comes again."""
        index = data.draw(st.integers(0, len(self.world.webhooks) - 1))
        arrival = self.world.webhooks[index] if keep else self.world.webhooks.pop(index)
        self.world.deliver(arrival)

    @precondition(lambda self: self.world.webhooks)
    @rule()
    def all_arrive(self) -> None:
        while self.world.webhooks:
            self.world.deliver(self.world.webhooks.pop(0))

    @precondition(lambda self: self.world.webhooks)
    @rule()
    def lose(self) -> None:
        self.world.webhooks.pop(0)

    # -- our side -------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.5, 6.0, 31.0, 130.0, 400.0]))
    def wait(self, seconds: float) -> None:
        self.world.pass_time(seconds)

    @rule()
    def wait_for_deaths(self) -> None:
        self.world.pass_time(73 * 3600.0)

    @rule(seconds=st.sampled_from([10.0, 3600.0]))
    def set_the_clock_back(self, seconds: float) -> None:
        self.world.clock.set_back(seconds)

    @rule()
    def work(self) -> None:
        self.world.work()

    @rule()
    def crash(self) -> None:
        self.world.end()
        self.world.begin()

    @rule(steps=st.integers(0, 12))
    def crash_in_the_middle(self, steps: int) -> None:
        """Stop the world after so many steps of the loop, wherever it is."""
        task = self.world.loop.create_task(self.world._work(10))
        for _ in range(steps):
            self.world.loop.call_soon(self.world.loop.stop)
            self.world.loop.run_forever()
        task.cancel()
        self.world.end()
        self.world.begin()

    # -- the receivers' side --------------------------------------------------------------------

    @rule(name=st.sampled_from(RECEIVERS), up=st.booleans())
    def receiver(self, name: str, up: bool) -> None:
        self.world.receivers[name].up = up

    @rule(name=st.sampled_from(RECEIVERS), lost=st.booleans())
    def answers(self, name: str, lost: bool) -> None:
        """The receiver takes the SET, but its answer never reaches us."""
        self.world.receivers[name].answers_lost = lost

    @rule(name=st.sampled_from(RECEIVERS), person=st.sampled_from(PEOPLE), refuses=st.booleans())
    def refuse(self, name: str, person: str, refuses: bool) -> None:
        """One person's SETs are poison to this receiver, by the login that the person has now."""
        login = self.world.vendor.emails[person]
        (set.add if refuses else set.discard)(self.world.receivers[name].refuses, login)

    @rule(name=st.sampled_from(RECEIVERS), again=st.booleans())
    def operator(self, name: str, again: bool) -> None:
        (self.world.retry_all if again else self.world.drop_all)(name)

    @rule()
    def reconcile(self) -> None:
        self.world.reconcile()

    @rule()
    def release(self) -> None:
        self.world.release()

    @rule(laptop=st.sampled_from(LAPTOPS), fails=st.booleans(), seconds=st.sampled_from([20.0, 900.0]))
    def override(self, laptop: str, fails: bool, seconds: float) -> None:
        self.world.override(laptop, "not-compliant" if fails else "compliant", seconds)

    @rule(name=st.sampled_from(RECEIVERS), enabled=st.booleans())
    def stream(self, name: str, enabled: bool) -> None:
        self.world.set_enabled(name, enabled)

    # -- what must hold -------------------------------------------------------------------------

    @invariant()
    def statuses_alternate(self) -> None:
        for name, subjects in self.heard().items():
            for subject, sets in subjects.items():
                told: Status = "compliant"
                for one in sets:
                    assert one.previous == told, (name, subject, sets)
                    assert one.current != one.previous, (name, subject, sets)
                    told = one.current

    def heard(self) -> dict[str, dict[object, list[Heard]]]:
        """name of the receiver → person, or person and device → SETs in the order in which they came"""
        result: dict[str, dict[object, list[Heard]]] = {}
        for name, receiver in self.world.receivers.items():
            subjects: dict[object, list[Heard]] = defaultdict(list)
            for one in receiver.heard:
                person = self.people_of[one.login]
                subjects[person if name == "risk" else (person, one.device)].append(one)
            result[name] = subjects
        return result

    def settle_everything(self) -> None:
        world = self.world
        world.vendor.up = True
        for name, receiver in world.receivers.items():
            receiver.up, receiver.answers_lost = True, False
            receiver.refuses.clear()
            world.retry_all(name)
            world.set_enabled(name, True)
        world.webhooks.clear()
        for name, laptop in world.vendor.laptops.items():
            laptop.seen = True
            world.deliver(world.ring(name))
        for _ in range(12 + int(world.clock.lost / 300)):
            world.pass_time(400.0)
        for _ in range(3):  # a release may find that somebody else became one too many meanwhile
            world.release()
            world.pass_time(400.0)

    def check_end(self) -> None:
        beliefs = {one.device_id: one for one in self.world.loop.run_until_complete(self.world.store.devices())}
        for name, laptop in self.world.vendor.laptops.items():
            if laptop.exists:
                belief = beliefs[name]
                assert belief.status == laptop.truth, (name, belief, laptop)
                assert belief.login == self.world.vendor.emails[laptop.owner], (name, belief, laptop)
        heard = self.heard()
        for person in PEOPLE:
            mine = [one for one in beliefs.values() if one.login and self.people_of[one.login] == person]
            assert self.true(last(heard["risk"][person]), mine), (person, mine, heard["risk"][person])
            for device in LAPTOPS:
                pair = [one for one in mine if one.device_id == device]
                assert self.true(last(heard["pairs"][person, device]), pair), (person, device, pair)

    def true(self, told: Status, devices: list[Device]) -> bool:
        """What was released is told when a look has shown it: no look can show what is gone from the vendor."""
        if told == worst(devices):
            return True
        failing = [one for one in devices if one.counted == "not-compliant"]
        held = {row.login for row in self.world.loop.run_until_complete(self.world.store.held(why="released"))}
        return told == "compliant" and all(one.gone and one.login in held for one in failing)


def last(sets: list[Heard]) -> Status:
    return sets[-1].current if sets else "compliant"


def worst(devices: list[Device]) -> Status:
    return "not-compliant" if any(one.counted == "not-compliant" for one in devices) else "compliant"


class HistoriesOnSqlite(Histories):
    """The same on the store that is used: fewer, for each step is a commit or more."""

    def make_world(self) -> World:
        self.folder = TemporaryDirectory()
        return World(Path(self.folder.name))


def _settings(examples: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=40,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )


Histories.TestCase.settings = _settings(60)
HistoriesOnSqlite.TestCase.settings = _settings(6)
TestHistories = Histories.TestCase
TestHistoriesOnSqlite = HistoriesOnSqlite.TestCase
