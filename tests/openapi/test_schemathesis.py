"""Schemathesis against a running service: its store, its tokens and its rules are real. It must find nothing.

It runs as a process of its own, as its command does, so that nothing of it reaches the other tests.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from tests.e2e.service import ROOT, Service
from tests.e2e.webhooks import SECRET as WEBHOOK_SECRET

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "0"))
"""Of each operation and each phase, drawn by chance. 0: a few, the same each time, within half a minute."""
CONFIG = Path(__file__).with_name("schemathesis.toml")
QUICK = """
# What they take is what their neighbours take, and to go through all its borders costs most of the time.
[[operations]]
include-name = ["POST /ssf/subjects/remove", "POST /ssf/streams", "PUT /ssf/streams"]
phases.coverage.enabled = false
"""
pytestmark = pytest.mark.asyncio(loop_scope="module")

CLIENT, SECRET = "receiver", "made-up-for-this-test"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """Nothing of it leaves the machine: names are for the proxy to resolve, and there is none."""
    made = Service(tmp_path_factory.mktemp("openapi"))
    made.tables |= {
        "delivery": {"proxy": "http://127.0.0.1:9"},
        "connectors.kolide": {"type": "kolide", "signing_secret": WEBHOOK_SECRET, "api_key": "k", "judge": "issues"},
        "streams": {"poll_wait": "1s"},
        f"oauth.clients.{CLIENT}": {"secret": SECRET, "audience": "https://receiver.example", "max_streams": 10_000},
    }
    await made.start()
    yield made
    await made.kill()


async def _token(service: Service) -> str:
    form = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": SECRET}
    async with aiohttp.ClientSession() as session, session.post(f"{service.url}/oauth/token", data=form) as answer:
        assert answer.status == 200, service.tail()
        found: str = (await answer.json())["access_token"]
        return found


async def _run(service: Service, location: str, *options: str) -> tuple[int | None, str]:
    """The exit code, and what it said."""
    config = service.folder / "schemathesis.toml"
    config.write_text(CONFIG.read_text() + ("" if EXAMPLES else QUICK))
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        "ACCESS_TOKEN": await _token(service),
        "CLIENT_ID": CLIENT,
        "CLIENT_SECRET": SECRET,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "--no-color",
        "run", location, "--url", service.url, *options,
        cwd=service.folder, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    return process.returncode, "\n".join(line[:500] for line in said.decode().splitlines())


@pytest.mark.timeout(300 + 30 * EXAMPLES)
async def test_it_finds_nothing(service: Service) -> None:
    options = ["--max-examples", str(EXAMPLES)] if EXAMPLES else ["--max-examples", "10", "--generation-deterministic"]
    code, said = await _run(service, f"{service.url}/openapi.json", *options)
    assert code == 0 and "No issues found" in said, said
    assert service.alive and not service.logged("request.failed"), service.tail()


async def test_it_would_find_something(service: Service) -> None:
    """A document that does not know that a stream may not be there."""
    async with aiohttp.ClientSession() as session, session.get(f"{service.url}/openapi.json") as answer:
        assert (answer.status, answer.headers["cache-control"]) == (200, "public, max-age=3600")
        about = await answer.json()
    del about["paths"]["/ssf/status"]["get"]["responses"]["404"]
    lie = service.folder / "lie.json"
    lie.write_text(json.dumps(about))
    code, said = await _run(service, str(lie), "--phases", "examples", "--include-name", "GET /ssf/status")
    assert code == 1 and "Undocumented status code" in said, said
