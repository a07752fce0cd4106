"""configuration: what differs from the last start, key by key, in the audit log."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from bridge.config import Loaded, Secret
from bridge.config.summary import summary
from bridge.pipeline.journal import Journal

MARK: Final = "configuration"
_SEALED: Final = "sealed:"


async def note_configuration(
    journal: Journal, loaded: Loaded, secrets: Mapping[str, Collection[str]], version: str
) -> None:
    """Compares with what the start before this one recorded, and records each difference. Of a secret only that it
    changed: what is kept of it is a slow, salted hash. `secrets`: by connector, the settings that are secret."""
    salt = bytes.fromhex(await journal.key())
    now = {"version": version} | {
        path: _sealed(path, value, salt) if isinstance(value, Secret) else await journal.redacted(value)
        for path, value in summary(loaded, secrets).items()
    }
    was = await journal.store.mark(MARK)
    text = json.dumps(now, sort_keys=True)
    if text == was:
        return
    if was is None:
        entries = [await journal.entry("configuration.begin", "", after=f"{len(now)} settings")]
    else:
        entries = [
            await journal.entry("configuration.change", path, before=before, after=after)
            for path, before, after in changes(json.loads(was), now)
        ]
    await journal.store.put_mark(MARK, text, was=was, entries=entries)


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """(key, before, after) as they may be shown; "" where there is none."""
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path, ""), after.get(path, "")
        if old != new:
            yield path, _shown(old), "changed" if old.startswith(_SEALED) and new else _shown(new)


def _shown(value: str) -> str:
    return "set" if value.startswith(_SEALED) else value


def _sealed(path: str, value: Secret, salt: bytes) -> str:
    """Whoever has the database can try guesses only slowly, and for one key at a time."""
    if not value:
        return ""
    digest = hashlib.scrypt(
        value.reveal().encode("utf-8", "surrogatepass"), salt=salt + path.encode(), n=2**13, r=8, p=1, dklen=16
    )
    return _SEALED + digest.hex()
