"""Somebody whom a receiver does not know: kept back there alone, looked at again, and told once they are known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from bridge.errors import BridgeError
from bridge.pipeline.directory import KNOWN_FOR, Directories, Directory
from bridge.pipeline.turn import LATER, NEW, SOON
from bridge.ssf.ledger import UNKNOWN_AT_RECEIVER
from tests.histories.world import Laptop, World

ADA = "ada@acme.example"


class People:
    def __init__(self) -> None:
        self.known: set[str] = set()
        self.down = False
        self.asked = 0

    async def __call__(self, logins: Sequence[str]) -> dict[str, bool]:
        self.asked += 1
        if self.down:
            raise BridgeError("no connection")
        return {login: login in self.known for login in logins}


class Told:
    """A world whose receiver `risk` can be asked whom it knows."""

    def __init__(self, folder: Path | None) -> None:
        self.world = World(folder)
        self.people = People()
        self.begin()
        self.world.vendor.emails["ada"] = ADA
        self.laptop = self.world.vendor.laptops["l1"] = Laptop("ada")
        self.turn(ok=True)

    def begin(self) -> None:
        directory = Directory("risk", self.people, self.world.clock)
        self.world.teller._directories = Directories({"risk": directory})

    def turn(self, *, ok: bool) -> None:
        """The only issue opens or is resolved, and a webhook says that something happened."""
        self.laptop.issues = {} if ok else {"disk": False}
        self.world.deliver(self.world.ring("l1"))
        self.world.work()

    def heard(self, receiver: str) -> list[str]:
        return [one.current for one in self.world.receivers[receiver].heard]

    def due(self) -> tuple[float, str]:
        """In how many seconds the laptop is looked at again, and why."""
        look = self.world.loop.run_until_complete(self.world.store.look("vendor", "l1"))
        assert look is not None
        return look.due_at - self.world.clock.now(), look.last_error

    def reason(self) -> str:
        rows = self.world.loop.run_until_complete(self.world.store.ledger_of(ADA, ("vendor", "l1")))
        return next((row.reason for row in rows if row.stream_id == "s1"), "")


@pytest.fixture(params=["memory", "sqlite"])
def told(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Told]:
    made = Told(tmp_path if request.param == "sqlite" else None)
    yield made
    made.world.close()


def test_kept_back_there_alone_and_told_when_the_login_appears(told: Told) -> None:
    told.turn(ok=False)
    assert (told.heard("risk"), told.heard("pairs")) == ([], ["not-compliant"])
    assert told.reason() == UNKNOWN_AT_RECEIVER
    assert told.due() == (SOON, UNKNOWN_AT_RECEIVER)
    told.world.pass_time(SOON)
    assert (told.heard("risk"), told.due()) == ([], (SOON, UNKNOWN_AT_RECEIVER))
    told.people.known.add(ADA)
    told.world.pass_time(SOON)
    assert (told.heard("risk"), told.heard("pairs")) == (["not-compliant"], ["not-compliant"])
    assert told.reason() == "told"


def test_what_ended_meanwhile_is_never_told(told: Told) -> None:
    told.turn(ok=False)
    told.laptop.issues = {}
    told.people.known.add(ADA)
    told.world.pass_time(SOON)
    assert (told.heard("risk"), told.heard("pairs")) == ([], ["not-compliant", "compliant"])


def test_an_old_failure_is_looked_at_less_often(told: Told) -> None:
    told.turn(ok=False)
    for _ in range(int(NEW / SOON)):
        told.world.pass_time(SOON)
    assert told.due() == (LATER, UNKNOWN_AT_RECEIVER)


def test_a_recovery_is_never_kept_back(told: Told) -> None:
    told.people.known.add(ADA)
    told.turn(ok=False)
    told.people.known.clear()
    told.world.clock.time += KNOWN_FOR
    told.turn(ok=True)
    assert told.heard("risk") == ["not-compliant", "compliant"]


def test_while_nobody_answers_everybody_is_told(told: Told) -> None:
    told.people.down = True
    told.turn(ok=False)
    assert (told.heard("risk"), told.people.asked) == (["not-compliant"], 1)


def test_nobody_is_asked_about_who_is_not_told_of(told: Told) -> None:
    told.turn(ok=True)
    assert told.people.asked == 0


def test_kept_over_a_restart(told: Told) -> None:
    told.turn(ok=False)
    told.world.end()
    told.world.begin()
    told.begin()
    told.people.known.add(ADA)
    told.world.pass_time(SOON)
    assert told.heard("risk") == ["not-compliant"]


def test_a_stream_that_was_switched_off_keeps_strangers_back_too(told: Told) -> None:
    """The comparison at its return has no look of its own: it rings for one."""
    told.world.set_enabled("risk", False)
    told.turn(ok=False)
    told.world.set_enabled("risk", True)
    assert told.reason() == UNKNOWN_AT_RECEIVER
    assert told.due()[0] == SOON
    told.people.known.add(ADA)
    told.world.pass_time(SOON)
    assert told.heard("risk") == ["not-compliant"]
