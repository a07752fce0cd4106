"""A subject as it may stand in the audit log."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from bridge.pipeline.journal import Journal
from bridge.ssf.identifier import Identifier


async def named(journal: Journal, subject: Identifier) -> str:
    """By kind, each text but a device's as a keyed hash; an e-mail address as the one that stands for its person."""
    said = [(name, text) for name, may_be in subject.members for text in sorted(may_be)]
    return ", ".join([f"{name or 'subject'} {await _text(journal, orjson.loads(text))}" for name, text in said])


async def _text(journal: Journal, simple: Mapping[str, str]) -> str:
    match simple:
        case {"format": "email", "email": address}:
            return f"email {await journal.person(address)}"
        case {"format": "opaque", "id": id_}:
            return f"opaque {await journal.redacted(id_)}"
    return f"{simple['format']} {await journal.person(orjson.dumps(simple).decode())}"
