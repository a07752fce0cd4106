"""The transmitter's metadata, its keys, and what OAuth publishes beside (SSF §7; RFC 7517, 8414, 9728)."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from tests.independent import keys
from tests.independent.discovery import document, well_known
from tests.mirror.house import House

pytestmark = pytest.mark.asyncio(loop_scope="session")

ENDPOINTS = ("configuration", "status", "add_subject", "remove_subject", "verification")


async def test_the_document_stands_at_the_well_known_place(house: House) -> None:
    """SSF §7.2, §7.2.2: GET, 200, application/json, without authentication; the older name gives the same."""
    found = house.receiver.found
    alias = await document(house.receiver.http, well_known(house.service.url, "sse-configuration"))
    assert alias == found.metadata
    answer = await house.receiver.http.get(well_known(house.service.url, "ssf-configuration"))
    assert answer.headers["content-type"].startswith("application/json")
    assert "max-age" in answer.headers["cache-control"]


async def test_the_issuer_is_the_same_to_the_letter(house: House) -> None:
    """SSF §7.2.4: it equals the issuer of which the URL was made."""
    assert house.receiver.found.metadata["issuer"] == house.service.url


async def test_the_version_is_named(house: House) -> None:
    """IOP-5: spec_version, at least 1_0; its absence would mean 1_0-ID1."""
    assert house.receiver.found.metadata["spec_version"] == "1_0"


async def test_both_delivery_methods_are_named(house: House) -> None:
    """IOP-6."""
    methods = house.receiver.found.metadata["delivery_methods_supported"]
    assert sorted(methods) == ["urn:ietf:rfc:8935", "urn:ietf:rfc:8936"]


@pytest.mark.parametrize("name", ENDPOINTS)
async def test_every_endpoint_is_named(house: House, name: str) -> None:
    """IOP-8, IOP-9, IOP-12; SSF §7.1: each an https URL under the issuer's host."""
    url = urlsplit(house.receiver.found.metadata[f"{name}_endpoint"])
    assert (url.scheme, url.netloc) == ("https", urlsplit(house.service.url).netloc)
    assert not url.query and not url.fragment


async def test_the_schemes_are_objects(house: House) -> None:
    """IOP-13: authorization_schemes holds `{"spec_urn": "urn:ietf:rfc:6749"}`."""
    schemes = house.receiver.found.metadata["authorization_schemes"]
    assert all(isinstance(scheme, dict) and scheme["spec_urn"].startswith("urn:") for scheme in schemes)
    assert {"spec_urn": "urn:ietf:rfc:6749"} in schemes


async def test_all_subjects_are_on_a_stream_at_first(house: House) -> None:
    """IOP-R3: receivers of the profile add nobody."""
    assert house.receiver.found.metadata["default_subjects"] == "ALL"


async def test_lists_without_members_are_left_out(house: House) -> None:
    """SSF §7.2.3."""
    assert [] not in house.receiver.found.metadata.values()


async def test_the_keys_are_public_rsa_keys(house: House) -> None:
    """IOP-7, IOP-23: the JWKS needs no authentication, and each key has 2048 bits or more and is made for RS256."""
    url = house.receiver.found.metadata["jwks_uri"]
    assert url.startswith("https://")
    found = keys.read(await document(house.receiver.http, url))
    assert all(keys.bits(key) >= 2048 for key in found.values())


@pytest.mark.parametrize("name", ["ssf-configuration", "jwks.json"])
async def test_documents_are_only_read(house: House, name: str) -> None:
    """RFC 9110 §15.5.6: another method is 405, with Allow."""
    answer = await house.receiver.http.post(f"{house.service.url}/.well-known/{name}", json={})
    assert answer.status_code == 405 and "GET" in answer.headers["allow"]


async def test_the_resource_publishes_its_scopes(house: House) -> None:
    """IOP-33, IOP-34, IOP-44 (RFC 9728 §2): resource, servers, scopes under `ssf`, and the header as the only way."""
    resource = house.receiver.found.resource
    assert resource["resource"] == house.service.url
    assert resource["authorization_servers"] == [house.receiver.found.server["issuer"]]
    assert sorted(resource["scopes_supported"]) == ["ssf.manage", "ssf.read"]
    assert resource["bearer_methods_supported"] == ["header"]


async def test_the_authorization_server_publishes_itself(house: House) -> None:
    """IOP-30, IOP-31 (RFC 8414 §2): client credentials by three ways to prove oneself."""
    server = house.receiver.found.server
    assert urlsplit(server["token_endpoint"]).scheme == "https"
    assert "client_credentials" in server["grant_types_supported"]
    wanted = {"client_secret_basic", "client_secret_post", "private_key_jwt"}
    assert wanted <= set(server["token_endpoint_auth_methods_supported"])
    assert set(server["scopes_supported"]) == {"ssf.read", "ssf.manage"}
    algorithms = server["token_endpoint_auth_signing_alg_values_supported"]
    assert algorithms and "none" not in algorithms and not any(one.startswith("HS") for one in algorithms)


async def test_tokens_have_keys_of_their_own(house: House) -> None:
    """specs §11: OAuth tokens are never signed with a key of SETs."""
    server = house.receiver.found.server
    assert server["jwks_uri"] != house.receiver.found.metadata["jwks_uri"]
    theirs = await document(house.receiver.http, server["jwks_uri"])
    sets = await document(house.receiver.http, house.receiver.found.metadata["jwks_uri"])
    assert theirs["keys"] and not keys.PRIVATE & {member for key in theirs["keys"] for member in key}
    for member in ("kid", "n"):
        ours = {key.get(member) for key in sets["keys"]} - {None}
        assert not ours & {key.get(member) for key in theirs["keys"]}
