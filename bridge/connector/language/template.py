"""Texts with `{paths}` in them: URLs, header values, statuses of a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import quote

from bridge.connector.language import mentions
from bridge.connector.language.mentions import Mention
from bridge.connector.language.tree import Gap

_PLACE = re.compile(r"\{([^{}]*)\}")
_HOST_PART: Final = re.compile(r"[A-Za-z0-9._-]+")


class Skipped(LookupError):
    """A value of the template is missing or empty; `path` names it."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class Unfit(ValueError):
    """A value cannot stand in the template; the words name the path and never the value."""


class Template:
    """Literals and paths in turn. Raises ValueError with admin-readable words if a path is of no known variable."""

    def __init__(self, text: str, variables: Iterable[str]) -> None:
        self.text = text
        names = list(variables)
        self.parts: list[str | Mention] = []
        at = 0
        for match in _PLACE.finditer(text):
            self.parts += [text[at : match.start()], _mention(match[1], names)]
            at = match.end()
        self.parts.append(text[at:])
        if any(isinstance(part, str) and ("{" in part or "}" in part) for part in self.parts):
            raise ValueError("has a brace without its other half")

    @property
    def mentions(self) -> tuple[Mention, ...]:
        return tuple(part for part in self.parts if isinstance(part, Mention))

    def plain(self, values: Mapping[str, object]) -> str:
        """Values as they are. Raises Skipped, Unfit."""
        return "".join([part if isinstance(part, str) else _text(part, values) for part in self.parts])

    def url(self, values: Mapping[str, object]) -> str:
        """Values percent-encoded, each as one segment (RFC 3986 §3.3). Raises Skipped, Unfit."""
        return "".join([part if isinstance(part, str) else _segment(part, values) for part in self.parts])

    def base(self, values: Mapping[str, object]) -> str:
        """For the base of all URLs: a value is what it begins with, or else a part of a host name or path."""
        text = ""
        for part in self.parts:
            value = part if isinstance(part, str) else _text(part, values)
            if isinstance(part, Mention) and text and not _HOST_PART.fullmatch(value):
                raise Unfit(f"{part.text} may hold only letters, digits, dots and hyphens here")
            text += value.rstrip("/") if isinstance(part, Mention) else value
        return text


def _mention(path: str, names: list[str]) -> Mention:
    mention = mentions.resolve(path.strip(), names)
    if mention is None:
        raise ValueError(f"{{{path}}} is no known name{mentions.nearest(path.strip(), names)}")
    return mention


def _text(mention: Mention, values: Mapping[str, object]) -> str:
    try:
        value = mention.value(values)
    except Gap as gap:
        if gap.mistyped:
            raise Unfit(f"{mention.text} is not an object on the way") from None
        raise Skipped(mention.text) from None
    if value == "" or value is None:
        raise Skipped(mention.text)
    if type(value) is int:
        return str(value)
    if not isinstance(value, str):
        raise Unfit(f"{mention.text} must be text or a whole number")
    return value


def _segment(mention: Mention, values: Mapping[str, object]) -> str:
    value = _text(mention, values)
    if value.isalnum() and value.isascii() and len(value) <= 512:
        return value
    if value in (".", "..") or len(value) > 512 or not value.isprintable():
        raise Unfit(f"{mention.text} cannot stand in a URL")
    return quote(value, safe="")
