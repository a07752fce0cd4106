"""The real `caep-bridge serve` as a process of its own, with its configuration, and the other commands beside it."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import sys
import time
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import aiohttp

from tests.e2e.forked import Process, parent

ROOT = Path(__file__).resolve().parents[2]
ISSUER = "https://signals.acme.example"

Tables = dict[str, dict[str, Any]]


class Service:
    """One installation: a folder with config.toml and the store. It can be started, killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ports = free_ports(2)
        self.url, self.admin = (f"http://127.0.0.1:{port}" for port in ports)
        self.tables: Tables = {
            "transmitter": {"issuer": ISSUER},
            "server": {"port": ports[0]},
            "admin": {"port": ports[1]},
            "store": {"url": "sqlite:///bridge.db"},
            "delivery": {"allow_insecure_targets": True},
            "guard": {"max_users": 100_000, "max_percent": 100},  # many tests share a process, and so its window
            "log": {"format": "json"},
        }
        self.channels: list[dict[str, Any]] = []
        """Each a [[notify]]."""
        self.process: Process | None = None
        self.fragile = False
        """Whether it is started so that `crash` can be told where to kill itself (see `tests.e2e.crash_at`)."""

    @property
    def log(self) -> Path:
        return self.folder / "serve.log"

    @property
    def database(self) -> str:
        return f"sqlite:///{self.folder / 'bridge.db'}"

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.returncode is None

    def configure(self) -> None:
        """Write the configuration; a `serve` that runs goes on with its own."""
        channels = "".join(toml({"[notify]": channel}) for channel in self.channels)
        (self.folder / "config.toml").write_text(toml(self.tables) + channels)

    async def begin(self, crash: str = "") -> None:
        """Start `serve` and return at once. `crash`: where it kills itself, as `settle.before 2`."""
        self.configure()
        if crash:
            self.fragile = True
            (self.folder / "crash-at").write_text(crash)
        module = "tests.e2e.crash_at" if self.fragile else "bridge"
        with self.log.open("ab") as log:
            self.process = await parent().fork(module, ["serve"], self.folder, self._env(), log, log)

    async def start(self, seconds: float = 60.0) -> None:
        """Returns once it is ready."""
        await self.begin()
        deadline = time.monotonic() + seconds
        async with aiohttp.ClientSession() as session:
            while not await self._ready(session):
                if not self.alive or time.monotonic() > deadline:
                    raise AssertionError(f"serve did not become ready:\n{self.tail()}")
                await asyncio.sleep(0.03)

    async def _ready(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"{self.url}/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def kill(self) -> None:
        """kill -9."""
        self.signal(signal.SIGKILL)
        await self.ended()

    def signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)

    def crash(self, where: str) -> None:
        """From now on: kill yourself there."""
        (self.folder / "crash-at").write_text(where)
        self.signal(signal.SIGUSR1)

    async def ended(self, seconds: float = 60.0) -> int:
        """The exit code, once it is gone; -9 if it was killed."""
        assert self.process is not None
        async with asyncio.timeout(seconds):
            return await self.process.wait()

    async def stop(self) -> tuple[int, float]:
        """SIGTERM: the exit code, and how many seconds it took."""
        started = time.monotonic()
        self.signal(signal.SIGTERM)
        return await self.ended(), time.monotonic() - started

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def spawn(self, *arguments: str) -> asyncio.subprocess.Process:
        """A command that has just begun."""
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bridge", *arguments, cwd=self.folder, env=self._env(),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def command(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of a command beside it."""
        with TemporaryFile() as out, TemporaryFile() as err:
            process = await parent().fork("bridge", arguments, self.folder, self._env(), out, err)
            code = await process.wait()
            out.seek(0), err.seek(0)
            return code, out.read().decode(), err.read().decode()

    async def shown(self, *arguments: str) -> Any:
        """What a command prints as `--json`."""
        code, out, err = await self.command(*arguments, "--json")
        assert code == 0, (arguments, code, out, err)
        return json.loads(out)

    @staticmethod
    def _env() -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CAEP_BRIDGE_")}
        return kept | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}

    def tail(self, lines: int = 12) -> str:
        if not self.log.exists():
            return "(no log)"
        return "\n".join(line[-600:] for line in self.log.read_text(errors="replace").splitlines()[-lines:])

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The log lines of one kind, oldest first."""
        found = []
        for line in self.log.read_text().splitlines():
            if line.startswith("{") and f'"{event}"' in line:
                found.append(json.loads(line))
        return [one for one in found if one.get("event") == event]


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, outside of the range that the system gives to outgoing connections."""
    found: list[int] = []
    while len(found) < count:
        port = random.SystemRandom().randrange(12_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


def toml(tables: Tables) -> str:
    """Every value here is a string, a number, a truth value or a list of them: JSON writes those as TOML does."""
    parts = []
    for name, table in tables.items():
        parts.append(f"[{name}]")
        parts += [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    return "\n".join(parts) + "\n"
