"""Subjects that a receiver adds and takes off: durable before the answer, told afterwards, as far as they go."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bridge.errors import Forbidden, NotFound, Unavailable
from bridge.model import Stream
from bridge.pipeline.api.selections import Selections
from bridge.pipeline.gate import Gate
from bridge.pipeline.journal import Journal
from bridge.pipeline.streams.resume import catch_up
from bridge.posture.guard import Limits
from bridge.ssf.identifier import Identifier, parse
from bridge.ssf.matching import meets, parts
from bridge.ssf.selection import Default, Selection
from bridge.store.erasure import Erase
from bridge.store.subjects import Choice
from tests.histories.world import Laptop, World

Result = TypeVar("Result")
PEOPLE = ("ada", "bob")
MOST = 5
NAMESPACES = {"vendor": "vendor"}


def mail(name: str) -> Identifier:
    return parse({"format": "email", "email": f"{name}@acme.example"})


def user(name: str, **more: Any) -> Identifier:
    address = {"format": "email", "email": f"{name}@acme.example"}
    return parse({"format": "complex", "user": address, **more})


def opaque(id_: str) -> dict[str, Any]:
    return {"format": "opaque", "id": id_}


TENANT = {"tenant": opaque("blue")}
POOL = [
    mail("ada"), mail("bob"), user("ada"), user("bob", device=opaque("vendor:l3")), user("ada", **TENANT),
    user("ada", device=opaque("vendor:l1")), parse({"format": "complex", **TENANT}), parse(opaque("vendor:l2")),
    parse({"format": "complex", "device": opaque("vendor:l1")}),
    parse({"format": "complex", "device": opaque("vendor:l3"), **TENANT}),
]  # fmt: skip
EVENTS = [
    json.loads(user(name, device=opaque(f"vendor:{device}"), **more).text)
    for name, device in (("ada", "l1"), ("ada", "l2"), ("bob", "l3"))
    for more in ({}, TENANT)
]


class Scene:
    """Two people with a laptop each, Ada with a second one; `pairs` hears of pairs, `risk` of people."""

    def __init__(self, folder: Path | None, default: Default = "ALL", most: int = MOST) -> None:
        self.world = World(folder)
        self.world.teller._gate = Gate(self.world.store, Limits(max_users=99, max_percent=100.0))
        self.default: Default = default
        self.most = most
        self.walks = 0
        self.broken: set[str] = set()
        for name, owner in (("l1", "ada"), ("l2", "ada"), ("l3", "bob")):
            self.world.vendor.emails[owner] = f"{owner}@acme.example"
            self.world.vendor.laptops[name] = Laptop(owner)
        self.begin()

    def begin(self) -> None:
        """As a start does: what is kept is read before any stream runs."""
        self.selections = Selections(
            self.world.store, self.journal, self.world.clock, self.running, self.select, self.catch_up,
            self.world.trouble, defaults={"rp": self.default}, most=self.most,
        )  # fmt: skip
        self.run(self.selections.load())
        for receiver in self.world.receivers.values():
            stream = replace(receiver.stream, client="rp")
            receiver.stream = replace(stream, selection=self.selections.of(stream.id, "rp"))

    def journal(self, client: str) -> Journal:
        return Journal(self.world.store, self.world.clock, self.world.ids, client)

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.world.loop.run_until_complete(work)

    def running(self, stream_id: str) -> Stream | None:
        return next((one for one in self.world.streams() if one.id == stream_id), None)

    async def select(self, stream_id: str, selection: Selection) -> None:
        for receiver in self.world.receivers.values():
            if receiver.stream.id == stream_id:
                receiver.stream = replace(receiver.stream, selection=selection)

    async def catch_up(self, stream: Stream, subjects: Any) -> None:
        if stream.name in self.broken:
            raise Unavailable("not now")
        self.walks += await catch_up(self.world.store, self.world.teller, stream, subjects, NAMESPACES, "t")

    def stream(self, name: str = "pairs") -> Stream:
        return self.world.receivers[name].stream

    def add(self, subject: Identifier, name: str = "pairs", **more: Any) -> None:
        self.run(self.selections.add(self.stream(name), subject, **more))

    def remove(self, subject: Identifier, name: str = "pairs") -> None:
        self.run(self.selections.remove(self.stream(name), subject))

    def turn(self) -> None:
        """What follows from what was added, and what is sent."""
        self.run(self.selections.turn())
        self.world.work()

    def look(self, *names: str, ok: bool = False) -> None:
        for name in names:
            self.world.vendor.laptops[name].issues = {} if ok else {"disk": False}
            self.world.deliver(self.world.ring(name))
        self.world.work()

    def heard(self, name: str = "pairs") -> list[tuple[str, str]]:
        return [(one.device, one.current) for one in self.world.receivers[name].heard]

    def kept(self, name: str = "pairs") -> list[Choice]:
        return self.run(self.world.store.choices(self.stream(name).id))

    def reason(self, device: str, name: str = "pairs") -> str:
        subject = f"user={self.world.vendor.emails[self.world.vendor.laptops[device].owner]};device=vendor:{device}"
        rows = self.run(self.world.store.scene([], [(self.stream(name).id, subject)])).ledger
        return next((row.reason for row in rows.values()), "")


@pytest.fixture(params=["memory", "sqlite"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path if request.param == "sqlite" else None


@pytest.fixture
def scene(folder: Path | None) -> Iterator[Scene]:
    made = Scene(folder)
    yield made
    made.world.close()


@pytest.fixture
def nobody(folder: Path | None) -> Iterator[Scene]:
    """The streams begin with no subjects."""
    made = Scene(folder, "NONE")
    yield made
    made.world.close()


def test_under_all_what_is_taken_off_is_not_told_and_all_else_is(scene: Scene) -> None:
    scene.remove(user("ada"))
    scene.look("l1", "l3")
    assert scene.heard() == [("l3", "not-compliant")]
    assert scene.heard("risk") == [("l1", "not-compliant"), ("l3", "not-compliant")]


def test_what_is_added_again_is_told_what_differs_and_only_that(scene: Scene) -> None:
    scene.remove(user("ada"))
    scene.remove(user("bob"))
    scene.look("l1", "l3")
    scene.add(user("ada"))
    assert scene.heard() == []
    scene.turn()
    assert scene.heard() == [("l1", "not-compliant")]
    scene.turn()
    assert scene.heard() == [("l1", "not-compliant")]
    assert [one.kind for one in scene.kept()] == ["removed"]


def test_under_none_only_what_was_added_is_told(nobody: Scene) -> None:
    nobody.look("l1", "l3")
    assert nobody.heard() == []
    nobody.add(mail("ada"))
    nobody.turn()
    nobody.look("l2", "l3")
    assert nobody.heard() == [("l1", "not-compliant"), ("l2", "not-compliant")]
    nobody.remove(mail("ada"))
    nobody.look("l1", ok=True)
    assert nobody.heard() == [("l1", "not-compliant"), ("l2", "not-compliant")]
    assert nobody.kept() == []


def test_a_recovery_that_fell_between_is_told_when_the_subject_is_added_again(scene: Scene) -> None:
    """Whoever was told the worst before it took the person off hears the best when it adds them."""
    scene.look("l1")
    scene.remove(mail("ada"))
    scene.look("l1", ok=True)
    assert scene.heard() == [("l1", "not-compliant")]
    scene.add(mail("ada"))
    scene.turn()
    assert scene.heard() == [("l1", "not-compliant"), ("l1", "compliant")]


def test_a_device_by_its_name_alone(nobody: Scene) -> None:
    nobody.look("l1", "l2", "l3")
    nobody.add(parse(opaque("vendor:l2")))
    nobody.add(parse({"format": "complex", "device": opaque("vendor:l3")}))
    nobody.turn()
    assert sorted(nobody.heard()) == [("l2", "not-compliant"), ("l3", "not-compliant")]
    assert nobody.walks == 2


def test_what_names_neither_person_nor_device_is_sought_in_the_whole_fleet(nobody: Scene) -> None:
    nobody.look("l1", "l3")
    other = {"format": "account", "uri": "acct:7@idp.example"}
    nobody.add(parse({"format": "aliases", "identifiers": [other, {"format": "email", "email": "bob@acme.example"}]}))
    nobody.add(parse(other))
    nobody.turn()
    assert nobody.heard() == [("l3", "not-compliant")]
    assert nobody.walks == 2, "l3, and once more because its person counts as told by then; not l1"


def test_a_removed_device_holds_nobody_at_a_receiver_that_sees_people(scene: Scene) -> None:
    scene.remove(parse({"format": "complex", "device": opaque("vendor:l1")}), "risk")
    scene.look("l1")
    assert scene.heard("risk") == []
    scene.look("l2")
    assert scene.heard("risk") == [("l2", "not-compliant")]
    scene.look("l2", ok=True)
    assert scene.heard("risk") == [("l2", "not-compliant"), ("l2", "compliant")]


def test_nobody_is_known_by_the_answer(nobody: Scene) -> None:
    """Known or not, the same is written and nothing is compared before the answer."""
    nobody.look("l1")
    for name in ("ada", "stranger"):
        before = len(nobody.kept())
        nobody.add(mail(name))
        assert len(nobody.kept()) == before + 1
    assert nobody.walks == 0
    nobody.turn()
    assert nobody.walks == 1 and nobody.heard() == [("l1", "not-compliant")]


def test_what_says_no_more_than_the_default_is_not_kept(scene: Scene, folder: Path | None) -> None:
    for number in range(3 * MOST):
        scene.add(mail(f"u{number}"))
    assert scene.kept() == []
    scene.remove(mail("ada"))
    scene.add(mail("bob"))
    scene.add(parse({"format": "complex", "tenant": opaque("blue")}))
    scene.turn()
    assert [(one.kind, one.due) for one in scene.kept()] == [("removed", False), ("added", False)]


def test_no_more_than_a_stream_may_have(scene: Scene) -> None:
    for number in range(MOST):
        scene.remove(mail(f"u{number}"))
    with pytest.raises(Forbidden, match="5 subjects were added or removed, which is as many as may be"):
        scene.remove(mail("ada"))
    scene.look("l1")
    assert scene.heard() == [("l1", "not-compliant")]
    scene.remove(mail("ada"), "risk")
    scene.add(mail("u0"))
    scene.turn()
    scene.remove(mail("bob"))
    assert len(scene.kept()) == MOST


def test_the_stream_itself_stays(nobody: Scene) -> None:
    own = parse(opaque(nobody.stream().id))
    nobody.remove(own)
    nobody.add(own)
    assert nobody.kept() == [] and nobody.run(nobody.world.store.audit()) == []


def test_a_stream_that_is_gone(scene: Scene) -> None:
    scene.run(scene.world.store.prune_stream(scene.stream().id))
    with pytest.raises(NotFound):
        scene.remove(mail("ada"))
    with pytest.raises(NotFound):
        scene.remove(mail("ada"))
    assert scene.kept() == []


def test_every_word_is_in_the_audit_log_and_no_address(scene: Scene) -> None:
    phone = {"format": "phone_number", "phone_number": "+12065550100"}
    scene.remove(user("ada", device=opaque("vendor:l1"), phone=phone))
    scene.add(mail("ada"))
    scene.add(user("ada", device=opaque("vendor:l1"), phone=phone))
    entries = scene.run(scene.world.store.audit())[::-1]
    assert [(one.who, one.what, one.target) for one in entries] == [
        ("rp", "subjects.remove", "s2"), ("rp", "subjects.add", "s2"), ("rp", "subjects.add", "s2"),
    ]  # fmt: skip
    person = scene.run(scene.journal("").person("ada@acme.example"))
    assert entries[0].after == entries[2].after
    assert entries[0].after.startswith("device opaque vendor:l1, phone phone_number person:")
    assert entries[0].after.endswith(f"user email {person}")
    assert entries[1].after == f"subject email {person}"
    assert not any("acme.example" in one.after or "555" in one.after for one in entries)


def test_what_is_due_survives_a_crash(folder: Path | None, scene: Scene) -> None:
    scene.remove(mail("ada"))
    scene.remove(mail("bob"))
    scene.look("l1", "l3")
    scene.add(mail("ada"), verified=False)
    scene.world.end()
    scene.world.begin()
    scene.world.teller._gate = Gate(scene.world.store, Limits(max_users=99, max_percent=100.0))
    scene.begin()
    scene.look("l3")
    assert scene.heard() == []
    assert [one.verified for one in scene.kept()] == [True, False]
    scene.turn()
    assert scene.heard() == [("l1", "not-compliant")]


def test_a_stream_that_cannot_be_told_now_keeps_nobody_waiting(nobody: Scene) -> None:
    nobody.look("l1")
    nobody.broken = {"risk"}
    nobody.add(mail("ada"), "risk")
    nobody.add(mail("ada"), "pairs")
    with pytest.raises(Unavailable):
        nobody.turn()
    nobody.world.work()
    assert (nobody.heard("risk"), nobody.heard("pairs")) == ([], [("l1", "not-compliant")])
    nobody.broken = set()
    nobody.turn()
    assert nobody.heard("risk") == [("l1", "not-compliant")]


def test_a_paused_stream_is_told_when_it_goes_on(nobody: Scene) -> None:
    nobody.look("l1")
    receiver = nobody.world.receivers["pairs"]
    receiver.stream = replace(receiver.stream, paused=True)
    nobody.add(mail("ada"))
    nobody.turn()
    assert nobody.heard() == [] and [one.due for one in nobody.kept()] == [False]


def test_a_write_of_which_nobody_knows_is_read_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store said that it cannot say what was written; it was."""
    put = scene.world.store.put_choice

    async def unsure(*given: Any) -> Any:
        await put(*given)
        raise Unavailable("the disk does not answer")

    monkeypatch.setattr(scene.world.store, "put_choice", unsure)
    with pytest.raises(Unavailable):
        scene.remove(mail("ada"))
    monkeypatch.undo()
    scene.turn()
    scene.look("l1")
    assert scene.heard() == []


def test_an_erased_person_is_forgotten_by_what_runs(scene: Scene) -> None:
    scene.remove(mail("ada"))
    scene.remove(mail("bob"))
    key = scene.kept()[0].key
    scene.run(scene.world.store.erase(Erase((), (), choices=(key,)), 1.0))
    scene.turn()
    scene.look("l1", "l3")
    assert scene.heard() == [("l1", "not-compliant")]
    scene.begin()
    assert scene.selections.of(scene.stream().id, "rp") == scene.stream().selection


def test_many_words_at_once_are_one_after_the_other(scene: Scene) -> None:
    async def all_of_them() -> None:
        stream = scene.stream()
        for name in ("ada", "bob", "cyd"):
            await asyncio.gather(
                scene.selections.remove(stream, mail(name)), scene.selections.add(stream, mail(name)),
                scene.selections.remove(stream, mail(name)),
            )  # fmt: skip

    scene.run(all_of_them())
    assert [(one.kind, one.seq) for one in scene.kept()] == [("removed", 3), ("removed", 6), ("removed", 9)]
    assert scene.selections.of(scene.stream().id, "rp") == scene.stream().selection


def test_the_worker_tells_at_once(nobody: Scene) -> None:
    nobody.look("l1")

    async def added() -> None:
        worker = asyncio.create_task(nobody.selections.run())
        await asyncio.sleep(0)
        await nobody.selections.add(nobody.stream(), mail("ada"))
        async with asyncio.timeout(5):
            while any(one.due for one in await nobody.world.store.choices(nobody.stream().id)):
                await asyncio.sleep(0.01)
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)

    nobody.run(added())
    nobody.world.work()
    assert nobody.heard() == [("l1", "not-compliant")]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("default", ["ALL", "NONE"])
def test_what_is_kept_tells_the_same_as_all_that_was_said(default: Default, seed: int) -> None:
    """Random words, told in between, read again after a crash: the newest word about each event decides."""
    scene, dice = Scene(None, default, most=100), random.Random(seed)
    said: dict[str, tuple[Identifier, bool]] = {}
    try:
        for _ in range(40):
            subject, adds = dice.choice(POOL), dice.random() < 0.5
            said.pop(subject.text, None)
            said[subject.text] = (subject, adds)
            (scene.add if adds else scene.remove)(subject)
            if dice.random() < 0.3:
                scene.run(scene.selections.turn())
            if dice.random() < 0.1:
                scene.begin()
            for event in EVENTS:
                newest = [a for one, a in said.values() if meets(one, parts(event), removes=not a)][-1:]
                wanted = newest[0] if newest else default == "ALL"
                assert (scene.stream().selection.why_not(event) == "") is wanted  # type: ignore[union-attr]  # it has one
    finally:
        scene.world.close()
