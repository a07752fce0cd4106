"""Starting, ending, and what is in the way of it."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
import time
from pathlib import Path
from typing import Final

from bridge.receiver.book import Scripted
from tests.e2e.conftest import THREE
from tests.e2e.kolide import Trouble
from tests.e2e.rig import Rig, email
from tests.e2e.service import Service
from tests.e2e.times import wait_until
from tests.e2e.webhooks import opened, resolved

BAD: Final = "not-compliant"
GOOD: Final = "compliant"
ONE = {"ssf": {"profile": "ssf"}}


async def test_sigterm_while_a_push_is_under_way(tmp_path: Path) -> None:
    """Readiness says 503 at once, webhooks are still taken, the push ends well, then the process."""
    async with Rig(tmp_path, ONE) as rig:
        await rig.start()
        for device in (1, 2):
            rig.api.add(device, owner=device).issues = {1: False}
        rig.receivers["ssf"].book.when = lambda claims: Scripted(delay=2.5)
        await rig.ring(opened(1))
        await wait_until(lambda: _leased(rig))
        ending = asyncio.create_task(rig.service.stop())
        await wait_until(lambda: _readiness(rig, 503), 1)
        await rig.ring(opened(2))
        code, took = await ending
        assert code == 0 and took < 10, (code, took)
        assert rig.statuses("ssf", device=1) == [BAD]
        assert [one.state for one in await (await rig.store()).deliveries(device=("kolide", "1"))] == ["delivered"]
        rig.receivers["ssf"].book.when = None
        await rig.start()
        await rig.hears("ssf", BAD, device=2)
        assert len(rig.receivers["ssf"].book.receipts) == 2


async def _leased(rig: Rig) -> bool:
    return any(one.leased_until for one in await (await rig.store()).deliveries())


async def _readiness(rig: Rig, status: int) -> bool:
    async with (
        rig.session.get(f"{rig.service.url}/readyz") as public,
        rig.session.get(f"{rig.service.admin}/readyz") as admin,
    ):
        return public.status == admin.status == status


async def test_a_copy_that_is_put_over_the_database_meanwhile(tmp_path: Path) -> None:
    """Nothing is taken any more, everybody is told why, and the copy stays whole, also through the end."""
    async with Rig(tmp_path, ONE) as rig:
        await rig.start()
        rig.api.add(1, owner=1)
        copy = await asyncio.to_thread(_copy, tmp_path)
        await rig.ring(opened(1))
        (tmp_path / "bridge.db").write_bytes(copy)
        assert (await rig.send(opened(1, issue=2))).status == 503
        await wait_until(lambda: _readiness(rig, 503), 3)
        async with rig.session.get(f"{rig.service.admin}/readyz") as answer:
            assert "was written over while it was in use" in await answer.text()
        assert rig.service.logged("store.written_over")
        code, _, err = await rig.service.command("devices", "list")
        assert code == 1 and "remove the files that end in -wal and -shm" in err
        code, took = await rig.service.stop()
        assert code == 0 and took < 10
        assert (tmp_path / "bridge.db").read_bytes() == copy
        await rig.service.begin()
        assert await rig.service.ended() == 1 and "was written over" in rig.service.tail()


def _copy(folder: Path) -> bytes:
    source, copy = sqlite3.connect(folder / "bridge.db"), sqlite3.connect(folder / "copy.db")
    source.backup(copy)
    source.close()
    copy.close()
    return (folder / "copy.db").read_bytes()


async def test_sigterm_while_everything_hangs(tmp_path: Path) -> None:
    """A receiver and the vendor's API that never answer, a sender that never ends: ten seconds, and nothing is lost."""
    async with Rig(tmp_path, ONE) as rig:
        await rig.start()
        for device in (1, 2):
            rig.api.add(device, owner=device).issues = {1: False}
        rig.receivers["ssf"].book.when = lambda claims: Scripted(delay=60)
        rig.api.troubles[2] = Trouble("hang", delay=60)
        await rig.ring(opened(1), opened(2))
        await wait_until(lambda: _leased(rig))
        await wait_until(lambda: rig.api.asked["/devices/2"])
        _, writer = await asyncio.open_connection("127.0.0.1", int(rig.service.url.rpartition(":")[2]))
        head = b"POST /webhooks/kolide HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        writer.write(head + b"content-length: 99\r\n\r\n{")
        await writer.drain()
        code, took = await rig.service.stop()
        writer.close()
        assert code == 0 and took < 10, (code, took)
        await rig.receivers["ssf"].stop()
        await rig.receivers["ssf"].start()
        rig.receivers["ssf"].book.when = None
        rig.api.troubles.clear()
        await rig.start()
        await rig.settled()
        assert rig.statuses("ssf", device=1) == rig.statuses("ssf", device=2) == [BAD]


async def test_what_is_in_the_way_of_a_second_serve(tmp_path: Path) -> None:
    """The store that is served, and an address that is taken. The first one goes on, and ends at Ctrl-C."""
    async with Rig(tmp_path, THREE) as rig:
        await rig.start()
        second = Service(tmp_path)
        second.tables = {**rig.service.tables, "server": second.tables["server"], "admin": second.tables["admin"]}
        await second.begin()
        assert await second.ended() == 1
        assert "another process already serves the database" in rig.service.tail(5)

        (tmp_path / "elsewhere").mkdir()
        third = Service(tmp_path / "elsewhere")
        third.tables = {**rig.service.tables, "server": second.tables["server"]}
        await third.begin()
        assert await third.ended() == 2
        assert "config.toml:" in third.tail(1) and "admin.port: cannot listen on 127.0.0.1" in third.tail(1)

        assert "Traceback" not in rig.service.log.read_text() + third.log.read_text()
        rig.api.add(1, owner=1).issues = {1: False}
        await rig.ring(opened(1))
        await rig.hears("okta", BAD, login=email(1))
        started = time.monotonic()
        rig.service.signal(signal.SIGINT)
        assert await rig.service.ended() == 0
        assert time.monotonic() - started < 10


async def test_a_locked_database_is_a_503_and_never_a_202(tmp_path: Path) -> None:
    """While another process holds the database nothing is taken; what was under way is not told twice afterwards."""
    async with Rig(tmp_path, ONE) as rig:
        await rig.start()
        rig.api.add(1, owner=1).issues = {1: False}
        await rig.ring(opened(1))
        await rig.hears("ssf", BAD, device=1)
        await rig.quiet()
        rig.api.laptops[1].issues.clear()
        rig.receivers["ssf"].book.when = lambda claims: Scripted(delay=1.0)
        await rig.ring(resolved(1))
        await wait_until(lambda: _leased(rig))
        locker = await asyncio.create_subprocess_exec(*_lock(tmp_path / "bridge.db", 5.0))
        await asyncio.sleep(0.3)
        answer = await rig.send(opened(1))
        assert answer.status == 503 and int(answer.headers["retry-after"]) > 0
        assert await locker.wait() == 0
        await wait_until(lambda: _readiness(rig, 503), 1)
        rig.receivers["ssf"].book.when = None
        await rig.settled()
        await asyncio.sleep(1.5)
        assert len(rig.receivers["ssf"].book.receipts) == 2
        await wait_until(lambda: _readiness(rig, 200), 6)


def _lock(database: Path, seconds: float) -> list[str]:
    script = (
        "import sqlite3, sys, time\n"
        "held = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=5)\n"
        "held.execute('BEGIN IMMEDIATE')\n"
        "time.sleep(float(sys.argv[2]))\n"
        "held.execute('ROLLBACK')\n"
    )
    return [sys.executable, "-c", script, str(database), str(seconds)]
