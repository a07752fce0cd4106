"""Whose laptop it is: a second one, another owner, another address, nobody."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.conftest import THREE
from tests.e2e.rig import Rig, email
from tests.e2e.times import wait_until
from tests.e2e.webhooks import changed, opened, registered, resolved

pytestmark = pytest.mark.asyncio(loop_scope="module")

BAD: Final = "not-compliant"
GOOD: Final = "compliant"


async def test_laptop_b_recovers_and_laptop_a_still_fails(line: Rig, number: int) -> None:
    a, b = number, number + 1_000_000
    for device in (a, b):
        line.api.add(device, owner=number).issues = {1: False}
        await line.ring(opened(device))
        await line.hears("ssf", BAD, device=device)
    line.api.laptops[b].issues.clear()
    await line.ring(resolved(b))
    await line.hears("ssf", BAD, GOOD, device=b)
    await line.settled()
    assert line.statuses("okta", login=email(number)) == [BAD]
    line.api.laptops[a].issues.clear()
    await line.ring(resolved(a))
    await line.hears("okta", BAD, GOOD, login=email(number))
    await line.hears("ssf", BAD, GOOD, device=a)
    await line.settled()


async def test_two_laptops_of_one_person_at_once(line: Rig, number: int) -> None:
    devices = [number, *(number + 1_000_000 * n for n in range(1, 6))]
    for device in devices:
        line.api.add(device, owner=number).issues = {1: False}
    await asyncio.gather(*(line.ring(opened(device)) for device in devices))
    await line.settled()
    for device in devices[1:]:
        line.api.laptops[device].issues.clear()
    await asyncio.gather(*(line.ring(resolved(device)) for device in devices[1:]))
    await line.settled()
    assert line.statuses("okta", login=email(number)) == [BAD]


async def test_the_laptop_comes_to_somebody_else(line: Rig, number: int) -> None:
    """The one who had it is released, the one who has it now is held; after a second look 5 s later."""
    other = number + 1_000_000
    laptop = line.api.add(number, owner=number)
    laptop.issues[1] = False
    await line.ring(opened(number))
    await line.hears("okta", BAD, login=email(number))
    line.api.people[other] = email(other)
    laptop.owner = other
    await line.ring(changed(number))
    await line.hears("okta", BAD, GOOD, login=email(number))
    for name in ("okta", "ssf", "sse"):
        await line.hears(name, BAD, login=email(other))
    await line.settled()


async def test_nobody_then_somebody(line: Rig, number: int) -> None:
    """Neither an owner nor an address: kept, visible with its reason, and told when there is one."""
    laptop = line.api.add(number, owner=None)
    laptop.issues[1] = False
    await line.ring(opened(number))
    await _reason(line, number, "unregistered")
    laptop.owner = number
    line.api.people[number] = None
    await line.ring(changed(number))
    await _reason(line, number, "owner_without_email")
    shown = await line.service.shown("devices", "show", str(number))
    assert (shown["status"], shown["login"], shown["login_reason"]) == (BAD, None, "owner_without_email")
    assert not line.statuses("okta", login=email(number))
    line.api.people[number] = email(number)
    await line.ring(changed(number))
    for name in ("okta", "ssf", "sse"):
        await line.hears(name, BAD, login=email(number))
    await line.settled()


async def _reason(line: Rig, number: int, reason: str) -> None:
    store = await line.store()

    async def said() -> bool:
        device = await store.device("kolide", str(number))
        return device is not None and device.reason == reason

    await wait_until(said, what=line.service.tail)


async def test_a_webhook_that_names_the_owner_is_not_answered_from_memory(tmp_path: Path) -> None:
    """Its person was asked for a moment ago, under the old address; what was told of that is carried on."""
    async with Rig(tmp_path, THREE) as rig:
        await rig.start()
        rig.api.add(1, owner=1).issues = {1: False}
        await rig.ring(opened(1))
        await rig.hears("okta", BAD, login=email(1))
        married = rig.api.people[1] = "ada.married@acme.example"
        await rig.ring(registered(1, 1, married))
        await rig.quiet()
        rig.api.laptops[1].issues.clear()
        await rig.ring(resolved(1))
        await rig.hears("okta", GOOD, login=married)
        await rig.quiet()
        assert rig.statuses("ssf", device=1) == [BAD, GOOD]
        assert rig.api.asked["/people/1"] == 2


async def test_the_person_has_another_address_now(tmp_path: Path) -> None:
    """The same vendor person: what was told of the old login is carried on under the new one. The API's answers about
    people are kept for hours, so the new address is seen after a restart."""
    async with Rig(tmp_path, THREE) as rig:
        await rig.start()
        for device in (1, 2):
            rig.api.add(device, owner=1).issues = {1: False}
            await rig.ring(opened(device))
        await rig.settled()
        rig.api.people[1] = "ada.married@acme.example"
        await rig.service.restart()
        rig.api.laptops[1].issues.clear()
        await rig.ring(resolved(1))
        await rig.quiet()
        rig.api.laptops[2].issues.clear()
        await rig.ring(resolved(2))
        await rig.quiet()
        for name in rig.receivers:
            for told in rig.heard(name):
                assert told.login in (email(1), "ada.married@acme.example")
        assert rig.statuses("okta", login=email(1)) == [BAD]
        assert rig.statuses("okta", login="ada.married@acme.example") == [GOOD]
        assert rig.statuses("ssf", device=1) == rig.statuses("ssf", device=2) == [BAD, GOOD]
