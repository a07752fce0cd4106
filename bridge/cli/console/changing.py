"""Commands that change something: they ask first, show how far they are, and record who did what, and why."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bridge.cli.console.configured import WrongCall
from bridge.cli.console.output import plain, say
from bridge.clock import SystemClock

if TYPE_CHECKING:
    from bridge.pipeline.journal import Journal, Recorder


def confirmed(question: str, yes: bool) -> bool:
    """Whether the operator agrees. Without a terminal to ask at, and without `--yes`, the call is wrong."""
    if yes:
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise WrongCall(f"{question} There is no terminal to ask at: add --yes")
    print(plain(f"{question} [y/N] "), end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    say("nothing was changed")
    return False


async def record(store: Recorder, what: str, target: str, why: str, before: str, after: str) -> None:
    """A line of the audit log in the name of the operating system's user."""
    await journal(store).write(what, target, why=why, before=before, after=after)


def journal(store: Recorder) -> Journal:
    from bridge.clock import SystemIds
    from bridge.pipeline.journal import Journal

    return Journal(store, SystemClock(), SystemIds(), operator())


def operator() -> str:
    """The operating system's user who runs this command, not what the environment says."""
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        return _claimed()


def _claimed() -> str:
    try:
        return getpass.getuser().encode("utf-8", "replace").decode()
    except (KeyError, OSError, ImportError):
        return "unknown"


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Call what it gives with each number of things done: a bar on stderr moves, where stderr is a terminal."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.advance(task, done)
