from __future__ import annotations

import pytest

from bridge.ssf.discovery import metadata, paths


@pytest.mark.parametrize(
    ("issuer", "expected"),
    [
        ("https://a.example", ("/.well-known/ssf-configuration",)),
        ("https://a.example/", ("/.well-known/ssf-configuration",)),
        (
            "https://a.example/t/blue",
            (
                "/.well-known/ssf-configuration",
                "/.well-known/ssf-configuration/t/blue",
                "/t/blue/.well-known/ssf-configuration",
            ),
        ),
        (
            "https://a.example:8443/t%20x/",
            (
                "/.well-known/ssf-configuration",
                "/.well-known/ssf-configuration/t x",
                "/t x/.well-known/ssf-configuration",
            ),
        ),
    ],
)
def test_paths(issuer: str, expected: tuple[str, ...]) -> None:
    assert paths(issuer, "ssf-configuration") == expected


@pytest.mark.parametrize(
    ("issuer", "jwks_uri"),
    [
        ("https://a.example", "https://a.example/.well-known/jwks.json"),
        ("https://a.example/", "https://a.example/.well-known/jwks.json"),
        ("https://a.example/t/blue", "https://a.example/t/blue/.well-known/jwks.json"),
    ],
)
def test_only_what_works_is_advertised(issuer: str, jwks_uri: str) -> None:
    assert metadata(issuer) == {
        "spec_version": "1_0",
        "issuer": issuer,
        "jwks_uri": jwks_uri,
        "delivery_methods_supported": ["urn:ietf:rfc:8935"],
    }
