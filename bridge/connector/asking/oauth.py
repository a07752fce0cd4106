"""Tokens by client credentials (RFC 6749 §4.4), kept until shortly before they expire."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import quote_plus

from authlib.oauth2.rfc6749.parameters import prepare_token_request

from bridge.clock import Clock
from bridge.connector.asking.lookup import OAuthSpec
from bridge.connector.language.settings import Given
from bridge.connector.language.tree import NotJson, read_json
from bridge.model import LookFailed
from bridge.outbound import Answer

Fetch = Callable[[str, str, str, Mapping[str, str], bytes | None], Awaitable[Answer]]
_MARGIN = 30.0
_UNSAID = 300.0
"""Seconds that a token is used whose lifetime is not said."""


class Tokens:
    def __init__(self, spec: OAuthSpec, given: Given, url: str, clock: Clock, fetch: Fetch) -> None:
        self._spec, self._given, self._url, self._clock, self._fetch = spec, given, url, clock, fetch
        self._token = ""
        self._until = 0.0
        self._asking = asyncio.Lock()

    @property
    def kept(self) -> str:
        """The token in force, or ""."""
        return self._token

    def forget(self) -> None:
        self._token = ""

    async def current(self, label: str) -> str:
        """A token in force; looks that need one at once share one request. Raises LookFailed."""
        async with self._asking:
            if not self._token or self._clock.monotonic() >= self._until:
                self._token = ""
                self._token, lifetime = await self._ask(label)
                self._until = self._clock.monotonic() + max(lifetime - _MARGIN, lifetime / 2)
            return self._token

    async def _ask(self, label: str) -> tuple[str, float]:
        label = f"{label}: the token"
        headers = {"accept": "application/json", "content-type": "application/x-www-form-urlencoded"}
        client, secret = self._credentials()
        if self._spec.style == "basic":
            pair = f"{quote_plus(client)}:{quote_plus(secret)}"
            headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
            form = {}
        else:
            form = {"client_id": client, "client_secret": secret}
        scope = self._spec.scope.plain(self._given.scoped())
        body = prepare_token_request("client_credentials", scope=scope, **form)
        return _read(label, await self._fetch(label, "POST", self._url, headers, body.encode()))

    def _credentials(self) -> tuple[str, str]:
        found = [(self._given.reveal(name) or [""])[0] for name in (self._spec.client_id, self._spec.client_secret)]
        if not all(found):
            raise LookFailed("denied", "the credentials for the token are empty")
        return found[0], found[1]


def _read(label: str, answer: Answer) -> tuple[str, float]:
    if answer.status >= 500:
        raise LookFailed("down", f"{label}: the server answered {answer.status}")
    if answer.status == 429:
        raise LookFailed("limited", f"{label}: the server answered 429")
    if answer.status in (400, 401, 403):
        raise LookFailed("denied", f"{label}: the server answered {answer.status}: are the credentials right?")
    if answer.status == 404:
        raise LookFailed("missing", f"{label}: the server answered 404")
    if not 200 <= answer.status <= 299:
        raise LookFailed("refused", f"{label}: the server answered {answer.status}")
    try:
        tree = read_json(answer.body)
    except NotJson as error:
        raise LookFailed("malformed", f"{label}: the answer is {error}") from None
    token = tree.get("access_token") if isinstance(tree, dict) else None
    lifetime = tree.get("expires_in") if isinstance(tree, dict) else None
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        raise LookFailed("malformed", f"{label}: the answer holds no usable access_token")
    if isinstance(lifetime, str) and lifetime.isdecimal():
        lifetime = int(lifetime)
    known = type(lifetime) in (int, float) and isinstance(lifetime, int | float) and lifetime > 0
    return token, float(lifetime) if known and isinstance(lifetime, int | float) else _UNSAID
