"""What must not stand in a log: secrets go, and people become keyed hashes by which lines can still be joined."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

GONE: Final = "[redacted]"
TOO_DEEP: Final = "[too deep]"

# Each pattern starts only where a run of its characters starts, so that no text takes quadratic time.
_SECRET_KEY = re.compile(
    r"authorization|token|secret|passw|passphrase|assertion|cookie|signature|set_jwt|api_?key|private_?key|credential",
    re.IGNORECASE,
)
_EMAIL = re.compile(r"(?<![^\s@<>()\[\]{},;:\"'=&|\\/])[^\s@<>()\[\]{},;:\"'=&|\\/]+@[^\s@<>()\[\]{},;:\"'=&|\\/]+")
_OBRIEN = re.compile(
    r"(?<!\w')(?<![^\s@<>()\[\]{},;:\"'=&|\\/])\w[^\s@<>()\[\]{},;:\"'=&|\\/]*"
    r"(?:(?<=\w)'(?=\w)[^\s@<>()\[\]{},;:\"'=&|\\/]+)+@[^\s@<>()\[\]{},;:\"'=&|\\/]+"
)
"""With an apostrophe between two letters, which elsewhere is a quotation mark."""
_ESCAPED_AT = re.compile(r"([\w.+-])(?:%40|&#64;|\\u0040|\uff20)([\w-])", re.IGNORECASE)
_CREDENTIALS = re.compile(r"\b(Bearer|Basic|SSWS|DPoP)\s+[A-Za-z0-9._~+/=-]+", re.IGNORECASE)
_USERINFO = re.compile(r"(?<![a-z0-9+.-])([a-z][a-z0-9+.-]*://)[^\s/@]+@", re.IGNORECASE)
_JWS = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_PLAIN: Final[set[type]] = {str, int, float, bool, type(None)}
_DEEPEST: Final = 6
_LONGEST: Final = 16_384
_MOST_NAMES: Final = 1_000
_TELLING: Final = ("@", "eyJ", " ", "%40", "&#64;", "0040", "\uff20")
"""One of these stands in every text that is not shown as it is."""


class Redact:
    """A structlog processor. `key` is random and secret, so that a hash cannot be turned back by trying addresses."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._names: dict[str, tuple[str, bool]] = {}
        """The names of members met so far, which are few: as they are shown, and whether they name a secret."""
        self._harmless: set[Any] = set()
        """Those of them that are shown as they are and name no secret."""

    def __call__(self, _: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return self._members(event, 0)

    def needless(self, event: Mapping[str, Any], line: str) -> bool:
        """Whether `event`, written down as `line`, stays as it is: nearly every line, and found out at a fraction of
        what it costs to go through each value."""
        if len(line) > _LONGEST:
            return False
        for sign in _TELLING:
            if sign in line:
                return False
        if _PLAIN.issuperset(map(type, event.values())):
            return self._harmless_names(event)
        inner = [value for value in event.values() if type(value) not in _PLAIN]
        return self._harmless_names(event) and all(
            type(one) is dict and _PLAIN.issuperset(map(type, one.values())) and self._harmless_names(one)
            for one in inner
        )

    def _harmless_names(self, members: Mapping[Any, Any]) -> bool:
        if self._harmless.issuperset(members):
            return True
        if not all(isinstance(name, str) and self._named(name) == (name, False) for name in members):
            return False
        self._harmless.update(list(members)[: _MOST_NAMES - len(self._harmless)])
        return True

    def person(self, email: str) -> str:
        """`person:` and 12 hexadecimal digits, the same for the same address in any case."""
        digest = hmac.digest(self._key, email.casefold().encode("utf-8", "surrogatepass"), hashlib.sha256)
        return f"person:{digest.hex()[:12]}"

    def text(self, text: str) -> str:
        """`text` without credentials, tokens, private keys and e-mail addresses, wherever they stand in it."""
        if len(text) > _LONGEST:
            text = f"{text[: _LONGEST // 2]} [cut] {text[-_LONGEST // 2 :]}"
        if "eyJ" in text:
            text = _JWS.sub(GONE, text)
        if "PRIVATE KEY" in text:
            text = _PEM.sub(GONE, text)
        if " " in text:
            text = _CREDENTIALS.sub(rf"\1 {GONE}", text)
        if "%40" in text or "&#64;" in text or "0040" in text or "\uff20" in text:
            text = _ESCAPED_AT.sub(r"\1@\2", text)
        if "@" in text:
            text = _USERINFO.sub(rf"\1{GONE}/", text)
            if "'" in text:
                text = _OBRIEN.sub(lambda found: self.person(found.group()), text)
            text = _EMAIL.sub(lambda found: self.person(found.group()), text)
        return text

    def _members(self, members: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for name, value in members.items():
            key, secret = self._names.get(name) or self._named(name)
            shown[key] = GONE if secret and value not in (None, "", True, False) else self._value(value, depth)
        return shown

    def _named(self, name: object) -> tuple[str, bool]:
        named = self.text(str(name)), isinstance(name, str) and _SECRET_KEY.search(name) is not None
        if isinstance(name, str) and len(self._names) < _MOST_NAMES:
            self._names[name] = named
        return named

    def _value(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind is str:
            # Nothing to be hidden is made of letters and digits alone.
            return value if value.isalnum() and len(value) <= _LONGEST else self.text(value)
        if value is None or kind is int or kind is float or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            return self.text(value)
        if depth >= _DEEPEST:
            return TOO_DEEP
        if isinstance(value, Mapping):
            return self._members(value, depth + 1)
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value(one, depth + 1) for one in value]
        if isinstance(value, bytes | bytearray):
            return f"[{len(value)} bytes]"
        return self.text(str(value))
