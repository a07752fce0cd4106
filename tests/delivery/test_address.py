from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.address import check_url, forbidden

NEVER = [
    "169.254.169.254",
    "169.254.0.1",
    "fe80::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "224.0.0.1",
    "239.255.255.255",
    "ff02::1",
    "0.0.0.0",
    "0.1.2.3",
    "::",
    "240.0.0.1",
    "255.255.255.255",
    "::ffff:169.254.169.254",
    "::169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "::ffff:0:169.254.169.254",
    "2002:a9fe:a9fe::1",
    "::ffff:0.0.0.0",
    "2001:0:a9fe:a9fe::1",
]
PRIVATE = [
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "198.18.0.1",
    "fd12:3456::1",
    "fec0::1",
    "::ffff:10.0.0.1",
    "64:ff9b::10.0.0.1",
    "2002:a00:1::1",
]
LOOPBACK = ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1", "::127.0.0.1"]
GLOBAL = ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]


def _ok(address: str, by_admin: bool, insecure: bool, *allowed: str) -> bool:
    nets = [ip_network(net) for net in allowed]
    return forbidden(ip_address(address), by_admin=by_admin, insecure=insecure, allowed=nets) is None


@pytest.mark.parametrize("address", NEVER)
@pytest.mark.parametrize("by_admin", [True, False])
def test_never_for_nobody(address: str, by_admin: bool) -> None:
    assert not _ok(address, by_admin, True, "0.0.0.0/0", "::/0")
    assert not _ok(address, by_admin, False, "0.0.0.0/0", "::/0")


@pytest.mark.parametrize("address", PRIVATE)
def test_private(address: str) -> None:
    assert _ok(address, True, False)
    assert not _ok(address, False, False)
    assert _ok(address, False, True)
    assert _ok(address, False, False, "0.0.0.0/0", "::/0")


@pytest.mark.parametrize("address", LOOPBACK)
def test_loopback(address: str) -> None:
    assert not _ok(address, True, False)
    assert _ok(address, True, True)
    assert not _ok(address, False, False)
    assert _ok(address, False, True)
    assert _ok(address, False, False, "0.0.0.0/0", "::/0")


@pytest.mark.parametrize("address", GLOBAL)
def test_global(address: str) -> None:
    assert _ok(address, True, False) and _ok(address, False, False)


def test_allowed_networks_open_what_they_name_and_no_more() -> None:
    assert _ok("10.20.0.7", False, False, "10.20.0.0/16")
    assert _ok("::ffff:10.20.0.7", False, False, "10.20.0.0/16")
    assert not _ok("10.21.0.7", False, False, "10.20.0.0/16")
    assert not _ok("127.0.0.1", False, False, "10.20.0.0/16")


@given(st.ip_addresses(v=4), st.booleans(), st.booleans())
def test_an_ipv4_address_is_not_freer_inside_ipv6(address: object, by_admin: bool, insecure: bool) -> None:
    for shell in (f"::ffff:{address}", f"64:ff9b::{address}"):
        assert _ok(shell, by_admin, insecure) == _ok(str(address), by_admin, insecure)


REFUSED = [
    ("http://example.com/", "https"),
    ("ftp://example.com/", "https"),
    ("file:///etc/passwd", "https"),
    ("example.com", "https"),
    ("", "https"),
    ("https:///path", "host"),
    ("https://", "host"),
    ("https://user@example.com/", "user name"),
    ("https://user:pw@example.com/", "user name"),
    ("https://:pw@example.com/", "user name"),
    ("https://@example.com/", "user name"),
    ("https://example.com/#x", "fragment"),
    ("https://example.com/#", "fragment"),
    ("https://exa mple.com/", "space"),
    ("https://example.com/\r\nX: y", "control"),
    ("https://example.com\\@10.0.0.1/", "backslash"),
    ("https://example.com:99999/", "not a URL"),
    ("https://example.com:0/", "port"),
    ("https://2130706433/", "unusual"),
    ("https://0x7f000001/", "unusual"),
    ("https://0x7f.1/", "unusual"),
    ("https://127.1/", "unusual"),
    ("https://0177.0.0.1/", "unusual"),
    ("https://127.0.0.1./", "unusual"),
    ("https://127.0.0.01/", "unusual"),
    ("https://a.b.c.1/", "unusual"),
    ("https://\uff11\uff12\uff17.1/", "unusual"),
    ("https://127\u30020\u30020\u30021/", "loopback"),
    ("https://\u2460\u2461\u2466.0.0.1/", "loopback"),
    ("https://127%2e0.0.1/", "neither"),
    ("https://[::1]/", "loopback"),
    ("https://[::ffff:169.254.169.254]/", "link-local"),
    ("https://[fe80::1%25eth0]/", "neither"),
    ("https://169.254.169.254/latest", "link-local"),
    ("https://metadata.google.internal/", "metadata"),
    ("https://METADATA.google.internal./", "metadata"),
    ("https://.example/", "no name"),
    ("https://a..example/", "no name"),
    ("https://example../", "no name"),
    (f"https://{'a' * 64}.example/", "no name"),
    (f"https://{'a.' * 126}example/", "no name"),
]


@pytest.mark.parametrize(("url", "reason"), REFUSED)
def test_urls_refused(url: str, reason: str) -> None:
    said = check_url(url, by_admin=True, insecure=False)
    assert said is not None and reason in said
    assert url not in said or not url


@pytest.mark.parametrize("url", [url for url, reason in REFUSED if reason not in ("https", "loopback")])
def test_insecure_opens_only_http_and_loopback(url: str) -> None:
    assert check_url(url, by_admin=True, insecure=True) is not None


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://example.com:8443/a?b=c",
        "https://8.8.8.8/",
        "https://bücher.example/",
        "https://10.0.0.1/",
        "https://[fd12::1]:8443/",
        "https://1password.example/",
        "https://a.example./x",
    ],
)
def test_urls_taken(url: str) -> None:
    assert check_url(url, by_admin=True, insecure=False) is None


def test_a_receivers_url_may_not_be_private() -> None:
    assert check_url("https://10.0.0.1/", by_admin=False, insecure=False) == "a private address"
    assert check_url("http://127.0.0.1:8080/", by_admin=False, insecure=True) is None
