"""One `serve` on one SQLite file: an operating-system lock beside it, which ends with the process that holds it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from bridge.errors import StoreProblem


class FileLock:
    """Held from the making until `release`. The file stays: to remove it would race with the next holder."""

    def __init__(self, database: Path) -> None:
        path = database.with_name(database.name + ".lock")
        try:
            self._fd: int | None = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreProblem(f"the lock file {path} cannot be opened: {error.strerror}") from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.release()
            raise StoreProblem(f"another process already serves the database {database}") from error

    def release(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)
