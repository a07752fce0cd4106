"""What a receiver refuses, in the codes of RFC 8935 §2.4."""

from __future__ import annotations


class Refused(Exception):
    """A SET, or a key, that does not keep to the rules."""

    def __init__(self, err: str, description: str) -> None:
        super().__init__(f"{err}: {description}")
        self.err = err
        self.description = description
