"""issue: a client proves itself and gets an access token (RFC 6749 §4.4).

Secrets are compared by digests, in the same small time whether the client exists or not; nothing slow is done that
anybody could ask for. An assertion is spent in the store before a token goes out, so that it is good for once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog

from bridge.clock import Clock, Ids
from bridge.config import Client
from bridge.errors import TooMany, Unavailable
from bridge.oauth import assertion, request
from bridge.oauth.assertion import Forged
from bridge.oauth.credentials import one_of
from bridge.oauth.jwt import BadJwt
from bridge.oauth.keyset import KeySet, public_keys
from bridge.oauth.metadata import token_endpoint
from bridge.oauth.remote import RemoteKeys
from bridge.oauth.request import OAuth2Error, Proof, Request, granted
from bridge.oauth.token import Grant, TokenKey, minted
from bridge.observe.seldom import Seldom
from bridge.pipeline.api.clients import Clients
from bridge.pipeline.api.guesses import Guesses
from bridge.store.oauth import OAuthClients

_log = structlog.get_logger("bridge.oauth")

NOBODY: Final = "-"
"""Stands in counters and logs for a client that is not known."""
_UNPROVED: Final = "the client is not known, or its proof is not good"
"""Says neither which, so that nobody learns which clients there are."""


class Meter(Protocol):
    """What is counted (`bridge.observe.metrics.Metrics`)."""

    def token_request(self, client: str, outcome: str) -> None:
        """`issued`, `limited`, `unavailable`, or the error code of RFC 6749 §5.2."""


@dataclass(frozen=True, slots=True)
class Terms:
    """`issuer` is ours, and the only resource. `lifetime` of tokens in seconds."""

    issuer: str
    lifetime: float


class Issue:
    """`keys` gives those of tokens, the first signs. `remotes`: by name, the keys of clients with a `jwks_uri`."""

    def __init__(
        self,
        terms: Terms,
        clients: Clients,
        keys: Callable[[], Sequence[TokenKey]],
        remotes: Mapping[str, RemoteKeys],
        store: OAuthClients,
        clock: Clock,
        ids: Ids,
        meter: Meter,
        guesses: Guesses,
    ) -> None:
        self._terms = terms
        self._clients = clients
        self._keys = keys
        self._remotes = remotes
        self._store = store
        self._clock = clock
        self._ids = ids
        self._meter = meter
        self._guesses = guesses
        self._seldom = Seldom(clock)
        self._read: dict[str, tuple[str, KeySet]] = {}

    async def __call__(
        self, content_type: str, authorization: Sequence[str], query: str, body: bytes, source: str = ""
    ) -> Mapping[str, Any]:
        """The answer of RFC 6749 §5.1. Raises OAuth2Error for what the client did wrong, TooMany where it did so too
        often, Unavailable for the rest."""
        name = NOBODY
        try:
            asked = request.read(content_type, authorization, query, body)
            found = self._clients.find(asked.proof.client_id)
            name = NOBODY if found is None else found[0]
            answer = await self._answer(asked, found, source)
        except OAuth2Error as refused:
            self.refused(name, refused)
            raise
        except TooMany:
            self._meter.token_request(name, "limited")
            raise
        except Unavailable:
            self._meter.token_request(name, "unavailable")
            raise
        self._meter.token_request(name, "issued")
        return answer

    def refused(self, name: str, refused: OAuth2Error) -> None:
        """Counted, and logged now and then: whoever knocks must not be able to fill the log."""
        self._meter.token_request(name, refused.error)
        why = str(refused.__cause__ or refused.get_error_description())
        if count := self._seldom((name, refused.error, why)):
            _log.warning("oauth.token_refused", client=name, error=refused.error, why=why, times=count)

    async def _answer(self, asked: Request, found: tuple[str, Client] | None, source: str) -> Mapping[str, Any]:
        name, client = await self._proved(asked.proof, found, source)
        scopes = granted(asked.scope, client.scopes)
        grant = Grant(self._clients.id_of(name), scopes, self._clients.generation(name))
        terms = self._terms
        text = minted(
            grant, terms.issuer, self._keys()[0], now=self._clock.now(), lifetime=terms.lifetime, jti=self._ids.jti()
        )
        return {
            "access_token": text,
            "token_type": "Bearer",
            "expires_in": int(terms.lifetime),
            "scope": " ".join(sorted(scopes)),
        }

    async def _proved(self, proof: Proof, found: tuple[str, Client] | None, source: str) -> tuple[str, Client]:
        if proof.assertion:
            good = found is not None and found[1].signs and await self._signed(proof, *found)
        else:
            good = self._knows_secret(proof, found, source)
        if found is None or not good:
            raise request.refused(_UNPROVED)
        return found

    def _knows_secret(self, proof: Proof, found: tuple[str, Client] | None, source: str) -> bool:
        """Raises TooMany, whatever the secret is: who may not try learns nothing."""
        self._guesses.check(proof.client_id, source, known=found is not None)
        configured = (found[1].secret if found is not None else None) or ()
        known = [one.reveal() for one in configured] or [self._ids.token()]
        good = any([one_of(secret, known) for secret in proof.secrets])
        if not good and self._guesses.wrong(proof.client_id, source, known=found is not None):
            name = NOBODY if found is None else found[0]
            if count := self._seldom((name, source)):
                _log.warning("oauth.guesses_limited", client=name, source=source, times=count)
        return good

    async def _signed(self, proof: Proof, name: str, client: Client) -> bool:
        """Whether the assertion is the client's, for us, and new. Raises OAuth2Error that says what is wrong."""
        terms, now = self._terms, self._clock.now()
        try:
            keys = await self._keys_of(name, client, assertion.claimed_key(proof.assertion))
            audiences = (token_endpoint(terms.issuer), terms.issuer)
            read = assertion.read(proof.assertion, proof.client_id, keys, audiences, now)
        except Forged as problem:
            raise request.refused(_UNPROVED) from problem
        except BadJwt as problem:
            raise request.refused(str(problem)) from None
        if not await self._store.spend_assertion(name, read.jti, read.forget_at, now):
            raise request.refused("the assertion was used before")
        return True

    async def _keys_of(self, name: str, client: Client, kid: str | None) -> KeySet:
        if client.public_key is None:
            return await self._remotes[name].keys(kid)
        text = client.public_key.reveal()
        if self._read.get(name, ("", None))[0] != text:
            self._read[name] = text, public_keys(text)
        return self._read[name][1]
