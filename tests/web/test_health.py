from __future__ import annotations

import asyncio

import aiohttp
import pytest

from bridge.web import health
from bridge.web.health import Check
from tests.web.doors import Doors

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_alive(doors: Doors, http: aiohttp.ClientSession) -> None:
    doors.checks = [Check("store", False, "locked")]
    for url in (doors.url("/healthz"), doors.admin_url("/healthz")):
        async with http.get(url) as answer:
            assert (answer.status, await answer.json()) == (200, {"status": "ok"})


async def test_ready(doors: Doors, http: aiohttp.ClientSession) -> None:
    async with http.get(doors.url("/readyz")) as answer:
        assert (answer.status, await answer.json()) == (200, {"status": "ready"})
    async with http.get(doors.admin_url("/readyz")) as answer:
        assert await answer.json() == {
            "status": "ready",
            "checks": [{"name": "store", "ok": True, "detail": "sqlite"}],
        }


async def test_not_ready_is_terse_in_public(doors: Doors, http: aiohttp.ClientSession) -> None:
    doors.checks = [Check("key", True), Check("store", False, "x.db is locked")]
    async with http.get(doors.url("/readyz")) as answer:
        assert (answer.status, await answer.json()) == (503, {"status": "unavailable"})
    async with http.get(doors.admin_url("/readyz")) as answer:
        assert answer.status == 503
        assert "x.db is locked" in await answer.text()


async def test_checks_that_break_or_hang_are_not_ready(
    doors: Doors, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken() -> list[Check]:
        raise RuntimeError("inner words")

    async def hanging() -> list[Check]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(health, "LONGEST", 0.05)
    for checks in (broken, hanging):
        listing = await health._run(checks)
        assert not health._is_ready(listing)
        assert "inner words" not in str(listing)


async def test_metrics_only_for_the_operator(doors: Doors, http: aiohttp.ClientSession) -> None:
    doors.metrics.webhook("fleet", "accepted")
    async with http.get(doors.admin_url("/metrics")) as answer:
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("text/plain")
        assert 'caep_bridge_webhooks_total{connector="fleet",outcome="accepted"} 1.0' in await answer.text()
    async with http.get(doors.url("/metrics")) as answer:
        assert answer.status == 404


async def test_no_webhooks_on_the_admin_listener(doors: Doors, http: aiohttp.ClientSession) -> None:
    async with http.post(doors.admin_url("/webhooks/fleet"), json={}) as answer:
        assert answer.status == 404
