"""kill -9 at every arrow of the way: nothing that was answered 202 is lost, repeats are the same SET, in order."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
import pytest_asyncio

from bridge.receiver.book import Scripted
from tests.e2e.arrows import arrows
from tests.e2e.conftest import THREE
from tests.e2e.rig import Rig, email
from tests.e2e.webhooks import Answer, Hook, opened, resolved

pytestmark = pytest.mark.asyncio(loop_scope="module")

BAD: Final = "not-compliant"
GOOD: Final = "compliant"

ARROWS = [
    # where, and whether the webhook was durable by then
    ("accept.before 1", False),
    ("accept.after 1", True),
    ("lease_looks.after 1", True),
    ("snapshot.before 1", True),
    ("snapshot.after 1", True),
    ("scene.after 1", True),
    ("mint.after 1", True),
    ("commit.before 1", True),
    ("commit.after 1", True),
    ("lease_deliveries.after 1", True),
    ("push.before 1", True),
    ("push.after 1", True),
    ("push.after 3", True),
    ("settle.before 1", True),
    ("settle.after 1", True),
    ("settle.after 2", True),
]


class Story:
    """Laptops whose only issue opens and is resolved, again and again, over one store."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.turns = {device: 0 for device in (1, 2, 3)}
        for device in self.turns:
            rig.api.add(device, owner=device)

    async def turn(self, device: int) -> tuple[Hook, Answer | None]:
        """The issue opens or is resolved, and Kolide says so; None: nobody answered."""
        self.turns[device] += 1
        issues = self.rig.api.laptops[device].issues
        if issues:
            issues.clear()
            hook = resolved(device)
        else:
            issues[1] = False
            hook = opened(device)
        try:
            return hook, await self.rig.send(hook)
        except aiohttp.ClientError:
            return hook, None

    async def told(self, device: int, *receivers: str) -> None:
        """All that must hold; and these receivers were told each turn, once and in order."""
        await self.rig.settled()
        for name in receivers:
            assert self.rig.statuses(name, login=email(device)) == ([BAD, GOOD] * 99)[: self.turns[device]], name


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def story(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Story]:
    async with Rig(tmp_path_factory.mktemp("crash"), THREE) as rig:
        rig.service.fragile = True
        await rig.start()
        yield Story(rig)


@pytest.mark.parametrize(("where", "durable"), ARROWS)
async def test_killed_at(story: Story, where: str, durable: bool) -> None:
    service = story.rig.service
    service.crash(where)
    hook, answer = await story.turn(1)
    assert await service.ended() == -signal.SIGKILL
    await service.start()
    if answer is None:
        # Kolide sends again what nobody answered.
        again = await story.rig.send(hook)
        assert (again.status, again.body.get("duplicate", False)) == (202, durable)
    await story.told(1, "okta", "ssf", "sse")


async def test_killed_when_the_receiver_has_it_and_has_not_answered(story: Story) -> None:
    service, book = story.rig.service, story.rig.receivers["ssf"].book

    def kill(_: Mapping[str, Any]) -> Scripted | None:
        service.signal(signal.SIGKILL)
        return None

    book.when = kill
    await story.turn(1)
    assert await service.ended() == -signal.SIGKILL
    book.when = None
    await service.start()
    await story.told(1, "okta", "ssf", "sse")
    last = story.rig.heard("ssf", login=email(1))[-1]
    tries = [one for one in book.receipts if one.claims.get("jti") == last.jti]
    assert len(tries) == 2 and tries[0].text == tries[1].text


@pytest.mark.parametrize("device", [2, 3], ids=["lost answers", "gone"])
async def test_killed_in_the_middle_of_a_history_that_waits(story: Story, device: int) -> None:
    """The receiver takes SETs and its answers are lost, or it is gone; three turns, a crash, one more turn."""
    rig, okta = story.rig, story.rig.receivers["okta"]
    if device == 2:
        okta.book.when = lambda claims: Scripted(status=500, take=True)
    else:
        await okta.stop()
    for _ in range(3):
        await story.turn(device)
        await rig.quiet_looks()
    await rig.service.kill()
    await rig.service.start()
    await story.turn(device)
    await rig.quiet_looks()
    okta.book.when = None
    if device == 3:
        await okta.start()
    await story.told(device, "ssf", "sse")
    assert len(rig.heard("okta", login=email(device))) in (0, 2, 4)


@arrows("commit.before 1", "scene.after 1", "lease_errand.after 1", "end_errand.before 1")
async def test_killed_while_it_tells_of_an_operators_word(story: Story, where: str) -> None:
    """The command has written what counts, and waits in vain: what follows is told all the same, once."""
    rig, device, name = story.rig, 4, "okta"
    if device not in rig.api.laptops:
        rig.api.add(device, owner=device)
        await rig.ring(opened(device))
        await rig.quiet_looks()
    so_far = len(rig.statuses(name, login=email(device)))
    now_is = GOOD if so_far % 2 else BAD
    rig.service.crash(where)
    words = ("devices", "override", str(device), "--status", now_is, "--for", "8h", "--reason", "test")
    code, _, err = await rig.service.command(*words)
    assert await rig.service.ended() == -signal.SIGKILL
    assert code == 1 and "which then tells what follows" in err, err
    await rig.service.start()
    await rig.hears(name, *([BAD, GOOD] * 9)[: so_far + 1], login=email(device), seconds=60.0)


STARTS = ["upgrade.before 1", "upgrade.after 1", "key.after 1", "release.after 1", "put_stream.after 2"]


async def test_killed_at_every_step_of_the_first_start(tmp_path: Path) -> None:
    async with Rig(tmp_path, THREE) as rig:
        for point in STARTS:
            await rig.service.begin(point)
            assert await rig.service.ended() == -signal.SIGKILL, (point, rig.service.tail())
        await rig.start()
        streams = await rig.service.shown("streams", "list")
        assert sorted(one["name"] for one in streams) == sorted(THREE)
        rig.api.add(1, owner=1).issues = {1: False}
        await rig.ring(opened(1))
        for name in rig.receivers:
            await rig.hears(name, BAD, login=email(1))
