"""Where the bridge may connect to: one rule for every outbound address (design §7).

| address                                                          | URL by the admin | URL by a receiver          |
|------------------------------------------------------------------|------------------|----------------------------|
| link-local, cloud metadata, multicast, unspecified, reserved     | never            | never                      |
| private: RFC 1918, ULA, CGNAT and the rest that is not global    | yes              | in `allowed`, or insecure  |
| loopback                                                         | insecure         | in `allowed`, or insecure  |
| global                                                           | yes              | yes                        |

`insecure` is `delivery.allow_insecure_targets`; it never opens the first line. An IPv6 address that carries an IPv4
address (mapped, compatible, translated, NAT64, 6to4, Teredo) must pass under both faces. Pure: names are not resolved.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from yarl import URL

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NEVER: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(net), kind)
    for net, kind in (
        ("169.254.0.0/16", "a link-local address"),
        ("fe80::/10", "a link-local address"),
        ("fd00:ec2::/32", "a cloud metadata address"),
        ("fd20:ce::254/128", "a cloud metadata address"),
        ("100.100.100.200/32", "a cloud metadata address"),
        ("168.63.129.16/32", "a cloud metadata address"),
        ("192.0.0.0/24", "a reserved address"),
        ("0.0.0.0/8", "an unspecified address"),
        ("::/128", "an unspecified address"),
        ("224.0.0.0/4", "a multicast address"),
        ("ff00::/8", "a multicast address"),
        ("240.0.0.0/4", "a reserved address"),
    )
)
_METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "metadata.goog", "instance-data"})
_NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
_COMPATIBLE = ip_network("::/96")
_TRANSLATED = ip_network("::ffff:0:0:0/96")
_NUMBER = re.compile(r"(0[xX][0-9a-fA-F]*|[0-9]+)")
_USERINFO = re.compile(r"[^/?#]*//[^/?#]*@")
_UNFIT = re.compile(r"[\x00-\x20\x7f\\]")


def forbidden(ip: Address, *, by_admin: bool, insecure: bool, allowed: Sequence[Network] = ()) -> str | None:
    """Why `ip` may not be connected to, or None if it may. `by_admin`: the admin wrote the URL, no receiver did."""
    for face in _faces(ip):
        reason = _forbidden_face(face, by_admin=by_admin, insecure=insecure, allowed=allowed)
        if reason:
            return reason if face == ip else f"{reason} inside an IPv6 address"
    return None


def check_url(url: str, *, by_admin: bool, insecure: bool, allowed: Sequence[Network] = ()) -> str | None:
    """Why `url` may not be called, or None as far as the URL alone tells: a name must still be resolved and checked.

    https only (http too if `insecure`), no user info, no fragment, an IP literal only in its usual spelling and
    only if `forbidden` lets it pass. The reason does not repeat the URL, whose path may hold a secret.
    """
    if _UNFIT.search(url):
        return "the URL holds a space, a control character or a backslash"
    try:
        parts = URL(url)
    except ValueError:
        return "not a URL"
    if parts.scheme != "https" and not (insecure and parts.scheme == "http"):
        return "the URL must begin with https://"
    if "#" in url:
        return "the URL must not have a fragment"
    if _USERINFO.match(url):
        return "the URL must not hold a user name or password"
    if not parts.raw_host or parts.port == 0:
        return "the URL has no host" if not parts.raw_host else "port 0 is no port"
    return check_host(parts.raw_host, by_admin=by_admin, insecure=insecure, allowed=allowed)


def check_host(host: str, *, by_admin: bool, insecure: bool, allowed: Sequence[Network] = ()) -> str | None:
    """The host part of `check_url`: an IP literal without brackets, or a name in ASCII."""
    return _check_host(host, by_admin, insecure, tuple(allowed))


@lru_cache(maxsize=1000)
def _check_host(host: str, by_admin: bool, insecure: bool, allowed: tuple[Network, ...]) -> str | None:
    """The few hosts that we call come again and again. The lengths of a name are those of RFC 1035 §2.3.4; a resolver
    would raise a UnicodeError for others."""
    ip = literal(host)
    if ip is not None:
        return forbidden(ip, by_admin=by_admin, insecure=insecure, allowed=allowed)
    if "%" in host or ":" in host:
        return "the host is neither a name nor a plain IP address"
    name = host.removesuffix(".").lower()
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        return "the host is an IP address in an unusual spelling"
    if name in _METADATA_NAMES:
        return "the host is a cloud metadata service"
    if len(name) > 253 or not all(0 < len(label) < 64 for label in name.split(".")):
        return "the host is no name: each part of one has 1 to 63 characters"
    return None


def literal(host: str) -> Address | None:
    """The address that `host` spells in the usual way, or None."""
    try:
        return ip_address(host) if "%" not in host else None
    except ValueError:
        return None


def _faces(ip: Address) -> Iterator[Address]:
    yield ip
    if isinstance(ip, IPv4Address):
        return
    if ip.ipv4_mapped is not None:
        yield ip.ipv4_mapped
    elif any(ip in net for net in (*_NAT64, _TRANSLATED)) or (ip in _COMPATIBLE and int(ip) > 1):
        yield IPv4Address(int(ip) & 0xFFFFFFFF)
    if ip.sixtofour is not None:
        yield ip.sixtofour
    if ip.teredo is not None:
        yield from ip.teredo


def _forbidden_face(ip: Address, *, by_admin: bool, insecure: bool, allowed: Sequence[Network]) -> str | None:
    for net, kind in _NEVER:
        if ip in net:
            return kind
    if isinstance(ip, IPv6Address) and _is_wrapper(ip):
        return None  # its inner face decides
    if insecure or not _is_private(ip):
        return None
    if not by_admin and any(ip in net for net in allowed):
        return None
    if ip.is_loopback:
        return "a loopback address"
    return None if by_admin else "a private address"


def _is_private(ip: Address) -> bool:
    """Whatever is not global, and two kinds that `ipaddress` calls global: site-local and local NAT64 (RFC 8215)."""
    return not ip.is_global or (isinstance(ip, IPv6Address) and (ip.is_site_local or ip in _NAT64[1]))


def _is_wrapper(ip: IPv6Address) -> bool:
    return ip.ipv4_mapped is not None or ip in _NAT64[0]
