"""What somebody may have meant."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches


def near(name: str, names: Sequence[str], kind: str = "receiver") -> str:
    """` (did you mean …?)`, or what there is."""
    close = get_close_matches(name, names, n=1)
    if close:
        return f" (did you mean {close[0]}?)"
    return f": there are {', '.join(dict.fromkeys(names))}" if names else f": no {kind} is configured"
