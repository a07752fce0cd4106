"""A text that is used and never shown."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

MASK = "********"


class Secret:
    """A secret text. `str`, `repr`, f-strings, JSON and pickling never show it; only `reveal()` does.

    `origin` says where it came from, as the operator wrote it: `env:NAME`, `file:/path`, or None for a
    literal. Two secrets are equal when their texts are; the comparison takes constant time.
    The text of one that comes from a file changes with the file (`watch`): reveal it when it is used, keep no copy.
    """

    __slots__ = ("_checks", "_text", "origin")

    def __init__(self, text: str, origin: str | None = None) -> None:
        self._text = text
        self._checks: tuple[Callable[[str], object], ...] = ()
        self.origin = origin

    def reveal(self) -> str:
        return self._text

    def require(self, check: Callable[[str], object]) -> None:
        """`check` raises ValueError for a text that will not do, now and whenever the text changes."""
        check(self._text)
        self._checks = (*self._checks, check)

    def renew(self, text: str) -> None:
        """Another text, unless it fails a check: then ValueError, and the old one stays."""
        for check in self._checks:
            check(text)
        self._text = text

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash("Secret")  # the text may change

    def __reduce__(self) -> Any:
        raise TypeError("a Secret is not to be copied to where it could be read")

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate,
            serialization=core_schema.plain_serializer_function_ser_schema(str, return_schema=core_schema.str_schema()),
        )

    @classmethod
    def _validate(cls, value: object) -> Secret:
        secret = cls(value) if isinstance(value, str) else value
        if not isinstance(secret, Secret):
            raise ValueError("must be a text, env:NAME or file:/path")
        if not secret:
            raise ValueError("must not be empty")
        return secret
