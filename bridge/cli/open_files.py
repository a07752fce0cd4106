"""How many files and connections this process may have open at once."""

from __future__ import annotations

import contextlib
from typing import Final

ENOUGH: Final = 65_536
BESIDE: Final = 300
"""Beside the polls that wait: the database, what is pushed and asked, webhooks, and who else may call."""


def raise_limit() -> int | None:
    """To what the system lets us raise it to, 65,536 at most: where a process begins with 1024, as in most places, more
    polls than that could not wait, and webhooks would be turned away. The limit now; None where there is none."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return None
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if wanted > soft:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            return wanted
    return soft
