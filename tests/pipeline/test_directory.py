"""Whom a receiver knows: remembered, asked again, and never a reason to wait."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from bridge.errors import BridgeError
from bridge.model import Stream
from bridge.pipeline import directory as module
from bridge.pipeline.directory import KNOWN_FOR, REST, UNKNOWN_FOR, Directories, Directory
from tests.connector.scene import Hand

ADA, BOB = "ada@acme.example", "bob@acme.example"


class Lookup:
    """Answers from `people`, waits while `gate` is closed, raises `problem`."""

    def __init__(self, **people: bool) -> None:
        self.people = {f"{name}@acme.example": known for name, known in people.items()}
        self.asked: list[list[str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.problem: Exception | None = None

    async def __call__(self, logins: Sequence[str]) -> Mapping[str, bool]:
        self.asked.append(list(logins))
        await self.gate.wait()
        if self.problem is not None:
            raise self.problem
        return {login: self.people[login.lower()] for login in logins if login.lower() in self.people}


def made(lookup: Lookup, patience: float = 5.0) -> tuple[Directory, Hand]:
    clock = Hand()
    return Directory("okta", lookup, clock, patience=patience), clock


async def test_answers_are_remembered_a_no_for_less_long() -> None:
    lookup = Lookup(ada=True, bob=False)
    directory, clock = made(lookup)
    assert directory.knows(ADA) is None
    await directory.prefetch([ADA, BOB, ADA.upper()])
    await directory.prefetch([ADA.title(), BOB])
    assert (directory.knows(ADA), directory.knows(BOB.upper())) == (True, False)
    assert len(lookup.asked) == 1
    clock.at += UNKNOWN_FOR
    assert (directory.knows(ADA), directory.knows(BOB)) == (True, None)
    lookup.people[BOB] = True
    await directory.prefetch([ADA, BOB])
    assert lookup.asked[1:] == [[BOB]]
    clock.at += KNOWN_FOR
    assert (directory.knows(ADA), directory.knows(BOB)) == (None, None)


async def test_whom_nobody_answers_for_is_not_unknown() -> None:
    directory, _ = made(Lookup(ada=True))
    await directory.prefetch([ADA, BOB])
    assert directory.knows(BOB) is None


@pytest.mark.parametrize("problem", [BridgeError("users: Okta answered 500"), RuntimeError("ours")])
async def test_trouble_rests_and_blocks_nobody(problem: Exception) -> None:
    lookup = Lookup(bob=False)
    directory, clock = made(lookup)
    lookup.problem = problem
    await directory.prefetch([BOB])
    await directory.prefetch([BOB])
    assert (directory.knows(BOB), len(lookup.asked)) == (None, 1)
    clock.at += REST
    lookup.problem = None
    await directory.prefetch([BOB])
    assert directory.knows(BOB) is False


async def test_a_limit_says_how_long_to_rest() -> None:
    class Limited(BridgeError):
        wait = 300.0

    lookup = Lookup(bob=False)
    directory, clock = made(lookup)
    lookup.problem = Limited("429")
    await directory.prefetch([BOB])
    clock.at += 299
    await directory.prefetch([BOB])
    assert len(lookup.asked) == 1


async def test_a_slow_receiver_is_waited_for_once_and_its_answer_kept() -> None:
    lookup = Lookup(bob=False)
    directory, _ = made(lookup, patience=0.02)
    lookup.gate.clear()
    await directory.prefetch([BOB])
    assert directory.knows(BOB) is None
    await directory.prefetch([ADA])  # resting: returns at once, asks nothing
    lookup.gate.set()
    await asyncio.sleep(0.01)
    assert (directory.knows(BOB), lookup.asked) == (False, [[BOB]])


async def test_two_that_want_the_same_person_ask_once() -> None:
    lookup = Lookup(ada=True, bob=False)
    directory, _ = made(lookup)
    lookup.gate.clear()
    both = asyncio.gather(directory.prefetch([ADA, BOB]), directory.prefetch([BOB]))
    await asyncio.sleep(0)
    lookup.gate.set()
    await both
    assert lookup.asked == [[ADA, BOB]]


async def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    directory, _ = made(Lookup(a=True, b=True, c=True, d=True))
    await directory.prefetch(["a@acme.example", "b@acme.example", "c@acme.example"])
    await directory.prefetch(["d@acme.example"])
    assert (directory.knows("a@acme.example"), directory.knows("d@acme.example")) == (None, True)


async def test_close_ends_what_is_asked() -> None:
    lookup = Lookup(bob=False)
    directory, _ = made(lookup, patience=0.01)
    lookup.gate.clear()
    await directory.prefetch([BOB])
    await directory.close()
    assert len(asyncio.all_tasks()) == 1


async def test_a_stream_without_a_directory_knows_everybody() -> None:
    okta = Stream("1", "okta", "a", "okta", "https://a.example")
    siem = Stream("2", "siem", "a", "ssf", "https://a.example")
    directory, _ = made(Lookup(bob=False))
    directories = Directories({"okta": directory})
    assert await directories.prefetch([(siem, BOB)]) is False
    assert await directories.prefetch([(okta, BOB), (siem, BOB)]) is True
    assert (directories.unknown(okta, BOB), directories.unknown(siem, BOB)) == (True, False)
    assert directories.unknown(okta, ADA) is False
