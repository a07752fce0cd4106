"""token_keys: the keys that sign access tokens, in a folder of their own, and how one follows another.

They are simpler than those of SETs: nobody but us verifies a token, so that a new key signs at once and an old one may
go as soon as no token that it signed is in force.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import structlog

from bridge.clock import Clock
from bridge.errors import ConfigError
from bridge.oauth.token import TokenKey
from bridge.ssf.keyfiles import KeyFiles
from bridge.ssf.keys import SigningKey

_log = structlog.get_logger("bridge.oauth")

EVERY: Final = 3600.0
"""Seconds between two looks at their age."""
MARGIN: Final = 3600.0
"""Seconds that an old key verifies beyond the life of the last token that it can have signed."""


class TokenKeys:
    """`open` before any token is made. `rotate_every`: seconds that a key signs (`[keys] rotate_every`), None: until
    somebody puts another one into the folder and restarts. `lifetime`: of tokens."""

    def __init__(self, files: KeyFiles, clock: Clock, rotate_every: float | None, lifetime: float) -> None:
        self._files = files
        self._clock = clock
        self._rotate_every = rotate_every
        self._keep = lifetime + MARGIN
        self._found: tuple[SigningKey, ...] = ()
        self._keys: tuple[TokenKey, ...] = ()

    def current(self) -> Sequence[TokenKey]:
        """The newest first, which signs."""
        return self._keys

    def jwks(self) -> dict[str, Any]:
        """RFC 7517 §5."""
        return {"keys": [key.public() for key in self._found]}

    async def open(self) -> None:
        """Raises ConfigError for a file that is not fit; one is made where there is none."""
        self._set(await asyncio.to_thread(self._turned))

    async def run(self) -> None:
        while True:
            await self._clock.sleep(EVERY)
            await self.turn()

    async def turn(self) -> None:
        """A folder that cannot be used any more changes nothing: what was read stays in force."""
        try:
            self._set(await asyncio.to_thread(self._turned))
        except ConfigError as problem:
            _log.error("oauth.keys_stuck", problem=str(problem))

    def _turned(self) -> list[SigningKey]:
        files, now = self._files, self._clock.now()
        files.prepare()
        found = sorted(self._read(), key=lambda key: (-key.created_at, key.kid))
        if not found or is_old(found[0].created_at, now, self._rotate_every):
            found = [files.make(), *found]
        needed = [found[0], *(key for newer, key in pairwise(found) if self._serves(newer, now))]
        for key in found:
            if key not in needed:
                files.remove(key.kid)
        return needed

    def _read(self) -> list[SigningKey]:
        return [key for kid in self._files.kids() if (key := self._files.read(kid)) is not None]

    def _serves(self, newer: SigningKey, now: float) -> bool:
        """Whether a token of the key before `newer` may be in force still."""
        return now < newer.created_at + self._keep

    def _set(self, found: Sequence[SigningKey]) -> None:
        if self._found and found[0].kid != self._found[0].kid:
            _log.info("oauth.key_turned", kid=found[0].kid)
        self._found = tuple(found)
        self._keys = tuple(TokenKey(key.kid, key.private) for key in found)


def is_old(created_at: float, now: float, rotate_every: float | None) -> bool:
    return rotate_every is not None and now >= created_at + rotate_every
