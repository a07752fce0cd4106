"""Where a request comes from, with and without proxies in front."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from bridge.web.source import Network, Sources

PROXIES = [ip_network("10.1.0.0/16"), ip_network("fd00::/8")]


def source(peer: str | None, *forwarded: str, trusted: list[Network] | None = None) -> str:
    headers = [(b"x-forwarded-for", one.encode()) for one in forwarded]
    return Sources(trusted)({"client": (peer, 1) if peer is not None else None, "headers": headers})


@pytest.mark.parametrize(
    ("peer", "found"),
    [
        ("8.8.8.8", "8.8.8.8/32"),
        ("::ffff:8.8.8.8", "8.8.8.8/32"),
        ("2606:4700:1:2:3:4:5:6", "2606:4700:1:2::/64"),
        ("127.0.0.1", ""),
        ("::1", ""),
        ("10.1.2.3", ""),
        ("fe80::1%eth0", ""),
        (None, ""),
        ("socket", ""),
    ],
)
def test_nothing_said_of_proxies(peer: str | None, found: str) -> None:
    assert source(peer) == source(peer, "9.9.9.9") == found


@pytest.mark.parametrize("peer", ["8.8.8.8", "127.0.0.1", "10.1.2.3"])
def test_no_proxies(peer: str) -> None:
    assert source(peer, "9.9.9.9", trusted=[]) == f"{peer}/32"


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("10.1.2.3", ["9.9.9.9"], "9.9.9.9/32"),
        ("fd00::7", ["9.9.9.9"], "9.9.9.9/32"),
        ("10.1.2.3", ["1.1.1.1, 9.9.9.9"], "9.9.9.9/32"),
        ("10.1.2.3", ["1.1.1.1", "9.9.9.9"], "9.9.9.9/32"),
        ("10.1.2.3", ["1.1.1.1, 9.9.9.9, 10.1.9.9 ,fd00::9"], "9.9.9.9/32"),
        ("10.1.2.3", ["9.9.9.9:4711"], "9.9.9.9/32"),
        ("10.1.2.3", ["[2606:4700::5]:4711"], "2606:4700::/64"),
        ("10.1.2.3", ["2606:4700::5"], "2606:4700::/64"),
        ("10.1.2.3", ["192.168.0.7"], "192.168.0.7/32"),
        ("10.1.2.3", ["10.1.0.1, 10.1.0.2"], "10.1.0.1/32"),
        ("10.1.2.3", [], "10.1.2.3/32"),
        ("10.1.2.3", ["9.9.9.9, unknown"], ""),
        ("10.1.2.3", ["9.9.9.9, "], ""),
        ("8.8.8.8", ["9.9.9.9"], "8.8.8.8/32"),
        ("10.2.0.1", ["9.9.9.9"], "10.2.0.1/32"),
    ],
)
def test_behind_proxies(peer: str, forwarded: list[str], found: str) -> None:
    """What a sender writes itself stands left of what the proxies add, and counts for nothing."""
    assert source(peer, *forwarded, trusted=PROXIES) == found
