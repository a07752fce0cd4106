"""A vendor's words, fit to be kept and shown. Pure."""

from __future__ import annotations


def clean(text: str, limit: int = 100) -> str:
    """One printable line of at most `limit` characters."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
