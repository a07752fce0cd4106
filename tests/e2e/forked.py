"""Processes of the real program, without the second or two that each would spend on its imports.

One parent for each worker of the tests has imported all of the program and nothing more: no thread, no event loop, no
file. For each start it forks; the child becomes the program in its own folder, environment and files, runs `main`,
and ends as any interpreter does, except that it does not take all that was imported apart, which would cost ten times
what a command does. It can be signalled and killed like any other process.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import importlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import IO, Any, Final, NoReturn

ROOT: Final = Path(__file__).resolve().parents[2]
LARGEST: Final = 1 << 20
WHOLE: Final = (
    "bridge.app", "bridge.cli.serve", "bridge.cli.check.command", "bridge.cli.streams.commands",
    "bridge.cli.deliveries.commands", "bridge.cli.devices.commands", "bridge.cli.guard", "bridge.cli.keys.commands",
    "uvloop", "tests.e2e.crash_at",
)  # fmt: skip
"""What is imported before the first fork."""


class Process:
    """A child of the parent, as far as tests use `asyncio.subprocess.Process`."""

    def __init__(self, pid: int, ended: Future[int]) -> None:
        self.pid = pid
        self._ended = ended

    @property
    def returncode(self) -> int | None:
        return self._ended.result() if self._ended.done() else None

    async def wait(self) -> int:
        return await asyncio.shield(asyncio.wrap_future(self._ended))

    def send_signal(self, number: int) -> None:
        if not self._ended.done():
            os.kill(self.pid, number)


class Parent:
    """The parent, seen from the tests. A thread of ours hears what it says."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.e2e.forked", str(theirs.fileno())],
                pass_fds=[theirs.fileno()], cwd=ROOT, env=environment,
            )  # fmt: skip
        self._begun: dict[int, Future[int]] = {}
        self._ended: dict[int, Future[int]] = {}
        self._lock = threading.Lock()
        self._count = 0
        threading.Thread(target=self._hear, daemon=True).start()

    async def fork(
        self, module: str, arguments: Sequence[str], folder: Path, environment: Mapping[str, str],
        out: IO[bytes], err: IO[bytes],
    ) -> Process:  # fmt: skip
        """`python -m module arguments…` there."""
        asked = {"module": module, "argv": [*arguments], "folder": str(folder), "environment": dict(environment)}
        with self._lock:
            self._count += 1
            number = self._count
            begun, ended = self._begun[number], self._ended[number] = Future[int](), Future[int]()
            message = json.dumps({"number": number, **asked}).encode()
            socket.send_fds(self._socket, [message], [out.fileno(), err.fileno()])
        return Process(await asyncio.wrap_future(begun), ended)

    def _hear(self) -> None:
        while said := self._socket.recv(LARGEST):
            word, number, value = json.loads(said)
            (self._begun if word == "begun" else self._ended).pop(number).set_result(value)
        for waiting in (*self._begun.values(), *self._ended.values()):
            waiting.set_exception(RuntimeError("the parent of the forked processes is gone"))


_parent: Parent | None = None


def parent() -> Parent:
    """Of this worker; made when it is first needed."""
    global _parent
    if _parent is None:
        _parent = Parent()
    return _parent


# -- the parent itself ------------------------------------------------------------------------------


def serve(line: socket.socket) -> dict[str, Any] | None:
    """Fork whenever asked. Returns in each child, with what it shall be, and in the parent with None at the end."""
    woken, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes)
    numbers: dict[int, int] = {}
    import select

    while True:
        ready, _, _ = select.select([line, woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            _bury(line, numbers)
        if line not in ready:
            continue
        message, files, _, _ = socket.recv_fds(line, LARGEST, 2)
        if not message:
            return None
        asked: dict[str, Any] = json.loads(message)
        if (pid := os.fork()) == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            line.close()
            os.close(woken), os.close(wakes)
            return {**asked, "files": files}
        for file in files:
            os.close(file)
        numbers[pid] = asked["number"]
        line.send(json.dumps(["begun", asked["number"], pid]).encode())


def _bury(line: socket.socket, numbers: dict[int, int]) -> None:
    with contextlib.suppress(ChildProcessError):
        while numbers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            line.send(json.dumps(["ended", numbers.pop(pid), os.waitstatus_to_exitcode(status)]).encode())


def become(asked: Mapping[str, Any]) -> NoReturn:
    """What `python -m` would be."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for place, file in enumerate(asked["files"], start=1):
        os.dup2(file, place)
        os.close(file)
    os.close(nothing)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    random.seed()
    sys.argv = [asked["module"], *asked["argv"]]
    sys.path[0] = asked["folder"]
    if asked["module"] == "bridge":
        from bridge.cli import main
    else:
        main = importlib.import_module(asked["module"]).main
    _end(_code_of(main))


def _code_of(program: Callable[[], object]) -> int:
    """The exit code, as Python has it."""
    try:
        program()
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return ended.code or 0
        print(ended.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _end(code: int) -> NoReturn:
    """Threads are waited for, what was registered for the end is run, and what was printed goes out."""
    threading._shutdown()  # type: ignore[attr-defined]  # what the interpreter itself calls first
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def main() -> None:
    for name in WHOLE:
        importlib.import_module(name)
    assert threading.active_count() == 1, "a thread would not be there after a fork"
    asked = serve(socket.socket(fileno=int(sys.argv[1])))
    if asked is not None:
        become(asked)


if __name__ == "__main__":
    main()
