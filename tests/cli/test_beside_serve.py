"""Commands work beside a running `serve` on the same SQLite file, which notices what they change."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from aiohttp import web

from bridge.app import open_bridge
from bridge.cli import run
from bridge.config import load
from tests.cli.scene import ROWS, SIEM, Scene, failing

PATIENCE = 10.0


async def test_a_dead_set_is_retried_while_serve_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The receiver's push arrives without a restart; reads and changes of the command meet no lock of the serve."""
    arrived: asyncio.Queue[str] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        await arrived.put(await request.text())
        return web.Response(status=202)

    application = web.Application()
    application.router.add_post("/events", take)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    scene = Scene(tmp_path)
    _point_at(scene, runner.addresses[0][1])
    number = await asyncio.to_thread(_dead_one, scene)
    bridge = await open_bridge(load(scene.config, {}))
    await bridge.start()
    try:
        words = ["--config", str(scene.config)]
        assert await asyncio.to_thread(run, ["deliveries", "retry", "--all-dead", "--yes", *words]) == 0
        async with asyncio.timeout(PATIENCE):
            text = await arrived.get()
            while (await asyncio.to_thread(_state, scene, number)) != "delivered":
                await asyncio.sleep(0.05)
        assert await asyncio.to_thread(run, ["streams", "list", *words]) == 0
    finally:
        await bridge.stop()
        await bridge.close()
        await runner.cleanup()
    # Only now: the log of the serve in this process goes to the same stdout.
    capsys.readouterr()
    assert await asyncio.to_thread(run, ["deliveries", "show", str(number), "--json", *words]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["state"] == "delivered" and shown["jti"] and text.count(".") == 2


def _point_at(scene: Scene, port: int) -> None:
    text = scene.config.read_text().replace("https://siem.example/events", f"http://127.0.0.1:{port}/events")
    scene.config.write_text(text + "\n[delivery]\nallow_insecure_targets = true\n")


def _dead_one(scene: Scene) -> int:
    scene.streams(*ROWS)
    number = scene.tell(failing("9", "second"), stream=SIEM)
    scene.dead(number)
    return number


def _state(scene: Scene, number: int) -> str:
    found = scene.store(lambda store: store.delivery(number))
    return found.state if found is not None else ""
