"""reach: whom a subject of a stream can be about, read off its text. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from bridge.ssf.identifier import WHOLE, Identifier
from bridge.ssf.stream import Namespaces
from bridge.value import value


@value
class Reach:
    """`devices` are (connector, device id)."""

    logins: tuple[str, ...] = ()
    devices: tuple[tuple[str, str], ...] = ()


def reach(subject: Identifier, namespaces: Namespaces) -> Reach | None:
    """None: it names neither people nor devices of ours in a form by which they are found, so anybody may be meant."""
    members = dict(subject.members)
    for name in (WHOLE, "user", "device"):
        if name in members:
            docs = [orjson.loads(text) for text in sorted(members[name])]
            if (found := _found(name, docs, namespaces)) is not None:
                return found
    return None


def _found(name: str, docs: Iterable[dict[str, Any]], namespaces: Namespaces) -> Reach | None:
    logins: list[str] = []
    devices: list[tuple[str, str]] = []
    for doc in docs:
        if doc["format"] == "email":
            logins.append(doc["email"])
        elif doc["format"] == "iss_sub":
            logins.append(doc["sub"])
        elif doc["format"] == "opaque" and name != "user":
            namespace, _, device_id = doc["id"].partition(":")
            devices += [(connector, device_id) for connector, of in namespaces.items() if of == namespace]
        else:
            return None
    return Reach(tuple(logins), tuple(devices))
