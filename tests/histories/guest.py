"""A stream that a receiver made through the API, as its receiver knows it."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.histories.world import Heard


@dataclass
class Guest:
    """What was answered is known; while a change is under way (`doubts`), or after it died with us, nothing is."""

    id: str
    url: str = ""
    """"": it is polled."""
    status: str = "enabled"
    gone: bool = False
    """A DELETE was answered."""
    doubts: int = 0
    proved: bool = False
    """A verification was accepted where it is pushed to."""
    primed: bool = False
    """It was told, once, what failed before it was made: from then on it is to know everything."""
    heard: list[Heard] = field(default_factory=list)
    jtis: set[str] = field(default_factory=set)
    acks: list[str] = field(default_factory=list)
    """Taken, and not yet said to be."""
    errors: list[str] = field(default_factory=list)
    removed: set[str] = field(default_factory=set)
    """Logins that it took off, or may have."""

    @property
    def sure(self) -> bool:
        return self.doubts == 0
