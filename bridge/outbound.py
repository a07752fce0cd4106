"""The only way out for the hot paths: pooled HTTP/1.1 with the address guard built in (design §2.9, §7).

A name is resolved by the pool's own resolver, which drops forbidden addresses, and the pool connects to what that
resolver returned: the checked address is the one connected to. Behind a proxy it is the proxy that resolves names;
literals and well-known metadata names are still refused here. URLs by the admin and by receivers never share a
connection. No redirects, no cookies, nothing from the environment, TLS 1.2 or later.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from bridge.address import Network, check_url
from bridge.answer import Answer, ConnectFailed, FailureCode
from bridge.errors import ConfigError, Fault
from bridge.exchange import Stale
from bridge.places import Place, Places
from bridge.resolver import GuardedResolver, RefusedAddress

__all__ = ["Answer", "ConnectFailed", "FailureCode", "Outbound", "trust"]

CONNECT_TIMEOUT: Final = 5.0
"""Seconds for everything up to an open connection: a free place in the pool, DNS, TCP, TLS."""


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
        self._ways: dict[tuple[bool, str | None], _Way] = {}
        self._closed = False

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        timeout: float,  # noqa: ASYNC109  it is not all one wait: the connection may take only a part
        by_admin: bool = True,
        max_bytes: int = 4 << 20,
        cut: bool = False,
    ) -> Answer:
        """One GET or POST, one answer of whatever status; raises ConnectFailed when there is none.

        `timeout`: seconds for the whole, at most half of it (and 5 s) for the connection. An answer body over
        `max_bytes` fails with too_large; with `cut` the status alone decides: a body that is too long, breaks off or
        does not end in time is cut there. A GET on a stale kept connection is tried once more, a POST never.
        """
        way = self._way(by_admin, self._proxy())
        bounds = _Bounds(asyncio.get_running_loop().time() + timeout, timeout, max_bytes, cut)
        try:
            if way.proxy is not None:
                self._check(url, by_admin)
                return await self._through_proxy(way, method, url, headers, body, bounds)
            place, target = self._place(way, url, by_admin)
            request = place.request(method, target, headers, body)
            try:
                return await _exchanged(place, request, bounds)
            except Stale:
                if method != "GET" or self._closed:
                    raise
            return await _once_more(place, request, bounds)
        except RefusedAddress as refused:
            raise ConnectFailed("refused_address", str(refused), certainly_not_sent=True) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError is an OSError
            raise _explain(error) from error

    async def _through_proxy(
        self, way: _Way, method: str, url: str, headers: Mapping[str, str], body: bytes | None, bounds: _Bounds
    ) -> Answer:
        """By the client library's session, as it is."""
        asked = way.session.request(
            method,
            URL(url),
            headers=headers,
            data=body,
            timeout=aiohttp.ClientTimeout(total=bounds.timeout, connect=bounds.of_connecting),
            allow_redirects=False,
            proxy=way.proxy,
        )
        async with asked as response:
            return Answer(response.status, _lower(response.headers), await _read(response, bounds))

    def _check(self, url: str, by_admin: bool) -> None:
        reason = check_url(url, by_admin=by_admin, insecure=self._insecure, allowed=self._allowed)
        if reason:
            raise ConnectFailed("refused_address", reason, certainly_not_sent=True)

    def _place(self, way: _Way, url: str, by_admin: bool) -> tuple[Place, str]:
        """Where `url` leads. At a place that was let pass before it is not looked at again."""
        known = way.places.find(url)
        if known is None:
            self._check(url, by_admin)
            known = way.places.add(url)
        return known

    async def refusal(self, url: str) -> str | None:
        """Why a receiver's `url` may not be called as things stand, its name resolved; None if it may, or if nobody
        knows the name now. Each call checks again: an address may change."""
        reason = check_url(url, by_admin=False, insecure=self._insecure, allowed=self._allowed)
        if reason or self._proxy():
            return reason
        host = URL(url).raw_host or ""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._guarded(by_admin=False).resolve(host.strip("[]"))
        except RefusedAddress as refused:
            return str(refused)
        except OSError:  # TimeoutError is one
            return None
        return None

    async def close(self) -> None:
        """Close all connections. Requests that still run fail, later ones too."""
        self._closed = True
        ways, self._ways = list(self._ways.values()), {}
        for way in ways:
            way.places.close()
            await way.session.close()

    def _way(self, by_admin: bool, proxy: str | None) -> _Way:
        if self._closed:
            raise ConnectFailed("connect", "shutting down", certainly_not_sent=True)
        way = self._ways.get((by_admin, proxy))
        if way is None:
            way = self._ways[by_admin, proxy] = self._open(by_admin, proxy)
        return way

    def _guarded(self, *, by_admin: bool, proxy_host: str | None = None) -> GuardedResolver:
        return GuardedResolver(
            by_admin=by_admin,
            insecure=self._insecure,
            allowed=self._allowed,
            proxy_host=proxy_host,
            inner=self._resolver,
        )

    def _open(self, by_admin: bool, proxy: str | None) -> _Way:
        resolver = self._guarded(by_admin=by_admin, proxy_host=URL(proxy).raw_host if proxy else None)
        bound = self._limit_per_host
        opener = aiohttp.TCPConnector(ssl=self._tls, resolver=resolver, limit=0, limit_per_host=bound if proxy else 0)
        session = aiohttp.ClientSession(
            connector=opener,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": self._user_agent},
            trust_env=False,
            raise_for_status=False,
        )
        return _Way(session, Places(self._user_agent, opener, bound), proxy)


@dataclass(frozen=True, slots=True)
class _Way:
    """`session` is the client library's, and used as such behind a proxy; else `places` have its connections."""

    session: aiohttp.ClientSession
    places: Places
    proxy: str | None


class _Bounds(NamedTuple):
    """`until` on the loop's clock; see `Outbound.request`."""

    until: float
    timeout: float
    max_bytes: int
    cut: bool

    @property
    def of_connecting(self) -> float:
        """Seconds. By half time: a timeout of any other kind came after sending."""
        return min(CONNECT_TIMEOUT, self.timeout / 2)


async def _exchanged(place: Place, request: bytes, bounds: _Bounds) -> Answer:
    exchange = await place.take(bounds.of_connecting)
    try:
        await exchange.ask(request, bounds.max_bytes, bounds.until)
    except ConnectFailed:
        if not (bounds.cut and exchange.status):
            raise
    finally:
        place.give_back(exchange)
    return Answer(exchange.status, exchange.headers, bytes(exchange.body[: bounds.max_bytes]))


async def _once_more(place: Place, request: bytes, bounds: _Bounds) -> Answer:
    """The first try may have arrived: that there is no connection any more must not say that nothing was sent."""
    try:
        return await _exchanged(place, request, bounds)
    except aiohttp.ClientError as error:
        raise Stale from error


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


async def _read(response: aiohttp.ClientResponse, bounds: _Bounds) -> bytes:
    content = bytearray()
    try:
        while len(content) <= bounds.max_bytes:
            chunk = await response.content.readany()
            if not chunk:
                return bytes(content)
            content += chunk
    except (aiohttp.ClientError, OSError):
        if not bounds.cut:
            raise
    response.close()
    if not bounds.cut:
        raise ConnectFailed("too_large", f"the answer is over {bounds.max_bytes} bytes", certainly_not_sent=False)
    return bytes(content[: bounds.max_bytes])


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
