"""Text that any database can keep: PostgreSQL takes neither U+0000 nor a half of a surrogate pair. Pure."""

from __future__ import annotations

import re
from typing import Any, Final

_UNFIT: Final = re.compile("[\x00\ud800-\udfff]")


def keepable(text: str) -> bool:
    """Whether every store can keep it, and gives it back as it was."""
    return (text.isascii() and "\x00" not in text) or not _UNFIT.search(text)


def unfit_member(doc: dict[str, Any]) -> str | None:
    """The member of a JSON object in which, however deep, a text or a name is not keepable; None: all are.

    "" stands for one whose own name is not fit to be said.
    """
    for name, value in doc.items():
        if not keepable(name) or not all(map(keepable, _texts(value))):
            return name if name.isidentifier() and len(name) <= 64 else ""
    return None


def _texts(tree: object) -> list[str]:
    """Every text in a JSON value, names of members too. Depth cannot exhaust the stack."""
    found: list[str] = []
    rest = [tree]
    while rest:
        value = rest.pop()
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, dict):
            found.extend(value)
            rest.extend(value.values())
        elif isinstance(value, list):
            rest.extend(value)
    return found
