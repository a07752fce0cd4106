"""The vendor's API fails in every way: the look stays due, the last verdict stays, other devices go on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from tests.e2e.conftest import THREE
from tests.e2e.kolide import Trouble
from tests.e2e.rig import Rig, email
from tests.e2e.service import ROOT
from tests.e2e.times import wait_until
from tests.e2e.webhooks import changed, opened

pytestmark = pytest.mark.asyncio(loop_scope="module")

BAD: Final = "not-compliant"
GOOD: Final = "compliant"

TROUBLES = {
    "401": (Trouble(status=401), "denied"),
    "403": (Trouble(status=403), "denied"),
    "404 of the list": (Trouble(status=404, at="issues"), "missing"),
    "429": (Trouble(status=429, headers={"Retry-After": "1"}), "limited"),
    "500": (Trouble(status=500), "down"),
    "503 of the list": (Trouble(status=503, at="issues"), "down"),
    "418": (Trouble(status=418), "refused"),
    "a redirect": (Trouble(status=302, headers={"Location": "/elsewhere"}), "refused"),
    "timeout": (Trouble("hang"), "down"),
    "timeout of the list": (Trouble("hang", at="issues"), "down"),
    "HTML": (Trouble("html"), "malformed"),
    "HTML for the person": (Trouble("html", at="person"), "malformed"),
    "half an answer": (Trouble("half"), "malformed"),
    "half a list": (Trouble("half", at="issues"), "malformed"),
    "broken off": (Trouble("cut"), "down"),
    "a list without its paging": (Trouble("keyless"), "malformed"),
    "a cursor that comes back": (Trouble("loop"), "malformed"),
    "second page 500": (Trouble("second_page"), "down"),
    "second page 404": (Trouble("second_page", status=404), "missing"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def line(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    """As the shared one, with Kolide's own connector.toml but for a timeout of one second."""
    folder = tmp_path_factory.mktemp("vendor")
    async with Rig(folder, THREE, {"type": str(impatient(folder))}) as rig:
        await rig.start()
        yield rig


def impatient(folder: Path) -> Path:
    shipped = (ROOT / "connectors" / "kolide" / "connector.toml").read_text()
    changed_text = shipped.replace('timeout = "10s"', 'timeout = "1s"')
    assert changed_text != shipped
    path = folder / "kolide.toml"
    path.write_text(changed_text)
    return path


@pytest.mark.parametrize(("trouble", "kind"), TROUBLES.values(), ids=TROUBLES.keys())
async def test_the_api_fails(line: Rig, number: int, trouble: Trouble, kind: str) -> None:
    """A device that failed, and is repaired while the API cannot say so; its neighbour fails meanwhile."""
    other = number + 1_000_000
    laptop = line.api.add(number, owner=number)
    laptop.issues[1] = False
    if trouble.at == "person":
        line.api.troubles[number] = trouble
    else:
        await line.ring(opened(number))
        await line.hears("okta", BAD, login=email(number))
        await line.quiet(devices=[number])
        line.api.troubles[number] = trouble
        laptop.issues.clear()
    held = await (await line.store()).device("kolide", str(number))
    await line.ring(changed(number))
    await _failed(line, number, kind)
    line.api.add(other, owner=other).issues = {1: False}
    await line.ring(opened(other))
    await line.hears("ssf", BAD, device=other)

    device = await (await line.store()).device("kolide", str(number))
    assert device is not None and device.reason == f"look_{kind}"
    assert (device.status, device.looked_at) == ((held.status, held.looked_at) if held else (None, None))
    del line.api.troubles[number]
    await line.ring(changed(number))
    await line.hears("okta", *((BAD,) if trouble.at == "person" else (BAD, GOOD)), login=email(number))


async def _failed(line: Rig, number: int, kind: str) -> None:
    """Until the look failed like this, and is due again later."""

    async def failed() -> bool:
        look = await (await line.store()).look("kolide", str(number))
        return look is not None and look.attempts > 0 and look.last_error.startswith(f"look_{kind}: ")

    await wait_until(failed, what=line.service.tail)


async def test_the_whole_api_is_away_and_comes_back_by_itself(line: Rig, number: int) -> None:
    laptop = line.api.add(number, owner=number)
    laptop.issues[1] = False
    line.api.trouble = Trouble("cut")
    await line.ring(opened(number))
    await _failed(line, number, "down")
    line.api.trouble = None
    await line.hears("okta", BAD, login=email(number))
    await line.quiet(devices=[number])


async def test_a_device_that_is_gone_keeps_its_verdict(line: Rig, number: int) -> None:
    laptop = line.api.add(number, owner=number)
    laptop.issues[1] = False
    await line.ring(opened(number))
    await line.hears("ssf", BAD, device=number)
    laptop.exists = False
    await line.ring(changed(number))
    store = await line.store()

    async def gone() -> bool:
        device = await store.device("kolide", str(number))
        return device is not None and device.gone

    await wait_until(gone)
    device = await store.device("kolide", str(number))
    assert device is not None and (device.status, device.reason) == (BAD, "gone")
    laptop.exists, laptop.issues = True, {}
    await line.ring(changed(number))
    await line.hears("ssf", BAD, GOOD, device=number)


async def test_what_the_vendor_says_is_shown(line: Rig, number: int) -> None:
    line.api.add(number, owner=number)
    line.api.troubles[number] = Trouble(status=403)
    await line.ring(changed(number))
    await _failed(line, number, "denied")
    shown = await line.service.shown("devices", "show", str(number))
    assert shown["reason"] == "look_denied"
    assert shown["look"]["attempts"] == 1
    said = line.service.logged("look.finished")[-1]["answer"]
    assert said.startswith("denied: ") and "GET /devices/{device.id}" in said and "403" in said
