"""A subject as a receiver names it: checked, bounded, and in one canonical form (RFC 9493 §3, SSF 1.0 §3). Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, Final

import orjson

from bridge.ssf.configuration import Unacceptable
from bridge.value import value

MOST_BYTES: Final = 4096
"""Of the canonical form."""
LONGEST: Final = 1024
"""Characters of one text."""
MOST_MEMBERS: Final = 16
"""Members of a complex subject, identifiers of `aliases`, addresses of `ip-addresses`."""
LONGEST_NAME: Final = 64
"""Characters of the name of a complex subject's member."""

WHOLE: Final = ""
"""Stands for the name of the one member of a simple subject."""

Doc = dict[str, Any]
Check = Callable[[object, str], object]


@value
class Identifier:
    """A subject of a stream. Two are the same if their `text` is: equal as JSON, no case is folded (SSF §8.1.3.1)."""

    text: str = field(repr=False)
    """Key-sorted compact JSON."""
    members: tuple[tuple[str, frozenset[str]], ...] = field(repr=False)
    """By name, what each member may be, in canonical form: one text, or one for each of its `aliases`. A simple subject
    has the one member `WHOLE`."""
    formats: frozenset[str] = frozenset()
    """Of a simple subject; of all its `aliases`."""

    @property
    def simple(self) -> bool:
        return self.members[0][0] == WHOLE


def parse(given: object, path: str = "subject") -> Identifier:
    """The subject that a receiver sent. Raises Unacceptable with the path of what is wrong, and none of its texts.

    An unknown format is refused: SSF 1.0 §3.4 lets one be used only where both sides agreed on it, and we agreed on
    none. `phone`, the name of early drafts, is taken as `phone_number`.
    """
    doc = _object(given, path)
    checked = _complex(doc, path) if doc.get("format") == "complex" else _simple(doc, path)
    made = identifier(checked)
    if len(made.text.encode()) > MOST_BYTES:
        raise Unacceptable(path, f"must not be longer than {MOST_BYTES} bytes")
    return made


def identifier(doc: Mapping[str, Any]) -> Identifier:
    """Of a subject that was checked before, or that is our own."""
    text = canonical(doc)
    if doc.get("format") != "complex":
        may_be = _alternatives(doc) if doc.get("format") == "aliases" else frozenset([text])
        return Identifier(text, ((WHOLE, may_be),), _formats(doc))
    members = ((name, _alternatives(doc[name])) for name in sorted(doc) if name != "format")
    return Identifier(text, tuple(members))


def stored(text: str) -> Identifier:
    """Of the canonical form that the store kept."""
    return identifier(orjson.loads(text))


def canonical(doc: object) -> str:
    return orjson.dumps(doc, option=orjson.OPT_SORT_KEYS).decode()


def _alternatives(simple: Mapping[str, Any]) -> frozenset[str]:
    if simple.get("format") == "aliases":
        return frozenset(canonical(one) for one in simple["identifiers"])
    return frozenset([canonical(simple)])


def _formats(simple: Mapping[str, Any]) -> frozenset[str]:
    if simple.get("format") == "aliases":
        return frozenset(one["format"] for one in simple["identifiers"])
    return frozenset([simple["format"]])


def _object(given: object, path: str) -> Doc:
    if not isinstance(given, dict):
        raise Unacceptable(path, "must be an object")
    return given


def _complex(doc: Doc, path: str) -> Doc:
    """SSF 1.0 §3.3: one or more simple members; the names are free."""
    names = [name for name in doc if name != "format"]
    if not names:
        raise Unacceptable(path, "must have a member beside format, such as user or device")
    if len(names) > MOST_MEMBERS:
        raise Unacceptable(path, f"must not have more than {MOST_MEMBERS} members")
    if any(not name or len(name) > LONGEST_NAME or not name.isprintable() for name in names):
        raise Unacceptable(path, f"must have member names of 1 to {LONGEST_NAME} printable characters")
    return {"format": "complex", **{name: _member(doc[name], f"{path}.{name}") for name in names}}


def _member(given: object, path: str) -> Doc:
    doc = _object(given, path)
    if doc.get("format") == "complex":
        raise Unacceptable(f"{path}.format", "must be that of a simple subject: complex ones do not nest")
    return _simple(doc, path)


def _simple(doc: Doc, path: str) -> Doc:
    """RFC 9493 §3: exactly the members of its format, none of them empty."""
    if doc.get("format") == "phone":
        doc = {"phone_number" if name == "phone" else name: said for name, said in doc.items()}
        doc["format"] = "phone_number"
    name = doc.get("format")
    if name is None:
        raise Unacceptable(f"{path}.format", "is missing")
    if not isinstance(name, str):
        raise Unacceptable(f"{path}.format", "must be a string")
    if name not in _FORMATS:
        raise Unacceptable(f"{path}.format", f"must be complex or one of {', '.join(_FORMATS)}")
    wanted = _FORMATS[name]
    for member in wanted:
        if member not in doc:
            raise Unacceptable(f"{path}.{member}", "is missing")
    if doc.keys() - wanted.keys() - {"format"}:
        raise Unacceptable(path, f"must have no other members than format and {', '.join(wanted)} (RFC 9493 §3)")
    return {"format": name, **{member: check(doc[member], f"{path}.{member}") for member, check in wanted.items()}}


def _text(given: object, path: str) -> str:
    if not isinstance(given, str):
        raise Unacceptable(path, "must be a string")
    if not 0 < len(given) <= LONGEST:
        raise Unacceptable(path, f"must have 1 to {LONGEST} characters")
    if any(ord(letter) < 32 or 0xD800 <= ord(letter) <= 0xDFFF for letter in given):
        raise Unacceptable(path, "must hold neither control characters nor halves of surrogate pairs")
    return given


def _like(pattern: str, words: str) -> Check:
    compiled = re.compile(pattern)

    def check(given: object, path: str) -> str:
        text = _text(given, path)
        if not compiled.fullmatch(text):
            raise Unacceptable(path, f"must be {words}")
        return text

    return check


def _list(given: object, path: str) -> list[object]:
    if not isinstance(given, list):
        raise Unacceptable(path, "must be an array")
    if not 0 < len(given) <= MOST_MEMBERS:
        raise Unacceptable(path, f"must have 1 to {MOST_MEMBERS} items")
    return given


def _addresses(given: object, path: str) -> list[str]:
    """SSF 1.0 §3.5.3."""
    return [_address(one, f"{path}[{number}]") for number, one in enumerate(_list(given, path))]


def _address(given: object, path: str) -> str:
    text = _text(given, path)
    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise Unacceptable(path, "must be an IP address") from None
    return text


def _identifiers(given: object, path: str) -> list[Doc]:
    """RFC 9493 §3.2.8: of the same subject, none of them `aliases`, none twice."""
    found = [_alias(one, f"{path}[{number}]") for number, one in enumerate(_list(given, path))]
    if len({canonical(one) for one in found}) < len(found):
        raise Unacceptable(path, "must not hold the same identifier twice")
    return found


def _alias(given: object, path: str) -> Doc:
    doc = _object(given, path)
    if doc.get("format") in ("aliases", "complex"):
        raise Unacceptable(f"{path}.format", "must be neither aliases nor complex")
    return _simple(doc, path)


_FORMATS: Final[Mapping[str, Mapping[str, Check]]] = {
    "account": {"uri": _like(r"(?i:acct):[^@\s]+@[^@\s]+", "an acct: URI (RFC 7565)")},
    "email": {"email": _like(r"\S(?:[^\r\n]*\S)?@[^@\s]+", "an e-mail address")},
    "iss_sub": {"iss": _text, "sub": _text},
    "opaque": {"id": _text},
    "phone_number": {"phone_number": _like(r"\+[1-9][0-9]{1,14}", "a number as E.164 has it, with + before it")},
    "did": {"url": _like(r"did:[a-z0-9]+:\S+", "a DID URL")},
    "uri": {"uri": _like(r"[A-Za-z][A-Za-z0-9+.-]*:\S+", "a URI with its scheme")},
    "aliases": {"identifiers": _identifiers},
    "jwt_id": {"iss": _text, "jti": _text},
    "saml_assertion_id": {"issuer": _text, "assertion_id": _text},
    "ip-addresses": {"ip-addresses": _addresses},
}
"""RFC 9493 §3.2 and SSF 1.0 §3.5: the members of each, and what they must be."""
