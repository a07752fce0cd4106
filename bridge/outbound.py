"""The only way out for the hot paths: pooled HTTP/1.1 with the address guard built in (design §2.9, §7).

A name is resolved by the pool's own resolver, which drops forbidden addresses, and the pool connects to what that
resolver returned: the checked address is the one connected to. Behind a proxy it is the proxy that resolves names;
literals and well-known metadata names are still refused here. URLs by the admin and by receivers never share a
connection. No redirects, no cookies, nothing from the environment, TLS 1.2 or later.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from bridge.address import Network, check_url, forbidden
from bridge.errors import BridgeError, ConfigError, Fault
from bridge.exchange import Exchange, Place, Places, limits_of

FailureCode = Literal["timeout", "dns", "tls", "connect", "reset", "refused_address", "too_large"]


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer of any status. Header names are lower case; a repeated header is joined by ", "."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class ConnectFailed(BridgeError):
    """There is no answer. `certainly_not_sent` is True only if no byte of the request can have arrived.

    timeout · dns: the name has no address · tls: no trusted TLS connection · connect: nobody takes the connection, or
    the request cannot be built · reset: it broke, or the answer is not HTTP · refused_address: our own guard ·
    too_large: the answer is over its bound.
    """

    def __init__(self, code: FailureCode, words: str, *, certainly_not_sent: bool) -> None:
        super().__init__(f"{code}: {words}")
        self.code: FailureCode = code
        self.words = words
        self.certainly_not_sent = certainly_not_sent


class RefusedAddress(Exception):
    """Every address of a name is forbidden. `str()` says which kind, never the name."""


class GuardedResolver(AbstractResolver):
    """Drops forbidden addresses and raises RefusedAddress if none is left; OSError if the name has none.

    The proxy's own name may lead to any address that insecure targets may have: the admin chose it for all.
    """

    def __init__(
        self,
        *,
        by_admin: bool,
        insecure: bool,
        allowed: Sequence[Network],
        proxy_host: str | None = None,
        inner: AbstractResolver | None = None,
    ) -> None:
        self._by_admin = by_admin
        self._insecure = insecure
        self._allowed = tuple(allowed)
        self._proxy_host = proxy_host
        self._inner = inner or aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        answers = await self._inner.resolve(host, port, family)
        verdicts = [self._verdict(host, answer["host"]) for answer in answers]
        kept = [answer for answer, verdict in zip(answers, verdicts, strict=True) if verdict is None]
        if answers and not kept:
            raise RefusedAddress(f"the name leads to {verdicts[0]}")
        if not kept:
            raise OSError("the name has no address")
        return kept

    async def close(self) -> None:
        await self._inner.close()

    def _verdict(self, host: str, address: str) -> str | None:
        proxy = host == self._proxy_host
        return forbidden(
            ip_address(address),
            by_admin=self._by_admin or proxy,
            insecure=self._insecure or proxy,
            allowed=self._allowed,
        )


class Outbound:
    """Pools that open on first use; `close` ends them. `limit_per_host` bounds the connections to one host and port.

    `ca_file` (PEM) is trusted beside the system's store. Raises ConfigError if it cannot be read.
    `proxy` is asked at each request; it may change, and what is under way then goes on over the one before.
    """

    def __init__(
        self,
        *,
        insecure: bool,
        allowed_networks: Sequence[Network] = (),
        ca_file: str | None = None,
        proxy: Callable[[], str | None] = lambda: None,
        user_agent: str,
        limit_per_host: int,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._insecure = insecure
        self._allowed = tuple(allowed_networks)
        self._tls = trust(ca_file)
        self._proxy = proxy
        self._user_agent = user_agent
        self._limit_per_host = limit_per_host
        self._resolver = resolver
        self._sessions: dict[tuple[bool, str | None], aiohttp.ClientSession] = {}
        self._places = Places(user_agent)
        self._closed = False

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        timeout: float,  # noqa: ASYNC109  the client library counts it from within
        by_admin: bool = True,
        max_bytes: int = 4 << 20,
        cut: bool = False,
    ) -> Answer:
        """One request, one answer of whatever status; raises ConnectFailed when there is none.

        `timeout`: seconds for the whole, at most half of it (and 5 s) for the connection. An answer body over
        `max_bytes` fails with too_large; with `cut` the status alone decides: a body that is too long, breaks off or
        does not end in time is cut there. A GET on a stale kept connection is tried once more, a POST never.
        """
        place, target = self._checked(url, by_admin)
        proxy = self._proxy()
        session, limits = self._session(by_admin, proxy), limits_of(timeout)
        until = asyncio.get_running_loop().time() + timeout
        try:
            asked: AbstractAsyncContextManager[Exchange | aiohttp.ClientResponse]
            if proxy is None and session.connector is not None:
                sent = place.request(method, target, headers, body)
                asked = Exchange(session.connector, place, sent, limits, until, again=method == "GET")
            else:
                asked = session.request(
                    method,
                    URL(url),
                    headers=headers,
                    data=body,
                    timeout=limits,
                    allow_redirects=False,
                    proxy=proxy,
                )
            async with asked as response:
                content = await _read(response, max_bytes, cut, until)
                return Answer(response.status, _lower(response.headers), content)
        except RefusedAddress as refused:
            raise ConnectFailed("refused_address", str(refused), certainly_not_sent=True) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError is an OSError
            raise _explain(error) from error

    def _checked(self, url: str, by_admin: bool) -> tuple[Place, str]:
        """Where `url` leads. At a place that was let pass before it is not looked at again."""
        known = self._places.find(url, by_admin)
        if known is not None:
            return known
        reason = check_url(url, by_admin=by_admin, insecure=self._insecure, allowed=self._allowed)
        if reason:
            raise ConnectFailed("refused_address", reason, certainly_not_sent=True)
        return self._places.add(url, by_admin)

    async def close(self) -> None:
        """Close all connections. Requests that still run fail, later ones too."""
        self._closed = True
        sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            await session.close()

    def _session(self, by_admin: bool, proxy: str | None) -> aiohttp.ClientSession:
        if self._closed:
            raise ConnectFailed("connect", "shutting down", certainly_not_sent=True)
        session = self._sessions.get((by_admin, proxy))
        if session is None:
            session = self._sessions[by_admin, proxy] = self._open(by_admin, proxy)
        return session

    def _open(self, by_admin: bool, proxy: str | None) -> aiohttp.ClientSession:
        resolver = GuardedResolver(
            by_admin=by_admin,
            insecure=self._insecure,
            allowed=self._allowed,
            proxy_host=URL(proxy).raw_host if proxy else None,
            inner=self._resolver,
        )
        connector = aiohttp.TCPConnector(ssl=self._tls, resolver=resolver, limit=0, limit_per_host=self._limit_per_host)
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": self._user_agent},
            trust_env=False,
            raise_for_status=False,
        )


def trust(ca_file: str | None) -> ssl.SSLContext:
    """Whose certificates we believe: the system's, and those of `ca_file`. Raises ConfigError if it cannot be read."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            why = "no such file" if isinstance(error, FileNotFoundError) else "not a readable PEM file"
            raise ConfigError([Fault("", "delivery.ca_file", why)]) from None
    return context


async def _read(response: Exchange | aiohttp.ClientResponse, max_bytes: int, cut: bool, until: float) -> bytes:
    content = bytearray()
    try:
        if response.content.is_eof():
            content += response.content.read_nowait(-1)
            if len(content) <= max_bytes:
                return bytes(content)
        async with asyncio.timeout_at(until):
            while len(content) <= max_bytes:
                chunk = await response.content.readany()
                if not chunk:
                    return bytes(content)
                content += chunk
    except (aiohttp.ClientError, OSError):
        if not cut:
            raise
    response.close()
    if not cut:
        raise ConnectFailed("too_large", f"the answer is over {max_bytes} bytes", certainly_not_sent=False)
    return bytes(content[:max_bytes])


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    lower: dict[str, str] = {}
    for name, value in headers.items():
        key = name.lower()
        lower[key] = f"{lower[key]}, {value}" if key in lower else value
    return lower


def _explain(error: Exception) -> ConnectFailed:
    """Our words for what the client library raised; never its own text, which names URLs and headers."""
    if isinstance(error, aiohttp.InvalidURL):
        return ConnectFailed("refused_address", "not a URL", certainly_not_sent=True)
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return ConnectFailed("timeout", "no connection in time", certainly_not_sent=True)
    if isinstance(error, TimeoutError):
        return ConnectFailed("timeout", "no answer in time", certainly_not_sent=False)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return ConnectFailed("dns", "the name cannot be resolved", certainly_not_sent=True)
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return ConnectFailed("tls", _certificate_words(error.certificate_error), certainly_not_sent=True)
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return ConnectFailed("tls", "the TLS handshake failed", certainly_not_sent=True)
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return ConnectFailed("connect", "the proxy cannot be reached", certainly_not_sent=True)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return ConnectFailed("connect", f"the proxy answered {error.status}", certainly_not_sent=True)
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, ConnectionResetError):
        return ConnectFailed("tls", "the connection broke in the TLS handshake", certainly_not_sent=True)
    if isinstance(error, aiohttp.ClientConnectorError):
        return ConnectFailed("connect", error.strerror or "no connection", certainly_not_sent=True)
    if isinstance(error, aiohttp.ClientResponseError | aiohttp.ClientPayloadError):
        return ConnectFailed("reset", "the answer is not proper HTTP or breaks off", certainly_not_sent=False)
    if isinstance(error, aiohttp.ClientError | OSError):
        return ConnectFailed("reset", "the connection broke before the answer", certainly_not_sent=False)
    return ConnectFailed("connect", "a header to be sent holds a forbidden character", certainly_not_sent=True)


def _certificate_words(error: Exception) -> str:
    detail = getattr(error, "verify_message", "")
    return f"the certificate is not trusted: {detail}" if detail else "the certificate is not trusted"
