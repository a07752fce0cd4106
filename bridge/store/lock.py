"""Locks of the operating system beside a SQLite file, which end with the process that holds them.

.lock      one `serve`, `db upgrade` or `db compact` at a time
.upgrade   the schema is being made or changed
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Literal

from bridge.errors import StoreProblem

Purpose = Literal["lock", "upgrade"]


class FileLock:
    """Held from the making until `release`. The file stays: to remove it would race with the next holder."""

    def __init__(self, database: Path, purpose: Purpose = "lock") -> None:
        path = _beside(database, purpose)
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


def is_held(database: Path, purpose: Purpose) -> bool:
    """Whether some process holds it now. A lock that we may not read counts as free."""
    try:
        fd = os.open(_beside(database, purpose), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False


def _beside(database: Path, purpose: Purpose) -> Path:
    """Beside the file itself, whichever link it was reached by."""
    real = database.resolve()
    return real.with_name(f"{real.name}.{purpose}")
