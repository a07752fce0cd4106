"""Signing keys over a running line: rotation in front of a strict receiver, crashes, a stolen key, a lost one."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from bridge.clock import SystemClock
from bridge.receiver.book import Receipt, Scripted
from bridge.receiver.keys import KeySource, Transmitter, rsa_keys
from bridge.receiver.server import ReceiverServer
from bridge.ssf.keyfiles import KeyFiles
from tests.e2e.rig import Rig, audience
from tests.e2e.service import ISSUER
from tests.e2e.times import wait_until
from tests.e2e.webhooks import opened, resolved

BAD: Final = "not-compliant"
SLOW: Final = 60.0
"""Seconds for a process to begin, on a machine that has much else to do."""
ONE = {"ssf": {"profile": "ssf"}}


class Aged(KeySource):
    """Keys as a receiver has them that keeps to `max-age` and asks for nothing in between, whatever `kid` comes."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._known = Transmitter(ISSUER, {})
        self._until = 0.0

    async def transmitter(self, kid: str) -> Transmitter:
        if time.monotonic() >= self._until:
            async with aiohttp.ClientSession() as session, session.get(self._url) as answer:
                age = float(answer.headers["cache-control"].partition("max-age=")[2])
                self._known = Transmitter(ISSUER, rsa_keys(await answer.json()))
                self._until = time.monotonic() + age
        return self._known


class KeyRig(Rig):
    """`keys` are those of `[keys]`."""

    def __init__(self, folder: Path, **keys: Any) -> None:
        super().__init__(folder, ONE)
        self.service.tables["keys"] = keys

    def _receiver(self, name: str, settings: dict[str, Any]) -> ReceiverServer:
        keys = Aged(f"{self.service.url}/.well-known/jwks.json")
        return ReceiverServer(profile="ssf", audience=audience(name), keys=keys, clock=SystemClock())

    async def start(self) -> None:
        await self.service.start(SLOW)

    async def published(self) -> set[str]:
        async with self.session.get(f"{self.service.url}/.well-known/jwks.json") as answer:
            found = (await answer.json())["keys"]
        assert all(key.keys() == {"kty", "use", "alg", "kid", "n", "e"} for key in found)
        return {key["kid"] for key in found}

    async def keys(self) -> dict[str, dict[str, Any]]:
        return {row["kid"]: row for row in await self.service.shown("keys", "list")}

    async def in_state(self, state: str) -> str:
        """The `kid` of the only key in this state."""
        [kid] = [kid for kid, row in (await self.keys()).items() if row["state"] == state and not row["removed_at"]]
        return kid

    @property
    def receipts(self) -> list[Receipt]:
        return list(self.receivers["ssf"].book.receipts)

    async def fails(self, device: int) -> None:
        self.api.add(device, owner=device).issues = {1: False}
        await self.ring(opened(device))

    async def waiting(self, count: int) -> None:
        """Until so many SETs wait and none is being sent."""

        async def enough() -> bool:
            rows = await (await self.store()).deliveries(state="pending", limit=500)
            return len(rows) == count and not any(row.leased_until for row in rows)

        await wait_until(enough, 20, self.service.tail)


class Flow:
    """Laptops that fail and recover one after the other, until it is ended."""

    def __init__(self, rig: Rig) -> None:
        self.turns = 0
        self._rig = rig
        self._over = False

    async def __aenter__(self) -> Flow:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._over = True
        await self._task

    async def _run(self) -> None:
        for device in range(1, 6):
            self._rig.api.add(device, owner=device)
        while not self._over:
            device = self.turns % 5 + 1
            issues = self._rig.api.laptops[device].issues
            if issues:
                issues.clear()
            else:
                issues[1] = False
            await self._rig.ring(opened(device) if issues else resolved(device))
            self.turns += 1
            await asyncio.sleep(0.03)


async def test_no_set_fails_at_a_receiver_that_keeps_keys_for_as_long_as_it_may(tmp_path: Path) -> None:
    async with KeyRig(tmp_path, publish_for="6s", keep_retired="2s") as rig:
        await rig.start()
        first = await rig.in_state("active")
        async with Flow(rig):
            await wait_until(lambda: len(rig.receipts) > 5)
            asked = time.monotonic()
            made = await rig.service.shown("keys", "rotate", "--reason", "it was time")
            second = made["kid"]
            await wait_until(lambda: _publishes(rig, {first, second}), 5)
            await wait_until(lambda: rig.receipts[-1].header["kid"] == second, 30, rig.service.tail)
            assert time.monotonic() - asked > 6
            await wait_until(lambda: _publishes(rig, {second}), 15, rig.service.tail)
            await asyncio.sleep(1)
        await rig.settled()
        assert {receipt.header["kid"] for receipt in rig.receipts} == {first, second}
        assert not [receipt.description for receipt in rig.receipts if receipt.err]
        assert KeyFiles(tmp_path / "bridge.db.keys").kids() == [second]
        rows = await rig.keys()
        assert (rows[first]["state"], rows[second]["state"]) == ("retired", "active") and rows[first]["removed_at"]
        await _audited(rig, ["keys.rotate", "keys.turn", "keys.turn", "keys.turn", "keys.turn"], kids={first, second})


async def _publishes(rig: KeyRig, kids: set[str]) -> bool:
    return await rig.published() == kids


async def _audited(rig: Rig, whats: list[str], kids: set[str]) -> None:
    """After what the first start noted, in this order: made, published, signs and retires, goes."""
    entries = [entry for entry in reversed(await (await rig.store()).audit()) if entry.what.startswith("keys.")][1:]
    assert [entry.what for entry in entries] == whats
    assert {entry.target for entry in entries} == {f"key {kid}" for kid in kids}
    assert entries[0].why == "it was time" and entries[0].who and entries[-1].after == "removed"


STEPS = ["make_key.before 1", "make_key.after 1", "swap_keys.before 1", "swap_keys.after 1", "swap_keys.after 2",
         "swap_keys.before 3", "swap_keys.after 3", "swap_keys.before 4", "swap_keys.after 4", "remove_key.before 1",
         "remove_key.after 1"]  # fmt: skip


@pytest.mark.timeout(400)  # eleven starts, on a machine that may be busy
async def test_killed_at_every_step_of_a_rotation(tmp_path: Path) -> None:
    """Rotations follow each other by the calendar; after each crash SETs go on, and no file or row is left over."""
    async with KeyRig(tmp_path, publish_for="1s", keep_retired="1s", rotate_every="2s") as rig:
        rig.service.fragile = True
        await rig.start()
        for device, step in enumerate(STEPS, 1):
            rig.service.crash(step)
            assert await rig.service.ended(SLOW) == -signal.SIGKILL, (step, rig.service.tail())
            await rig.start()
            await rig.fails(device)
            await rig.hears("ssf", BAD, device=device)
            assert not [receipt.description for receipt in rig.receipts if receipt.err], step
        await rig.service.kill()
        rig.service.tables["keys"]["rotate_every"] = "1d"
        await rig.start()
        await wait_until(lambda: _one_key(rig, tmp_path), 15, rig.service.tail)
        await rig.settled()


async def _one_key(rig: KeyRig, folder: Path) -> bool:
    """What is published is what lies in the folder, and one key signs."""
    published = await rig.published()
    return len(published) == 1 and set(KeyFiles(folder / "bridge.db.keys").kids()) == published


@pytest.mark.parametrize("running", [True, False], ids=["beside serve", "while none runs"])
async def test_a_stolen_key(tmp_path: Path, running: bool) -> None:
    """It is gone at once; each SET that waits or is dead is minted anew and arrives once, a crash in between."""
    async with KeyRig(tmp_path, publish_for="4s") as rig:
        await rig.start()
        stolen = await rig.in_state("active")
        await rig.fails(1)
        await rig.hears("ssf", BAD, device=1)
        rig.receivers["ssf"].book.when = _refuse(2)
        await rig.fails(2)
        await wait_until(lambda: _tried(rig, 2))
        await rig.waiting(1)
        dead = (await (await rig.store()).deliveries(state="pending"))[0].id
        assert (await rig.service.command("deliveries", "drop", str(dead), "--yes"))[0] == 0
        await rig.receivers["ssf"].stop()
        for device in range(3, 13):
            await rig.fails(device)
        await rig.waiting(10)
        before = {row.id: row for row in await (await rig.store()).deliveries(limit=50)}
        if not running:
            await rig.service.kill()
        told = await rig.service.shown(
            "keys", "retire", stolen[:12], "--compromised", "--reason", "a laptop was stolen", "--yes"
        )
        assert told["minted_anew"] == 11 and told["signs"] != stolen and told["being_sent"] == 0, told
        if running:
            await wait_until(lambda: _publishes(rig, {told["signs"]}), 5)
        assert KeyFiles(tmp_path / "bridge.db.keys").kids() == [told["signs"]]
        for row in await (await rig.store()).deliveries(limit=50):
            same = (row.state, row.txn, row.status) == (before[row.id].state, before[row.id].txn, before[row.id].status)
            assert same and (row.jti == before[row.id].jti) is (row.kid == stolen) is (row.state == "delivered")
        await rig.service.kill()
        await rig.start()
        rig.receivers["ssf"].book.when = None
        await rig.receivers["ssf"].start()
        assert (await rig.service.command("deliveries", "retry", str(dead)))[0] == 0
        for device in range(1, 13):
            await rig.hears("ssf", BAD, device=device, seconds=30)
        taken = rig.receivers["ssf"].book.taken
        assert [receipt.header["kid"] for receipt in taken].count(stolen) == 1 and len(taken) == 12
        code, _, err = await rig.service.command("keys", "retire", stolen, "--compromised", "--reason", "x", "--yes")
        assert code == 1 and "already" in err


def _refuse(device: int) -> Callable[[Any], Scripted | None]:
    answer = Scripted(400, body=b'{"err": "invalid_request", "description": "no"}')
    return lambda claims: answer if f'"kolide:{device}"' in json.dumps(claims) else None


def _tried(rig: KeyRig, device: int) -> bool:
    return any(f'"kolide:{device}"' in json.dumps(receipt.claims) for receipt in rig.receipts)


async def test_a_stolen_key_while_sets_flow(tmp_path: Path) -> None:
    """What is in flight settles; nothing is lost, and nothing is sent under the key once it is known to be gone."""
    async with KeyRig(tmp_path, publish_for="2s") as rig:
        await rig.start()
        stolen = await rig.in_state("active")
        async with Flow(rig):
            await wait_until(lambda: len(rig.receipts) > 20)
            await rig.service.shown("keys", "retire", stolen, "--compromised", "--reason", "leak", "--yes")
            await asyncio.sleep(1.5)
            known = len(rig.receipts)
            await asyncio.sleep(1.5)
        await rig.quiet(30)
        assert stolen not in {receipt.header["kid"] for receipt in rig.receipts[known:]}
        believed = {one.device: one.current for one in rig.heard("ssf")}
        truth = {f"kolide:{laptop.id}": laptop.truth for laptop in rig.api.laptops.values()}
        assert believed == truth


async def test_a_key_of_ones_own_is_replaced_by_replacing_its_file(tmp_path: Path) -> None:
    one, two = KeyFiles(tmp_path / "made").make(), KeyFiles(tmp_path / "made").make()
    pem = tmp_path / "set.pem"
    pem.write_bytes(KeyFiles(tmp_path / "made").path(one.kid).read_bytes())
    async with KeyRig(tmp_path, signing_key=f"file:{pem}", publish_for="2s") as rig:
        await rig.start()
        assert await rig.published() == {one.kid}
        for command in (["rotate"], ["import", str(pem)]):
            code, out, err = await rig.service.command("keys", *command)
            assert (code, out) == (2, "") and "replace what it names" in err and "PRIVATE" not in err
        code, _, err = await rig.service.command("keys", "retire", one.kid, "--compromised", "--reason", "x", "--yes")
        assert code == 2 and "put another key there first" in err
        await rig.receivers["ssf"].stop()
        await rig.fails(1)
        await rig.waiting(1)
        pem.write_text("not a key")
        await wait_until(lambda: _detail(rig, "secrets", "this is not a private key in PEM"), 5)
        assert await rig.published() == {one.kid}
        pem.write_bytes(KeyFiles(tmp_path / "made").path(two.kid).read_bytes())
        await wait_until(lambda: _publishes(rig, {two.kid}), 5)
        await wait_until(lambda: _detail(rig, "secrets", "in force"), 5)
        await rig.receivers["ssf"].start()
        await rig.hears("ssf", BAD, device=1, seconds=20)
        assert rig.receipts[-1].header["kid"] == two.kid
        assert not (tmp_path / "bridge.db.keys").exists()


async def _detail(rig: Rig, name: str, words: str) -> bool:
    async with rig.session.get(f"{rig.service.admin}/readyz") as answer:
        assert answer.status == 200
        checks = {check["name"]: check["detail"] for check in (await answer.json())["checks"]}
    return words in checks[name]


async def test_a_key_that_is_lost(tmp_path: Path) -> None:
    async with KeyRig(tmp_path, publish_for="2s") as rig:
        await rig.start()
        lost = await rig.in_state("active")
        await rig.receivers["ssf"].stop()
        await rig.fails(1)
        await rig.waiting(1)
        await rig.service.kill()
        KeyFiles(tmp_path / "bridge.db.keys").remove(lost)
        await rig.start()
        fresh = await rig.in_state("active")
        assert await rig.published() == {fresh} != {lost}
        await rig.receivers["ssf"].start()
        await rig.hears("ssf", BAD, device=1, seconds=20)
        assert rig.receipts[-1].header["kid"] == fresh


async def test_import_now_and_a_next_key_that_is_taken_back(tmp_path: Path) -> None:
    mine = KeyFiles(tmp_path / "made").make()
    async with KeyRig(tmp_path) as rig:
        await rig.start()
        first = await rig.in_state("active")
        path = KeyFiles(tmp_path / "made").path(mine.kid)
        path.chmod(0o644)
        code, _, err = await rig.service.command("keys", "import", str(path))
        assert code == 2 and "others may read or write this key (mode 0644)" in err
        path.chmod(0o600)
        assert (await rig.service.shown("keys", "import", str(path)))["kid"] == mine.kid
        await wait_until(lambda: _publishes(rig, {first, mine.kid}), 5)
        code, _, err = await rig.service.command("keys", "retire", first, "--reason", "x", "--yes")
        assert code == 1 and "`caep-bridge keys rotate`" in err
        code, _, err = await rig.service.command("keys", "retire", mine.kid, "--reason", "x")
        assert code == 2 and "--yes" in err
        assert (await rig.service.command("keys", "retire", mine.kid, "--reason", "not that one", "--yes"))[0] == 0
        code, _, err = await rig.service.command("keys", "import", str(path))
        assert code == 1 and "is known already: retired" in err
        second = (await rig.service.shown("keys", "rotate"))["kid"]
        assert (await rig.service.shown("keys", "rotate", "--now"))["kid"] == second
        await rig.fails(1)
        await wait_until(lambda: rig.in_state("active"), 5)
        await wait_until(lambda: _signs(rig, second), 10)
        both = await asyncio.gather(*(rig.service.command("keys", "rotate") for _ in range(2)))
        assert sorted(code for code, _, _ in both) == [0, 1]
        assert any("there is a next key already" in err for _, _, err in both)


async def _signs(rig: KeyRig, kid: str) -> bool:
    return await rig.in_state("active") == kid
