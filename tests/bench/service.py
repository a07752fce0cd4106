"""The service as a process of its own: its configuration, its start and end, and what the kernel says that it used."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

ROOT = Path(__file__).resolve().parents[2]
SECRET = "bench-secret-0123456789abcdef"
ISSUER = "https://signals.bench.example"
AUDIENCE = "https://bench.okta.example"
START_WITHIN = 60.0

_COMMON = """
[transmitter]
issuer = "{issuer}"
[server]
port = {port}
[admin]
port = {admin}
[store]
url = "sqlite:///{folder}/bench.db"
[log]
format = "json"
[delivery]
allow_insecure_targets = true
[guard]
max_users = 1000000000
max_percent = 100
[receivers.okta]
profile = "okta"
audience = "{audience}"
endpoint_url = "http://127.0.0.1:{receiver}/events"
"""
_CONNECTORS = {
    "carried": """
[connectors.carried]
type = "{here}/carrying.toml"
signing_secret = "{secret}"
judge = "checks"
fold_recoveries = true
""",
    "kolide": """
[connectors.kolide]
type = "kolide"
signing_secret = "{secret}"
api_key = "bench-api-key"
base_url = "http://127.0.0.1:{vendor}"
judge = "issues"
rate_limit = "none"
""",
}


@dataclass(frozen=True, slots=True)
class Used:
    """CPU seconds (user and system) of the whole process, and of each of its threads by name."""

    total: float
    threads: Mapping[str, float]

    def since(self, earlier: Used) -> Used:
        threads = {name: spent - earlier.threads.get(name, 0.0) for name, spent in self.threads.items()}
        return Used(self.total - earlier.total, threads)


class Service:
    """`caep-bridge serve` on one core, with a SQLite file in `folder`. `stages`: time its tasks too."""

    def __init__(
        self, scenario: str, folder: Path, core: int, *, receiver: int, vendor: int, stages: bool, more: str = "",
        root: Path = ROOT,
    ) -> None:  # fmt: skip
        """`more` is put behind the configuration. `root`: the working tree whose code runs."""
        self._root = root
        self.port, self.admin = _free_port(), _free_port()
        self._folder, self._core = folder, core
        self._stages = folder / "stages.json" if stages else None
        text = (_COMMON + _CONNECTORS[scenario] + more).format(
            issuer=ISSUER, audience=AUDIENCE, port=self.port, admin=self.admin, folder=folder, receiver=receiver,
            vendor=vendor, here=Path(__file__).parent, secret=SECRET,
        )  # fmt: skip
        (folder / "config.toml").write_text(text)
        self.log = folder / "serve.log"

    @property
    def key_file(self) -> Path:
        return next((self._folder / "bench.db.keys").glob("[!.]*.pem"))

    async def start(self) -> None:
        command = [sys.executable, "-m", "tests.bench.launched", str(self._core)]
        if self._stages is not None:
            command.append(str(self._stages))
        with self.log.open("wb") as log:
            environment = {**os.environ, "PYTHONPATH": str(self._root)}
            self._process = subprocess.Popen(
                command, cwd=self._folder, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
        until = time.monotonic() + START_WITHIN
        while not _listening(self.admin):
            if self._process.poll() is not None or time.monotonic() > until:
                self._process.kill()
                raise RuntimeError(f"the service does not start:\n{self.log.read_text()[-2000:]}")
            await asyncio.sleep(0.05)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def used(self) -> Used:
        """The kernel's own clocks of the process and its threads, to the nanosecond."""
        pid = self._process.pid
        threads: dict[str, float] = {}
        for task in Path(f"/proc/{pid}/task").iterdir():
            name = "loop" if int(task.name) == pid else (task / "comm").read_text().strip()
            threads[name] = threads.get(name, 0.0) + int((task / "schedstat").read_text().split()[0]) / 1e9
        return Used(time.clock_gettime((~pid << 3) | 2), threads)

    def resident(self) -> float:
        """MiB."""
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024

    async def tasks(self) -> dict[str, float]:
        """CPU seconds of each kind of task until now."""
        assert self._stages is not None
        self._stages.unlink(missing_ok=True)
        self._process.send_signal(signal.SIGUSR1)
        while not self._stages.exists():
            await asyncio.sleep(0.01)
        return {name: spent / 1e9 for name, spent in orjson.loads(self._stages.read_bytes()).items()}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port: int = held.getsockname()[1]
        return port


def _listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
