from __future__ import annotations

from typing import Any

import pytest

from bridge.config import Client, Secret
from bridge.ssf.discovery import Api, metadata, paths
from bridge.ssf_api import told_api


@pytest.mark.parametrize(
    ("issuer", "expected"),
    [
        ("https://a.example", ("/.well-known/ssf-configuration",)),
        ("https://a.example/", ("/.well-known/ssf-configuration", "/.well-known/ssf-configuration/")),
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
                "/.well-known/ssf-configuration/t x/",
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


@pytest.mark.parametrize("issuer", ["https://a.example/t/blue", "https://a.example/t/blue/"])
def test_who_may_make_streams_is_told_where(issuer: str) -> None:
    found = metadata(issuer, Api())
    assert found == metadata(issuer) | {
        "delivery_methods_supported": ["urn:ietf:rfc:8935", "urn:ietf:rfc:8936"],
        "configuration_endpoint": "https://a.example/t/blue/ssf/streams",
        "status_endpoint": "https://a.example/t/blue/ssf/status",
        "add_subject_endpoint": "https://a.example/t/blue/ssf/subjects/add",
        "remove_subject_endpoint": "https://a.example/t/blue/ssf/subjects/remove",
        "verification_endpoint": "https://a.example/t/blue/ssf/verify",
        "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:6749"}],
        "default_subjects": "ALL",
    }


def test_what_only_some_bring() -> None:
    found = metadata("https://a.example", Api("NONE", bearer=True))
    assert found["authorization_schemes"] == [{"spec_urn": "urn:ietf:rfc:6749"}, {"spec_urn": "urn:ietf:rfc:6750"}]
    assert found["default_subjects"] == "NONE"


def client(**more: Any) -> Client:
    return Client(audience="https://a.example", **more)


@pytest.mark.parametrize(
    ("clients", "told"),
    [
        ([], None),
        ([client()], Api("ALL")),
        ([client(default_subjects="NONE")], Api("NONE")),
        ([client(default_subjects="NONE"), client()], Api("ALL")),
        ([client(token=Secret("0123456789abcdef0123456789abcdef")), client()], Api("ALL", bearer=True)),
    ],
)
def test_what_the_clients_make_of_it(clients: list[Client], told: Api | None) -> None:
    assert told_api(clients) == told
