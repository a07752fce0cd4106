"""Named texts that the store keeps for the bridge itself, changed together with the audit entries that tell of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bridge.store.records import AuditEntry


class Marks(Protocol):
    async def mark(self, name: str) -> str | None: ...

    async def put_mark(
        self, name: str, value: str, *, was: str | None, entries: Sequence[AuditEntry] = ()
    ) -> bool:  # fmt: skip
        """Mark and entries in one commit. False, and nothing is written, if the mark is not `was` (None: unset)."""
