"""`python -m tests.e2e.crash_at COMMAND…`: caep-bridge that kills itself (SIGKILL) at a chosen call.

The file `crash-at` in the working directory says where, as `settle.before 2`: the second call of `settle`, before it
does anything. It is read at the start if it is there, and again at SIGUSR1. Nothing of the product knows of this: the
functions are wrapped before the command line begins.
"""

from __future__ import annotations

import importlib
import inspect
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

WHERE = Path("crash-at")
_STORE = "bridge.store.sql.store:SqlStore"

POINTS: dict[str, tuple[str, str]] = {
    # name: (where it is, its name there); "<name>.before" and "<name>.after" are points
    "accept": (_STORE, "accept"),
    "lease_looks": (_STORE, "lease_looks"),
    "snapshot": ("bridge.connector.connector:Connector", "snapshot"),
    "scene": (_STORE, "scene"),
    "mint": ("bridge.pipeline.mint:Minter", "__call__"),
    "commit": (_STORE, "commit"),
    "lease_deliveries": (_STORE, "lease_deliveries"),
    "push": ("bridge.works", "push"),
    "settle": (_STORE, "settle"),
    "expire": (_STORE, "expire"),
    # of what a command asks for
    "lease_errand": (_STORE, "lease_errand"),
    "end_errand": (_STORE, "end_errand"),
    # at a start
    "upgrade": ("bridge.store.upgrade", "upgrade"),
    "key": ("bridge.pipeline.keys.keyring:Keyring", "open"),
    "release": (_STORE, "release_leases"),
    "put_stream": (_STORE, "put_stream"),
    "update_stream": (_STORE, "update_stream"),
    "cancel_stream": (_STORE, "cancel_stream"),
    "devices": (_STORE, "devices"),
    # of a stream that its receiver made
    "make_stream": (_STORE, "make_stream"),
    "change_subscription": (_STORE, "change_subscription"),
    "announce": (_STORE, "announce"),
    "clear_stream": (_STORE, "clear_stream"),
    "put_mark": (_STORE, "put_mark"),
    # of a rotation
    "make_key": ("bridge.ssf.keyfiles:KeyFiles", "make"),
    "swap_keys": (_STORE, "swap_keys"),
    "remove_key": ("bridge.ssf.keyfiles:KeyFiles", "remove"),
}
IDLE = ("lease_looks", "lease_deliveries", "lease_errand")
"""Called all the time; afterwards they count when they yielded something."""


class Mine:
    """Goes off when the chosen point was passed so many times."""

    def __init__(self) -> None:
        self._point, self._left = "", 0
        self.lay()
        signal.signal(signal.SIGUSR1, self.lay)

    def lay(self, *signal_and_frame: Any) -> None:
        if WHERE.exists():
            point, _, nth = WHERE.read_text().partition(" ")
            self._point, self._left = point, int(nth)
            WHERE.unlink()

    def passed(self, point: str) -> None:
        if point == self._point:
            self._left -= 1
            if self._left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


def _mined(original: Callable[..., Any], name: str, mine: Mine) -> Callable[..., Any]:
    async def awaited(*args: Any, **kwargs: Any) -> Any:
        mine.passed(f"{name}.before")
        result = await original(*args, **kwargs)
        if result or name not in IDLE:
            mine.passed(f"{name}.after")
        return result

    def called(*args: Any, **kwargs: Any) -> Any:
        mine.passed(f"{name}.before")
        result = original(*args, **kwargs)
        mine.passed(f"{name}.after")
        return result

    return awaited if inspect.iscoroutinefunction(original) else called


def main() -> None:
    mine = Mine()
    for name, (place, attribute) in POINTS.items():
        module, _, owner = place.partition(":")
        holder = importlib.import_module(module)
        holder = getattr(holder, owner) if owner else holder
        setattr(holder, attribute, _mined(getattr(holder, attribute), name, mine))
    from bridge.cli import main as command_line

    command_line(sys.argv[1:])


if __name__ == "__main__":
    main()
