"""Single keys from a terminal, without Enter."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def pressed(into: asyncio.Queue[str]) -> Iterator[bool]:
    """Each key goes into the queue as it is pressed. Yields False where there is no terminal to read from."""
    try:
        import termios
        import tty
    except ImportError:  # not on Windows
        yield False
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield False
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)
    loop = asyncio.get_running_loop()

    def read() -> None:
        for key in os.read(descriptor, 32).decode("utf-8", "ignore"):
            into.put_nowait(key)

    loop.add_reader(descriptor, read)
    try:
        yield True
    finally:
        loop.remove_reader(descriptor)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
