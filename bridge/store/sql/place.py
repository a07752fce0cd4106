"""Whether a SQLite file is still the one that this process opened: not moved, and not written over in its place.

SQLite itself does not notice that a copy is put over its file (`cp`), goes on with what the log (-wal) overlays of it,
and ruins the copy at the next checkpoint. But in WAL mode only a checkpoint ever writes to the file, and each one says
so before, in the index of the log (-shm; https://sqlite.org/walformat.html, "WAL-Index"). So a file that is written
while the index says of no checkpoint was written by somebody else.

What cannot be told apart: a copy that begins and ends between two looks between which a checkpoint ran as well (a look
is taken before each transaction and each commit), or within the same tick of the file system's clock as the look; one
while a checkpoint is unfinished, as a killed process leaves it until the next one; and one that writes over -shm too.
"""

from __future__ import annotations

import ctypes
import os
import struct
import threading
from pathlib import Path
from typing import Final

import structlog

from bridge.errors import StoreProblem
from bridge.store.sql.overwritten import WRITTEN_OVER, leave_word

_log = structlog.get_logger("bridge.store")

VERSION: Final = 3007000
_HEAD: Final = struct.Struct("=I28x8s56xI28xI")
"""Of -shm: its version, the salts of the log, nBackfill, nBackfillAttempted."""

Position = tuple[bytes, int]
"""How far checkpoints are: the salts of the log, and the frames of it that stand in the file."""
Written = tuple[int, int]
"""When the file was written last, in nanoseconds, and its size."""


class Place:
    """Of one store that is open for long; `look` is called by both of its threads. `close` it after its connections:
    to close any descriptor of -shm gives up the locks that SQLite holds on it for this process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file, self._index = str(path), f"{path}-shm"
        """As texts: it is looked at twice in each transaction, and a `Path` is put together anew for each question."""
        self._lock = threading.Lock()
        self._shm: int | None = None
        self._known: tuple[Position, Written] | None = None
        self.spoiled = False

    def look(self) -> None:
        """Raises StoreProblem once the file was written over, and for ever after."""
        with self._lock:
            if not self.spoiled and (now := self._now()) is not None:
                self.spoiled = self._known is not None and self._known[0] == now[0] and self._known[1] != now[1]
                self._known = now
                if self.spoiled:
                    leave_word(self._path)
                    _log.critical("store.written_over", file=self._path.name, problem=WRITTEN_OVER)
        if self.spoiled:
            raise StoreProblem(WRITTEN_OVER)

    def close(self) -> None:
        shm, self._shm = self._shm, None
        if shm is not None and not self.spoiled:
            os.close(shm)

    def _now(self) -> tuple[Position, Written] | None:
        """None while it cannot be said: a checkpoint is under way."""
        before = self._position()
        try:
            found = os.stat(self._file)
        except FileNotFoundError:
            return None
        if before is None or self._position() != before:
            return None
        return before, (found.st_mtime_ns, found.st_size)

    def _position(self) -> Position | None:
        if self._shm is None:
            try:
                self._shm = os.open(self._index, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return None
        head = os.pread(self._shm, _HEAD.size, 0)
        if len(head) < _HEAD.size:
            return None
        version, salts, done, attempted = _HEAD.unpack(head)
        return (salts, done) if version == VERSION and done == attempted else None


def never_close(connection: object) -> None:
    """Not even as the interpreter ends: the last connection to close writes the log (-wal) into the file, and there
    stands a copy now that the log does not belong to."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))
