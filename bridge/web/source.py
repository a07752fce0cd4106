"""Where a request comes from: the sender's network, as far as it can be known behind proxies. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from starlette.types import Scope

UNKNOWN: Final = ""
"""Nobody can say; many may share it."""
_PREFIX: Final = {4: 32, 6: 64}
"""Bits that tell one sender from another: whoever has an IPv6 address has at least that whole network (RFC 6177)."""

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Source = Callable[[Scope], str]


class Sources:
    """`trusted`: the proxies in front (`[server] trusted_proxies`), each of which appends to `X-Forwarded-For` whom it
    heard. None: it was not said, so that a private or loopback address may be that of a proxy for everybody."""

    def __init__(self, trusted: Sequence[Network] | None) -> None:
        self._trusted = trusted

    def __call__(self, scope: Scope) -> str:
        """An IPv4 address, an IPv6 network, or UNKNOWN."""
        client = scope.get("client")
        peer = _address(client[0]) if client else None
        if peer is None or (self._trusted is None and not peer.is_global):
            return UNKNOWN
        found = self._behind(peer, scope)
        return UNKNOWN if found is None else str(ip_network((found, _PREFIX[found.version]), strict=False))

    def _behind(self, peer: Address, scope: Scope) -> Address | None:
        """Whom the nearest proxy that is trusted heard, where that is no such proxy itself."""
        found: Address | None = peer
        heard = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
        hops = ",".join(heard).split(",") if heard else []
        while hops and found is not None and self._trusts(found):
            found = _address(hops.pop().strip())
        return found

    def _trusts(self, address: Address) -> bool:
        return any(address.version == one.version and address in one for one in self._trusted or ())


def _address(text: str) -> Address | None:
    """Of `1.2.3.4`, `1.2.3.4:5`, `::1` or `[::1]:5`; an IPv4 address that IPv6 wraps is itself."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
