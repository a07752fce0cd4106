"""Okta's side with a read credential, over the real `serve`: strangers are kept back, and 202 is told from proof."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.rig import Rig, email
from tests.e2e.times import wait_until
from tests.e2e.webhooks import opened, resolved
from tests.okta.standin import READ_TOKEN, Org, running


@pytest.fixture
def org() -> Iterator[Org]:
    with running(Org()) as started:
        yield started


@pytest_asyncio.fixture
async def rig(org: Org, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    okta = {"profile": "okta", "api_url": org.base, "api_token": READ_TOKEN}
    async with Rig(tmp_path_factory.mktemp("okta"), {"okta": okta}) as started:
        await started.start()
        yield started


async def _fails(rig: Rig, device: int) -> None:
    rig.api.add(device, device)
    rig.api.laptops[device].issues[1] = False
    await rig.ring(opened(device))
    await rig.quiet_looks(devices=[])


async def test_a_stranger_is_kept_back_and_told_once_known(rig: Rig, org: Org) -> None:
    await _fails(rig, 1)

    await wait_until(lambda: rig.service.logged("look.finished"), what=rig.service.tail)
    assert len(org.asked) == 2, "the list, and then the one that it did not find"
    code, shown, _ = await rig.service.command("devices", "show", "1")
    assert (code, "unknown_at_receiver" in shown) == (0, True)
    assert "does not know this login" in shown
    assert rig.statuses("okta") == []
    org.users[email(1)] = "ACTIVE"
    await rig.service.restart()  # forgets that Okta said no
    await rig.ring(opened(1))
    await rig.hears("okta", "not-compliant")
    assert READ_TOKEN not in rig.service.log.read_text()
    assert "@acme.example" not in rig.service.log.read_text()


@pytest.mark.parametrize("trouble", ["429", "html", "slow", "denied"])
async def test_trouble_at_the_api_keeps_nobody_from_being_told(rig: Rig, org: Org, trouble: str) -> None:
    if trouble == "429":
        org.remaining = 0
    elif trouble == "html":
        org.broken = 200, "<html>Sign in</html>"
    elif trouble == "slow":
        org.slow = 6.0
    else:
        org.scopes = {}
    await _fails(rig, 2)
    await rig.hears("okta", "not-compliant")
    rig.api.laptops[2].issues.clear()
    await rig.ring(resolved(2))
    await rig.hears("okta", "not-compliant", "compliant")
    assert rig.service.logged("receiver.not_asked")


async def test_accepted_and_seen(org: Org, tmp_path: Path) -> None:
    """The stand-in answers 202 whatever comes; only its System Log tells who was known."""
    okta = {"profile": "okta", "api_url": org.base, "api_token": READ_TOKEN,
            "endpoint_url": f"{org.base}/security/api/v1/security-events"}  # fmt: skip
    async with Rig(tmp_path, {"okta": okta}) as rig:
        await rig.start()
        org.users[email(3)] = "ACTIVE"
        await _fails(rig, 3)
        await wait_until(lambda: org.sets, what=rig.service.tail)
        await rig.quiet(devices=[])
        jti = org.sets[0]["jti"]
        found = await rig.service.shown("deliveries", "show", jti)
        assert (found["state"], found["seen"]["state"], found["seen"]["by"]) == ("delivered", "seen", "jti")
        org.events.clear()
        assert (await rig.service.shown("deliveries", "show", jti))["seen"]["state"] == "not_seen"
