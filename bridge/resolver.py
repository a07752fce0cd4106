"""Names to addresses that may be connected to: where the address guard meets the network (design §7)."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from ipaddress import ip_address

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from bridge.address import Network, forbidden


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
