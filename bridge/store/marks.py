"""Named texts that the store keeps for the bridge itself, changed together with the audit entries that tell of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, Protocol, get_args

from bridge.store.records import AuditEntry

StreamMark = Literal["compare", "aggregate", "entitled"]
"""What is remembered of each stream beside its row."""
_KINDS: Final[tuple[StreamMark, ...]] = get_args(StreamMark)


def stream_mark(kind: StreamMark, stream_id: str) -> str:
    return f"{kind}:{stream_id}"


def stream_marks(stream_id: str) -> list[str]:
    """All that there may be of a stream: they go with it."""
    return [stream_mark(kind, stream_id) for kind in _KINDS]


class Marks(Protocol):
    async def mark(self, name: str) -> str | None: ...

    async def put_mark(
        self, name: str, value: str, *, was: str | None, entries: Sequence[AuditEntry] = ()
    ) -> bool:  # fmt: skip
        """Mark and entries in one commit. False, and nothing is written, if the mark is not `was` (None: unset)."""
