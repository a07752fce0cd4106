"""A vendor's words, fit to be kept and shown. Pure."""

from __future__ import annotations


def clean(text: str, limit: int = 100) -> str:
    """One printable line of at most `limit` characters."""
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in text)
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
