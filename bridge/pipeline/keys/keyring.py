"""keyring: the signing keys of a running bridge. It follows what the store says, and turns it as time goes by.

The store says which key signs and which are published; commands and other processes write it too, and it is read
again twice a second. What nobody can verify any more is minted anew at once (`remint`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from bridge.clock import Clock
from bridge.errors import BridgeError, ConfigError, Conflict
from bridge.key import KeyRow
from bridge.pipeline.journal import Journal
from bridge.pipeline.keys import rotation
from bridge.pipeline.keys.remint import Remint
from bridge.ssf import ring as rules
from bridge.ssf.keyfiles import Source
from bridge.ssf.keys import KeyRing, SigningKey, fault, ring_of
from bridge.store.protocol import Keys
from bridge.store.undelivered import Undelivered

_log = structlog.get_logger("bridge.keyring")

POLL = 0.5
"""Seconds until the store is read again."""
LATE = 5.0
"""Seconds after a change for which SETs that were being signed with a key that went are still sought."""
AGING = 60.0
"""Seconds between two looks at who still names a retired key, at most."""


class Kept(Keys, Undelivered, Protocol):
    """What is read and written here."""


class Keyring:
    """`open` before anything is signed, then `run`. `ring` is what signs and is published now."""

    def __init__(
        self,
        store: Kept,
        source: Source,
        terms: rules.Terms,
        clock: Clock,
        journal: Journal,
        trouble: Callable[[str], None],
    ) -> None:
        self.terms = terms
        self.rows: rules.Rows = ()
        self._problems: dict[str, str] = {}
        self._store = store
        self._source = source
        self._clock = clock
        self._journal = journal
        self._trouble = trouble
        self._keys: dict[str, SigningKey] = {}
        self._ring: KeyRing | None = None
        self._pem = ""
        self._seek_until = float("-inf")
        self._age_at = float("-inf")
        self._wake = asyncio.Event()

    @property
    def ring(self) -> KeyRing:
        assert self._ring is not None, "not opened yet"
        return self._ring

    @property
    def problem(self) -> str:
        """What an operator should mend, or ""; the keys from before are in force meanwhile."""
        return "; ".join(problem for problem in self._problems.values() if problem)

    @property
    def shown(self) -> str:
        """For readiness: what to mend, or the key that signs. Neither makes us unready, since a key signs."""
        return self.problem or self.ring.active.kid

    def age(self, now: float) -> float:
        """Seconds since the key that signs was made, or first seen where it is the operator's own."""
        signing = rules.active(self.rows)
        return 0.0 if signing is None else now - signing.created_at

    def publishes(self, kid: str) -> bool:
        """Whether receivers can verify what names this key. Where not, such SETs are sought, to be minted anew."""
        if kid in self.ring.kids:
            return True
        self.seek()
        return False

    def seek(self) -> None:
        self._seek_until = self._clock.monotonic() + LATE
        self._wake.set()

    async def open(self) -> None:
        """A key signs when this returns, whatever was lost. Raises ConfigError for a key that is not fit."""
        now = self._clock.now()
        given = self._taken(now)
        if given is None:
            self._source.files.prepare()
        try:
            before, after = await rotation.changed(self._store, lambda rows: self._opened(rows, given, now))
        except Conflict as problem:
            raise fault(self._source.where, str(problem)) from None
        for row in before:
            if row.removed_at is not None:
                self._source.files.remove(row.kid)
        await self._changed(before, after)

    def _opened(self, rows: Sequence[KeyRow], given: SigningKey | None, now: float) -> rules.Rows:
        """Which key signs after all that may have happened while nobody looked. It reads the folder."""
        files = self._source.files
        have = {row.kid for row in rows if row.removed_at is None and files.read(row.kid) is not None}
        rows = rules.without_file(rows, have | ({given.kid} if given else set()), now)
        signing = rules.active(rows)
        if given is not None:
            same = signing is not None and signing.kid == given.kid
            return tuple(rows) if same else rules.signed_by(rows, given.kid, given.created_at, now)
        if signing is not None:
            return tuple(rows)
        coming = rules.upcoming(rows)
        if coming is not None:
            return rules.signed_by(rows, coming.kid, coming.created_at, now)
        key = rotation.spare(files, [row.kid for row in rows])
        return rules.signed_by(rows, key.kid, key.created_at, now)

    def _taken(self, now: float) -> SigningKey | None:
        """The key of `[keys] signing_key`, noted."""
        given = self._source.given(now)
        if given is not None and self._source.secret is not None:
            self._pem = self._source.secret.reveal()
            self._keys[given.kid] = given
        return given

    # -- as time goes by --------------------------------------------------------------------------

    async def run(self, remint: Remint) -> None:
        while True:
            try:
                await self.turn(remint)
            except ConfigError as problem:
                self._mend("unfit", str(problem))
            except BridgeError as problem:
                self._trouble(f"keys: {type(problem).__name__}")
                _log.error("keys.stuck", problem=str(problem))
            self._wake.clear()
            try:
                async with asyncio.timeout(POLL):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def turn(self, remint: Remint) -> None:
        """One look at the secret, the store and the clock; what follows is done when this returns."""
        now = self._clock.now()
        if self._source.secret is not None and self._source.secret.reveal() != self._pem:
            await self._replaced(now)
        await self._step(lambda rows: self._turned(rows, now))
        await self._schedule(now)
        await self._age(now)
        if self._clock.monotonic() < self._seek_until:
            await self._mint_anew(remint)

    def _turned(self, rows: Sequence[KeyRow], now: float) -> rules.Rows:
        """A next key whose file cannot be read is neither published nor ever signs. It may read that file."""
        coming = rules.upcoming(rows)
        if coming is not None and coming.kid not in self._keys and not self._source.files.is_fit(coming.kid):
            return tuple(rows)
        return rules.turned(rows, now)

    async def _replaced(self, now: float) -> None:
        """The file of `[keys] signing_key` holds another key: it signs from now on, and the one before it is gone."""
        given = self._taken(now)
        if given is None:
            return
        try:
            await self._step(lambda rows: self._opened(rows, given, now))
            self._mend("refused", "")
        except Conflict as problem:
            self._mend("refused", str(problem))

    async def _schedule(self, now: float) -> None:
        """The next key by the calendar (`[keys] rotate_every`)."""
        if self._source.secret is not None or not rules.wants_next(self.rows, now, self.terms):
            return
        try:
            row = await rotation.rotate(self._store, self._source.files, self.terms.publish_for)
        except Conflict:
            return  # another process was first
        await self._record("keys.rotate", row.kid, "", "next", "[keys] rotate_every")

    async def _age(self, now: float) -> None:
        """Retired keys that nobody needs any more go."""
        if self._clock.monotonic() < self._age_at:
            return
        self._age_at = self._clock.monotonic() + min(AGING, max(POLL, self.terms.keep_retired / 24))
        if any(row.state == "retired" and row.removed_at is None for row in self.rows):
            named = await self._store.undelivered_kids()
            await self._step(lambda rows: rules.aged(rows, now, self.terms.keep_retired, named))

    async def _mint_anew(self, remint: Remint) -> None:
        outcomes = await remint.stranded(self.ring.kids)
        if outcomes[""]:
            _log.warning("sets.minted_anew", count=outcomes[""], kid=self.ring.active.kid)
        if outcomes["held"] or outcomes["changed"]:
            self._seek_until = self._clock.monotonic() + LATE

    # -- what changed -----------------------------------------------------------------------------

    async def _step(self, step: rotation.Step) -> None:
        before, after = await rotation.changed(self._store, step)
        if set(after) != set(self.rows):
            await self._changed(before, after)

    async def _changed(self, before: rules.Rows, after: rules.Rows) -> None:
        """In force first, since a key must be published before anybody hears of it; then the files and the record."""
        shown = self._ring.kids if self._ring is not None else frozenset()
        self._ring = await self._loaded(after)
        self.rows = after
        if shown != self._ring.kids or not shown:
            self.seek()
        was = {row.kid: row for row in before}
        for row in after:
            old = was.get(row.kid)
            if _word(row) != _word(old):
                if row.removed_at is not None:
                    await asyncio.to_thread(self._source.files.remove, row.kid)
                _log.info("key.changed", kid=row.kid, before=_word(old), after=_word(row))
                await self._record("keys.turn", row.kid, _word(old), _word(row))

    async def _loaded(self, rows: rules.Rows) -> KeyRing:
        """Raises ConfigError where the key that signs cannot be read; one beside it is left out, and said."""
        listed = rules.published(rows)
        keys: dict[str, SigningKey] = {}
        gone = ""
        for row in listed:
            try:
                key = self._keys.get(row.kid) or await asyncio.to_thread(self._source.files.read, row.kid)
            except ConfigError as problem:
                if row.state == "active":
                    raise
                key, gone = None, str(problem)
            else:
                if key is None and row.state != "active":
                    gone = f"the file of key {row.kid} ({row.state}) is gone from {self._source.files.directory}"
            if key is not None:
                keys[row.kid] = key
        signing = rules.active(rows)
        if signing is None or signing.kid not in keys:
            kid = "none" if signing is None else signing.kid
            raise fault(self._source.files.directory, f"the file of the key that signs ({kid}) is gone")
        self._keys = keys
        self._mend("unfit", gone)
        return ring_of(keys[signing.kid], list(keys.values()))

    def _mend(self, what: str, problem: str) -> None:
        """Said once; "" once it is mended."""
        if problem and problem != self._problems.get(what):
            _log.error("keys.problem", problem=problem)
        self._problems[what] = problem

    async def _record(self, what: str, kid: str, before: str, after: str, why: str = "") -> None:
        await self._journal.write(what, f"key {kid}", why=why, before=before, after=after)


def _word(row: KeyRow | None) -> str:
    """How a key stands, in a word that changes with each step."""
    if row is None:
        return ""
    if row.removed_at is not None:
        return "compromised" if row.compromised else "removed"
    return "next, published" if row.state == "next" and row.published_at is not None else row.state
