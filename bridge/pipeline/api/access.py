"""access: whose access token this is, and what it lets do (CAEP Interoperability Profile §2.7)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import structlog

from bridge.clock import Clock
from bridge.config import Client
from bridge.errors import TooMany
from bridge.oauth import foreign, token
from bridge.oauth.caller import BearerRefused, Caller, invalid_token
from bridge.oauth.credentials import one_of
from bridge.oauth.foreign import Expected
from bridge.oauth.jwt import BadJwt, head
from bridge.oauth.remote import RemoteKeys
from bridge.oauth.token import TokenKey
from bridge.observe.seldom import Seldom
from bridge.pipeline.api.clients import Clients
from bridge.pipeline.api.guesses import GUESSABLE, STATIC, Guesses

_log = structlog.get_logger("bridge.oauth")


class Meter(Protocol):
    """What is counted (`bridge.observe.metrics.Metrics`)."""

    def call_refused(self, error: str) -> None:
        """The error code of RFC 6750 §3.1, `none` where no credentials came, or `limited`."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """`[oauth.issuer]`."""

    expected: Expected
    keys: RemoteKeys


class Access:
    """Tells whose a token is. Three kinds are good: our own, those of `[oauth.issuer]`, and static ones.

    Each client has its own way: one with credentials of its own here cannot be spoken for by another issuer.
    """

    def __init__(
        self,
        issuer: str,
        clients: Clients,
        keys: Callable[[], Sequence[TokenKey]],
        elsewhere: Elsewhere | None,
        clock: Clock,
        meter: Meter,
        guesses: Guesses,
    ) -> None:
        self._issuer = issuer
        self._clients = clients
        self._keys = keys
        self._elsewhere = elsewhere
        self._clock = clock
        self._meter = meter
        self._guesses = guesses
        self._seldom = Seldom(clock)

    async def __call__(self, text: str, source: str = "") -> Caller:
        """`source` is where it comes from. Raises BearerRefused for a token that is good for nobody, TooMany where too
        many were tried that might be static ones, Unavailable while nobody can say.

        A token that one of our keys or another issuer signed is nobody's guess: it is taken from wherever it comes.
        """
        barred = self._barred(source)
        name = self._static(text) if barred is None else None
        if name is not None:
            return _caller(name, self._clients.configured[name], self._clients.configured[name].scopes)
        try:
            signed = self._signer(text)
        except BadJwt as problem:
            if barred is None:
                self._guessed(source)
                raise invalid_token(str(problem)) from None
            self._meter.call_refused("limited")
            raise barred from None
        try:
            return await signed(text)
        except BadJwt as problem:
            raise invalid_token(str(problem)) from None

    def _signer(self, text: str) -> Callable[[str], Awaitable[Caller]]:
        """How it is read. Raises BadJwt for what is no JWT, or one of nobody who is known."""
        named = head(text)
        if token.is_ours(named.kid, self._keys()):
            return self._own
        if self._elsewhere is None:
            raise BadJwt("the token is none of ours")
        return partial(self._foreign, kid=named.kid, elsewhere=self._elsewhere)

    def _barred(self, source: str) -> TooMany | None:
        try:
            self._guesses.check(STATIC, source)
        except TooMany as barred:
            return barred
        return None

    def _guessed(self, source: str) -> None:
        """A long token is found by nobody: others at the address shall not wait because of one who has a wrong one."""
        tokens = (one.reveal() for client in self._clients.configured.values() for one in client.token or ())
        guessable = any(len(one) < GUESSABLE for one in tokens)
        if guessable and self._guesses.wrong(STATIC, source) and (count := self._seldom(source)):
            _log.warning("oauth.guesses_limited", client="-", source=source, times=count)

    def refused(self, refused: BearerRefused) -> None:
        """Counted, and logged now and then, without anything of the token."""
        self._meter.call_refused(refused.code or "none")
        if count := self._seldom((refused.code, refused.description)):
            _log.warning("oauth.call_refused", error=refused.code, why=str(refused), times=count)

    def _static(self, text: str) -> str | None:
        """All are compared, whichever it is."""
        found = [
            name
            for name, client in self._clients.configured.items()
            if one_of(text, (one.reveal() for one in client.token or ()))
        ]
        return found[0] if found else None

    async def _own(self, text: str) -> Caller:
        grant = token.read(text, self._issuer, self._keys(), self._clock.now())
        found = self._clients.find(grant.client_id)
        if found is None or not found[1].asks_for_tokens:
            raise BadJwt("the client of the token is gone")
        name, client = found
        if self._clients.generation(name) != grant.generation:
            raise BadJwt("the token was revoked: the credentials of the client have changed")
        return _caller(name, client, grant.scopes)

    async def _foreign(self, text: str, *, kid: str | None, elsewhere: Elsewhere) -> Caller:
        keys = await elsewhere.keys.keys(kid)
        grant = foreign.read(text, keys, elsewhere.expected, self._clock.now())
        found = self._clients.find(grant.client_id)
        if found is None or not found[1].is_external:
            self._stranger(grant.client_id)
            raise BadJwt("the client of the token is not known here")
        return _caller(*found, grant.scopes)

    def _stranger(self, client_id: str) -> None:
        """Logged now and then: the name is the issuer's word, and the operator may have written it otherwise."""
        if count := self._seldom("stranger"):
            _log.warning("oauth.client_not_known", client_id=client_id[:200], times=count)


def _caller(name: str, client: Client, scopes: Sequence[str] | frozenset[str]) -> Caller:
    return Caller(name, frozenset(scopes) & frozenset(client.scopes))
