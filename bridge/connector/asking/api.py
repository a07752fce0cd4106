"""The vendor's API: the only place of this wing where something goes over the network.

Every way in which an answer can fail to be a good one becomes a LookFailed with its kind (see `model.FailureKind`);
its words name the question and never a value of it.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final, Protocol

from bridge.clock import Clock
from bridge.connector.asking.limiter import Limiter
from bridge.connector.asking.lookup import ApiSpec, Login
from bridge.connector.asking.oauth import Tokens
from bridge.connector.language.answer import read_answer
from bridge.connector.language.settings import Given
from bridge.connector.language.tree import NotJson
from bridge.model import FailureKind, LookFailed
from bridge.outbound import Answer, ConnectFailed

MAX_WAIT: Final = 86400.0
_MAX_WORDS: Final = 120
_PIECE: Final = 8
_KINDS: Final[Mapping[str, FailureKind]] = {"refused_address": "refused", "too_large": "malformed"}
"""Of having no answer at all; any other way is "down"."""


class Outbound(Protocol):
    """The way out (`bridge.outbound.Outbound`)."""

    async def request(  # the connection pool needs to know how long, so that it can say what took the time
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        timeout: float,  # noqa: ASYNC109  the port of Outbound.request
    ) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Tried:
    """An answer of any status; `tree` is its JSON, or `failure` says why it is none that is of use."""

    status: int
    headers: Mapping[str, str]
    tree: object
    failure: LookFailed | None


class Api:
    """One vendor's API for one connector: logs in, keeps to the rate, bounds what runs at once."""

    def __init__(
        self, spec: ApiSpec, given: Given, base: str, limiter: Limiter, outbound: Outbound, clock: Clock
    ) -> None:
        self.base = base.rstrip("/")
        self.limiter = limiter
        self._spec = spec
        self._given = given
        self._outbound = outbound
        self._clock = clock
        self._room = asyncio.Semaphore(spec.concurrency)
        plain = given.scoped()
        self._headers = {"accept": "application/json"} | {k: v.plain(plain) for k, v in spec.headers.items()}
        self._made_for: tuple[str, str] | None = None
        self._made: Mapping[str, str] = {}
        oauth = spec.login.oauth
        self._tokens = Tokens(oauth, given, self._token_url(spec), clock, self._fetch) if oauth else None

    def _token_url(self, spec: ApiSpec) -> str:
        assert spec.login.oauth is not None
        text = spec.login.oauth.token.base(self._given.scoped())
        return self.base + text if text.startswith("/") else text

    async def ask(
        self, label: str, method: str, url: str, body: bytes | None = None, accepted: frozenset[int] = frozenset()
    ) -> tuple[int, object]:
        """The status and the JSON of one answer; for a status in `accepted` None in its place. Raises LookFailed."""
        answer = await self._asked(label, method, url, body)
        if answer.status == 401 and self._tokens is not None:
            self._tokens.forget()
            answer = await self._asked(label, method, url, body)
        if answer.status in accepted:
            return answer.status, None
        if not 200 <= answer.status <= 299:
            raise self._failure(label, answer)
        return answer.status, self._json(label, answer)

    async def try_out(self, label: str, method: str, url: str, body: bytes | None) -> Tried:
        """As `ask`, but the answer is kept whatever it is. Raises LookFailed where there is none."""
        answer = await self._asked(label, method, url, body)
        if not 200 <= answer.status <= 299:
            return Tried(answer.status, answer.headers, None, self._failure(label, answer))
        try:
            return Tried(answer.status, answer.headers, self._json(label, answer), None)
        except LookFailed as failed:
            return Tried(answer.status, answer.headers, None, failed)

    async def _asked(self, label: str, method: str, url: str, body: bytes | None) -> Answer:
        headers = await self._proved(label)
        if body is not None:
            headers = {**headers, "content-type": "application/json"}
        return await self._fetch(label, method, url, headers, body)

    async def _fetch(self, label: str, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        try:
            async with self._room:
                return await self._outbound.request(method, url, headers=headers, body=body, timeout=self._spec.timeout)
        except ConnectFailed as failed:
            raise LookFailed(_KINDS.get(failed.code, "down"), f"{label}: {failed.code}: {failed.words}") from None

    async def _proved(self, label: str) -> Mapping[str, str]:
        """The headers of every request. The secret is read anew each time, and they are made anew if it changed."""
        login = self._spec.login
        if self._tokens is not None:
            return {**self._headers, "authorization": f"Bearer {await self._tokens.current(label)}"}
        if login.scheme == "none":
            return self._headers
        secret, user = self._first(login.secret), self._first(login.user) if login.user else ""
        if self._made_for != (secret, user):
            if not secret or not secret.isascii() or not secret.isprintable():
                raise LookFailed("denied", f"the setting {login.secret} is empty or cannot stand in a header")
            self._made = {**self._headers, login.header: self._credential(login, secret)}
            self._made_for = secret, user
        return self._made

    def _first(self, setting: str) -> str:
        return (self._given.reveal(setting) or [""])[0]

    def _credential(self, login: Login, secret: str) -> str:
        if login.scheme != "basic":
            return login.prefix + secret
        return "Basic " + base64.b64encode(f"{self._first(login.user)}:{secret}".encode()).decode()

    def _json(self, label: str, answer: Answer) -> object:
        try:
            return read_answer(answer.body)
        except NotJson as error:
            kind = answer.headers.get("content-type", "no content type").partition(";")[0][:40]
            raise LookFailed("malformed", f"{label}: the answer is {error} ({_printable(kind)})") from None

    def _failure(self, label: str, answer: Answer) -> LookFailed:
        words = f"{label}: the API answered {answer.status}{self._vendors_words(answer)}"
        wait = retry_after(answer.headers, self._clock.now())
        if answer.status == 429:
            self.limiter.close_for(30.0 if wait is None else wait)
            return LookFailed("limited", words, 30.0 if wait is None else wait)
        if answer.status in (401, 403):
            return LookFailed("denied", words)
        if answer.status == 404:
            return LookFailed("missing", words)
        return LookFailed("down" if answer.status >= 500 else "refused", words, wait)

    def _vendors_words(self, answer: Answer) -> str:
        """`error` or `message` of a JSON answer, if it is short and can hold neither a secret nor an address."""
        try:
            tree = read_answer(answer.body)
        except NotJson:
            return ""
        for key in ("message", "error_description", "error"):
            words = tree.get(key) if isinstance(tree, dict) else None
            if isinstance(words, str) and words:
                unfit = "@" in words or "%40" in words or self._tells_a_secret(words)
                return "" if unfit else f" ({_printable(words)[:_MAX_WORDS]})"
        return ""

    def _tells_a_secret(self, words: str) -> bool:
        """Whether a secret, or eight characters of it in a row, stand in `words`."""
        secrets = [value for name in self._given.secrets for value in self._given.reveal(name)]
        if self._tokens is not None:
            secrets.append(self._tokens.kept)
        if self._spec.login.scheme == "basic":
            secrets += [
                self._credential(self._spec.login, secret) for secret in self._given.reveal(self._spec.login.secret)
            ]
        return any(part in words for secret in secrets if secret for part in _pieces(secret))


def _pieces(secret: str) -> set[str]:
    return {secret[at : at + _PIECE] for at in range(max(1, len(secret) - _PIECE + 1))}


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds to wait: RFC 9110 §10.2.3, else `RateLimit-Reset` in seconds. None if nothing sensible is said."""
    text = headers.get("retry-after", "").strip() or headers.get("ratelimit-reset", "").strip()
    if text.isascii() and text.isdecimal():
        return min(float(text[:9]), MAX_WAIT)
    try:
        return min(max(0.0, parsedate_to_datetime(text).timestamp() - now), MAX_WAIT)
    except (ValueError, TypeError, OverflowError):
        return None


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)
