"""A fleet of any size is listed in the same memory: a process of its own, real sockets, three lists.

10,000 devices unless FLEET says how many: `FLEET=100000 ./run test tests/e2e/test_sweep_memory.py -s`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from tests.bench.wire import Standing, answer
from tests.e2e.service import ROOT

DEVICES = int(os.environ.get("FLEET", "10000"))
BOUND = 60.0
"""MiB."""
ISSUES = 3

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")


def reply(url: str, body: bytes) -> tuple[float, bytes]:
    parts = urlsplit(url)
    begin = int(parse_qs(parts.query).get("cursor", ["0"])[0])
    most = DEVICES * (ISSUES if parts.path == "/issues" else 1)
    make = {"/devices": device, "/issues": issue, "/people": person}[parts.path]
    rows = [make(n) for n in range(begin, min(begin + 100, most))]
    more = str(begin + 100) if begin + 100 < most else ""
    pages = {"next": "", "current_cursor": "", "next_cursor": more, "count": len(rows)}
    return 0.0, answer(200, orjson.dumps({"data": rows, "pagination": pages}))


def device(n: int) -> dict[str, object]:
    return {
        "id": str(n),
        "name": f"lap-{n}",
        "registered_at": "2026-10-01T08:00:00Z",
        "last_seen_at": "2026-11-01T09:58:00Z",
        "registered_owner_info": {"identifier": str(n + 7), "link": f"https://api.kolide.com/people/{n + 7}"},
        "hardware_model": "MacBook Pro",
        "serial": f"C02{n:07}",
        "auth_state": "Good",
        "will_block_at": None,
        "device_type": "Mac",
    }


def issue(n: int) -> dict[str, object]:
    return {
        "id": str(n),
        "title": f"A check that fails for a reason of some length: {n % 50}",
        "value": {"path": "/Users/somebody/somewhere", "rows": ["x" * 50] * 4},
        "exempted": False,
        "resolved_at": None,
        "detected_at": "2026-10-30T10:00:00Z",
        "blocks_device_at": None,
        "device_information": {"identifier": str((n * 7919) % DEVICES), "link": "https://api.kolide.com/devices/1"},
        "check_information": {"identifier": str(n % 50), "link": "https://api.kolide.com/checks/1"},
    }


def person(n: int) -> dict[str, object]:
    return {"id": str(n + 7), "name": "Ada Example", "email": f"ada{n}@example.com", "usernames": ["ada"]}


async def test_memory_does_not_grow_with_the_fleet() -> None:
    vendor = Standing(reply)
    await vendor.start()
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.e2e.sweeping",
        f"http://127.0.0.1:{vendor.port}",
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await child.communicate()
    vendor.stop()
    assert child.returncode == 0, err.decode()
    found = json.loads(out)
    print(found)
    assert (found["devices"], found["faults"]) == (DEVICES, 0)
    assert (found["findings"], found["owners"]) == (DEVICES * ISSUES, DEVICES)
    assert found["grown_mib"] < BOUND
