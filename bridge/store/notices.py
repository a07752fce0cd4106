"""What is to be told to the operator's own channels, and what was: rows of the store."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Notice:
    """One occasion (`key`) at one target: a thousand times the same is one row. Times in seconds.

    What is `fresh` stands in no message yet. A message is written down whole, with its id, before its first try;
    until it ends, every try sends the same bytes under the same id.
    """

    target: str
    key: str
    occasion: Mapping[str, Any] = field(default_factory=dict)
    """The newest one, as JSON can hold it."""
    raised_at: float = 0.0
    standing: bool = False
    """Whether it is still so."""
    told: bool = False
    """Whether a message about it was begun since it stands."""
    fresh: int = 0
    due_at: float | None = None
    """When the next message, or the next try of the one under way, may go; None: there is nothing to say."""
    message_id: str = ""
    body: str = field(default="", repr=False)
    attempts: int = 0
    begun_at: float = 0.0
    """First try of the message under way."""
    sent_at: float | None = None
    last_code: str = ""


class Notices(Protocol):
    async def notices(self) -> list[Notice]:
        """All of them, by target and key: there are no more than targets times occasions."""

    async def put_notices(self, rows: Sequence[Notice], gone: Collection[tuple[str, str]] = ()) -> None:
        """Write these whole, and drop those (target, key) of `gone`, in one transaction."""
