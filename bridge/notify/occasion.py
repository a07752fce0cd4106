"""Something that the operator should hear of. By its type it can hold no person: words of the configuration, numbers.

The one exception is a device's name, which goes only where `allow_device_names` says so. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Literal

from bridge.config.notify import OccasionKind

Kind = OccasionKind | Literal["test"]

NOBODY: Final = "-"
"""What stands where something else than a name of the configuration was given."""
SIGNING_KEY: Final = "keys.signing_key"
"""About what an occasion is whose signing key somebody should see to; it does not run out as a certificate does."""
LONGEST_NAME: Final = 60
PASSING: Final[frozenset[Kind]] = frozenset({"well", "recovery", "test"})
"""Occasions that are over once they are told; all others stand until they are cleared."""

_WORD = re.compile(r"[a-z0-9_]{1,40}(?:[.:-][a-z0-9_]{1,40}){0,3}\Z")
_ADDRESS = re.compile(r"[^\s@]*@[^\s@]*")


@dataclass(frozen=True, slots=True)
class Occasion:
    """What is wrong, or well again. Whatever is given, no field comes to hold an address, markup or a control."""

    kind: Kind
    about: str = NOBODY
    """A connector, a stream, a part of the bridge or a key of the configuration."""
    count: int = 0
    """How many; growth is news."""
    of: int = 0
    seconds: float = 0.0
    """For how long it has been so, or until it is so."""
    code: str = ""
    """A status or a stable word."""
    device: str = ""
    """One device's name as an example."""

    def __post_init__(self) -> None:
        given = {"about": _word(self.about) or NOBODY, "code": _word(self.code), "device": _name(self.device)}
        for name, value in given.items():
            object.__setattr__(self, name, value)

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.about}"

    @property
    def passing(self) -> bool:
        return self.kind in PASSING

    def document(self) -> dict[str, Any]:
        return asdict(self)


def occasion_of(document: Mapping[str, Any]) -> Occasion:
    """What `document` was made of; keys of another version are left out."""
    known = {field.name for field in fields(Occasion)}
    return Occasion(**{name: value for name, value in document.items() if name in known})


def _word(text: str) -> str:
    return text if _WORD.match(text) else ""


def _name(text: str) -> str:
    """One line of letters, digits, spaces and harmless signs, without anything that looks like an e-mail address."""
    shown = _ADDRESS.sub("…", unicodedata.normalize("NFKC", text[: 10 * LONGEST_NAME]))
    kept = "".join(char if unicodedata.category(char)[0] in "LN" or char in " '._()+-…" else " " for char in shown)
    return " ".join(kept.split())[:LONGEST_NAME]
